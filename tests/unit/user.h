// What the tests of the C library share: the host's headers, checks, and a random number generator
// that gives the same numbers in every run. Folio's sources are included after user_names.h, which
// gives their functions the prefix folio_.
#pragma once
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t random_state = 20240101;

static inline unsigned pick(unsigned below)
{
    random_state = random_state * 6364136223846793005 + 1442695040888963407;
    return (unsigned)((random_state >> 33) % below);
}

#define CHECK(condition, ...) \
    do { \
        if (!(condition)) { \
            printf("%s: %s: ", __func__, #condition); \
            printf(__VA_ARGS__); \
            printf("\n"); \
            exit(1); \
        } \
    } while (0)

static inline int sign(int value)
{
    return (value > 0) - (value < 0);
}

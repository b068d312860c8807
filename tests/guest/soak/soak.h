/* What the parts of the soak share. See main.c. */
#pragma once
#include <folio.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#define SECOND UINT64_C(1000000000)
#define MILLISECOND UINT64_C(1000000)

/* How far each worker is, and at what. */
struct board {
    volatile uint64_t done[64];
    const char *volatile doing[64];
};
extern struct board *board;
extern const char *self;
extern uint64_t random_state;
uint64_t random64(void);
void pause_for(uint64_t nanoseconds);

/* Ends the process with a reason and errno. */
void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* The kinds of work. */
void play(unsigned worker, uint64_t rounds);
void make_children(unsigned worker, uint64_t count);
void mix(unsigned worker, uint64_t seconds);

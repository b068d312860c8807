// What unit tests have in common: a machine of malloc'ed memory, a TLB, random numbers, checks.
#ifndef HOST_H
#define HOST_H

#include <stdio.h>
#include <stdlib.h>

#include "lib/base.h"

// Ends the test with a sentence unless the condition holds.
#define CHECK(condition, ...)                                            \
    do {                                                                 \
        if (!(condition)) {                                              \
            fprintf(stderr, "%s: %s;", __FILE__ ":" HOST_LINE(__LINE__), #condition); \
            fprintf(stderr, " " __VA_ARGS__);                            \
            fprintf(stderr, "\n");                                       \
            exit(1);                                                     \
        }                                                                \
    } while (0)
#define HOST_LINE(line) HOST_TEXT(line)
#define HOST_TEXT(text) #text

// A machine with `size` bytes of memory, all of it usable but for the first page; boot_info says so.
// Memory is full of garbage. Once.
void host_machine(size_t size);

// From now on the test plays another of the processors, each with its own CR3 and TLB. They start with 0.
enum { HOST_CPUS = 4 };
void host_processor(unsigned number);

// The same sequence in each run; HOST_SEED in the environment starts another.
uint64_t host_random(uint64_t limit);

// Does the function break a promise of the kernel (an assertion or a panic)? It runs in a child process.
bool host_breaks(void (*function)(void));

// One byte of the active address space, as a program's instruction would access it: through the TLB, the
// page tables and trap_hooks.page_fault. False when the program would have ended.
bool host_load(uint64_t address, uint8_t *value);
bool host_store(uint64_t address, uint8_t value);
bool host_fetch(uint64_t address);

// Does a TLB of any processor still lead to this frame?
bool host_remembers(uint64_t physical);
// Is it the root table of any processor?
bool host_has_loaded(uint64_t physical);

#endif

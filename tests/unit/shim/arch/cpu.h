// Processors for unit tests: one at a time, with interrupts that are only a flag.
#ifndef ARCH_CPU_H
#define ARCH_CPU_H

#include "lib/base.h"

struct cpu {
    unsigned number;
    unsigned lock_depth;
    bool interrupts_before_locks;
    bool interrupts_on;
    bool borrows_space;
    uint64_t cr3;
};

extern struct cpu host_cpu; // the one that we play at the moment

struct thread_core;
struct thread_core *cpu_current(void); // there is one thread

static inline struct cpu *this_cpu(void) { return &host_cpu; }
static inline unsigned cpu_lock_depth(void) { return host_cpu.lock_depth; }
static inline void cpu_relax(void) {}
static inline void interrupts_enable(void) { host_cpu.interrupts_on = true; }
static inline void interrupts_disable(void) { host_cpu.interrupts_on = false; }
static inline bool interrupts_enabled(void) { return host_cpu.interrupts_on; }

static inline bool interrupts_save(void)
{
    bool were_on = host_cpu.interrupts_on;
    host_cpu.interrupts_on = false;
    return were_on;
}

static inline void interrupts_restore(bool were_on) { host_cpu.interrupts_on = were_on; }
static inline uint64_t read_cr3(void) { return host_cpu.cr3; }
void write_cr3(uint64_t value);

#endif

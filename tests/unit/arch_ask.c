// sources: kernel/lib/check.c
// flags: -pthread
// Questions between processors that never take an interrupt, which is the worst that interrupts switched off
// can do: half of the questions are asked under a lock that the others want. Each processor is a thread of
// the host. Should one wait without answering, all of them stand still, and the alarm ends the test.

#define ARCH_CPU_H // instead of the shim's one processor

#include "host.h"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "lib/base.h"

enum { CPU_MAXIMUM = 8, PROCESSORS = 4, QUESTIONS = 3000 };

struct cpu {
    unsigned number, lock_depth;
    bool interrupts_before_locks;
    struct {
        void (*function)(void *);
        void *argument;
        _Atomic uint32_t unanswered;
    } question;
    _Atomic uint32_t asked_by;
};

static struct cpu cpus[CPU_MAXIMUM];
static _Thread_local struct cpu *self;

static struct cpu *this_cpu(void) { return self; }
static void cpu_relax(void) { sched_yield(); }
static bool interrupts_save(void) { return false; }
static void interrupts_restore(bool were_on) { (void)were_on; }

#include "arch/ask.c"
#include "arch/spinlock.c"

void apic_interrupt(unsigned cpu, unsigned vector)
{
    CHECK(cpu < PROCESSORS && vector == VECTOR_ASK);
}

static struct spinlock lock = SPINLOCK("space");
static _Atomic unsigned finished;

struct order {
    uint64_t number;
    uint64_t followed[PROCESSORS];
};

static void follow(void *argument)
{
    struct order *order = argument;
    order->followed[self->number] = order->number;
}

static void ask_all(struct order *order)
{
    order->number++;
    processors_ask((1u << PROCESSORS) - 1, follow, order);
    for (unsigned i = 0; i < PROCESSORS; i++)
        CHECK(i == self->number || order->followed[i] == order->number, "processor %u was not waited for", i);
}

static void *run(void *argument)
{
    self = argument;
    struct order order = {0};
    for (unsigned i = 0; i < QUESTIONS; i++) {
        if (i % 2 == 0)
            spin_lock(&lock);
        ask_all(&order);
        if (i % 2 == 0)
            spin_unlock(&lock);
    }
    for (atomic_fetch_add(&finished, 1); atomic_load(&finished) < PROCESSORS; cpu_relax())
        processors_answer();
    return NULL;
}

int main(void)
{
    pthread_t threads[PROCESSORS];
    alarm(60);
    for (unsigned i = 0; i < PROCESSORS; i++) {
        cpus[i].number = i;
        CHECK(pthread_create(&threads[i], NULL, run, &cpus[i]) == 0);
    }
    for (unsigned i = 0; i < PROCESSORS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    return 0;
}

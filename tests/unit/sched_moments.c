// sources: kernel/sched/state.c kernel/lib/check.c
// flags: -pthread -Wno-unused-function
// The moments between two steps of one processor, with another that acts in exactly this moment. A race that a
// guest shows once in an hour is here the seventh of nine cases. Each processor is a thread of the host; the first
// stops at the wanted place, a lock taken or released, a look at the clock, or where the debug build lingers, and
// goes on when the second has done its work or waits for what the first one holds.

#define ARCH_CPU_H // instead of the shim's one processor
#define ARCH_SPINLOCK_H

#define pid_t folio_pid_t // the host has its own, and comes second
#include <folio/process.h>
#undef pid_t

#include "host.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <string.h>
#include <unistd.h>

#include "lib/base.h"

enum { CPU_MAXIMUM = 8, FLAG_INTERRUPTS = 1 << 9 };

struct thread_core;
struct cpu {
    unsigned number, lock_depth;
    bool interrupts_before_locks;
    struct thread_core *current;
    uint64_t kernel_stack;
};

static struct cpu cpus[CPU_MAXIMUM];
static unsigned cpu_count = 2;
static _Thread_local struct cpu *self;

static struct cpu *this_cpu(void) { return self; }
static struct thread_core *cpu_current(void) { return self->current; }
static void cpu_set_current(struct thread_core *core, uint64_t stack) { self->current = core, self->kernel_stack = stack; }
static void interrupts_disable(void) {}
static bool interrupts_save(void) { return false; }
static void interrupts_restore(bool were_on) { (void)were_on; }

// The meeting of the two: where the first one stops, and whether the second one can go on.

static unsigned places, wanted;
static bool begun;
static _Atomic bool started, finished, blocked;

static void place(void)
{
    if (!begun || self->number != 0 || places++ != wanted)
        return;
    started = true;
    while (!finished && !blocked)
        sched_yield();
}

static void cpu_relax(void)
{
    if (self->number == 1)
        blocked = true;
    sched_yield();
}

static void linger(void) { place(); }
static void cpu_wait_for_interrupt(void);

struct spinlock {
    _Atomic(struct cpu *) owner;
    const char *name;
};
#define SPINLOCK(lock_name) {.name = (lock_name)}

static void spin_init(struct spinlock *lock, const char *name) { *lock = (struct spinlock){.name = name}; }
static bool spin_held(const struct spinlock *lock) { return lock->owner == self; }

static void spin_lock(struct spinlock *lock)
{
    CHECK(!spin_held(lock));
    place();
    for (struct cpu *nobody = NULL; !atomic_compare_exchange_strong(&lock->owner, &nobody, self); nobody = NULL)
        cpu_relax();
    self->lock_depth++;
    if (self->number == 1)
        blocked = false;
}

static void spin_unlock(struct spinlock *lock)
{
    CHECK(spin_held(lock));
    self->lock_depth--;
    lock->owner = NULL;
    place();
}

static const bool trace_on = false;

#include "sched/scheduler.c"
#include "sched/wait.c"

// What is not looked at here.
uint64_t clock_now(void) { return place(), 0; }
void clock_arm(uint64_t deadline) { (void)deadline; }
void fpu_save(void *area) { (void)area; }
void fpu_restore(const void *area) { (void)area; }
void space_activate(struct space *space) { (void)space; }
void space_borrow(void) {}
void failure_plan(uint32_t allocation) { (void)allocation; }

static _Atomic bool rung; // the first processor has been sent an interrupt
void apic_interrupt(unsigned cpu, unsigned vector)
{
    CHECK(vector == VECTOR_WAKE && cpu < 2);
    if (cpu == 0)
        rung = true;
}

static struct thread sleeper;
static jmp_buf end_of_case;
static bool off_its_stack;

// The first processor's thread sleeps, or ends.
static void (*when_switched)(void);
void context_switch(struct thread_core *from, struct thread_core *to)
{
    CHECK(self->number == 0 && spin_held(&run_queues[0].lock));
    (void)from, (void)to;
    when_switched();
}

// Lets the second one act if it has not been its turn yet, and waits until it is through.
static void let_the_other_finish(void)
{
    for (started = true; !finished;)
        sched_yield();
}

// Case: a thread waits for a flag, and the other sets it and wakes who waits.

static struct spinlock flag_lock = SPINLOCK("flag");
static bool flag;
static struct wait_queue waiters;

static void wake_the_sleeper(void)
{
    spin_lock(&flag_lock);
    flag = true;
    wait_queue_wake_one(&waiters);
    spin_unlock(&flag_lock);
}

static void choose_again(void)
{
    struct run_queue *queue = &run_queues[0];
    spin_unlock(&queue->lock);
    let_the_other_finish();
    CHECK(sleeper.state == THREAD_READY, "a wakeup is lost at place %u", wanted);
    spin_lock(&queue->lock);
    CHECK(pop_ready(queue) == &sleeper);
    thread_step(queue->idle, THREAD_READY);
    thread_step(&sleeper, THREAD_RUNNING);
    queue->running = &sleeper;
    self->current = &sleeper.core;
}

static void sleep_for_the_flag(void)
{
    when_switched = choose_again;
    spin_lock(&flag_lock);
    while (!flag)
        wait_queue_sleep(&waiters, &flag_lock);
    spin_unlock(&flag_lock);
}

// Case: a processor finds nothing to do and halts, and the other makes a thread ready for it.

static void cpu_wait_for_interrupt(void)
{
    let_the_other_finish();
    CHECK(rung || run_queues[0].ready_count == 0, "it halts for ever at place %u", wanted);
    CHECK(rung, "who was woken at place %u is nowhere", wanted);
    longjmp(end_of_case, 1);
}

static void found_it(void)
{
    CHECK(run_queues[0].running == &sleeper);
    longjmp(end_of_case, 1);
}

static void rest(void)
{
    when_switched = found_it;
    scheduler_idle();
}

static void wake_a_waiting_one(void)
{
    CHECK(thread_wake(&sleeper, 0));
}

// Case: a thread ends, and the other frees its stack as soon as it may.

static void leave_the_stack(void)
{
    off_its_stack = true;
    spin_unlock(&run_queues[0].lock);
    longjmp(end_of_case, 1);
}

static void die(void)
{
    when_switched = leave_the_stack;
    thread_exit();
}

static void await_death(void)
{
    scheduler_await_death(&sleeper);
    CHECK(off_its_stack, "the stack is freed under a thread at place %u", wanted);
}

// Case: a thread whose slice is over moves to the other processor, which looks for somebody to run.

static struct thread next;

static void leave_for_the_other(void)
{
    off_its_stack = true;
    release_queue();
    longjmp(end_of_case, 1);
}

static void move(void)
{
    when_switched = leave_for_the_other;
    next = (struct thread){.name = "next", .state = THREAD_READY};
    list_init(&next.queued);
    push_ready(&run_queues[0], &next);
    preempt();
}

static void look_for_somebody(void)
{
    spin_lock(&run_queues[1].lock);
    struct thread *somebody = pop_ready(&run_queues[1]);
    spin_unlock(&run_queues[1].lock);
    CHECK(somebody == NULL || somebody == &sleeper);
    CHECK(somebody == NULL || off_its_stack, "a thread runs twice at place %u", wanted);
}

// Case: a thread hands its processor to one that waits at home on the other, and is interrupted there.

static struct thread server;
static bool handed, chosen;

static void see_who_runs(void)
{
    handed = run_queues[0].running == &server;
    CHECK(!handed || (server.state == THREAD_RUNNING && server.cpu == 0));
    release_queue();
    let_the_other_finish();
    CHECK(handed != chosen, "who is handed the processor at place %u runs %s", wanted, handed ? "twice" : "nowhere");
    longjmp(end_of_case, 1);
}

static void hand_it_over(void)
{
    when_switched = see_who_runs;
    chosen = false;
    server = (struct thread){.name = "server", .state = THREAD_WAITING, .cpu = 1, .interruptible = true};
    list_init(&server.queued);
    spin_lock(&flag_lock);
    thread_hand_over(&server, &flag_lock);
}

static void interrupt_the_server(void)
{
    thread_interrupt(&server);
    spin_lock(&run_queues[1].lock);
    chosen = pop_ready(&run_queues[1]) == &server;
    spin_unlock(&run_queues[1].lock);
}

struct moment {
    const char *name;
    void (*first)(void), (*second)(void);
    bool rests; // the first processor has nothing to do, and the thread waits
};

static void *act(void *argument)
{
    const struct moment *moment = argument;
    self = &cpus[1];
    while (!started)
        sched_yield();
    moment->second();
    finished = true;
    return NULL;
}

static void set_up(const struct moment *moment)
{
    memset(cpus, 0, sizeof(cpus));
    memset(run_queues, 0, sizeof(run_queues));
    memset(first_threads, 0, sizeof(first_threads));
    started = finished = blocked = rung = off_its_stack = flag = false;
    places = 0;
    idle_cpus = 0;
    spin_init(&flag_lock, "flag");
    wait_queue_init(&waiters, "the flag");
    for (unsigned i = 2; i-- > 0;) {
        cpus[i].number = i;
        self = &cpus[i];
        scheduler_init();
    }
    sleeper = (struct thread){.name = "sleeper", .state = THREAD_WAITING};
    list_init(&sleeper.queued);
    list_init(&sleeper.waiting);
    if (moment->rests)
        return;
    thread_step(run_queues[0].idle, THREAD_READY);
    sleeper.state = THREAD_RUNNING;
    run_queues[0].running = &sleeper;
    self->current = &sleeper.core;
}

// One run for each place, until the first processor gets through without coming to the wanted one.
static void try(const struct moment *moment)
{
    for (wanted = 0;; wanted++) {
        pthread_t other;
        set_up(moment);
        CHECK(pthread_create(&other, NULL, act, (void *)moment) == 0);
        begun = true;
        if (setjmp(end_of_case) == 0)
            moment->first();
        bool passed = places > wanted;
        begun = false;
        let_the_other_finish();
        CHECK(pthread_join(other, NULL) == 0);
        if (!passed)
            break;
    }
    CHECK(wanted > 2, "%s has %u places", moment->name, wanted);
}

int main(void)
{
    static const struct moment moments[] = {
        {"sleep", sleep_for_the_flag, wake_the_sleeper, false},
        {"rest", rest, wake_a_waiting_one, true},
        {"death", die, await_death, false},
        {"move", move, look_for_somebody, false},
        {"hand over", hand_it_over, interrupt_the_server, false},
    };
    alarm(60);
    for (size_t i = 0; i < ARRAY_LENGTH(moments); i++)
        try(&moments[i]);
    return 0;
}

// What the tests of file systems need around them: locks that must be taken in order and given back,
// a program's memory that is the host's but for one bad stretch, a clock, and memory that runs out when told.
// Included once, by the test itself.
#ifndef FILES_H
#define FILES_H

#include "host.h"

#include <string.h>

#include <folio/errno.h>

#include "arch/cpu.h"
#include "mm/frame.h"
#include "mm/object.h"
#include "mm/user.h"
#include "sched/mutex.h"
#include "sched/wait.h"

// Sleeping locks: nobody else is there, so a lock that is taken would be waited for forever. What others do who come
// first, a test does in `who_comes_first`.

static int mutexes_held;
__attribute__((unused)) static unsigned mutexes_taken; // so often
__attribute__((unused)) static void (*who_comes_first)(void);

void mutex_init(struct mutex *mutex, const char *name)
{
    spin_init(&mutex->lock, name);
    mutex->owner = NULL;
}

void mutex_lock(struct mutex *mutex)
{
    CHECK(host_cpu.lock_depth == 0, "a spinlock is held");
    CHECK(mutex->owner == NULL, "a deadlock");
    void (*first)(void) = who_comes_first;
    who_comes_first = NULL;
    if (first != NULL)
        first();
    who_comes_first = first;
    mutex->owner = (struct thread *)1;
    mutexes_held++;
    mutexes_taken++;
}

void mutex_unlock(struct mutex *mutex)
{
    CHECK(mutex->owner != NULL);
    mutex->owner = NULL;
    mutexes_held--;
}

// Wait queues: to wait is to let the test do what others would do meanwhile; it returns 0 or an error.

__attribute__((unused)) static int (*meanwhile)(void);

void wait_queue_init(struct wait_queue *queue, const char *name) { queue->name = name; }
struct thread *wait_queue_wake_one(struct wait_queue *queue) { (void)queue; return NULL; }
void wait_queue_wake_all(struct wait_queue *queue) { (void)queue; }

int wait_queue_sleep(struct wait_queue *queue, struct spinlock *held)
{
    CHECK(host_cpu.lock_depth == 1 && mutexes_held == 0 && meanwhile != NULL, "sleeps for %s", queue->name);
    spin_unlock(held);
    int result = meanwhile();
    spin_lock(held);
    return result;
}

// The program's memory.

static uint64_t bad_begin, bad_end; // addresses in between fault

static bool is_bad(uint64_t address, size_t n)
{
    CHECK(host_cpu.lock_depth == 0, "a user copy under a spinlock");
    return n > 0 && address < bad_end && address + n > bad_begin;
}

int user_read(void *to, uint64_t from, size_t n)
{
    size_t good = from < bad_begin && is_bad(from, n) ? bad_begin - from : n;
    if (is_bad(from, good))
        return -EFAULT;
    memcpy(to, (void *)from, good);
    return good < n ? -EFAULT : 0;
}

int user_write(uint64_t to, const void *from, size_t n)
{
    if (is_bad(to, n))
        return -EFAULT;
    memcpy((void *)to, from, n);
    return 0;
}

int user_prepare(uint64_t to, size_t n)
{
    return is_bad(to, n) ? -EFAULT : 0;
}

int64_t user_read_string(char *to, uint64_t from, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (is_bad(from + i, 1))
            return -EFAULT;
        to[i] = ((char *)from)[i];
        if (to[i] == '\0')
            return (int64_t)i;
    }
    return -ENAMETOOLONG;
}

// Time, and the log.

uint64_t clock_now(void)
{
    static uint64_t now;
    return now += 1000;
}

uint64_t calendar_now(void);
uint64_t calendar_now(void)
{
    return clock_now();
}

__attribute__((unused)) static int complaints;
void log_print(const char *format, ...);
void log_print(const char *format, ...)
{
    (void)format;
    complaints++;
}

// Memory that runs out: link with --wrap for these four. 0: never, n: the n-th request from now fails.

static uint64_t fail_after;

static bool fails(void) { return fail_after > 0 && --fail_after == 0; }

#define WRAP(result, function, parameters, arguments)  \
    result __real_##function parameters;               \
    result __wrap_##function parameters;               \
    result __wrap_##function parameters                \
    {                                                  \
        return fails() ? NULL : __real_##function arguments; \
    }
WRAP(struct frame *, frame_alloc, (unsigned order), (order))
WRAP(struct frame *, frame_alloc_zeroed, (void), ())
WRAP(void *, object_alloc, (struct object_cache *cache), (cache))
WRAP(void *, memory_alloc, (size_t size), (size))

#endif

/* Several processors: work is shared among them, wakeups reach them, and what one has changed in an
 * address space no other remembers. On a machine with one processor the same must hold. */
#include "usertests.h"
#include <sys/mman.h>

/* The time that each of the processes has run within the next so many milliseconds. */
static void measure(const pid_t *pids, int count, uint64_t *ran, uint64_t milliseconds)
{
    for (int i = 0; i < count; i++)
        ran[i] = process_now(pids[i]).cpu_time;
    pause_for(milliseconds * MILLISECOND);
    for (int i = 0; i < count; i++)
        ran[i] = process_now(pids[i]).cpu_time - ran[i];
}

enum { PROCESSORS_AT_MOST = 8, WINDOW = 250 };

/* Fails unless, before long, each of the spinners has a processor to itself, by the kernel's accounts.
 * A host that gives the processors no time of its own can spoil a window, but not all of them; a
 * kernel that doesn't spread the spinners spoils every one. */
static void each_has_a_processor(const pid_t *pids, int count)
{
    uint64_t ran[PROCESSORS_AT_MOST], least = 0;
    for (int window = 0; window < 12; window++) {
        uint64_t begin = folio_clock();
        measure(pids, count, ran, WINDOW);
        uint64_t took = folio_clock() - begin;
        least = UINT64_MAX;
        for (int i = 0; i < count; i++)
            least = ran[i] < least ? ran[i] : least;
        if (least >= took / 100 * 70)
            return;
    }
    fail("one of %d spinners ran %lu of %d ms", count, least / MILLISECOND, WINDOW);
}

/* As many spinners as processors. */
static void spinners_run_side_by_side(void)
{
    int count = (int)system_now().cpus;
    pid_t pids[PROCESSORS_AT_MOST] = { 0 };
    for (int i = 0; i < count; i++)
        pids[i] = start(spin_forever, NULL);
    each_has_a_processor(pids, count);
    for (int i = 0; i < count; i++)
        stop(pids[i]);
}

/* Twice as many, of which half end: the others spread over all processors. */
static void idle_processors_find_work(void)
{
    int count = (int)system_now().cpus;
    pid_t pids[2 * PROCESSORS_AT_MOST] = { 0 };
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 2 * count; i++)
            pids[i] = start(spin_forever, NULL);
        pause_for(20 * MILLISECOND);
        for (int left = 2 * count; left > count; left--) {
            uint64_t chosen = random64() % (uint64_t)left;
            stop(pids[chosen]);
            pids[chosen] = pids[left - 1];
        }
        each_has_a_processor(pids, count);
        for (int i = 0; i < count; i++)
            stop(pids[i]);
    }
}

static uint64_t least_of(const uint64_t *values, int count)
{
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < count; i++)
        least = values[i] < least ? values[i] : least;
    return least;
}

static uint64_t most_of(const uint64_t *values, int count)
{
    uint64_t most = 0;
    for (int i = 0; i < count; i++)
        most = values[i] > most ? values[i] : most;
    return most;
}

static bool even(const uint64_t *values, int count, unsigned percent)
{
    return least_of(values, count) > most_of(values, count) * percent / 100;
}

/* One spinner more than processors: they take turns, so that all run equally long. One window in which they do is
 * enough. On a busy host there may be none: the kernel's accounts go on while a processor of ours is away, and who
 * waits for it loses what the one before it seems to have. But the host takes now this one away and now that, and a
 * scheduler that prefers somebody does so in every window. So the sum of many windows is judged by the same measure. */
static void spinners_take_turns(void)
{
    enum { ENOUGH = 8, AT_MOST = 24, SAME = 70 };
    int count = (int)system_now().cpus + 1;
    pid_t pids[PROCESSORS_AT_MOST + 1] = { 0 };
    uint64_t ran[PROCESSORS_AT_MOST + 1], sum[PROCESSORS_AT_MOST + 1] = { 0 };
    bool fair = false;
    for (int i = 0; i < count; i++)
        pids[i] = start(spin_forever, NULL);
    for (int window = 1; window <= AT_MOST && !fair; window++) {
        measure(pids, count, ran, 4 * WINDOW);
        for (int i = 0; i < count; i++)
            sum[i] += ran[i];
        fair = even(ran, count, SAME) || (window >= ENOUGH && even(sum, count, SAME));
    }
    if (!fair)
        fail("of %d spinners one ran %lu ms, another %lu, in %d s", count, least_of(sum, count) / MILLISECOND,
             most_of(sum, count) / MILLISECOND, AT_MOST);
    for (int i = 0; i < count; i++)
        stop(pids[i]);
}

static void delay(void)
{
    for (volatile uint64_t n = random64() % 300; n > 0; n--)
        ;
}

struct table_tennis {
    int there[2], back[2];
    unsigned rounds;
};

static void return_balls(void *argument)
{
    struct table_tennis *game = argument;
    uint32_t ball;
    random_state ^= (uint64_t)getpid() << 32;
    for (unsigned i = 0; i < game->rounds; i++) {
        CHECK_IS(read(game->there[0], &ball, sizeof(ball)), sizeof(ball));
        delay();
        CHECK_IS(write(game->back[1], &ball, sizeof(ball)), sizeof(ball));
    }
}

static void play(void *argument)
{
    struct table_tennis game = { .rounds = *(unsigned *)argument };
    CHECK_IS(pipe(game.there), 0);
    CHECK_IS(pipe(game.back), 0);
    pid_t other = start(return_balls, &game);
    for (uint32_t i = 0, ball; i < game.rounds; i++) {
        delay();
        CHECK_IS(write(game.there[1], &i, sizeof(i)), sizeof(i));
        CHECK_IS(read(game.back[0], &ball, sizeof(ball)), sizeof(ball));
        CHECK_IS(ball, i);
    }
    ends_well(other);
}

/* A lost wakeup leaves both players waiting for ever. */
static void no_wakeup_is_lost(void)
{
    unsigned rounds = 10000;
    pid_t one = start(play, &rounds), two = start(play, &rounds);
    ends_well(one);
    ends_well(two);
}

struct bell {
    _Atomic unsigned heard;
    int fds[2];
};

static void hear(void *argument)
{
    struct bell *bell = argument;
    char byte;
    while (read(bell->fds[0], &byte, 1) == 1)
        ++bell->heard;
}

/* Who wakes another and then spins until it is awake, lends it no processor meanwhile: the one on which
 * it waits must see by itself that there is something to do, also in the moment before it halts. */
static void sleepers_wake_while_the_waker_spins(void)
{
    struct bell *bell = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(bell != MAP_FAILED && pipe(bell->fds) == 0);
    pid_t other = start(hear, bell);
    close(bell->fds[0]);
    uint64_t end = folio_clock() + 1500 * MILLISECOND;
    for (unsigned rings = 1; folio_clock() < end; rings++) {
        delay();
        CHECK_IS(write(bell->fds[1], "!", 1), 1);
        uint64_t patience = folio_clock() + 4000 * MILLISECOND;
        while (bell->heard != rings)
            CHECK(folio_clock() < patience);
    }
    stop(other);
}

/* Signals reach programs that compute, wherever they do. */
static void spinners_end_at_once(void)
{
    for (int i = 0; i < 30; i++) {
        pid_t pids[3];
        for (int j = 0; j < 3; j++)
            pids[j] = start(spin_forever, NULL);
        delay();
        for (int j = 0; j < 3; j++)
            stop(pids[j]);
    }
}

/* A process writes to its pages, sleeps, perhaps goes on elsewhere, forks, perhaps comes back, and
 * writes again. A processor that still remembered the pages as writable would write into the
 * child's; one that remembered a page given back would read a stranger's. */
enum { WANDER_PAGES = 12, WANDER_ROUNDS = 100 };

static void look_at_old_values(volatile uint64_t *pages, uint64_t value)
{
    for (int wait = 0; wait < 3; wait++) {
        pause_for(random64() % (MILLISECOND / 4));
        for (int i = 0; i < WANDER_PAGES; i++)
            CHECK_IS(pages[i * PAGE / 8], value + (uint64_t)i);
    }
    _exit(0);
}

static void wander(void *unused)
{
    (void)unused;
    volatile uint64_t *pages = (volatile uint64_t *)edge_of_memory();
    random_state ^= (uint64_t)getpid() << 20;
    for (uint64_t round = 1; round <= WANDER_ROUNDS; round++) {
        CHECK(sbrk(WANDER_PAGES * PAGE) == (void *)pages);
        uint64_t value = (uint64_t)getpid() << 32 | round << 8;
        for (int i = 0; i < WANDER_PAGES; i++) {
            CHECK_IS(pages[i * PAGE / 8], 0);
            pages[i * PAGE / 8] = value + (uint64_t)i;
        }
        pause_for(random64() % (MILLISECOND / 4));
        pid_t child = fork();
        if (child == 0)
            look_at_old_values(pages, value);
        for (int again = 0; again < 3; again++) {
            pause_for(random64() % (MILLISECOND / 4));
            for (int i = 0; i < WANDER_PAGES; i++)
                pages[i * PAGE / 8] = ~value;
        }
        ends_well(child);
        for (int i = 0; i < WANDER_PAGES; i++)
            CHECK_IS(pages[i * PAGE / 8], ~value);
        CHECK(sbrk(-WANDER_PAGES * PAGE) != (void *)-1);
    }
}

static void translations_are_forgotten_everywhere(void)
{
    enum { WANDERERS = 6 };
    pid_t pids[WANDERERS];
    for (int i = 0; i < WANDERERS; i++)
        pids[i] = start(wander, NULL);
    for (int i = 0; i < WANDERERS; i++)
        ends_well(pids[i]);
}

const struct test smp_tests[] = {
    LONG_TEST(spinners_run_side_by_side, 20), LONG_TEST(idle_processors_find_work, 40),
    LONG_TEST(spinners_take_turns, 40), LONG_TEST(no_wakeup_is_lost, 40),
    LONG_TEST(sleepers_wake_while_the_waker_spins, 20), LONG_TEST(spinners_end_at_once, 20),
    LONG_TEST(translations_are_forgotten_everywhere, 40), { NULL, NULL, 0 },
};

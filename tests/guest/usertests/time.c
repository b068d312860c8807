/* The scheduler as a program sees it: progress, sleep, and registers that come back. */
#include "usertests.h"

static void clock_goes_forward(void)
{
    uint64_t last = folio_clock(), begin = last;
    while (last - begin < 20 * MILLISECOND) {
        uint64_t now = folio_clock();
        CHECK(now >= last && now - last < 1000 * MILLISECOND);
        last = now;
    }
}

static void sleep_lengths(void)
{
    static const uint64_t lengths[] = { 0, 1, 1000, MILLISECOND, 7 * MILLISECOND,
                                        50 * MILLISECOND };
    for (size_t i = 0; i < sizeof(lengths) / 8; i++) {
        uint64_t begin = folio_clock();
        CHECK_IS(by_syscall(SYS_SLEEP, lengths[i], 0, 0), 0);
        uint64_t took = folio_clock() - begin;
        if (took < lengths[i] || took > lengths[i] + 300 * MILLISECOND)
            fail("a sleep of %lu ns took %lu ns", lengths[i], took);
    }
}

static void sleep_long(void *length)
{
    by_syscall(SYS_SLEEP, (uint64_t)length, 0, 0);
    _exit(1);
}

/* Lengths that would wrap around are long, not short. */
static void sleep_for_ever(void)
{
    static const uint64_t lengths[] = { UINT64_MAX, INT64_MAX, UINT64_C(1) << 63,
                                        UINT64_MAX - 1000, UINT64_MAX - 1000 * MILLISECOND };
    for (size_t i = 0; i < sizeof(lengths) / 8; i++) {
        pid_t pid = start(sleep_long, (void *)lengths[i]);
        wait_until_blocked(pid);
        pause_for(5 * MILLISECOND);
        CHECK_IS(waitpid(pid, NULL, WNOHANG), 0);
        stop(pid);
    }
}

static void sleep_and_tell(void *argument)
{
    int *numbers = argument;
    pause_for((uint64_t)numbers[1] * 15 * MILLISECOND);
    write(numbers[0], &(char){ (char)numbers[1] }, 1);
}

/* Twelve sleepers wake in the order of their times, not in that of their start. A host that takes a
 * processor away for longer than they are apart may spoil that, but not each time. */
static bool wake_in_order(void)
{
    enum { SLEEPERS = 12 };
    int fds[2], arguments[SLEEPERS][2];
    pid_t pids[SLEEPERS];
    bool in_order = true;
    CHECK_IS(pipe(fds), 0);
    for (int i = 0; i < SLEEPERS; i++) {
        arguments[i][0] = fds[1];
        arguments[i][1] = 3 + i * 7 % SLEEPERS;
        pids[i] = start(sleep_and_tell, arguments[i]);
    }
    for (int i = 0; i < SLEEPERS; i++) {
        char byte;
        CHECK_IS(read(fds[0], &byte, 1), 1);
        in_order = in_order && byte == 3 + i;
    }
    for (int i = 0; i < SLEEPERS; i++)
        ends_well(pids[i]);
    CHECK_IS(close(fds[0]), 0);
    CHECK_IS(close(fds[1]), 0);
    return in_order;
}

static void sleepers_wake_in_order(void)
{
    int tries = 1;
    while (!wake_in_order())
        CHECK(tries++ < 5);
}

/* Two spin, a third sleeps: all get on. */
static void spinners_are_preempted(void)
{
    pid_t one = start(spin_forever, NULL), two = start(spin_forever, NULL);
    uint64_t begin = folio_clock();
    for (int i = 0; i < 10; i++)
        pause_for(10 * MILLISECOND);
    uint64_t took = folio_clock() - begin;
    if (took > 2000 * MILLISECOND)
        fail("100 ms of sleep took %lu ms beside two spinners", took / MILLISECOND);
    uint64_t first = process_now(one).cpu_time, second = process_now(two).cpu_time;
    if (first < 5 * MILLISECOND || second < 5 * MILLISECOND)
        fail("the spinners got %lu and %lu us", first / 1000, second / 1000);
    stop(one);
    stop(two);
}

static void spin_until_told(void *pipe)
{
    int *fds = pipe;
    char byte;
    close(fds[1]);
    fcntl(fds[0], F_SETFL, O_NONBLOCK);
    for (volatile uint64_t n = 0; read(fds[0], &byte, 1) != 0; n++)
        ;
}

/* Of four equal spinners none gets much more than another. */
static void spinners_share(void)
{
    pid_t pids[4];
    uint64_t least = UINT64_MAX, most = 0;
    for (int i = 0; i < 4; i++)
        pids[i] = start(spin_forever, NULL);
    pause_for(400 * MILLISECOND);
    for (int i = 0; i < 4; i++) {
        uint64_t time = process_now(pids[i]).cpu_time;
        least = time < least ? time : least;
        most = time > most ? time : most;
    }
    for (int i = 0; i < 4; i++)
        stop(pids[i]);
    if (system_now().cpus == 1 && least * 10 < most)
        fail("the least got %lu us, the most %lu", least / 1000, most / 1000);
}

/* A process that yields all the time starves nobody. */
static void yield_forever(void *unused)
{
    (void)unused;
    for (;;)
        folio_yield();
}

static void yielders_and_callers(void)
{
    int fds[2];
    CHECK_IS(pipe(fds), 0);
    pid_t one = start(yield_forever, NULL), two = start(yield_forever, NULL);
    pid_t three = start(spin_until_told, fds);
    for (int i = 0; i < 20; i++)
        pause_for(2 * MILLISECOND);
    stop(one);
    stop(two);
    close(fds[1]);
    ends_well(three);
}

/* The FPU's state: 512 bytes of fxsave, filled by a seed. */
struct fpu_state {
    uint16_t control, status;
    uint8_t tag, reserved;
    uint16_t opcode;
    uint64_t instruction, data;
    uint32_t mxcsr, mask;
    uint8_t x87[8][16], xmm[16][16], rest[96];
} __attribute__((aligned(16)));

static void fpu_make(struct fpu_state *state, uint64_t seed)
{
    __asm__ volatile("fxsave %0" : "=m"(*state));
    state->control = (uint16_t)(0x37f & ~0xc00) | (uint16_t)((seed & 3) << 10);
    state->status = 0;
    state->tag = 0xff;
    state->mxcsr = (uint32_t)(0x1f80 | (seed & 3) << 13);
    for (int i = 0; i < 8; i++) {
        fill(state->x87[i], 8, seed * 100 + (uint64_t)i);
        state->x87[i][7] |= 0x80;
        state->x87[i][8] = (uint8_t)seed;
        state->x87[i][9] = 0x3f;
    }
    for (int i = 0; i < 16; i++)
        fill(state->xmm[i], 16, seed * 1000 + (uint64_t)i * 2);
}

static void fpu_compare(const struct fpu_state *wanted, const struct fpu_state *is)
{
    CHECK_IS(is->control, wanted->control);
    CHECK_IS(is->mxcsr, wanted->mxcsr);
    CHECK_IS(is->tag, 0xff);
    for (int i = 0; i < 8; i++)
        CHECK(memcmp(is->x87[i], wanted->x87[i], 10) == 0);
    for (int i = 0; i < 16; i++)
        CHECK(memcmp(is->xmm[i], wanted->xmm[i], 16) == 0);
}

#define VECTORS "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", \
    "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"

/* Loads the state, makes a call or spins, and saves it. */
static int64_t fpu_across_call(const struct fpu_state *before, struct fpu_state *after,
                               uint64_t number, uint64_t argument)
{
    int64_t result;
    __asm__ volatile("fxrstor %2; syscall; fxsave %1; fninit"
                     : "=a"(result), "=m"(*after)
                     : "m"(*before), "a"(number), "D"(argument)
                     : "rcx", "r11", "memory", VECTORS);
    __asm__ volatile("ldmxcsr %0" : : "m"((uint32_t){ 0x1f80 }));
    return result;
}

static void fpu_across_time(const struct fpu_state *before, struct fpu_state *after, uint64_t loops)
{
    __asm__ volatile("fxrstor %2; 1: dec %1; jnz 1b; fxsave %0; fninit"
                     : "=m"(*after), "+r"(loops)
                     : "m"(*before)
                     : "memory", VECTORS);
    __asm__ volatile("ldmxcsr %0" : : "m"((uint32_t){ 0x1f80 }));
}

static void keep_fpu_state(void *seed)
{
    struct fpu_state before, after;
    for (uint64_t round = 0; round < 15; round++) {
        fpu_make(&before, (uint64_t)seed * 1000 + round);
        fpu_across_time(&before, &after, 2000000);
        fpu_compare(&before, &after);
        fpu_across_call(&before, &after, SYS_YIELD, 0);
        fpu_compare(&before, &after);
        fpu_across_call(&before, &after, SYS_SLEEP, MILLISECOND);
        fpu_compare(&before, &after);
        fpu_across_call(&before, &after, SYS_GETPID, 0);
        fpu_compare(&before, &after);
    }
}

static void fpu_state_is_kept(void)
{
    pid_t pids[3];
    for (uint64_t i = 0; i < 3; i++)
        pids[i] = start(keep_fpu_state, (void *)(i + 1));
    for (int i = 0; i < 3; i++)
        ends_well(pids[i]);
}

/* fork copies it, blocking keeps it: the parent's and the child's are the same at first. */
static void fpu_state_across_fork(void)
{
    struct fpu_state before, after;
    for (uint64_t i = 0; i < 20; i++) {
        fpu_make(&before, i);
        int64_t pid = fpu_across_call(&before, &after, SYS_FORK, 0);
        CHECK(pid >= 0);
        fpu_compare(&before, &after);
        if (pid == 0) {
            fpu_make(&before, i + 500);
            fpu_across_call(&before, &after, SYS_YIELD, 0);
            fpu_compare(&before, &after);
            _exit(0);
        }
        fpu_make(&before, i + 900);
        fpu_across_call(&before, &after, SYS_SLEEP, MILLISECOND);
        fpu_compare(&before, &after);
        ends_well(pid);
    }
}

static void keep_avx(void *seed)
{
    uint64_t before[4], after[4], loops;
    fill(before, sizeof(before), (uint64_t)seed);
    for (int round = 0; round < 15; round++) {
        loops = 1000000;
        __asm__ volatile("vmovups %2, %%ymm9; 1: dec %1; jnz 1b; vmovups %%ymm9, %0; vzeroupper"
                         : "=m"(after), "+r"(loops) : "m"(before) : "memory", VECTORS);
        CHECK(is_filled(after, sizeof(after), (uint64_t)seed));
        __asm__ volatile("vmovups %1, %%ymm9; syscall; vmovups %%ymm9, %0; vzeroupper"
                         : "=m"(after) : "m"(before), "a"(SYS_SLEEP), "D"(MILLISECOND)
                         : "memory", "rcx", "r11", VECTORS);
        CHECK(is_filled(after, sizeof(after), (uint64_t)seed));
    }
}

/* The wide vectors too, where kernel and processor offer them. */
static void avx_state_is_kept(void)
{
    uint32_t a = 1, b, c = 0, d;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    if ((c & (1 << 27)) == 0 || (c & (1 << 28)) == 0)
        return;
    __asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
    if ((a & 6) != 6)
        return;
    pid_t pids[3];
    for (uint64_t i = 0; i < 3; i++)
        pids[i] = start(keep_avx, (void *)(i * 100));
    for (int i = 0; i < 3; i++)
        ends_well(pids[i]);
}

static void fpu_starts_clean(void *unused)
{
    struct fpu_state before, after;
    (void)unused;
    fpu_make(&before, 3);
    char *const arguments[] = { (char *)self, ":fpu", NULL };
    __asm__ volatile("fxrstor %1; syscall"
                     : "=m"(after) : "m"(before), "a"(SYS_EXEC), "D"(self), "S"(arguments),
                     "d"(environ) : "rcx", "r11", "memory", VECTORS);
    _exit(1);
}

static void fpu_after_exec(void)
{
    ends_well(start(fpu_starts_clean, NULL));
}

const struct test time_tests[] = {
    TEST(clock_goes_forward), TEST(sleep_lengths), TEST(sleep_for_ever),
    TEST(sleepers_wake_in_order), TEST(spinners_are_preempted), TEST(spinners_share),
    TEST(yielders_and_callers), TEST(fpu_state_is_kept), TEST(fpu_state_across_fork),
    TEST(avx_state_is_kept), TEST(fpu_after_exec), { NULL, NULL, 0 },
};

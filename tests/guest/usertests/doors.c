/* The two doors into the kernel: numbers, registers, flags. */
#include <capability.h>
#include "usertests.h"

/* registers.asm: give the registers values of their own, go through a door or spin, compare.
 * 0, or one more than the number of the register that changed. */
int64_t registers_across_syscall(uint64_t number, uint64_t seed);
int64_t registers_across_interrupt(uint64_t number, uint64_t seed);
int64_t registers_across_time(uint64_t loops, uint64_t seed);
uint64_t flags_across_syscall(uint64_t flags, uint64_t number, uint64_t argument);
uint64_t flags_across_interrupt(uint64_t flags, uint64_t number, uint64_t argument);
uint64_t flags_across_time(uint64_t flags, uint64_t loops);

static void unknown_numbers(void)
{
    static const uint64_t numbers[] = {
        59, 126, 127, 128, 255, 256, 1000, 0x7fffffff, 0x80000000, 0xffffffff, UINT64_C(1) << 32,
        (UINT64_C(1) << 32) + SYS_GETPID, (UINT64_C(1) << 61) + SYS_GETPID,
        (UINT64_C(1) << 63) + SYS_GETPID, UINT64_MAX, UINT64_MAX - 1, UINT64_C(1) << 63,
    };
    for (int d = 0; d < 2; d++) {
        for (size_t i = 0; i < sizeof(numbers) / 8; i++)
            CHECK_IS(doors[d](numbers[i], 1, 2, 3), -ENOSYS);
        CHECK_IS(doors[d](SYS_GETPID, 0, 0, 0), getpid());
    }
}

static void both_doors_agree(void)
{
    CHECK_IS(by_interrupt(SYS_GETPID, 0, 0, 0), by_syscall(SYS_GETPID, 0, 0, 0));
    CHECK_IS(by_interrupt(SYS_GETPPID, 0, 0, 0), getppid());
    CHECK_IS(by_interrupt(SYS_CLOSE, 99, 0, 0), -EBADF);
    int64_t pid = by_interrupt(SYS_FORK, 0, 0, 0);
    if (pid == 0)
        by_interrupt(SYS_EXIT, 7, 0, 0);
    int status;
    CHECK_IS(by_interrupt(SYS_WAITPID, (uint64_t)pid, (uint64_t)&status, 0), pid);
    CHECK_IS(WEXITSTATUS(status), 7);
}

static void registers_across_doors(void)
{
    static const uint64_t numbers[] = { SYS_GETPID, SYS_YIELD, SYS_CLOCK, 1000 };
    for (uint64_t round = 0; round < 200; round++) {
        for (size_t i = 0; i < sizeof(numbers) / 8; i++) {
            CHECK_IS(registers_across_syscall(numbers[i], random64()), 0);
            CHECK_IS(registers_across_interrupt(numbers[i], random64()), 0);
        }
    }
}

/* Nothing but calls, for a while: what strikes now strikes at a door. */
static void calls_without_end(void)
{
    uint64_t end = folio_clock() + 400 * MILLISECOND;
    while (folio_clock() < end) {
        for (int i = 0; i < 100; i++) {
            CHECK_IS(registers_across_syscall(SYS_GETPID, random64()), 0);
            CHECK_IS(registers_across_interrupt(SYS_GETPID, random64()), 0);
        }
    }
}

static void loop_with_registers(void *seed)
{
    for (int i = 0; i < 20; i++)
        CHECK_IS(registers_across_time(100000, *(uint64_t *)seed), 0);
}

/* Three loops preempt each other, while a fourth process wakes up all the time. */
static void registers_across_interrupts(void)
{
    uint64_t seeds[3] = { 0x1111111111111111, 0x2222222222222222, 0xfffffffff0000000 };
    pid_t pids[3];
    for (int i = 0; i < 3; i++)
        pids[i] = start(loop_with_registers, &seeds[i]);
    for (int i = 0; i < 20; i++)
        pause_for(MILLISECOND);
    for (int i = 0; i < 3; i++)
        ends_well(pids[i]);
}

enum { CF = 1, PF = 4, AF = 16, ZF = 64, SF = 128, TF = 0x100, DF = 0x400, OF = 0x800,
       NT = 0x4000, AC = 0x40000, ID = 0x200000 };

static void call_forever(void *unused)
{
    (void)unused;
    for (;;)
        by_interrupt(SYS_YIELD, 0, 0, 0);
}

static uint64_t flags_across(bool interrupt, uint64_t flags, uint64_t number, uint64_t argument)
{
    return interrupt ? flags_across_interrupt(flags, number, argument)
                     : flags_across_syscall(flags, number, argument);
}

/* What a program may set stays set, and does not confuse the kernel: not when it copies, and not
 * when it goes to another process that left the kernel by another way. */
static void flags_survive(void)
{
    static const uint64_t flags[] = { 0, CF, PF, AF, ZF, SF, OF, DF, NT, AC, ID, DF | NT | AC | CF };
    const uint64_t mask = CF | PF | AF | ZF | SF | DF | OF | NT | AC | ID;
    pid_t other = start(call_forever, NULL);
    for (size_t i = 0; i < sizeof(flags) / 8; i++) {
        for (int d = 0; d < 2; d++) {
            struct system_info info = { .cpus = 99 }, now = system_now();
            uint64_t record = (uint64_t)&info;
            CHECK_IS(flags_across(d, flags[i], SYS_SYSTEM_INFO, record) & mask, flags[i]);
            CHECK_IS(info.cpus, now.cpus);
            CHECK_IS(info.memory_total, now.memory_total);
            CHECK_IS(flags_across(d, flags[i], SYS_YIELD, 0) & mask, flags[i]);
            CHECK_IS(flags_across(d, flags[i], SYS_SLEEP, 1000) & mask, flags[i]);
        }
    }
    uint64_t end = folio_clock() + 60 * MILLISECOND;
    while (folio_clock() < end)
        CHECK_IS(flags_across_time(DF | NT, 100000) & (DF | NT), DF | NT);
    stop(other);
}

/* IOPL and IF are not for programs, and popf must not have changed them. */
static void flags_of_the_system(void)
{
    CHECK_IS(flags_across_syscall(0x3000, SYS_GETPID, 0) & 0x3200, 0x200);
    CHECK_IS(flags_across_interrupt(0x3000, SYS_GETPID, 0) & 0x3200, 0x200);
}

static void call_in_single_step(void *way)
{
    if (way)
        flags_across_interrupt(TF, SYS_GETPID, 0);
    else
        flags_across_syscall(TF, SYS_GETPID, 0);
}

/* The trap comes after the call, in the program, not within the kernel. */
static void single_step_into_calls(void)
{
    for (int i = 0; i < 10; i++) {
        ends_by(start(call_in_single_step, NULL), SIGTRAP);
        ends_by(start(call_in_single_step, ""), SIGTRAP);
    }
}

/* A program may load null or its own data selector into each segment register. */
static void segment_registers(void)
{
    for (int i = 0; i < 3; i++) {
        uint64_t selector = i == 0 ? 0 : i == 1 ? 0x23 : 3;
        __asm__ volatile("mov %0, %%ds; mov %0, %%es; mov %0, %%fs; mov %0, %%gs" : : "r"(selector));
        CHECK_IS(by_syscall(SYS_GETPID, 0, 0, 0), by_interrupt(SYS_GETPID, 0, 0, 0));
        pause_for(MILLISECOND);
        ends_well(start((void (*)(void *))folio_yield, NULL));
        CHECK(folio_clock() > 0);
    }
}

static void set_gs_base(void *base)
{
    __asm__ volatile("wrgsbase %0" : : "r"(base));
    for (int i = 0; i < 20; i++) {
        by_syscall(SYS_GETPID, 0, 0, 0);
        by_interrupt(SYS_GETPID, 0, 0, 0);
        pause_for(MILLISECOND / 10);
    }
    uint64_t end = folio_clock() + 20 * MILLISECOND;
    while (folio_clock() < end)
        CHECK_IS(registers_across_time(10000, 1), 0);
    void *now;
    __asm__ volatile("rdgsbase %0" : "=r"(now));
    CHECK(now == base);
}

/* Either the processor forbids it to programs, or any base is theirs alone. */
static void gs_base_is_the_programs(void)
{
    static void *const bases[] = { NULL, (void *)0x1000, (void *)0x7fffffffffff,
                                   (void *)0xffffffff80200000, (void *)0xffff800000000000 };
    for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
        int status = status_of(start(set_gs_base, bases[i]));
        CHECK(status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGILL));
    }
}

/* Numbers and arguments at random, but for the calls that would end or block the test, and those
 * that would lead out of its folder. */
static void call_at_random(void *seed)
{
    static const char above[] = "..";
    random_state = (uint64_t)seed;
    for (int fd = 0; fd < 64; fd++)
        close(fd);
    CHECK_IS(open("/dev/null", O_RDWR), 0);
    CHECK_IS(dup(0), 1);
    CHECK_IS(dup(0), 2);
    char *edge = edge_of_memory();
    strcpy(edge - 64, "some");
    capability_t calls = capability_find("calls");
    uint64_t values[] = {
        capability_derive(calls, CALLS_FILES | RIGHT_DELEGATE, CAPABILITY_INHERITABLE),
        capability_derive(calls, 0, 0), process_self(calls, PROCESS_GIVE | RIGHT_DELEGATE),
        0, 1, 2, 3, 4, 5, 7, 16, 64, 100, 4095, 4096, 4097, 65536, 0x7fffffff, 0x80000000,
        0xffffffff, UINT64_C(1) << 32, INT64_MAX, UINT64_C(1) << 63, UINT64_MAX, UINT64_MAX - 4095,
        (uint64_t)edge, (uint64_t)edge - 1, (uint64_t)edge - 8, (uint64_t)edge - 64,
        (uint64_t)edge - 4096, (uint64_t)call_at_random, (uint64_t)&seed, 0x7ffffffff000,
        0x7fffffffe000, 0x800000000000, 0xffff7fffffffffff, 0xffff800000000000,
        0xffffffff80200000, 0xfffffffffffff000, (uint64_t)"file", (uint64_t)"folder",
        (uint64_t)".", (uint64_t)above, (uint64_t)"file/x", (uint64_t)"",
    };
    for (;;) {
        uint64_t number = random64() % SYS_LIMIT, arguments[3];
        for (int i = 0; i < 3; i++)
            arguments[i] = values[random64() % (sizeof(values) / 8)];
        if ((number == SYS_FORK || number == SYS_EXIT) && random64() % 32 != 0)
            continue;
        if (number == SYS_FORK && system_now().processes > 50)
            continue;
        if (number >= SYS_CAPABILITY_DERIVE && random64() % 8 != 0)     /* most are forged, and so slow */
            continue;
        if (number == SYS_KILL || number == SYS_POWER_OFF || number == SYS_SLEEP ||
            number == SYS_SETPGID || number == SYS_CHDIR || number == SYS_GETCWD)
            continue;
        if (number == SYS_BRK && arguments[0] < (uint64_t)edge)
            continue;
        if (number >= SYS_MUNMAP && number <= SYS_MADVISE &&    /* not our own ground */
            (arguments[1] > 65536 || arguments[0] == (uint64_t)edge - 4096 ||
             arguments[0] == 0x7fffffffe000))
            continue;
        bool leads_elsewhere = number == SYS_SYMLINK && arguments[0] == (uint64_t)above;
        for (int i = 0; i < 2; i++) {   /* by chance a path, or the text of a link */
            bool changes = arguments[i] >= (uint64_t)edge - PAGE && arguments[i] < (uint64_t)edge;
            changes = changes || arguments[i] == (uint64_t)&seed || arguments[i] == 0x7fffffffe000;
            leads_elsewhere = leads_elsewhere || (changes && strchr("/.", *(char *)arguments[i]));
        }
        if (leads_elsewhere)
            continue;
        if (doors[random64() & 1](number, arguments[0], arguments[1], arguments[2]) == 0 &&
            number == SYS_FORK)
            random_state ^= (uint64_t)getpid() << 20;
    }
}

static void calls_at_random(void)
{
    enum { ROUNDS = 4, AT_ONCE = 3 };
    for (int round = 0; round < ROUNDS; round++) {
        pid_t pids[AT_ONCE];
        for (int i = 0; i < AT_ONCE; i++) {
            pids[i] = start(call_at_random, (void *)(random64() | 1));
            CHECK_IS(setpgid(pids[i], pids[i]), 0);
        }
        pause_for(350 * MILLISECOND);
        for (int i = 0; i < AT_ONCE; i++) {
            kill(-pids[i], SIGKILL);
            status_of(pids[i]);
            while (kill(-pids[i], SIGKILL) == 0)
                pause_for(MILLISECOND);
        }
    }
}

const struct test doors_tests[] = {
    TEST(unknown_numbers), TEST(both_doors_agree), TEST(registers_across_doors),
    TEST(calls_without_end),
    TEST(registers_across_interrupts), TEST(flags_survive), TEST(flags_of_the_system),
    TEST(single_step_into_calls), TEST(segment_registers), TEST(gs_base_is_the_programs),
    TEST(calls_at_random), { NULL, NULL, 0 },
};

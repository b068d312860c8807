/* The work of the soak: balls, children, and a mixture. */
#include <errno.h>
#include <fcntl.h>
#include <folio/calls.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "soak.h"

enum { PAGE = 4096 };

void pause_for(uint64_t nanoseconds)
{
    int64_t result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(SYS_SLEEP), "D"(nanoseconds)
                     : "rcx", "r11", "memory");
}

static void delay(uint64_t most)
{
    for (volatile uint64_t n = random64() % most; n > 0; n--)
        ;
}

static pid_t make_child(void)
{
    pid_t pid = fork();
    if (pid < 0)
        fail("fork");
    if (pid == 0)
        random_state ^= (uint64_t)getpid() << 32;
    return pid;
}

/* Waits for a child and compares how it ended; wanted is a status of waitpid. */
static void must_end(pid_t pid, int wanted)
{
    int status;
    if (waitpid(pid, &status, 0) != pid)
        fail("wait for %d", (int)pid);
    if (status != wanted)
        fail("child %d ended with %x, not %x", (int)pid, status, wanted);
}

static void throw_ball(int fd, uint64_t ball)
{
    if (write(fd, &ball, sizeof(ball)) != sizeof(ball))
        fail("write of ball %lu", ball);
}

static void catch_ball(int fd, uint64_t wanted)
{
    uint64_t ball;
    if (read(fd, &ball, sizeof(ball)) != sizeof(ball))
        fail("read of ball %lu", wanted);
    if (ball != wanted)
        fail("ball %lu came, not %lu", ball, wanted);
}

void play(unsigned worker, uint64_t rounds)
{
    int there[2], back[2];
    if (pipe(there) < 0 || pipe(back) < 0)
        fail("pipe");
    pid_t other = make_child();
    for (uint64_t i = 0; i < rounds; i++) {
        delay(100);
        if (other == 0) {
            catch_ball(there[0], i);
            throw_ball(back[1], ~i);
            continue;
        }
        throw_ball(there[1], i);
        catch_ball(back[0], ~i);
        board->done[worker]++;
    }
    if (other == 0)
        _exit(0);
    must_end(other, 0);
}

void make_children(unsigned worker, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        int status = (int)(random64() & 0x7f);
        pid_t pid = make_child();
        if (pid == 0)
            _exit(status);
        must_end(pid, status << 8);
        board->done[worker]++;
    }
}

/* From here on, the mixture. */

static void run_a_program(void)
{
    char *arguments[] = { (char *)self, ":exit", "a", "b", NULL };
    int extra = (int)(random64() % 3);
    arguments[2 + extra % 3] = NULL;
    pid_t pid = make_child();
    if (pid == 0) {
        execv(self, arguments);
        fail("exec");
    }
    must_end(pid, (2 + extra) << 8);
}

/* Bytes through a pipe, checked; at times the reader goes before the writer is done. */
static void use_a_pipe(void)
{
    int ends[2];
    uint64_t words[700], bytes = 0, sum = random64() % 100000;
    bool early = random64() % 8 == 0;
    if (pipe(ends) < 0)
        fail("pipe");
    pid_t pid = make_child();
    if (pid == 0) {
        close(ends[0]);
        for (size_t i = 0; i < sizeof(words) / 8; i++)
            words[i] = sum ^ i;
        for (int times = 0; times < 20; times++)
            if (write(ends[1], words, sizeof(words)) != sizeof(words))
                fail("write to the pipe");
        _exit(0);
    }
    close(ends[1]);
    for (ssize_t got = 1; got > 0 && !(early && bytes > 0); bytes += (uint64_t)got) {
        got = read(ends[0], words, sizeof(words[0]));
        if (got == 8 && words[0] != (sum ^ bytes / 8 % (sizeof(words) / 8)))
            fail("word %lu of the pipe is wrong", bytes / 8);
    }
    close(ends[0]);
    must_end(pid, early ? SIGPIPE : 0);
    if (!early && bytes != 20 * sizeof(words))
        fail("%lu bytes came", bytes);
}

static char *new_map(size_t pages, int flags)
{
    char *map = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED)
        fail("mmap of %lu pages", (uint64_t)pages);
    return map;
}

static void stamp(char *map, size_t pages, uint64_t value)
{
    for (size_t i = 0; i < pages; i++)
        *(volatile uint64_t *)(map + i * PAGE + value % 500 * 8) = value + i;
}

static void must_have(const char *map, size_t pages, uint64_t value)
{
    for (size_t i = 0; i < pages; i++)
        if (*(const volatile uint64_t *)(map + i * PAGE + value % 500 * 8) != value + i)
            fail("page %lu of %lu has another's bytes", (uint64_t)i, (uint64_t)pages);
}

/* Private and shared memory across a fork, with pages taken back meanwhile. */
static void use_maps(void)
{
    size_t pages = 1 + random64() % 40, part = random64() % pages;
    uint64_t value = random64();
    char *own = new_map(pages, MAP_PRIVATE), *common = new_map(pages, MAP_SHARED);
    stamp(own, pages, value);
    stamp(common, pages, value);
    pid_t pid = make_child();
    if (pid == 0) {
        must_have(own, pages, value);
        stamp(own, pages, ~value);
        stamp(common, pages, value + 1);
        if (munmap(own, (part + 1) * PAGE) < 0)
            fail("munmap");
        if (random64() % 2)
            _exit(0);
        own[part * PAGE] = 1;           /* has gone */
        _exit(1);
    }
    stamp(own, pages, value);
    int status;
    if (waitpid(pid, &status, 0) != pid || (status != 0 && status != SIGSEGV))
        fail("a child with maps ended with %x", status);
    must_have(own, pages, value);
    must_have(common, pages, value + 1);
    if (mprotect(own, PAGE, PROT_READ) < 0 || munmap(common, pages * PAGE) < 0 ||
        munmap(own, pages * PAGE) < 0)
        fail("munmap");
}

/* A child that breaks a rule ends by the signal for it. */
static void make_an_exception(void)
{
    static const int ends[] = { SIGSEGV, SIGILL, SIGFPE, SIGSEGV, SIGTRAP, SIGSEGV, SIGSEGV };
    uint64_t which = random64() % (sizeof(ends) / sizeof(ends[0]));
    pid_t pid = make_child();
    if (pid == 0) {
        switch (which) {
        case 0: __asm__ volatile("movl $1, 8" : : : "memory"); break;
        case 1: __asm__ volatile("ud2"); break;
        case 2: __asm__ volatile("div %%ecx" : : "a"(1), "d"(0), "c"(0)); break;
        case 3: *(volatile int *)0xffffffff80200000 = 1; break;
        case 4: __asm__ volatile("int3"); break;
        case 5: __asm__ volatile("cli"); break;
        default: __asm__ volatile("mov $0x8000000000000000, %%rsp; push %%rax" : : : "memory");
        }
        _exit(0);
    }
    must_end(pid, ends[which]);
}

/* A file that lives for a moment, in a folder that all workers use. */
static void use_a_file(void)
{
    char path[64], bytes[3000], back[3000];
    snprintf(path, sizeof(path), "/tmp/soak-%d", (int)getpid());
    memset(bytes, (int)random64(), sizeof(bytes));
    int fd = open(path, O_CREAT | O_RDWR | O_TRUNC, 0600);
    if (fd < 0 || write(fd, bytes, sizeof(bytes)) != sizeof(bytes) || lseek(fd, 0, SEEK_SET) != 0)
        fail("a new file");
    delay(1000);
    if (read(fd, back, sizeof(back)) != sizeof(back) || memcmp(bytes, back, sizeof(back)) != 0)
        fail("the file has other bytes");
    if (unlink(path) < 0 || close(fd) < 0)
        fail("unlink");
}

/* Signals for a child that computes, or sleeps, or is stopped. */
static void send_signals(void)
{
    bool sleeps = random64() % 2, stops = random64() % 2;
    pid_t pid = make_child();
    if (pid == 0)
        for (;;)
            if (sleeps)
                pause_for(SECOND);
    delay(3000);
    int status;
    if (stops && (kill(pid, SIGSTOP) < 0 || waitpid(pid, &status, WUNTRACED) != pid))
        fail("stop");
    if (stops && random64() % 2 && kill(pid, SIGCONT) < 0)
        fail("continue");
    if (kill(pid, SIGKILL) < 0)
        fail("kill");
    must_end(pid, SIGKILL);
}

/* A grandchild that outlives its parent; init collects it. The end of the pipe tells its end. */
static void leave_an_orphan(void)
{
    int ends[2];
    char byte;
    if (pipe(ends) < 0)
        fail("pipe");
    pid_t pid = make_child();
    if (pid == 0) {
        if (make_child() == 0)
            delay(5000);
        _exit(0);
    }
    close(ends[1]);
    if (read(ends[0], &byte, 1) != 0)
        fail("the end of the pipe");
    close(ends[0]);
    must_end(pid, 0);
}

void mix(unsigned worker, uint64_t seconds)
{
    static const struct {
        const char *name;
        void (*work)(void);
    } works[] = {
        { "a program", run_a_program }, { "a pipe", use_a_pipe }, { "maps", use_maps },
        { "an exception", make_an_exception }, { "a file", use_a_file },
        { "signals", send_signals }, { "an orphan", leave_an_orphan },
    };
    uint64_t end = folio_clock() + seconds * SECOND;
    while (folio_clock() < end) {
        uint64_t which = random64() % (sizeof(works) / sizeof(works[0]));
        board->doing[worker] = works[which].name;
        works[which].work();
        board->done[worker]++;
        if (random64() % 16 == 0)
            pause_for(random64() % MILLISECOND);
    }
}

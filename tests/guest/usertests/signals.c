/* Signals as far as they go without handlers: ending, stopping, continuing, groups. */
#include "usertests.h"

static const char ending[] = { SIGHUP, SIGINT, SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE,
    SIGKILL, SIGUSR1, SIGSEGV, SIGUSR2, SIGPIPE, SIGALRM, SIGTERM, SIGSTKFLT, SIGXCPU, SIGXFSZ,
    SIGVTALRM, SIGPROF, SIGIO, SIGPWR, SIGSYS };

static void signals_that_end(void)
{
    for (size_t i = 0; i < sizeof(ending); i++) {
        pid_t blocked = start(block_forever, NULL), spinning = start(spin_forever, NULL);
        CHECK_IS(kill(blocked, ending[i]), 0);
        CHECK_IS(kill(spinning, ending[i]), 0);
        ends_by(blocked, ending[i]);
        ends_by(spinning, ending[i]);
    }
}

static void signals_that_are_ignored(void)
{
    static const char ignored[] = { SIGCHLD, SIGURG, SIGWINCH, SIGCONT };
    pid_t pid = start(block_forever, NULL);
    wait_until_blocked(pid);
    for (size_t i = 0; i < sizeof(ignored); i++) {
        CHECK_IS(kill(pid, ignored[i]), 0);
        CHECK_IS(kill(getpid(), ignored[i]), 0);
    }
    pause_for(2 * MILLISECOND);
    CHECK_IS(kill(pid, 0), 0);
    CHECK_IS(waitpid(pid, NULL, WNOHANG), 0);
    stop(pid);
}

static void signal_to_oneself(void *signal)
{
    kill(getpid(), (int)(intptr_t)signal);
    _exit(77);
}

static void signals_to_oneself(void)
{
    for (size_t i = 0; i < sizeof(ending); i++)
        ends_by(start(signal_to_oneself, (void *)(intptr_t)ending[i]), ending[i]);
}

static void signals_refused(void)
{
    CHECK_ERROR(kill(1, SIGKILL), EPERM);
    CHECK_ERROR(kill(1, SIGTERM), EPERM);
    CHECK_ERROR(kill(INT64_MAX, SIGKILL), ESRCH);
    CHECK_ERROR(kill(getpid() + 100000, SIGKILL), ESRCH);
    CHECK_ERROR(kill(-getpid() - 100000, SIGKILL), ESRCH);
    CHECK_ERROR(kill(INT64_MIN, SIGKILL), ESRCH);
    /* The kernel's own processes: those of memory without any pages. */
    struct process_info info;
    for (pid_t pid = 1; (pid = folio_process_next(pid, &info)) > 0;)
        if (strcmp(info.name, "console") == 0)
            CHECK_ERROR(kill(pid, SIGKILL), EPERM);
    CHECK_IS(kill(getpid(), 0), 0);
}

static void groups_get_signals(void)
{
    pid_t members[8], outside = start(block_forever, NULL);
    for (int i = 0; i < 8; i++) {
        members[i] = start(i & 1 ? spin_forever : block_forever, NULL);
        CHECK_IS(setpgid(members[i], members[0]), 0);
    }
    CHECK_IS(kill(-members[0], SIGUSR1), 0);
    for (int i = 0; i < 8; i++)
        ends_by(members[i], SIGUSR1);
    CHECK_IS(waitpid(outside, NULL, WNOHANG), 0);
    stop(outside);
}

static void kill_own_group(void *unused)
{
    (void)unused;
    CHECK_IS(setpgid(0, 0), 0);
    pid_t pid = start(block_forever, NULL);
    CHECK_IS(getpgid(pid), getpid());
    kill(-getpid(), SIGTERM);
    _exit(5);
}

static void own_group(void)
{
    for (int i = 0; i < 10; i++)
        ends_by(start(kill_own_group, NULL), SIGTERM);
}

static void groups_have_rules(void)
{
    pid_t pid = start(block_forever, NULL);
    CHECK_ERROR(setpgid(pid, pid + 1000), EPERM);
    CHECK_IS(setpgid(pid, 0), 0);
    CHECK_IS(getpgid(pid), pid);
    CHECK_IS(setpgid(pid, getpgrp()), 0);
    CHECK_IS(getpgid(0), getpgrp());
    CHECK_ERROR(setpgid(1, 0), ESRCH);
    stop(pid);
}

static void count_into(void *fd)
{
    for (uint64_t n = 0;; n++)
        write(*(int *)fd, &n, sizeof(n));
}

static uint64_t drain(int fd)
{
    static uint64_t buffer[8192];
    ssize_t got = read(fd, buffer, sizeof(buffer));
    return got < 0 ? 0 : (uint64_t)got;
}

/* A stopped process makes no step; a continued one goes on; the parent hears of both. */
static void stop_and_continue(void)
{
    static const char stopping[] = { SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU };
    int fds[2], status;
    CHECK_IS(pipe2(fds, O_NONBLOCK | O_CLOEXEC) == 0 || pipe(fds) == 0, 1);
    CHECK_IS(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    for (size_t i = 0; i < sizeof(stopping); i++) {
        pid_t pid = start(count_into, &fds[1]);
        pause_for(5 * MILLISECOND);
        CHECK(drain(fds[0]) > 0);
        CHECK_IS(kill(pid, stopping[i]), 0);
        CHECK_IS(waitpid(pid, &status, WUNTRACED), pid);
        CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == stopping[i]);
        CHECK_IS(process_now(pid).state, 'T');
        while (drain(fds[0]) > 0)
            ;
        pause_for(5 * MILLISECOND);
        CHECK_IS(drain(fds[0]), 0);
        CHECK_IS(waitpid(pid, &status, WUNTRACED | WNOHANG), 0);        /* told once */
        CHECK_IS(kill(pid, SIGCONT), 0);
        CHECK_IS(waitpid(pid, &status, WCONTINUED), pid);
        CHECK(WIFCONTINUED(status));
        pause_for(5 * MILLISECOND);
        CHECK(drain(fds[0]) > 0);
        stop(pid);
    }
}

static void stopped_processes_can_be_ended(void)
{
    int status;
    for (int i = 0; i < 10; i++) {
        pid_t pid = start(i & 1 ? spin_forever : block_forever, NULL);
        CHECK_IS(kill(pid, SIGSTOP), 0);
        CHECK_IS(waitpid(pid, &status, WUNTRACED), pid);
        CHECK_IS(kill(pid, SIGKILL), 0);
        ends_by(pid, SIGKILL);
        /* So does any other signal that ends it: it is continued for that. */
        pid = start(block_forever, NULL);
        CHECK_IS(kill(pid, SIGSTOP), 0);
        CHECK_IS(waitpid(pid, &status, WUNTRACED), pid);
        CHECK_IS(kill(pid, SIGTERM), 0);
        ends_by(pid, SIGTERM);
    }
}

static void stop_oneself(void *unused)
{
    (void)unused;
    for (int i = 0; i < 3; i++)
        kill(getpid(), SIGSTOP);
    _exit(4);
}

static void stops_itself(void)
{
    int status;
    pid_t pid = start(stop_oneself, NULL);
    for (int i = 0; i < 3; i++) {
        CHECK_IS(waitpid(pid, &status, WUNTRACED), pid);
        CHECK(WIFSTOPPED(status));
        CHECK_IS(kill(pid, SIGCONT), 0);
    }
    CHECK_IS(status_of(pid), 4 << 8);
}

static void sleep_for_200_ms(void *unused)
{
    (void)unused;
    uint64_t begin = folio_clock();
    int64_t left = by_syscall(SYS_SLEEP, 200 * MILLISECOND, 0, 0);
    CHECK(left == 0 || left == -EINTR);
    if (left == 0)
        CHECK(folio_clock() - begin >= 200 * MILLISECOND);
}

/* Stopped in its sleep, a process wakes up late, or is told that it was interrupted. */
static void stopped_in_its_sleep(void)
{
    int status;
    pid_t pid = start(sleep_for_200_ms, NULL);
    wait_until_blocked(pid);
    CHECK_IS(kill(pid, SIGSTOP), 0);
    CHECK_IS(waitpid(pid, &status, WUNTRACED), pid);
    pause_for(20 * MILLISECOND);
    CHECK_IS(kill(pid, SIGCONT), 0);
    ends_well(pid);
}

static void read_by_door(void *argument)
{
    int *numbers = argument;
    char byte = 0;
    CHECK_IS(doors[numbers[2]](SYS_READ, (uint64_t)numbers[0], (uint64_t)&byte, 1), 1);
    CHECK_IS(byte, 'x');
    CHECK_IS(getpid(), by_interrupt(SYS_GETPID, 0, 0, 0));
}

/* A read that was stopped goes on as if nothing had been, whichever door it came by. */
static void stopped_in_a_read(void)
{
    for (int i = 0; i < 20; i++) {
        int numbers[3] = { 0, 0, i & 1 }, status;
        CHECK_IS(pipe(numbers), 0);
        pid_t pid = start(read_by_door, numbers);
        wait_until_blocked(pid);
        for (int stops = 0; stops < 1 + i / 4; stops++) {
            CHECK_IS(kill(pid, SIGSTOP), 0);
            CHECK_IS(waitpid(pid, &status, WUNTRACED), pid);
            CHECK_IS(kill(pid, SIGCONT), 0);
            CHECK_IS(kill(pid, SIGCHLD), 0);
            if (i % 3 == 0)
                pause_for(MILLISECOND);
        }
        CHECK_IS(write(numbers[1], "x", 1), 1);
        ends_well(pid);
        close(numbers[0]);
        close(numbers[1]);
    }
}

static void wait_for_nothing(void *unused)
{
    (void)unused;
    start(block_forever, NULL);
    waitpid(-1, NULL, 0);
}

static void ended_while_waiting_for_a_child(void)
{
    for (int i = 0; i < 5; i++) {
        pid_t pid = start(wait_for_nothing, NULL);
        wait_until_blocked(pid);
        stop(pid);
    }
}

/* Signals in great number, at every moment of a short life. */
static void signals_at_any_moment(void)
{
    for (int i = 0; i < 150; i++) {
        pid_t pid = start(i % 3 == 0 ? spin_forever : i % 3 == 1 ? block_forever :
                          (void (*)(void *))folio_yield, NULL);
        for (int spin = 0; spin < i * 20; spin++)
            __asm__ volatile("");
        if (i & 1)
            kill(pid, SIGSTOP);
        if (i & 2)
            kill(pid, SIGCONT);
        if (i & 4)
            folio_yield();
        kill(pid, SIGKILL);
        int status = status_of(pid);
        CHECK(status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
    }
}

const struct test signal_tests[] = {
    TEST(signals_that_end), TEST(signals_that_are_ignored), TEST(signals_to_oneself),
    TEST(signals_refused), TEST(groups_get_signals), TEST(own_group), TEST(groups_have_rules),
    TEST(stop_and_continue), TEST(stopped_processes_can_be_ended), TEST(stops_itself),
    TEST(stopped_in_its_sleep), TEST(stopped_in_a_read),
    TEST(ended_while_waiting_for_a_child),
    TEST(signals_at_any_moment), { NULL, NULL, 0 },
};

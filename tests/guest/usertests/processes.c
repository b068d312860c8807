/* fork, exit, wait, orphans; numbers that are never used twice. */
#include "usertests.h"

static void exit_with(void *status)
{
    _exit((int)(intptr_t)status);
}

static void exit_statuses(void)
{
    for (int status = 0; status < 256; status++)
        CHECK_IS(status_of(start(exit_with, (void *)(intptr_t)status)), status << 8);
    CHECK_IS(status_of(start(exit_with, (void *)(intptr_t)(256 + 7))), 7 << 8);
    CHECK_IS(status_of(start(exit_with, (void *)(intptr_t)-1)), 255 << 8);
}

static void wait_without_children(void)
{
    int status = 5;
    CHECK_ERROR(waitpid(-1, &status, 0), ECHILD);
    CHECK_ERROR(waitpid(-1, &status, WNOHANG), ECHILD);
    CHECK_ERROR(waitpid(0, &status, 0), ECHILD);
    CHECK_ERROR(waitpid(1, &status, 0), ECHILD);
    CHECK_ERROR(waitpid(getpid(), &status, 0), ECHILD);
    CHECK_ERROR(waitpid(getppid(), &status, 0), ECHILD);
    CHECK_ERROR(waitpid(-getpid() - 1000, &status, 0), ECHILD);
    CHECK_ERROR(waitpid(INT64_MAX, &status, 0), ECHILD);
    CHECK_ERROR(waitpid(INT64_MIN, &status, WNOHANG), ECHILD);
    CHECK_IS(status, 5);
    pid_t pid = start(exit_with, NULL);
    ends_well(pid);
    CHECK_ERROR(waitpid(pid, &status, 0), ECHILD);
}

static void wait_for_one_of_many(void)
{
    pid_t pids[16];
    int status;
    for (intptr_t i = 0; i < 16; i++)
        pids[i] = start(exit_with, (void *)i);
    for (int i = 15; i >= 0; i -= 2) {
        CHECK_IS(waitpid(pids[i], &status, 0), pids[i]);
        CHECK_IS(status, i << 8);
        CHECK_ERROR(waitpid(pids[i], &status, 0), ECHILD);
    }
    bool seen[16] = { false };
    for (int n = 0; n < 8; n++) {
        pid_t pid = waitpid(-1, &status, 0);
        int i = WEXITSTATUS(status);
        CHECK(i < 16 && i % 2 == 0 && pids[i] == pid && !seen[i]);
        seen[i] = true;
    }
    CHECK_ERROR(waitpid(-1, &status, 0), ECHILD);
}

static void wait_by_group(void)
{
    pid_t leader = start(block_forever, NULL), other = start(block_forever, NULL);
    pid_t alone = start(block_forever, NULL);
    CHECK_IS(setpgid(leader, leader), 0);
    CHECK_IS(setpgid(other, leader), 0);
    CHECK_IS(getpgid(other), leader);
    CHECK_IS(getpgid(alone), getpgrp());
    CHECK_IS(waitpid(-leader, NULL, WNOHANG), 0);
    CHECK_IS(waitpid(0, NULL, WNOHANG), 0);
    CHECK_IS(kill(alone, SIGKILL), 0);
    CHECK_IS(waitpid(0, NULL, 0), alone);
    CHECK_ERROR(waitpid(0, NULL, 0), ECHILD);
    CHECK_IS(kill(-leader, SIGTERM), 0);
    CHECK(waitpid(-leader, NULL, 0) > 0);
    CHECK(waitpid(-leader, NULL, 0) > 0);
    CHECK_ERROR(waitpid(-leader, NULL, 0), ECHILD);
    CHECK_ERROR(kill(-leader, SIGTERM), ESRCH);
}

static void wait_without_hanging(void)
{
    int fds[2], status = 77;
    CHECK_IS(pipe(fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        char byte;
        read(fds[0], &byte, 1);
        _exit(3);
    }
    for (int i = 0; i < 20; i++)
        CHECK_IS(waitpid(pid, &status, WNOHANG), 0);
    CHECK_IS(status, 77);
    CHECK_IS(write(fds[1], "x", 1), 1);
    wait_for_state(pid, 'Z');
    CHECK_IS(waitpid(-1, &status, WNOHANG), pid);
    CHECK_IS(status, 3 << 8);
}

/* A zombie keeps its number and its status, and nothing else of weight. */
static void zombies_are_small(void)
{
    enum { COUNT = 60 };
    pid_t pids[COUNT];
    ends_well(start(exit_with, NULL));
    uint64_t before = system_now().memory_free;
    for (int i = 0; i < COUNT; i++)
        pids[i] = start(exit_with, (void *)(intptr_t)9);
    for (int i = 0; i < COUNT; i++) {
        wait_for_state(pids[i], 'Z');
        CHECK_IS(kill(pids[i], SIGKILL), 0);
    }
    CHECK(before - system_now().memory_free < COUNT * 32 * 1024 ||
          before < system_now().memory_free);
    for (int i = 0; i < COUNT; i++)
        CHECK_IS(status_of(pids[i]), 9 << 8);
}

static void become_an_orphan(void *result)
{
    pid_t pid = fork();
    if (pid != 0)
        _exit(0);
    uint64_t end = folio_clock() + 2000 * MILLISECOND;
    while (getppid() != 1 && folio_clock() < end)
        pause_for(MILLISECOND);
    pid_t parent = getppid();
    write(*(int *)result, &parent, sizeof(parent));
    _exit(0);
}

static void orphans_go_to_init(void)
{
    int fds[2];
    CHECK_IS(pipe(fds), 0);
    for (int i = 0; i < 20; i++) {
        pid_t parent = 0;
        ends_well(start(become_an_orphan, &fds[1]));
        CHECK_IS(read(fds[0], &parent, sizeof(parent)), sizeof(parent));
        CHECK_IS(parent, 1);
    }
    CHECK_ERROR(waitpid(-1, NULL, 0), ECHILD);
}

static void leave_zombies(void *unused)
{
    (void)unused;
    for (int i = 0; i < 10; i++)
        start(exit_with, NULL);
    pause_for(5 * MILLISECOND);
    _exit(0);
}

/* Children that are dead before their parent dies are collected too; the leak check sees it. */
static void zombies_of_the_dead(void)
{
    for (int i = 0; i < 5; i++)
        ends_well(start(leave_zombies, NULL));
}

/* Each forks the next and waits for it; the last one speaks. */
static int chain(unsigned depth, int result)
{
    while (depth-- > 0) {
        pid_t pid = fork();
        if (pid < 0)
            return 99;
        if (pid != 0)
            return WEXITSTATUS(status_of(pid));
    }
    write(result, "x", 1);
    return 17;
}

static void deep_chain(void)
{
    int fds[2];
    char byte;
    CHECK_IS(pipe(fds), 0);
    pid_t pid = fork();
    if (pid == 0)
        _exit(chain(100, fds[1]));
    CHECK_IS(read(fds[0], &byte, 1), 1);
    CHECK_IS(WEXITSTATUS(status_of(pid)), 17);
}

/* Forks until there is no room, which must be an error; then all end, and all is as before. */
static void fork_to_exhaustion(void)
{
    int hold[2];
    unsigned count = 0, collected = 0;
    CHECK_IS(pipe(hold), 0);
    pid_t pid;
    errno = 0;
    while ((pid = fork()) > 0)
        count++;
    if (pid == 0) {
        char byte;
        close(hold[1]);
        read(hold[0], &byte, 1);
        _exit(0);
    }
    CHECK(errno == EAGAIN || errno == ENOMEM);
    if (count < 50)
        fail("only %u processes", count);
    close(hold[1]);
    while (waitpid(-1, NULL, 0) > 0)
        collected++;
    CHECK_IS(collected, count);
    ends_well(start(exit_with, NULL));
}

static void fork_and_wait(void *count)
{
    for (intptr_t i = 0; i < (intptr_t)count; i++) {
        pid_t pid = fork();
        if (pid < 0)
            _exit(1);
        if (pid == 0)
            _exit((int)(i & 127));
        int status;
        if (waitpid(pid, &status, 0) != pid || status != (int)(i & 127) << 8)
            _exit(2);
    }
}

/* Several processes fork, exit and wait at once. */
static void fork_exit_wait_races(void)
{
    pid_t pids[4];
    for (int i = 0; i < 4; i++)
        pids[i] = start(fork_and_wait, (void *)(intptr_t)250);
    for (int i = 0; i < 4; i++)
        ends_well(pids[i]);
}

static void numbers_are_never_reused(void)
{
    pid_t last = getpid();
    for (int i = 0; i < 300; i++) {
        pid_t pid = start(exit_with, NULL);
        CHECK(pid > last);
        ends_well(pid);
        CHECK_ERROR(kill(pid, SIGKILL), ESRCH);
        CHECK_ERROR(getpgid(pid), ESRCH);
        last = pid;
    }
    CHECK_IS(last >> 48, 0);            /* the node of this machine */
}

static void process_list(void)
{
    struct process_info info;
    pid_t pid = -1, previous = -1, me = 0;
    unsigned count = 0;
    bool init = false;
    while ((pid = folio_process_next(pid, &info)) >= 0) {
        CHECK(pid > previous && info.pid == pid);
        CHECK(memchr(info.name, 0, sizeof(info.name)));
        CHECK(strchr("CATZ", (char)info.state) && info.thread_state < THREAD_STATE_COUNT);
        if (pid == getpid()) {
            me = pid;
            CHECK_IS(info.parent, getppid());
            CHECK_IS(info.group, getpgrp());
            CHECK_IS(info.thread_state, THREAD_RUNNING);
            CHECK(info.memory_pages > 3);
        }
        init = init || pid == 1;
        previous = pid;
        count++;
    }
    CHECK_IS(me, getpid());
    CHECK(init);
    CHECK_IS(count, system_now().processes);
}

static void system_information(void)
{
    struct system_info info = system_now();
    CHECK(info.cpus >= 1 && info.cpus <= 8);
    CHECK(info.memory_free > 0 && info.memory_free < info.memory_total);
    CHECK(info.memory_total % PAGE == 0 && info.memory_free % PAGE == 0);
    CHECK(info.threads >= info.processes - 1);
    CHECK(info.objects > 0);
    uint64_t now = folio_clock();
    CHECK(info.uptime <= now && now - info.uptime < 1000 * MILLISECOND);
}

/* A copy is a copy: data, heap, stack, descriptors, the folder, the group. */
static void fork_copies(void)
{
    static int data = 1;
    int local = 2, *heap = malloc(sizeof(int));
    *heap = 3;
    CHECK_IS(mkdir("there", 0755), 0);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        CHECK(data == 1 && local == 2 && *heap == 3);
        CHECK_IS(getppid(), parent);
        CHECK_IS(getpgrp(), getpgid(parent));
        data = local = *heap = 10;
        CHECK_IS(chdir("there"), 0);
        CHECK_IS(close(1), 0);
        CHECK_IS(setpgid(0, 0), 0);
        _exit(0);
    }
    ends_well(pid);
    CHECK(data == 1 && local == 2 && *heap == 3);
    CHECK_IS(access("there", R_OK), 0);
    CHECK_IS(fcntl(1, F_GETFD), 0);
    CHECK_IS(getpgrp(), parent);
    free(heap);
}

/* The frame of a dead child shows where and how it ended. */
static void frame_of_a_dead_child(void)
{
    struct trap_frame f;
    pid_t pid = fork();
    if (pid == 0)
        __asm__ volatile("mov $0x1234, %%r12; mov $0x5678, %%r9; ud2" : : : "r12", "r9");
    CHECK_IS(folio_process_frame(pid, &f), 0);
    CHECK_IS(f.vector, 6);
    CHECK_IS(f.error, 0);
    CHECK_IS(f.r12, 0x1234);
    CHECK_IS(f.r9, 0x5678);
    CHECK_IS(f.cs & 3, 3);
    CHECK_IS(f.ss & 3, 3);
    CHECK_IS(folio_process_frame(pid, &f), 0);          /* as often as one likes */
    ends_by(pid, SIGILL);
    CHECK_ERROR(folio_process_frame(pid, &f), ECHILD);
}

const struct test process_tests[] = {
    TEST(exit_statuses), TEST(wait_without_children), TEST(wait_for_one_of_many),
    TEST(wait_by_group), TEST(wait_without_hanging), TEST(zombies_are_small),
    TEST(orphans_go_to_init), TEST(zombies_of_the_dead), TEST(deep_chain),
    LONG_TEST(fork_to_exhaustion, 30), TEST(fork_exit_wait_races), TEST(numbers_are_never_reused),
    TEST(process_list), TEST(system_information), TEST(fork_copies), TEST(frame_of_a_dead_child),
    { NULL, NULL, 0 },
};

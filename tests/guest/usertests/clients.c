/* SYSTEM's bad clients: those that want more than their share, that take back what they gave, that are
 * interrupted, and that point at what is no program. */
#include <capability.h>
#include <spawn.h>
#include <sys/mman.h>
#include "usertests.h"

static const struct spawn_options staying = { .flags = 0, .group = GROUP_OF_ITS_OWN };
static char *const sleeper[] = { "sleep", "100", NULL };
static char *const nothing[] = { "true", NULL };

/* How many of the processes that stay this one has asked for. */
static int rows(void)
{
    static struct system_process list[64];
    ssize_t listed = system_list(list, sizeof(list));
    int count = 0;
    CHECK(listed >= 0);
    for (ssize_t i = 0; i < listed; i++)
        count += list[i].requester == getpid();
    return count;
}

static void gone(pid_t pid)
{
    for (int i = 0; i < 1000 && kill(pid, 0) == 0; i++)
        pause_for(MILLISECOND);
    CHECK_ERROR(kill(pid, 0), ESRCH);
}

/* ---- rows of processes ---- */

/* What is held and stays has a row from the start: its end is collected, and can be asked for. */
static void held_and_left_with_system(void)
{
    char *argv[] = { "sh", "-c", "exit 3", NULL };
    capability_t held[2];
    int status = 0;
    pid_t pid = spawn_held("/bin/sh", argv, environ, &staying, held);
    CHECK(pid > 0);
    CHECK_IS(rows(), 1);
    CHECK_IS(process_start(held[0], held[1]), 0);
    CHECK_IS(capability_close(held[0]) | capability_close(held[1]), 0);
    CHECK_IS(system_wait(pid, &status), 0);
    CHECK_IS(status, 3 * 256);
    CHECK_IS(rows(), 0);
    gone(pid);
    /* Closed before it was started, it has never been. */
    for (int i = 0; i < 20; i++) {
        CHECK((pid = spawn_held("/bin/sh", argv, environ, &staying, held)) > 0);
        CHECK_IS(capability_close(held[0]), 0);
        CHECK_ERROR(kill(pid, 0), ESRCH);
        CHECK_ERROR(system_wait(pid, &status), ECHILD);
        CHECK_IS(capability_close(held[1]), 0);
    }
    CHECK_IS(rows(), 0);
    for (int i = 0; i < 8; i++)
        CHECK(spawn_held("/bin/sh", argv, environ, &staying, held) > 0);
    CHECK_ERROR(spawn_held("/bin/sh", argv, environ, &staying, held), EAGAIN);
}

/* Closing is as good as unmaking, at once: nobody else holds the process any more. Often, since an entry
 * that is closed a moment late is seen by luck only. */
static void held_by_nobody_else(void)
{
    capability_t held[2];
    for (int i = 0; i < 300; i++) {
        pid_t pid = spawn_held("/bin/true", nothing, environ, NULL, held);
        CHECK(pid > 0);
        CHECK_IS(capability_close(held[0]), 0);
        CHECK_ERROR(kill(pid, 0), ESRCH);
        CHECK_IS(capability_close(held[1]), 0);
    }
}

static void leave_some(void *pids)
{
    for (int i = 0; i < 8; i++)
        if ((((pid_t *)pids)[i] = spawn("/bin/sleep", sleeper, environ, &staying)) < 0)
            break;
    _exit(0);
}

/* Processes whose requesters have ended hold no rows when others want some. */
static void rows_of_the_dead(void)
{
    pid_t (*pids)[8] = (void *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(pids != MAP_FAILED);
    for (int i = 0; i < 7; i++) {
        ends_well(start(leave_some, pids[i]));
        CHECK(pids[i][7] > 0);
    }
    pid_t pid = spawn("/bin/true", nothing, environ, &staying);
    int status = -1;
    CHECK_IS(system_wait(pid, &status), 0);
    CHECK_IS(status, 0);
    for (int i = 0; i < 56; i++)
        CHECK_IS(kill(pids[i / 8][i % 8], SIGKILL), 0);
    /* Those that have lost their rows are collected with the next that ends. */
    for (int i = 0; i < 56; i++)
        for (int tries = 0; tries < 100 && kill(pids[i / 8][i % 8], 0) == 0; tries++) {
            pause_for(MILLISECOND);
            CHECK((pid = spawn("/bin/true", nothing, environ, &staying)) > 0 && system_wait(pid, &status) == 0);
        }
    for (int i = 0; i < 56; i++)
        CHECK_ERROR(kill(pids[i / 8][i % 8], 0), ESRCH);
}

static void take_rows(void *ready)
{
    while (spawn("/bin/sleep", sleeper, environ, &staying) > 0)
        continue;
    CHECK_IS(errno, EAGAIN);
    ++*(volatile int *)ready;
    block_forever(NULL);
}

static uint64_t ask_the_clock(void)
{
    uint64_t words[4] = { 0 };
    capability_t clock = name_find("clock");
    CHECK(clock != 0);
    CHECK_IS(channel_call(clock, words), 0);
    CHECK_IS(capability_close(clock), 0);
    return words[0];
}

static pid_t server_pid(const char *name)
{
    static struct system_process list[64];
    ssize_t listed = system_list(list, sizeof(list));
    for (ssize_t i = 0; i < listed; i++)
        if (list[i].requester == 2 && strcmp(list[i].name, name) == 0)
            return list[i].pid;
    return 0;
}

/* Clients that have filled the table keep each other from it, but never a server. */
static void servers_have_their_own_rows(void)
{
    static struct system_process list[64];
    volatile int *ready = (int *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pids[8];
    CHECK((void *)ready != MAP_FAILED);
    if (server_pid("clockd") > 0)
        CHECK_IS(kill(server_pid("clockd"), SIGKILL), 0);
    for (int i = 0; i < 8; i++) {
        pids[i] = start(take_rows, (void *)ready);
        while (*ready == i)
            pause_for(MILLISECOND / 4);
    }
    CHECK_ERROR(spawn("/bin/true", nothing, environ, &staying), EAGAIN);
    CHECK(ask_the_clock() < 0x60);
    pid_t clock = server_pid("clockd");
    CHECK(clock > 0);
    CHECK_IS(kill(clock, SIGKILL), 0);
    ssize_t listed = system_list(list, sizeof(list));
    for (ssize_t i = 0; i < listed; i++)
        if (list[i].requester != 2)
            kill(list[i].pid, SIGKILL);
    for (int i = 0; i < 8; i++)
        stop(pids[i]);
    gone(clock);
    CHECK(spawn("/bin/true", nothing, environ, &staying) > 0);
}

/* What a list shows can't be made to look like something else. */
static void names_of_processes_are_plain(void)
{
    static struct system_process list[64];
    char here[300], *argv[] = { "x", NULL };
    char program[8192];
    CHECK(getcwd(here, sizeof(here)) != NULL);
    int from = open("/bin/true", O_RDONLY);
    ssize_t length;
    int to = open("a\n\033[2Jb", O_WRONLY | O_CREAT, 0755);
    while ((length = read(from, program, sizeof(program))) > 0)
        CHECK_IS(write(to, program, (size_t)length), length);
    close(from);
    close(to);
    pid_t pid = spawn("a\n\033[2Jb", argv, environ, &staying);
    CHECK(pid > 0);
    ssize_t listed = system_list(list, sizeof(list));
    bool found = false;
    for (ssize_t i = 0; i < listed; i++)
        if (list[i].pid == pid) {
            found = true;
            if (strcmp(list[i].name, "a??[2Jb") != 0)
                fail("it is listed as \"%s\"", list[i].name);
        }
    CHECK(found);
    int status;
    CHECK_IS(system_wait(pid, &status), 0);
}

/* ---- to wait, and to be interrupted ---- */

static void waiter(void *shared)
{
    int status = 0;
    pid_t pid = spawn("/bin/sleep", sleeper, environ, &staying);
    *(volatile pid_t *)shared = pid;
    CHECK_IS(system_wait(pid, &status), 0);
    CHECK_IS(status, SIGTERM);
    CHECK_IS(rows(), 0);
}

/* The client is stopped while it waits, its process ends meanwhile, and the client goes on: nothing is lost. */
static void stopped_while_it_waits(void)
{
    volatile pid_t *shared = (pid_t *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK((void *)shared != MAP_FAILED);
    for (int round = 0; round < 20; round++) {
        *shared = 0;
        pid_t pid = start(waiter, (void *)shared);
        while (*shared == 0)
            pause_for(MILLISECOND / 4);
        wait_until_blocked(pid);
        CHECK_IS(kill(pid, SIGSTOP), 0);
        wait_for_state(pid, 'T');
        CHECK_IS(kill(*shared, SIGTERM), 0);
        if (round % 2)
            pause_for(MILLISECOND * 2);
        CHECK_IS(kill(pid, SIGCONT), 0);
        ends_well(pid);
    }
}

static void of_another(void *pid)
{
    int status;
    CHECK_ERROR(system_wait(*(pid_t *)pid, &status), ECHILD);
    CHECK_ERROR(system_kill(*(pid_t *)pid, SIGKILL), ESRCH);
    CHECK_ERROR(system_kill(server_pid("clockd"), SIGKILL), ESRCH);
    CHECK_ERROR(system_kill(1, SIGKILL), ESRCH);
    CHECK_ERROR(system_kill(2, SIGKILL), ESRCH);
    CHECK_ERROR(system_kill(0, SIGKILL), ESRCH);
    CHECK_ERROR(system_wait(0, &status), ECHILD);
}

static void only_ones_own(void)
{
    int status = 0;
    pid_t pid = spawn("/bin/sleep", sleeper, environ, &staying);
    CHECK(pid > 0);
    ends_well(start(of_another, &pid));
    CHECK_ERROR(system_kill(pid, 9999), EINVAL);
    CHECK_ERROR(system_kill(pid, -1), EINVAL);
    CHECK_IS(system_kill(pid, 0), 0);
    CHECK_IS(process_now(pid).parent, 2);
    CHECK_IS(system_kill(pid, SIGKILL), 0);
    CHECK_IS(system_wait(pid, &status), 0);
    CHECK_ERROR(system_kill(pid, SIGKILL), ESRCH);
}

/* ---- names ---- */

/* What is left in SYSTEM's buffer of others' questions doesn't come with an answer. */
static void names_tell_nothing_else(void)
{
    static struct system_name list[64];
    static char secret[4000];
    uint64_t words[4] = { 99 };
    struct message_parts parts = { .bytes = (uint64_t)secret, .length = sizeof(secret) };
    memset(secret, 'S', sizeof(secret));
    CHECK_IS(channel_call_parts(capability_find("SYSTEM::PROCESS"), words, &parts), 0);
    ssize_t count = name_list(list, sizeof(list));
    CHECK(count >= 2);
    for (ssize_t i = 0; i < count; i++)
        for (size_t at = strlen(list[i].name); at < CAPABILITY_NAME; at++)
            CHECK_IS(list[i].name[at], 0);
}

/* A name whose capability was revoked leads nowhere, and costs SYSTEM no time: the number that it still
 * has for it looks forged before long, and forgers are slowed down. */
static void names_taken_back(void)
{
    capability_t channel = channel_create(capability_find("calls"));
    CHECK(channel != 0);
    char name[20];
    uint64_t spent = 0;
    for (int round = 0; round < 6; round++) {
        for (int i = 0; i < 8; i++) {
            snprintf(name, sizeof(name), "taken.back.%d", i);
            CHECK_IS(name_register(name, channel, CHANNEL_CALL), 0);
        }
        CHECK_IS(capability_revoke(channel), 8);
        for (int i = 0; i < 60 && round > 0; i++)
            ends_well(spawn("/bin/true", nothing, environ, NULL));
        uint64_t begin = folio_clock();
        for (int i = 0; i < 8; i++) {
            snprintf(name, sizeof(name), "taken.back.%d", i);
            CHECK_ERROR(name_find(name) ? 0 : -1, ENOENT);
        }
        spent += folio_clock() - begin;
    }
    if (spent > 48 * 3 * MILLISECOND)
        fail("48 names that lead nowhere cost %lu ms", spent / MILLISECOND);
}

/* A name registered with a right that wasn't sent: the finder is told, and nobody is hurt. */
static void names_with_too_much(void)
{
    uint64_t words[4] = { NAME_REGISTER, CHANNEL_CALL | CHANNEL_RECEIVE };
    capability_t channel = channel_create(capability_find("calls"));
    static char name[] = "too.much";
    struct message_parts parts = { .bytes = (uint64_t)name, .length = sizeof(name), .giving = 1 };
    parts.give[0].handle = channel;
    parts.give[0].rights = CHANNEL_CALL | RIGHT_DELEGATE;
    CHECK_IS(channel_call_parts(capability_find("SYSTEM::NAME"), words, &parts), 0);
    CHECK_IS(words[0], 0);
    CHECK_ERROR(name_find("too.much") ? 0 : -1, EACCES);
    CHECK_IS(channel_call_parts(capability_find("SYSTEM::NAME"), (uint64_t[4]){ NAME_FIND }, NULL), 0);
}

static void take_names(void *done)
{
    char name[CAPABILITY_NAME];
    capability_t channel = channel_create(capability_find("calls"));
    for (int i = 0; i < 8; i++) {
        snprintf(name, sizeof(name), "mine.%ld.%d", (long)getpid(), i);
        if (name_register(name, channel, CHANNEL_CALL) < 0) {
            CHECK_IS(errno, EAGAIN);
            break;
        }
    }
    ++*(volatile int *)done;
    block_forever(NULL);
}

/* Those who have filled the table of names can't take one from anybody, and it is free when they have ended. */
static struct system_name listed_names[64];

static void fill_the_names(void *unused)
{
    (void)unused;
    pid_t pids[9];
    volatile int *done = (int *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    capability_t channel = channel_create(capability_find("calls")), found;
    CHECK((void *)done != MAP_FAILED && channel != 0);
    CHECK_IS(name_register("early", channel, CHANNEL_CALL), 0);
    for (int i = 0; i < 9; i++) {
        pids[i] = start(take_names, (void *)done);
        while (*done == i)
            pause_for(MILLISECOND / 4);
    }
    CHECK_IS(name_list(listed_names, sizeof(listed_names)), 64);
    CHECK_ERROR(name_register("late", channel, CHANNEL_CALL), EAGAIN);
    CHECK((found = name_find("early")) != 0 && capability_close(found) == 0);
    CHECK((found = name_find("clock")) != 0 && capability_close(found) == 0);
    for (int i = 0; i < 9; i++)
        stop(pids[i]);
    CHECK_IS(name_register("late", channel, CHANNEL_CALL), 0);
    CHECK((found = name_find("late")) != 0 && capability_close(found) == 0);
}

static void names_of_many(void)
{
    ssize_t before = name_list(listed_names, sizeof(listed_names));
    ends_well(start(fill_the_names, NULL));
    CHECK_IS(name_list(listed_names, sizeof(listed_names)), before);
}

/* ---- capabilities of the wrong kind ---- */

static uint64_t ask_with(const struct spawn_options *options, capability_t first, uint32_t rights, uint64_t *step)
{
    static char bytes[4096] __attribute__((aligned(16)));
    ssize_t length = spawn_write(bytes, sizeof(bytes), "/bin/true", nothing, nothing + 1, options);
    uint64_t words[4] = { SYSTEM_SPAWN };
    struct message_parts parts = { .bytes = (uint64_t)bytes, .length = (uint64_t)length, .giving = 1 };
    parts.give[0].handle = first;
    parts.give[0].rights = rights;
    CHECK_IS(channel_call_parts(capability_find("SYSTEM::PROCESS"), words, &parts), 0);
    *step = words[2];
    return words[0];
}

static void wrong_kinds(void)
{
    capability_t calls = capability_find("calls"), made[3];
    uint64_t step = 0;
    struct file_pair pair = { 1, 1 };
    struct spawn_options child = { .flags = SPAWN_SELF | SPAWN_CHILD, .directory = "/" },
                         files = { .flags = SPAWN_SELF, .pairs = &pair, .pair_count = 1 };
    made[0] = channel_create(calls);
    made[1] = calls;
    made[2] = capability_find("SYSTEM::NAME");
    for (int i = 0; i < 3; i++) {
        CHECK_IS(ask_with(&child, made[i], RIGHT_DELEGATE, &step), EPROTOTYPE);
        CHECK_IS(step, STEP_PARENT);
        CHECK_IS(ask_with(&files, made[i], RIGHT_DELEGATE, &step), EPROTOTYPE);
        CHECK_IS(step, STEP_FILES);
    }
    capability_t own = process_self(calls, PROCESS_FILES | PROCESS_ADOPT | RIGHT_DELEGATE);
    CHECK_IS(ask_with(&child, own, PROCESS_FILES, &step), EACCES);
    CHECK_IS(step, STEP_PARENT);
    CHECK_IS(ask_with(&files, own, PROCESS_ADOPT, &step), EACCES);
    CHECK_IS(step, STEP_FILES);
    files.flags = 0;
    CHECK_IS(ask_with(&files, own, PROCESS_FILES, &step), EINVAL);
    CHECK_IS(step, STEP_REQUEST);
    /* Eight things of which none was asked for by name. */
    struct spawn_capability eight[8];
    for (int i = 0; i < 8; i++)
        eight[i] = (struct spawn_capability){ made[i % 3], 0, "thing" };
    struct spawn_options many = { .group = GROUP_OF_ITS_OWN, .capabilities = eight, .capability_count = 8 };
    pid_t pid = spawn("/bin/true", nothing, environ, &many);
    int status = -1;
    CHECK(pid > 0);
    CHECK_IS(system_wait(pid, &status), 0);
    CHECK_IS(status, 0);
    many.flags = SPAWN_CHILD;
    CHECK_ERROR(spawn("/bin/true", nothing, environ, &many), E2BIG);
}

/* ---- what others have said ---- */

/* Exits with 1 if there is anything but zeros in its page below the stack. */
static const uint8_t look_below[] = {
    0x48, 0x89, 0xe0,                           /* mov rax, rsp */
    0x48, 0x25, 0x00, 0xf0, 0xff, 0xff,         /* and rax, -4096 */
    0x31, 0xff,                                 /* xor edi, edi */
    0x48, 0x39, 0xe0,                           /* again: cmp rax, rsp */
    0x73, 0x0f,                                 /* jae end */
    0x80, 0x38, 0x00,                           /* cmp byte [rax], 0 */
    0x75, 0x05,                                 /* jne found */
    0x48, 0xff, 0xc0,                           /* inc rax */
    0xeb, 0xf1,                                 /* jmp again */
    0xbf, 0x01, 0x00, 0x00, 0x00,               /* found: mov edi, 1 */
    0xb8, SYS_EXIT, 0x00, 0x00, 0x00,           /* end: mov eax, SYS_EXIT */
    0x0f, 0x05,                                 /* syscall */
};

/* SYSTEM lays out all stacks in the same place. Nothing of one is seen by the next. */
static void nothing_of_the_last_one(void)
{
    static char secret[20000], filler[4096];
    static struct image image;
    char *said[] = { "true", secret, NULL }, *here[] = { "below", filler, NULL }, *none[] = { NULL };
    memset(secret, 'S', sizeof(secret) - 1);
    image_make(&image);
    image_code(&image, look_below, sizeof(look_below));
    image_write(&image, "below");
    for (size_t length = 0; length < sizeof(filler) - 1; length += 200) {
        memset(filler, 'f', length);
        ends_well(spawn("/bin/true", said, none, NULL));
        ends_well(spawn("below", here, none, NULL));
    }
}

/* ---- its turn ---- */

/* Asks for nothing, at length: that takes SYSTEM longer than the client. */
static void bore(void *answered)
{
    static char zeros[MESSAGE_LENGTH];
    capability_t channel = capability_find("SYSTEM::PROCESS");
    for (;;) {
        uint64_t words[4] = { SYSTEM_SPAWN };
        struct message_parts parts = { .bytes = (uint64_t)zeros, .length = sizeof(zeros) };
        channel_call_parts(channel, words, &parts);
        __atomic_fetch_add((uint64_t *)answered, 1, __ATOMIC_SEQ_CST);
    }
}

/* A question on the one channel doesn't wait until all are answered that have come, and come again, by the
 * other. How many are answered before it depends on the other processors, too, so the mean counts, and
 * there are three attempts: without a turn it is hundreds, else no more than there are clients. */
static void each_channel_has_its_turn(void)
{
    enum { CLIENTS = 24, TRIES = 100 };
    static struct system_name list[64];
    pid_t pids[CLIENTS];
    uint64_t served = UINT64_MAX;
    uint64_t *answered = (uint64_t *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK((void *)answered != MAP_FAILED);
    for (int i = 0; i < CLIENTS; i++)
        pids[i] = start(bore, answered);
    pause_for(20 * MILLISECOND);
    for (int attempt = 0; attempt < 3 && served > 2 * CLIENTS * TRIES; attempt++) {
        served = __atomic_load_n(answered, __ATOMIC_SEQ_CST);
        for (int i = 0; i < TRIES; i++)
            CHECK(name_list(list, sizeof(list)) >= 2);
        served = __atomic_load_n(answered, __ATOMIC_SEQ_CST) - served;
    }
    for (int i = 0; i < CLIENTS; i++)
        stop(pids[i]);
    if (served > 2 * CLIENTS * TRIES)
        fail("%lu others are answered before each question", served / TRIES);
}

/* ---- programs that are none ---- */

static void no_programs(void)
{
    static const struct {
        const char *path;
        int error;
    } cases[] = {
        { "/", EACCES }, { "/bin", EACCES }, { "/bin/", EACCES }, { "/bin/true/", ENOTDIR }, { "/dev/null", EACCES },
        { "/dev/zero", EACCES }, { "/dev/console", EACCES }, { "/dev/tty", EACCES }, { "/proc/self", EACCES },
        { "/proc/meminfo", EACCES }, { "/proc/1", EACCES }, { "around", ELOOP }, { "empty", ENOEXEC }, { "plain", EACCES },
        { "/bin/true/x", ENOTDIR }, { "", ENOENT },
    };
    CHECK_IS(symlink("around", "around"), 0);
    write_file("empty", "", 0, 0755);
    write_file("plain", "#!/bin/sh\n", 10, 0644);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        errno = 0;
        pid_t pid = spawn(cases[i].path, nothing, environ, NULL);
        if (pid != -1 || errno != cases[i].error)
            fail("%s: %ld, error %d", cases[i].path, (long)pid, errno);
    }
}

/* What the client can't take up has never been: neither a process nor a row is left of it. */
static void held_without_room(void *unused)
{
    (void)unused;
    capability_t all = capability_find("calls"), held[2], made = 0, handle;
    while ((handle = capability_derive(all, 0, 0)) != 0)
        made = handle;
    CHECK_IS(errno, EMFILE);
    for (int i = 0; i < 20; i++) {
        CHECK_ERROR(spawn_held("/bin/true", nothing, environ, &staying, held), EMFILE);
        CHECK_IS(spawn_failed, STEP_ANSWER);
    }
    CHECK_IS(capability_close(made), 0);
    CHECK_IS(rows(), 0);
}

static void no_room_for_what_is_held(void)
{
    ends_well(start(held_without_room, NULL));
}

/* The two who see the same bytes: the request is in memory that changes while it is read. */
static void change_bytes(void *shared)
{
    for (uint64_t i = 0;; i++) {
        ((volatile char *)shared)[32 + i % 40] = (char)random64();
        if (i % 512 == 0)
            folio_yield();
    }
}

static void requests_that_change(void)
{
    char *bytes = (char *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(bytes != MAP_FAILED);
    pid_t pid = start(change_bytes, bytes);
    for (int i = 0; i < 500; i++) {
        ssize_t length = spawn_write(bytes, PAGE, "/bin/true", nothing, nothing + 1, &staying);
        uint64_t words[4] = { SYSTEM_SPAWN };
        struct message_parts parts = { .bytes = (uint64_t)bytes, .length = (uint64_t)length };
        CHECK_IS(channel_call_parts(capability_find("SYSTEM::PROCESS"), words, &parts), 0);
        int status;
        if (words[0] == 0)
            CHECK_IS(system_wait((pid_t)words[1], &status), 0);
    }
    stop(pid);
}

/* The program ":outlives": SYSTEM dies of its question (tests/guest/mortal), and so it is told; what it has been
 * given before is still good. */
void outlives_program(void)
{
    uint64_t words[4] = { 0 };
    capability_t clock = name_find("clock"), held[2];
    struct process_status status = { 0 };
    pid_t pid = spawn_held("/bin/true", nothing, environ, NULL, held);
    CHECK(clock != 0 && pid > 0);
    CHECK_ERROR(spawn("/die", nothing, environ, NULL), EPIPE);
    CHECK_IS(spawn_failed, STEP_REQUEST);
    CHECK_ERROR(spawn("/bin/true", nothing, environ, NULL), EPIPE);
    CHECK_IS(channel_call(clock, words), 0);
    printf("still second %02lx\n", words[0]);
    fflush(stdout);
    CHECK_IS(process_start(held[0], held[1]), 0);
    CHECK_IS(process_status(held[0], &status, 0), 0);
    CHECK_IS(status.status, 0);
    CHECK_IS(status_of(pid), 0);
    _exit(0);
}

const struct test client_tests[] = {
    TEST(held_and_left_with_system), TEST(held_by_nobody_else), TEST(rows_of_the_dead), TEST(servers_have_their_own_rows),
    TEST(names_of_processes_are_plain), TEST(stopped_while_it_waits), TEST(only_ones_own), TEST(names_tell_nothing_else),
    TEST(names_taken_back), TEST(names_with_too_much), TEST(names_of_many), TEST(wrong_kinds), TEST(nothing_of_the_last_one), TEST(each_channel_has_its_turn),
    TEST(no_programs),
    TEST(no_room_for_what_is_held), TEST(requests_that_change), { NULL, NULL, 0 },
};

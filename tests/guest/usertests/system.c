/* SYSTEM, and the start of a new process: what it is given, and what becomes of bad requests. */
#include <capability.h>
#include <spawn.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include "usertests.h"

/* The program ":given": is each named thing what its handle says? NAME HANDLE...; a handle of 0: it isn't given. */
void given_program(int argc, char **argv)
{
    for (int i = 2; i + 1 < argc; i += 2)
        if (capability_given(argv[i]) != strtoul(argv[i + 1], NULL, 16))
            _exit(i);
    CHECK_IS(getauxval(AT_PAGESZ), PAGE);
    CHECK(strcmp((const char *)getauxval(AT_EXECFN), self) == 0);
    CHECK_ERROR(getauxval(77) - 1, ENOENT);
    _exit(0);
}

static void names_on_the_stack(void)
{
    char all[20], lent[20];
    capability_t calls = capability_find("calls"), own;
    CHECK(calls != 0 && capability_given("calls") == calls);
    CHECK((own = process_self(calls, RIGHT_DELEGATE)) != 0);
    for (unsigned marked = 0; marked < 2; marked++) {
        CHECK_IS(capability_flag(own, marked), 0);
        snprintf(all, sizeof(all), "%lx", calls);
        snprintf(lent, sizeof(lent), "%lx", marked ? own : 0);
        pid_t pid = fork();
        if (pid == 0) {
            char *argv[] = { (char *)self, ":given", "calls", all, "self", lent, "nothing", "0", NULL };
            execv(self, argv);
            _exit(1);
        }
        ends_well(pid);
    }
}

/* As many names as there may be: the list is longer than a page. */
static void many_names(void)
{
    char last[20];
    capability_t calls = capability_find("calls"), made = 0, handle;
    unsigned count = 0;
    while ((handle = capability_derive(calls, RIGHT_DELEGATE, CAPABILITY_INHERITABLE)) != 0) {
        count++;
        made = handle;
    }
    CHECK(errno == EMFILE && count > 900);
    CHECK_IS(capability_close(made), 0);
    CHECK((made = process_self(calls, RIGHT_DELEGATE)) != 0);
    CHECK_IS(capability_flag(made, CAPABILITY_INHERITABLE), 0);
    snprintf(last, sizeof(last), "%lx", made);
    pid_t pid = fork();
    if (pid == 0) {
        char *argv[] = { (char *)self, ":given", "self", last, NULL };
        execv(self, argv);
        _exit(1);
    }
    ends_well(pid);
}


/* ---- a good spawn ---- */

/* The program ":look": what it finds, on descriptor 1. */
void look_program(int argc, char **argv)
{
    struct capability_info list[16];
    char here[200];
    size_t variables = 0;
    ssize_t count = capability_list(list, 16);
    while (environ[variables])
        variables++;
    dprintf(1, "%d %s %zu %s %d %d %ld", argc, argv[argc - 1], variables, getcwd(here, sizeof(here)) ? here : "?",
            getppid() == strtol(argv[2], NULL, 10), getpgrp() == getpid(), (long)count);
    for (int fd = 0; fd < 256; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            dprintf(1, " %d", fd);
    for (ssize_t i = 0; i < count; i++)
        dprintf(1, " %s:%x:%d", list[i].name, list[i].rights, capability_given(list[i].name) == list[i].handle);
    _exit(9);
}

static char seen[1024];

static void look(const struct spawn_options *options, int fd, const char *wanted)
{
    char parent[20];
    snprintf(parent, sizeof(parent), "%ld", (long)getpid());
    char *argv[] = { (char *)self, ":look", parent, "last", NULL }, *envp[] = { "A=1", "B=2", NULL };
    pid_t pid = spawn(self, argv, envp, options);
    CHECK(pid > 2);
    CHECK_IS(status_of(pid), 9 * 256);
    lseek(fd, 0, SEEK_SET);
    ssize_t length = read(fd, seen, sizeof(seen) - 1);
    CHECK(length > 0);
    seen[length] = '\0';
    if (strcmp(seen, wanted) != 0)
        fail("it saw \"%s\", not \"%s\"", seen, wanted);
    CHECK_IS(ftruncate(fd, 0), 0);
    lseek(fd, 0, SEEK_SET);
}

static void spawn_is_like_fork_and_exec(void)
{
    char here[200], wanted[600];
    uint32_t calls = 0;
    struct capability_info list[4];
    CHECK_IS(capability_list(list, 4), 3);
    calls = list[0].rights;
    int fd = open("seen", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    for (int other = 3; other < 256; other++)
        if (other != fd)
            close(other);
    CHECK(getcwd(here, sizeof(here)) && dup2(fd, 1) == 1 && dup2(1, 77) == 77);
    snprintf(wanted, sizeof(wanted), "4 last 2 %s 1 0 3 0 1 2 77 calls:%x:1 SYSTEM::PROCESS:%x:1 SYSTEM::NAME:%x:1",
             here, calls, CHANNEL_CALL | RIGHT_DELEGATE, CHANNEL_CALL | RIGHT_DELEGATE);
    look(NULL, fd, wanted);
    /* only what is said */
    capability_t all = capability_find("calls");
    struct spawn_capability given[] = { { all, CALLS_FILES | CALLS_SIGNALS, "calls" } };
    struct file_pair pairs[] = { { 1, 1 }, { 1, 200 } };
    struct spawn_options options = { .flags = SPAWN_CHILD, .group = GROUP_OF_ITS_OWN, .directory = "/bin",
        .pairs = pairs, .pair_count = 2, .capabilities = given, .capability_count = 1 };
    snprintf(wanted, sizeof(wanted), "4 last 2 /bin 1 1 1 1 200 calls:%x:1", CALLS_FILES | CALLS_SIGNALS);
    look(&options, fd, wanted);
    options.directory = NULL;
    given[0].rights = CALLS_FILES;
    snprintf(wanted, sizeof(wanted), "4 last 2 %s 1 1 1 1 200 calls:%x:1", here, CALLS_FILES);
    options.group = GROUP_OF_ITS_OWN;
    given[0].rights |= CALLS_SIGNALS;
    snprintf(wanted, sizeof(wanted), "4 last 2 %s 1 1 1 1 200 calls:%x:1", here, CALLS_FILES | CALLS_SIGNALS);
    look(&options, fd, wanted);
}

/* A process without the right to fork, or to any call: one channel is enough. */
static void without_groups(void *unused)
{
    (void)unused;
    CHECK_IS(capability_close(capability_find("SYSTEM::NAME")), 0);
    CHECK_IS(capability_close(capability_find("calls")), 0);
    CHECK_ERROR(fork(), EPERM);
    char *argv[] = { "false", NULL }, *envp[] = { NULL };
    struct spawn_capability none[1];
    struct spawn_options options = { .group = GROUP_OF_ITS_OWN, .capabilities = none };
    int status = 0;
    pid_t pid = spawn("/bin/false", argv, envp, &options);
    CHECK(pid > 2);
    CHECK_IS(system_wait(pid, &status), 0);
    CHECK_IS(status, 256);
    CHECK_ERROR(system_wait(pid, &status), ECHILD);
    CHECK_ERROR(spawn("/bin/false", argv, envp, NULL), EPERM);  /* it can't name itself */
}

static void one_channel_is_enough(void)
{
    ends_well(start(without_groups, NULL));
}

/* ---- rights ---- */

static void rights_only_shrink(void)
{
    capability_t all = capability_find("calls");
    capability_t files = capability_derive(all, CALLS_FILES | RIGHT_DELEGATE, 0);
    capability_t own = capability_derive(all, CALLS_MEMORY, 0);
    struct spawn_capability given[] = { { files, CALLS_FILES | CALLS_MEMORY, "calls" } };
    struct spawn_options options = { .flags = SPAWN_CHILD, .capabilities = given, .capability_count = 1 };
    char *argv[] = { "true", NULL };
    CHECK_ERROR(spawn("/bin/true", argv, environ, &options), EACCES);
    given[0] = (struct spawn_capability){ own, CALLS_MEMORY, "calls" };     /* not to be delegated */
    CHECK_ERROR(spawn("/bin/true", argv, environ, &options), EACCES);
    given[0] = (struct spawn_capability){ files ^ 0x1000, 0, "calls" };
    CHECK_ERROR(spawn("/bin/true", argv, environ, &options), EBADF);
    given[0] = (struct spawn_capability){ files, 0, "two words" };
    CHECK_ERROR(spawn("/bin/true", argv, environ, &options), EINVAL);
    CHECK_IS(spawn_failed, STEP_CAPABILITIES);
    given[0] = (struct spawn_capability){ files, CALLS_FILES, "calls" };
    struct file_pair pair = { 99, 0 };
    options.pairs = &pair;
    options.pair_count = 1;
    CHECK_ERROR(spawn("/bin/true", argv, environ, &options), EBADF);
    CHECK_IS(spawn_failed, STEP_FILES);
    options.pair_count = 0;
    options.directory = "/bin/true";
    CHECK_ERROR(spawn("/bin/true", argv, environ, &options), ENOTDIR);
    options.directory = NULL;
    options.group = 4711000000;
    CHECK_ERROR(spawn("/bin/true", argv, environ, &options), EPERM);
    CHECK_IS(spawn_failed, STEP_PARENT);
    options.group = GROUP_OF_PARENT;
    ends_well(spawn("/bin/true", argv, environ, &options));
}

/* What a spawned process was given is taken from it like anything that was lent. */
static void lent_by_spawn(void)
{
    capability_t all = capability_find("calls");
    capability_t lent = capability_derive(all, (CALLS_ALL & ~(CALLS_PROCESSES | CALLS_DEVICES)) | RIGHT_DELEGATE, 0);
    struct spawn_capability given[] = { { lent, CALLS_FILES | CALLS_PROGRAMS | CALLS_MEMORY, "calls" } };
    struct spawn_options options = { .flags = SPAWN_CHILD | SPAWN_FILES, .capabilities = given, .capability_count = 1 };
    char *argv[] = { "sh", "-c", "while test -e /bin/sh; do :; done; exit 5", NULL };
    CHECK(lent != 0);
    pid_t pid = spawn("/bin/sh", argv, environ, &options);
    CHECK(pid > 0);
    pause_for(20 * MILLISECOND);
    CHECK_IS(waitpid(pid, NULL, WNOHANG), 0);
    CHECK_IS(capability_revoke(lent), 1);
    CHECK_IS(status_of(pid), 5 * 256);
}

/* ---- rubbish ---- */

static char rubbish[MESSAGE_LENGTH];

static void bad_requests(void)
{
    capability_t channels[2] = { capability_find("SYSTEM::PROCESS"), capability_find("SYSTEM::NAME") };
    capability_t all = capability_find("calls");
    for (unsigned round = 0; round < 3000; round++) {
        static const uint32_t lengths[] = { 0, 1, 31, 32, 33, 64, 100, 4096, MESSAGE_LENGTH };
        uint64_t words[4] = { random64() % 8, random64(), random64(), random64() };
        uint64_t length = lengths[random64() % 9];
        struct message_parts parts = { .bytes = (uint64_t)rubbish, .length = length, .giving = random64() % 3 };
        for (uint64_t i = 0; i < length && i < 200; i++)
            rubbish[i] = random64() & 1 ? 0 : (char)random64();
        for (unsigned i = 0; i < parts.giving; i++)
            parts.give[i].handle = all;
        channel_call_parts(channels[round % 2], words, &parts);
    }
    uint64_t words[4] = { 99 };
    CHECK_IS(channel_call(channels[0], words), 0);
    CHECK_IS(words[0], ENOSYS);
    words[0] = SYSTEM_BEGIN;        /* init's alone */
    CHECK_IS(channel_call(channels[0], words), 0);
    CHECK_IS(words[0], EPERM);
    CHECK_ERROR(channel_send(channels[0], words), EACCES);
}

/* A request with one thing wrong in it. */
static void almost_good_requests(void)
{
    struct spawn_options options = { .flags = SPAWN_CHILD, .group = GROUP_OF_PARENT };
    char *argv[] = { "true", NULL };
    capability_t channel = capability_find("SYSTEM::PROCESS"), all = capability_find("calls");
    unsigned ran = 0;
    for (unsigned round = 0; round < 2000; round++) {
        ssize_t length = spawn_write(rubbish, sizeof(rubbish), "/bin/true", argv, argv + 1, &options);
        uint64_t words[4] = { SYSTEM_SPAWN };
        CHECK(length > 0);
        uint64_t at = random64() % (uint64_t)length;
        rubbish[at] = random64() & 1 ? (char)random64() : (char)(rubbish[at] + 1);
        struct message_parts parts = { .bytes = (uint64_t)rubbish, .length = (uint64_t)length - (random64() % 8 == 0) };
        if (random64() % 4) {
            parts.giving = 1;
            parts.give[0].handle = process_self(all, PROCESS_FILES | PROCESS_ADOPT | RIGHT_DELEGATE);
            parts.give[0].rights = PROCESS_FILES | PROCESS_ADOPT | RIGHT_DELEGATE;
        }
        CHECK_IS(channel_call_parts(channel, words, &parts), 0);
        if (parts.giving)
            CHECK_IS(capability_close(parts.give[0].handle), 0);
        while (waitpid(-1, NULL, 0) > 0)
            ran++;
    }
    CHECK(ran < 2000);
}

/* ---- clients that die, and floods ---- */

static void spawner(void *argv)
{
    for (;;) {
        capability_t held[2];
        pid_t pid = random64() % 2 ? spawn("/bin/true", argv, environ, NULL)
                                   : spawn_held("/bin/true", argv, environ, NULL, held);
        if (pid > 0 && random64() % 4)
            waitpid(pid, NULL, WNOHANG);
    }
}

static void clients_die(void)
{
    char *argv[] = { "true", NULL };
    for (unsigned round = 0; round < 150; round++) {
        random_state += round;
        pid_t pid = start(spawner, argv);
        pause_for(random64() % (3 * MILLISECOND));
        stop(pid);
    }
    ends_well(spawn("/bin/true", argv, environ, NULL));
}

static void nuisance(void *which)
{
    char *argv[] = { "nothing", NULL };
    for (;;) {
        if (which)
            spawn("/bin/nothing", argv, environ, NULL);
        else
            name_find("nothing");
    }
}

static void floods_of_requests(void)
{
    enum { CLIENTS = 12 };
    pid_t pids[CLIENTS];
    char *argv[] = { "true", NULL };
    for (int i = 0; i < CLIENTS; i++)
        pids[i] = start(nuisance, i % 4 ? argv : NULL);
    uint64_t begin = folio_clock();
    for (int i = 0; i < 10; i++) {
        static struct system_name names[64];
        CHECK(name_list(names, sizeof(names)) >= 2);
        ends_well(spawn("/bin/true", argv, environ, NULL));
    }
    CHECK(folio_clock() - begin < 5000 * MILLISECOND);
    for (int i = 0; i < CLIENTS; i++)
        stop(pids[i]);
}

/* ---- held ---- */

static void held_until_started(void)
{
    char *argv[] = { "sh", "-c", "exit 3", NULL };
    capability_t held[2];
    struct process_status status;
    pid_t pid = spawn_held("/bin/sh", argv, environ, NULL, held);
    CHECK(pid > 0);
    CHECK_IS(process_now(pid).state, 'C');
    struct capability_info list[8];
    CHECK_IS(capability_list(list, 8), 6);
    for (int i = 0; i < 6; i++)
        if (list[i].handle == held[0])
            CHECK_IS(list[i].rights, PROCESS_GIVE | PROCESS_START | PROCESS_KILL | PROCESS_WAIT);
        else if (list[i].handle == held[1])
            CHECK_IS(list[i].rights, THREAD_START | THREAD_FRAME);
    CHECK_IS(process_now(pid).parent, getpid());
    CHECK_ERROR(waitpid(pid, NULL, WNOHANG), ECHILD);
    CHECK_IS(process_start(held[0], held[1]), 0);
    CHECK_IS(process_status(held[0], &status, 0), 0);
    CHECK_IS(status.status, 3 * 256);
    CHECK_IS(status_of(pid), 3 * 256);
    CHECK_IS(capability_close(held[0]) | capability_close(held[1]), 0);
    pid = spawn_held("/bin/sh", argv, environ, NULL, held);
    CHECK_IS(capability_close(held[0]), 0);
    for (int i = 0; i < 5000 && kill(pid, 0) == 0; i++)
        pause_for(MILLISECOND);             /* SYSTEM closes its own when it has answered, and may be doing so yet */
    CHECK_ERROR(kill(pid, 0), ESRCH);
    CHECK_IS(capability_close(held[1]), 0);
}

/* There is no row for what the answer brings: the client is told, and nothing is left. */
static void no_room_for_the_answer(void)
{
    char *argv[] = { "true", NULL };
    capability_t all = capability_find("calls"), made[2], held[2];
    unsigned count = 0;
    while (capability_derive(all, 0, 0))
        count++;
    CHECK(errno == EMFILE && count > 900);
    CHECK_ERROR(spawn_held("/bin/true", argv, environ, NULL, held), EMFILE);
    (void)made;
}

/* ---- those that stay, and names ---- */

static void ask_about(void *pid)
{
    int status;
    CHECK_ERROR(system_wait(*(pid_t *)pid, &status), ECHILD);
    CHECK_ERROR(system_kill(*(pid_t *)pid, SIGKILL), ESRCH);
}

/* How many of the processes that stay were asked for by this one. */
static int mine(void)
{
    static struct system_process list[64];
    ssize_t listed = system_list(list, sizeof(list));
    int count = 0;
    CHECK(listed >= 0);
    for (ssize_t i = 0; i < listed; i++)
        count += list[i].requester == getpid();
    return count;
}

static void those_that_stay(void)
{
    struct spawn_options options = { .flags = 0, .group = GROUP_OF_ITS_OWN };
    char *argv[] = { "sleep", "100", NULL };
    pid_t pids[9];
    int status = 0;
    CHECK_IS(mine(), 0);
    for (int i = 0; i < 8; i++) {
        CHECK((pids[i] = spawn("/bin/sleep", argv, environ, &options)) > 0);
        CHECK_IS(process_now(pids[i]).parent, 2);
    }
    CHECK_ERROR(spawn("/bin/sleep", argv, environ, &options), EAGAIN);      /* that was its share */
    CHECK_IS(mine(), 8);
    ends_well(start(ask_about, &pids[0]));
    CHECK_ERROR(waitpid(pids[0], &status, WNOHANG), ECHILD);
    for (int i = 0; i < 8; i++) {
        CHECK_IS(system_kill(pids[i], i % 2 ? SIGKILL : SIGTERM), 0);
        CHECK_IS(system_wait(pids[i], &status), 0);
        CHECK_IS(status, i % 2 ? SIGKILL : SIGTERM);
        CHECK_ERROR(system_wait(pids[i], &status), ECHILD);
    }
    CHECK_IS(mine(), 0);
}

static void waiting_client(void *pid)
{
    int status;
    char *argv[] = { "sleep", "100", NULL };
    struct spawn_options options = { .flags = 0, .group = GROUP_OF_ITS_OWN };
    *(volatile pid_t *)pid = spawn("/bin/sleep", argv, environ, &options);
    system_wait(*(pid_t *)pid, &status);
}

/* The client dies while it waits; its process ends later; nobody asks; the rows are there again. */
static void nobody_asks(void)
{
    pid_t *shared = (pid_t *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    for (int round = 0; round < 60; round++) {
        *shared = 0;
        pid_t pid = start(waiting_client, shared);
        while (*(volatile pid_t *)shared == 0)
            pause_for(MILLISECOND / 4);
        wait_until_blocked(pid);
        stop(pid);
        CHECK_IS(kill(*shared, SIGKILL), 0);
    }
}

static void registrar(void *channel)
{
    CHECK_IS(name_register("test.name", *(capability_t *)channel, CHANNEL_CALL), 0);
    block_forever(NULL);
}

static void names(void)
{
    capability_t channel = channel_create(capability_find("calls")), found;
    char name[30];
    CHECK(channel != 0);
    CHECK_IS(capability_flag(channel, CAPABILITY_INHERITABLE), 0);
    CHECK_ERROR(name_register("SYSTEM::PROCESS", channel, CHANNEL_CALL), EPERM);
    CHECK_ERROR(name_register("SYSTEM::OTHER", channel, CHANNEL_CALL), EPERM);
    CHECK_ERROR(name_register("two words", channel, CHANNEL_CALL), EINVAL);
    CHECK_ERROR(name_register("", channel, CHANNEL_CALL), EINVAL);
    CHECK_ERROR(name_register("a-name-of-twenty-four...", channel, CHANNEL_CALL), EINVAL);
    CHECK_ERROR(name_find("test.name") ? 0 : -1, ENOENT);
    pid_t pid = start(registrar, &channel);
    while ((found = name_find("test.name")) == 0)
        pause_for(MILLISECOND);
    CHECK_ERROR(channel_send(found, (uint64_t[4]){ 0 }), EACCES);   /* it may call, and nothing else */
    CHECK_IS(capability_close(found), 0);
    CHECK_ERROR(name_register("test.name", channel, CHANNEL_CALL), EEXIST);
    stop(pid);
    CHECK_ERROR(name_find("test.name") ? 0 : -1, ENOENT);
    for (int i = 0; i < 9; i++) {
        snprintf(name, sizeof(name), "test.name.%d", i);
        if (i < 8)
            CHECK_IS(name_register(name, channel, CHANNEL_CALL), 0);
        else
            CHECK_ERROR(name_register(name, channel, CHANNEL_CALL), EAGAIN);
    }
    CHECK(name_find("SYSTEM::PROCESS") != 0);
}

/* ---- posix_spawn ---- */

static void as_posix_says(void)
{
    char text[100] = "";
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    char *argv[] = { "sh", "-c", "echo out; echo err >&2; cat <&5 >&7; exit 4", NULL };
    pid_t pid = 0;
    write_file("input", "five\n", 5, 0644);
    CHECK_IS(posix_spawn_file_actions_init(&actions), 0);
    CHECK_IS(posix_spawnattr_init(&attributes), 0);
    CHECK_IS(posix_spawn_file_actions_addopen(&actions, 1, "output", O_WRONLY | O_CREAT | O_TRUNC, 0644), 0);
    CHECK_IS(posix_spawn_file_actions_adddup2(&actions, 1, 2), 0);
    CHECK_IS(posix_spawn_file_actions_addopen(&actions, 5, "input", O_RDONLY, 0), 0);
    CHECK_IS(posix_spawn_file_actions_adddup2(&actions, 2, 7), 0);
    CHECK_IS(posix_spawn_file_actions_addclose(&actions, 0), 0);
    CHECK_IS(posix_spawn_file_actions_adddup2(&actions, 300, 7), EBADF);
    CHECK_IS(posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP), 0);
    CHECK_IS(posix_spawnp(&pid, "sh", &actions, &attributes, argv, environ), 0);
    CHECK_IS(getpgid(pid), pid);
    CHECK_IS(status_of(pid), 4 * 256);
    int fd = open("output", O_RDONLY);
    CHECK(read(fd, text, sizeof(text)) > 0);
    if (strcmp(text, "out\nerr\nfive\n") != 0)
        fail("it wrote \"%s\"", text);
    CHECK_IS(posix_spawn_file_actions_addopen(&actions, 6, "nothing", O_RDONLY, 0), 0);
    CHECK_IS(posix_spawnp(&pid, "sh", &actions, &attributes, argv, environ), ENOENT);
    CHECK_IS(posix_spawn_file_actions_destroy(&actions), 0);
    CHECK_IS(posix_spawnp(&pid, "no-such-program", NULL, NULL, argv, environ), ENOENT);
    write_file("script", "exit 6\n", 7, 0755);
    char *script[] = { "script", NULL };
    CHECK_IS(posix_spawnp(&pid, "./script", NULL, NULL, script, environ), 0);
    CHECK_IS(status_of(pid), 6 * 256);
}

/* ---- many ---- */

static void spawn_often(unsigned long times)
{
    char *argv[] = { "true", NULL };
    for (unsigned long i = 0; i < times; i++)
        ends_well(spawn("/bin/true", argv, environ, NULL));
}

static void many_spawns(void)
{
    spawn_often(200);
}

/* The program ":spawns": so many, and then the machine has what it had before. */
void spawns_program(int argc, char **argv)
{
    spawn_often(10);
    struct system_info before = system_now();
    spawn_often(strtoul(argv[argc - 1], NULL, 10));
    pause_for(100 * MILLISECOND);
    struct system_info after = system_now();
    printf("lost: %ld bytes, %ld objects, %ld processes, %ld threads\n",
           (long)(before.memory_free - after.memory_free), (long)(after.objects - before.objects),
           (long)(after.processes - before.processes), (long)(after.threads - before.threads));
    fflush(stdout);
    _exit(0);
}

static void spawners(void)
{
    pid_t pids[4];
    for (int i = 0; i < 4; i++)
        if ((pids[i] = fork()) == 0) {
            char *argv[] = { "true", NULL };
            for (int j = 0; j < 40; j++)
                ends_well(spawn("/bin/true", argv, environ, NULL));
            _exit(0);
        }
    for (int i = 0; i < 4; i++)
        ends_well(pids[i]);
}

static void too_long(void)
{
    static char text[70000];
    char *argv[] = { "true", text, NULL };
    memset(text, 'x', sizeof(text) - 1);
    CHECK_ERROR(spawn("/bin/true", argv, environ, NULL), E2BIG);
    text[60000] = '\0';
    ends_well(spawn("/bin/true", argv, environ, NULL));
    static char *words[30001];
    for (int i = 0; i < 30000; i++)
        words[i] = "";
    CHECK_ERROR(spawn("/bin/true", words, environ, NULL), E2BIG);
    words[10000] = NULL;
    ends_well(spawn("/bin/true", words, environ, NULL));
}

/* ---- the library ---- */

static char *const only_true[] = { "true", NULL };

/* Who has no channel to SYSTEM is told so by each function, and isn't taken for a forger. */
static void without_a_channel(void *unused)
{
    (void)unused;
    static struct system_process list[64];
    int status;
    CHECK_IS(capability_close(capability_find("SYSTEM::PROCESS")), 0);
    CHECK_IS(capability_close(capability_find("SYSTEM::NAME")), 0);
    uint64_t begin = folio_clock();
    for (int i = 0; i < 20; i++) {
        CHECK_ERROR(spawn("/bin/true", only_true, environ, NULL), EPIPE);
        CHECK_ERROR(system_wait(3, &status), EPIPE);
        CHECK_ERROR(system_kill(3, SIGKILL), EPIPE);
        CHECK_ERROR(system_list(list, sizeof(list)), EPIPE);
        CHECK_ERROR(name_find("clock") ? 0 : -1, EPIPE);
        CHECK_ERROR(name_register("clock", capability_find("calls"), 0), EPIPE);
    }
    CHECK(folio_clock() - begin < 500 * MILLISECOND);
}

static void nobody_to_ask(void)
{
    ends_well(start(without_a_channel, NULL));
}

static void held_for_nobody(void)
{
    struct spawn_options options = { .flags = SPAWN_CHILD | SPAWN_HELD, .group = GROUP_OF_PARENT };
    CHECK_ERROR(spawn("/bin/true", only_true, environ, &options), EINVAL);
}

/* What posix_spawn opens on the way is seen in the new process under the number that was wanted only. */
static void opened_on_the_way(void)
{
    char text[600] = "", here[200], wanted[300];
    posix_spawn_file_actions_t actions;
    char *argv[] = { (char *)self, ":look", "0", "x", NULL }, *envp[] = { NULL };
    pid_t pid;
    for (int fd = 3; fd < 256; fd++)
        close(fd);
    write_file("input", "five\n", 5, 0644);
    CHECK_IS(posix_spawn_file_actions_init(&actions), 0);
    CHECK_IS(posix_spawn_file_actions_addopen(&actions, 1, "output", O_WRONLY | O_CREAT | O_TRUNC, 0644), 0);
    CHECK_IS(posix_spawn_file_actions_addopen(&actions, 20, "input", O_RDONLY, 0), 0);
    CHECK_IS(posix_spawn(&pid, self, &actions, NULL, argv, envp), 0);
    CHECK_IS(status_of(pid), 9 * 256);
    int fd = open("output", O_RDONLY);
    CHECK(read(fd, text, sizeof(text) - 1) > 0);
    close(fd);
    CHECK(getcwd(here, sizeof(here)) != NULL);
    snprintf(wanted, sizeof(wanted), "4 x 0 %s 0 0 3 0 1 2 20 calls:", here);
    if (strncmp(text, wanted, strlen(wanted)) != 0)
        fail("it saw \"%s\", not \"%s\"", text, wanted);
    /* A number that leads nowhere can't be copied, though something is opened there in passing. */
    CHECK_IS(posix_spawn_file_actions_adddup2(&actions, 3, 6), 0);
    CHECK_IS(posix_spawn(&pid, self, &actions, NULL, argv, envp), EBADF);
    CHECK_IS(posix_spawn_file_actions_destroy(&actions), 0);
    CHECK_IS(posix_spawn_file_actions_init(&actions), 0);
    CHECK_IS(posix_spawn_file_actions_adddup2(&actions, 3, 6), 0);
    CHECK_IS(posix_spawn_file_actions_addopen(&actions, 7, "input", O_RDONLY, 0), 0);
    CHECK_IS(posix_spawn(&pid, self, &actions, NULL, argv, envp), EBADF);
    CHECK_IS(posix_spawn_file_actions_destroy(&actions), 0);
    CHECK_IS(open("input", O_RDONLY), 3);   /* nothing was left open */
}

const struct test system_tests[] = {
    TEST(names_on_the_stack), TEST(many_names), TEST(spawn_is_like_fork_and_exec), TEST(one_channel_is_enough),
    TEST(rights_only_shrink), TEST(lent_by_spawn), TEST(bad_requests), TEST(almost_good_requests), TEST(clients_die),
    TEST(floods_of_requests), TEST(held_until_started), TEST(no_room_for_the_answer), TEST(those_that_stay), TEST(nobody_asks),
    TEST(names), TEST(as_posix_says), TEST(many_spawns), TEST(spawners), TEST(too_long), TEST(nobody_to_ask),
    TEST(held_for_nobody), TEST(opened_on_the_way), { NULL, NULL, 0 },
};

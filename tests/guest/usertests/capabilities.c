/* Capabilities: each right missing once, forged and stale and weak handles, and what is lent and taken back. */
#include <capability.h>
#include <sys/mman.h>
#include "usertests.h"

static struct capability_info list[CAPABILITIES_MAX];

static size_t list_own(void)
{
    ssize_t count = capability_list(list, CAPABILITIES_MAX);
    CHECK(count >= 0 && count <= CAPABILITIES_MAX);
    return (size_t)count;
}

static struct capability_info *info_of(capability_t handle)
{
    size_t count = list_own();
    for (size_t i = 0; i < count; i++)
        if (list[i].handle == handle)
            return &list[i];
    return NULL;
}

/* The entry that all processes have, and its rights. */
static capability_t calls(uint32_t *rights)
{
    capability_t found = capability_find("calls");
    CHECK(found != 0);
    if (rights)
        *rights = info_of(found)->rights;
    return found;
}

/* Keeps these groups alone, for itself and its children. */
static void keep(uint32_t groups)
{
    capability_t all = calls(NULL), kept;
    CHECK((kept = capability_derive(all, groups | RIGHT_DELEGATE, CAPABILITY_INHERITABLE)) != 0);
    CHECK_IS(capability_close(all), 0);
    CHECK(calls(NULL) == kept);
}

/* Without the channels of SYSTEM, which everybody has as well. */
static void leave_system(void)
{
    capability_t channel;
    while ((channel = capability_find("SYSTEM::PROCESS")) != 0 || (channel = capability_find("SYSTEM::NAME")) != 0)
        CHECK_IS(capability_close(channel), 0);
}

/* ---- what everybody has ---- */

static void three_are_inherited(void)
{
    CHECK_IS(list_own(), 3);
    for (int i = 1; i < 3; i++) {
        CHECK(strcmp(list[i].name, i == 1 ? "SYSTEM::PROCESS" : "SYSTEM::NAME") == 0);
        CHECK_IS(list[i].kind, OBJECT_CHANNEL);
        CHECK_IS(list[i].flags, CAPABILITY_INHERITABLE);
        CHECK_IS(list[i].rights, CHANNEL_CALL | RIGHT_DELEGATE);
        CHECK_IS(list[i].derived, 0);
        CHECK_IS(list[i].from, 0);
    }
    leave_system();
    CHECK_IS(list_own(), 1);
    CHECK(strcmp(list[0].name, "calls") == 0);
    CHECK_IS(list[0].kind, OBJECT_CALLS);
    CHECK_IS(list[0].object, 1);
    CHECK_IS(list[0].flags, CAPABILITY_INHERITABLE);
    CHECK_IS(list[0].rights & ~(CALLS_PROCESSES | CALLS_DEVICES), (CALLS_ALL & ~(CALLS_PROCESSES | CALLS_DEVICES)) | RIGHT_DELEGATE);
    CHECK_IS(list[0].derived, 0);
    CHECK_IS(list[0].from, 0);
    CHECK((int64_t)list[0].handle > 4095);
    CHECK_IS(capability_list(NULL, 0), 1);
    CHECK_ERROR(capability_list((void *)8, 1), EFAULT);
}

/* ---- groups of calls ---- */

static const struct {
    uint64_t number;
    uint32_t group;
} groups[] = {
#define CALL_GROUP(name, group) { SYS_##name, CALLS_##group },
#include <folio/call_groups.h>
#undef CALL_GROUP
};
enum { GROUPED = sizeof(groups) / sizeof(groups[0]) };

static bool answers_zeros(uint64_t number)
{
    return number != SYS_EXIT && number != SYS_POWER_OFF && number != SYS_FORK;
}

/* Each call is made once with nothing but its own group: it isn't refused for that reason. All others are. */
static void with_one_group(void *group)
{
    uint32_t only = *(uint32_t *)group;
    keep(only);
    for (int i = 0; i < GROUPED; i++) {
        uint64_t number = groups[i].number;
        bool allowed = groups[i].group == CALLS_ANYBODY || groups[i].group == only;
        if (allowed && !answers_zeros(number))
            continue;
        int64_t result = doors[i % 2](number, 0, 0, 0);
        if ((result == -EPERM) == allowed)
            fail("call %lu with the groups %x: %ld", number, only, result);
    }
}

static void each_group_missing(void)
{
    uint32_t had, none = 0;
    calls(&had);
    for (unsigned bit = 0; bit < CALL_GROUPS; bit++) {
        uint32_t only = 1u << bit;
        if ((had & only) != 0)
            ends_well(start(with_one_group, &only));
    }
    ends_well(start(with_one_group, &none));
}

/* A group is there as long as any entry has it. */
static void groups_add_up(void)
{
    capability_t all = calls(NULL);
    capability_t files = capability_derive(all, CALLS_FILES, 0), both = capability_derive(all, CALLS_FILES | CALLS_MEMORY, 0);
    struct stat status;
    leave_system();
    CHECK(files && both);
    CHECK_IS(capability_close(all), 0);
    CHECK_IS(stat(".", &status), 0);
    CHECK_ERROR(kill(getpid(), 0), EPERM);
    CHECK_IS(capability_close(both), 0);
    CHECK_IS(stat(".", &status), 0);
    CHECK_IS(by_interrupt(SYS_BRK, 0, 0, 0), -EPERM);
    CHECK_IS(capability_close(files), 0);
    CHECK_ERROR(stat(".", &status), EPERM);
    CHECK_ERROR(fork(), EPERM);
    CHECK_IS(list_own(), 0);
    CHECK(getpid() > 0);
}

/* ---- handles ---- */

static void bad_handles(void)
{
    uint32_t rights;
    capability_t all = calls(&rights), self_handle, weak, bad = 0;
    CHECK((weak = capability_derive(all, CALLS_FILES, 0)) != 0);
    CHECK((self_handle = process_self(all, PROCESS_GIVE | RIGHT_DELEGATE)) != 0);
    CHECK_ERROR(capability_derive(weak, CALLS_MEMORY, 0) ? 0 : -1, EACCES);
    CHECK_ERROR(capability_derive(weak, RIGHT_DELEGATE, 0) ? 0 : -1, EACCES);
    CHECK_ERROR(capability_derive(all, 1 << 20, 0) ? 0 : -1, EACCES);
    CHECK_IS(by_syscall(SYS_CAPABILITY_DERIVE, all, UINT64_C(1) << 40, 0), -EACCES);
    CHECK_ERROR(capability_derive(all, CALLS_FILES, 2) ? 0 : -1, EINVAL);
    CHECK_ERROR(capability_flag(all, 4), EINVAL);
    CHECK_ERROR(capability_give(all, all, 0, NULL) ? 0 : -1, EPROTOTYPE);
    CHECK_ERROR(capability_give(self_handle, weak, CALLS_FILES, NULL) ? 0 : -1, EACCES);
    CHECK_ERROR(capability_give(self_handle, all, 1 << 20, NULL) ? 0 : -1, EACCES);
    CHECK_ERROR(process_self(self_handle, 0) ? 0 : -1, EPROTOTYPE);
    CHECK_ERROR(process_self(weak, 0) ? 0 : -1, EACCES);
    CHECK_ERROR(process_self(all, 1 << 20) ? 0 : -1, EINVAL);
    CHECK_ERROR(device_read(all, 0, 1), EPROTOTYPE);
    CHECK_IS(capability_close(weak), 0);
    CHECK_ERROR(capability_close(weak), ESTALE);
    CHECK_ERROR(capability_revoke(weak), ESTALE);
    CHECK_ERROR(capability_flag(weak, 0), ESTALE);
    CHECK_ERROR(capability_derive(weak, 0, 0) ? 0 : -1, ESTALE);
    CHECK_ERROR(capability_give(weak, all, 0, NULL) ? 0 : -1, ESTALE);
    CHECK_ERROR(capability_give(self_handle, weak, 0, NULL) ? 0 : -1, ESTALE);
    CHECK_ERROR(process_self(weak, 0) ? 0 : -1, ESTALE);
    CHECK_ERROR(device_read(weak, 0, 1), ESTALE);
    CHECK_ERROR(capability_close(bad), EBADF);
    CHECK_ERROR(capability_close(all ^ 1), EBADF);
    CHECK_ERROR(capability_close(all ^ UINT64_C(1) << 62), EBADF);
    CHECK_ERROR(capability_revoke(1), EBADF);
    CHECK_ERROR(capability_flag(UINT64_MAX, 0), EBADF);
    CHECK_ERROR(device_read(0, 0, 1), EBADF);
    CHECK_ERROR(device_write(0, 0, 1, 0), EBADF);
    CHECK_ERROR(device_create(0, DEVICE_PORTS, 0, 1) ? 0 : -1, EBADF);
    CHECK_ERROR(process_self(4096, 0) ? 0 : -1, EBADF);
}

static void give_without_the_right(void)
{
    capability_t all = calls(NULL), whole, mute;
    CHECK((whole = process_self(all, PROCESS_GIVE)) != 0);
    CHECK((mute = capability_derive(whole, 0, 0)) != 0);
    CHECK_ERROR(capability_give(mute, all, 0, "gift") ? 0 : -1, EACCES);
    CHECK(capability_give(whole, all, CALLS_FILES, "gift") != 0);
    CHECK(capability_find("gift") != 0);
    CHECK_IS(info_of(capability_find("gift"))->rights, CALLS_FILES);
}

/* Numbers can't be foreseen, and none is used twice. */
static void handles_are_drawn(void)
{
    enum { COUNT = 300 };
    capability_t all = calls(NULL), seen[COUNT];
    uint64_t different = 0;
    for (int i = 0; i < COUNT; i++) {
        CHECK((seen[i] = capability_derive(all, 0, 0)) != 0);
        for (int j = 0; j < i; j++)
            CHECK(seen[i] != seen[j]);
        different |= i > 0 ? seen[i] ^ seen[i - 1] : 0;
        CHECK((int64_t)seen[i] > 4095);
        if (i % 2 == 0)
            CHECK_IS(capability_close(seen[i]), 0);
    }
    CHECK_IS(different >> 12, (UINT64_C(1) << 51) - 1);
    CHECK_IS(capability_revoke(all), COUNT / 2);
}

static void guess(void *unused)
{
    (void)unused;
    unsigned free_ones = 0;
    for (int i = 0; i < 26; i++) {
        uint64_t begin = folio_clock();
        CHECK_ERROR(capability_close(random64() >> 1 | 4096), EBADF);
        bool fast = folio_clock() - begin < 10 * MILLISECOND;
        CHECK(i < 16 || !fast);
        free_ones += fast;
    }
    CHECK(free_ones > 8);       /* 16, but the host may take its processor away now and then */
}

/* Who makes up many numbers waits for each; stopping and continuing him doesn't help. */
static void guessers_are_slowed(void)
{
    ends_well(start(guess, NULL));
    pid_t pid = start(guess, NULL);
    for (int i = 0; i < 50; i++) {
        kill(pid, SIGSTOP);
        kill(pid, SIGCONT);
        pause_for(MILLISECOND);
    }
    ends_well(pid);
}

static void a_full_table(void)
{
    capability_t all = calls(NULL), last = all;
    leave_system();
    for (int i = 1; i < CAPABILITIES_MAX; i++)
        CHECK((last = capability_derive(last, CALLS_FILES | RIGHT_DELEGATE, CAPABILITY_INHERITABLE)) != 0);
    CHECK_ERROR(capability_derive(all, 0, 0) ? 0 : -1, EMFILE);
    CHECK_ERROR(process_self(all, 0) ? 0 : -1, EMFILE);
    CHECK_IS(list_own(), CAPABILITIES_MAX);
    pid_t pid = fork();
    if (pid == 0) {
        CHECK_IS(list_own(), CAPABILITIES_MAX);
        CHECK_IS(capability_close(last), 0);
        CHECK_IS(capability_revoke(all), 0);    /* its own are derived from the parent's, one by one */
        _exit(0);
    }
    ends_well(pid);
    CHECK_IS(capability_revoke(all), CAPABILITIES_MAX - 1);
    CHECK(capability_derive(all, 0, 0) != 0);
}

/* ---- lent and taken back ---- */

static void hand_over(int *pipe)
{
    CHECK_IS(write(pipe[1], "x", 1), 1);
}

static void await(int *pipe)
{
    char byte;
    CHECK_IS(read(pipe[0], &byte, 1), 1);
}

enum { DEPTH = 5 };

/* Parents lend to children, which lend to theirs; the first takes it back from all. */
static void lend_on(int depth, capability_t lent, int *begun, int *taken)
{
    capability_t own = capability_derive(lent, CALLS_FILES, 0);
    struct stat status;
    CHECK(own != 0);
    if (depth < DEPTH) {
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            CHECK_ERROR(capability_close(own), ESTALE);     /* wasn't inherited */
            lend_on(depth + 1, lent, begun, taken);
            _exit(0);
        }
        await(taken);
        ends_well(pid);
    } else {
        hand_over(begun);
        await(taken);
    }
    CHECK_ERROR(capability_close(own), ESTALE);
    CHECK_ERROR(capability_close(lent), ESTALE);
    CHECK_ERROR(stat(".", &status), EPERM);
    CHECK_IS(list_own(), 0);
}

static void revoke_through_forks(void)
{
    capability_t all = calls(NULL);
    capability_t lent = capability_derive(all, CALLS_FILES | CALLS_PROGRAMS | RIGHT_DELEGATE, CAPABILITY_INHERITABLE);
    int begun[2], taken[2];
    leave_system();
    CHECK_IS(pipe(begun), 0);
    CHECK_IS(pipe(taken), 0);
    CHECK_IS(capability_flag(all, 0), 0);
    pid_t pid = fork();
    if (pid == 0) {
        CHECK_ERROR(capability_revoke(all), ESTALE);
        lend_on(1, lent, begun, taken);
        _exit(0);
    }
    await(begun);
    CHECK_IS(info_of(lent)->derived, 1);
    CHECK_IS(capability_revoke(lent), 2 * DEPTH);
    CHECK_IS(info_of(lent)->derived, 0);
    CHECK_IS(capability_revoke(lent), 0);
    for (int i = 0; i < DEPTH; i++)
        hand_over(taken);
    ends_well(pid);
}

/* The one in the middle ends, and what he had lent can still be taken back from above. */
static void orphans_are_reached(void)
{
    capability_t all = calls(NULL), lent = capability_derive(all, CALLS_ALL & info_of(all)->rights, 0);
    int begun[2], taken[2], told[2];
    CHECK_IS(pipe(begun), 0);
    CHECK_IS(pipe(taken), 0);
    CHECK_IS(pipe(told), 0);
    pid_t pid = fork();
    if (pid == 0) {
        if (fork() == 0) {
            hand_over(begun);
            await(taken);
            struct stat status;
            char result = stat(".", &status) < 0 && errno == EPERM;
            write(told[1], &result, 1);
        }
        _exit(0);
    }
    ends_well(pid);
    await(begun);
    CHECK_IS(capability_close(lent), 0);
    CHECK_IS(capability_revoke(all), 1);
    hand_over(taken);
    char result = 0;
    CHECK_IS(read(told[0], &result, 1), 1);
    CHECK(result);
}

/* A child holds its parent by a capability, and gives it something; when it has gone, that is still the parent's. */
static void a_gift(void)
{
    capability_t all = calls(NULL), mine;
    CHECK((mine = process_self(all, PROCESS_GIVE | RIGHT_DELEGATE)) != 0);
    CHECK_IS(capability_flag(mine, CAPABILITY_INHERITABLE), 0);
    pid_t pid = fork();
    if (pid == 0) {
        capability_t own = process_self(all, PROCESS_GIVE | RIGHT_DELEGATE), there;
        CHECK((there = capability_give(mine, all, CALLS_POWER, "power")) != 0);
        CHECK_ERROR(capability_close(there), EBADF);        /* a number of another table */
        CHECK(capability_give(mine, own, PROCESS_GIVE, "child") != 0);
        _exit(0);
    }
    ends_well(pid);
    capability_t power = capability_find("power"), child = capability_find("child");
    CHECK(power && child);
    CHECK_IS(info_of(power)->rights, CALLS_POWER);
    CHECK_IS(info_of(power)->from, all);
    CHECK_IS(info_of(child)->kind, OBJECT_PROCESS);
    CHECK(info_of(child)->object != info_of(mine)->object);
    CHECK_ERROR(capability_give(child, all, 0, NULL) ? 0 : -1, ESRCH);
    CHECK_IS(capability_revoke(all), 1);
    CHECK_ERROR(capability_close(power), ESTALE);
    CHECK_IS(capability_close(child), 0);
}

static void bad_names(void)
{
    static const char *const names[] = { "two words", "\033[2J", "\n", "\177", "\303\244" };
    capability_t all = calls(NULL), mine = process_self(all, PROCESS_GIVE);
    char *edge = edge_of_memory();
    leave_system();
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        CHECK_ERROR(capability_give(mine, all, 0, names[i]) ? 0 : -1, EINVAL);
    CHECK_ERROR(capability_give(mine, all, 0, "a-name-of-twenty-four...") ? 0 : -1, ENAMETOOLONG);
    CHECK(capability_give(mine, all, 0, "a-name-of-twenty-three.") != 0);
    memset(edge - 4, 'x', 4);
    CHECK_ERROR(capability_give(mine, all, 0, edge - 4) ? 0 : -1, EFAULT);
    CHECK_ERROR(capability_give(mine, all, 0, (char *)8) ? 0 : -1, EFAULT);
    CHECK_ERROR(capability_give(mine, all, 0, (char *)0xffff800000000000) ? 0 : -1, EFAULT);
    edge[-1] = '\0';
    CHECK(capability_give(mine, all, 0, edge - 4) != 0);
    CHECK_IS(list_own(), 4);
}

/* The program ":handles": which of the handles that are named by its arguments are still good? */
void handles_program(int argc, char **argv)
{
    for (int i = 2; i < argc; i++)
        putchar(capability_flag(strtoul(argv[i], NULL, 16), 0) == 0 ? 'y' : errno == ESTALE ? 's' : 'n');
    fflush(stdout);
    _exit(0);
}

static void exec_keeps_what_is_marked(void)
{
    char texts[4][20], answer[8] = "";
    char *argv[] = { (char *)self, ":handles", texts[0], texts[1], texts[2], texts[3], NULL };
    capability_t all = calls(NULL), handles[4];
    int fds[2];
    handles[0] = all;
    CHECK((handles[1] = capability_derive(all, CALLS_FILES, 0)) != 0);
    CHECK((handles[2] = capability_derive(all, CALLS_FILES, CAPABILITY_INHERITABLE)) != 0);  /* not for children */
    CHECK((handles[3] = process_self(all, RIGHT_DELEGATE)) != 0);
    CHECK_IS(capability_flag(handles[3], CAPABILITY_INHERITABLE), 0);
    for (int i = 0; i < 4; i++)
        snprintf(texts[i], sizeof(texts[i]), "%lx", handles[i]);
    CHECK_IS(pipe(fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(fds[1], 1);
        CHECK_IS(capability_flag(handles[3], 0), 0);        /* the child's own flag */
        CHECK((handles[1] = capability_derive(all, CALLS_FILES, CAPABILITY_INHERITABLE)) != 0);
        snprintf(texts[1], sizeof(texts[1]), "%lx", handles[1]);
        execv(self, argv);
        _exit(1);
    }
    close(fds[1]);
    CHECK_IS(read(fds[0], answer, sizeof(answer)), 4);
    ends_well(pid);
    CHECK(strcmp(answer, "yyss") == 0);
    CHECK_IS(info_of(handles[3])->flags, CAPABILITY_INHERITABLE);
}

/* ---- devices ---- */

enum { CLOCK = 0x70, SECONDS = 0, PORTS = 0x10000 };

/* The tests of devices need a machine that was started with the word "devices". */
static capability_t clock_ports(void)
{
    uint32_t rights;
    capability_t all = calls(&rights), ports = device_create(all, DEVICE_PORTS, CLOCK, 2);
    if ((rights & CALLS_DEVICES) == 0) {
        CHECK(ports == 0 && errno == EACCES);
        _exit(0);
    }
    CHECK(ports != 0);
    return ports;
}

static void ranges_are_checked(void)
{
    capability_t all = calls(NULL), ports = clock_ports(), last;
    CHECK_ERROR(device_create(all, 0, CLOCK, 2) ? 0 : -1, EINVAL);
    CHECK_ERROR(device_create(all, 2, CLOCK, 2) ? 0 : -1, EINVAL);
    CHECK_ERROR(device_create(all, DEVICE_PORTS, 0, 0) ? 0 : -1, EINVAL);
    CHECK_ERROR(device_create(all, DEVICE_PORTS, PORTS, 1) ? 0 : -1, EINVAL);
    CHECK_ERROR(device_create(all, DEVICE_PORTS, 1, PORTS) ? 0 : -1, EINVAL);
    CHECK_ERROR(device_create(all, DEVICE_PORTS, 1, UINT64_MAX) ? 0 : -1, EINVAL);
    CHECK_ERROR(device_create(all, DEVICE_PORTS, UINT64_MAX, 2) ? 0 : -1, EINVAL);
    CHECK((last = device_create(all, DEVICE_PORTS, PORTS - 1, 1)) != 0);
    CHECK_ERROR(device_read(last, 0, 2), EINVAL);
    CHECK_IS(info_of(ports)->first, CLOCK);
    CHECK_IS(info_of(ports)->count, 2);
    CHECK_IS(info_of(ports)->rights, DEVICE_READ | DEVICE_WRITE | RIGHT_DELEGATE);
    CHECK_IS(device_write(ports, 0, 1, SECONDS), 0);
    CHECK(device_read(ports, 1, 1) <= 0x59);
    CHECK(device_read(ports, 0, 2) >= 0);
    static const uint64_t beyond[] = { 2, 3, 0xffff, PORTS, UINT64_MAX, UINT64_MAX - 1, INT64_MAX, UINT64_C(1) << 32 };
    for (size_t i = 0; i < sizeof(beyond) / sizeof(beyond[0]); i++) {
        CHECK_ERROR(device_read(ports, beyond[i], 1), EINVAL);
        CHECK_ERROR(device_write(ports, beyond[i], 1, 0), EINVAL);
    }
    for (unsigned width = 0; width < 10; width++)
        if (width != 1 && width != 2)
            CHECK_ERROR(device_read(ports, 0, width), EINVAL);
    CHECK_ERROR(device_read(ports, 1, 2), EINVAL);
    CHECK_ERROR(device_write(ports, 1, 2, 0), EINVAL);
}

static void rights_of_devices(void)
{
    capability_t ports = clock_ports();
    capability_t reader = capability_derive(ports, DEVICE_READ, 0), writer = capability_derive(ports, DEVICE_WRITE, 0);
    CHECK(reader && writer);
    CHECK(device_read(reader, 1, 1) >= 0);
    CHECK_ERROR(device_write(reader, 0, 1, SECONDS), EACCES);
    CHECK_IS(device_write(writer, 0, 1, SECONDS), 0);
    CHECK_ERROR(device_read(writer, 1, 1), EACCES);
    CHECK_ERROR(capability_derive(reader, DEVICE_WRITE, 0) ? 0 : -1, EACCES);
    capability_t all = calls(NULL), without = capability_derive(all, CALLS_ALL & ~CALLS_DEVICES & info_of(all)->rights, 0);
    CHECK(without != 0);
    CHECK_ERROR(device_create(without, DEVICE_PORTS, CLOCK, 2) ? 0 : -1, EACCES);
    CHECK_ERROR(device_create(ports, DEVICE_PORTS, CLOCK, 2) ? 0 : -1, EPROTOTYPE);
    CHECK_ERROR(capability_give(ports, all, 0, NULL) ? 0 : -1, EPROTOTYPE);
    CHECK_IS(capability_revoke(ports), 2);
    CHECK_ERROR(device_read(reader, 1, 1), ESTALE);
    CHECK_ERROR(device_write(writer, 0, 1, 0), ESTALE);
    CHECK(device_read(ports, 1, 1) >= 0);
}

static void read_until_refused(void *handle)
{
    capability_t ports = *(capability_t *)handle;
    while (device_read(ports, 1, 1) >= 0)
        continue;
    CHECK_IS(errno, ESTALE);
}

/* Taken back in the middle of a loop that does nothing but use it, on other processors if there are any. */
static void revoke_in_use(void)
{
    capability_t ports = clock_ports();
    CHECK_IS(capability_flag(ports, CAPABILITY_INHERITABLE), 0);
    for (int round = 0; round < 20; round++) {
        pid_t pids[3];
        for (int i = 0; i < 3; i++)
            pids[i] = start(read_until_refused, &ports);
        pause_for((1 + random64() % 3) * MILLISECOND);
        CHECK_IS(capability_revoke(ports), 3);
        for (int i = 0; i < 3; i++)
            ends_well(pids[i]);
    }
}

/* ---- large trees ---- */

enum { HEIRS = 24, HEIRS_AT_MOST = 128, ENTRIES = 900 };

/* What one sees who has nothing to do with the tree, and only derives and closes: how long it takes at most. */
struct bystander {
    _Atomic uint64_t longest, rounds;
};

static void stand_by(void *shared)
{
    struct bystander *seen = shared;
    capability_t own = calls(NULL);
    for (;;) {
        uint64_t begin = folio_clock();
        CHECK_IS(capability_close(capability_derive(own, 0, 0)), 0);
        uint64_t took = folio_clock() - begin;
        if (took > seen->longest)
            seen->longest = took;
        seen->rounds++;
    }
}

static void await_rounds(struct bystander *seen)
{
    uint64_t rounds = seen->rounds;
    while (seen->rounds < rounds + 2)
        pause_for(MILLISECOND);
}

/* With -v: how long it took, and the longest that the other had to wait meanwhile. */
static void while_others_pass(struct bystander *seen, const char *what, int64_t (*act)(capability_t), capability_t handle,
                              int64_t wanted)
{
    await_rounds(seen);
    seen->longest = 0;
    uint64_t begin = folio_clock();
    CHECK_IS(act(handle), wanted);
    uint64_t took = folio_clock() - begin;
    await_rounds(seen);
    if (tell_failures)
        printf("%s: %lu us, and the longest wait %lu us\n", what, took / 1000, seen->longest / 1000);
    fflush(stdout);
}

static int64_t close_it(capability_t handle) { return capability_close(handle); }
static int64_t revoke_it(capability_t handle) { return capability_revoke(handle); }

/* A parent whose children are as many as can be made: to close it, and to revoke it, is nobody else's trouble. */
static void a_large_tree(void)
{
    static capability_t own[ENTRIES];
    pid_t heirs[HEIRS_AT_MOST];
    capability_t all = calls(NULL), top, under;
    struct bystander *seen = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t other = start(stand_by, seen);
    int count = getenv("HEIRS") ? atoi(getenv("HEIRS")) : HEIRS;
    CHECK((top = capability_derive(all, CALLS_FILES | RIGHT_DELEGATE, 0)) != 0);
    CHECK((under = capability_derive(top, CALLS_FILES | RIGHT_DELEGATE, 0)) != 0);
    for (int i = 0; i < ENTRIES; i++)
        CHECK((own[i] = capability_derive(under, RIGHT_DELEGATE, CAPABILITY_INHERITABLE)) != 0);
    for (int i = 0; i < count; i++)
        heirs[i] = start(block_forever, NULL);
    for (int i = 0; i < ENTRIES; i++)
        CHECK_IS(capability_close(own[i]), 0);
    CHECK_IS(info_of(under)->derived, count * ENTRIES);
    CHECK_IS(info_of(top)->derived, 1);
    while_others_pass(seen, "close", close_it, under, 0);
    CHECK_IS(info_of(top)->derived, count * ENTRIES);
    while_others_pass(seen, "revoke", revoke_it, top, count * ENTRIES);
    CHECK_IS(info_of(top)->derived, 0);
    for (int i = 0; i < count; i++)
        stop(heirs[i]);
    stop(other);
}

/* One who revokes in the middle of what somebody above revokes at the same time: when either is done, nothing is left. */
struct two_sides {
    _Atomic int ready, go, over;
    size_t base;
    capability_t lent;
};

static void keep_until_over(void *shared)
{
    struct two_sides *both = shared;
    while (!both->over)
        pause_for(MILLISECOND / 10);
    CHECK_IS(list_own(), both->base);
}

static void revoke_in_the_middle(void *shared)
{
    enum { HOLDERS = 4, EACH = 300 };
    struct two_sides *both = shared;
    pid_t holders[HOLDERS];
    for (int i = 0; i < EACH; i++)
        CHECK(capability_derive(both->lent, RIGHT_DELEGATE, CAPABILITY_INHERITABLE) != 0);
    CHECK_IS(capability_flag(both->lent, 0), 0);
    for (int i = 0; i < HOLDERS; i++)
        holders[i] = start(keep_until_over, shared);
    both->ready = 1;
    while (!both->go)
        continue;
    ssize_t count = capability_revoke(both->lent);
    if (count >= 0)
        both->over = 1;
    else
        CHECK_IS(errno, ESTALE);        /* the other has begun with us: it is his to say */
    for (int i = 0; i < HOLDERS; i++)
        ends_well(holders[i]);
}

static void revoked_from_two_sides(void)
{
    struct two_sides *both = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    capability_t all = calls(NULL);
    for (int round = 0; round < 8; round++) {
        *both = (struct two_sides){ .base = list_own() };
        CHECK((both->lent = capability_derive(all, RIGHT_DELEGATE, CAPABILITY_INHERITABLE)) != 0);
        pid_t middle = start(revoke_in_the_middle, both);
        while (!both->ready)
            pause_for(MILLISECOND);
        both->go = 1;
        if (round % 2 == 0)
            pause_for(random64() % (2 * MILLISECOND));
        CHECK(capability_revoke(both->lent) >= 0);
        CHECK_IS(info_of(both->lent)->derived, 0);
        both->over = 1;
        ends_well(middle);
        CHECK_IS(capability_close(both->lent), 0);
    }
}

/* When a group has been revoked, each process finishes the one call in which it is, and makes no other. */
struct lent_group {
    _Atomic uint64_t made;
    _Atomic bool refused;
};

static void stat_until_refused(void *shared)
{
    struct lent_group *own = shared;
    struct stat status;
    while (stat(".", &status) == 0)
        own->made++;
    CHECK_IS(errno, EPERM);
    own->refused = true;
}

static void one_call_goes_on(void)
{
    enum { BORROWERS = 3, ROUNDS = 20 };
    struct lent_group *each = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    capability_t all = calls(NULL), lent;
    leave_system();
    CHECK_IS(capability_flag(all, 0), 0);
    for (int round = 0; round < ROUNDS; round++) {
        pid_t pids[BORROWERS];
        uint64_t made[BORROWERS];
        CHECK((lent = capability_derive(all, CALLS_FILES | RIGHT_DELEGATE, CAPABILITY_INHERITABLE)) != 0);
        memset(each, 0, PAGE);
        for (int i = 0; i < BORROWERS; i++)
            pids[i] = start(stat_until_refused, &each[i]);
        while (each[0].made == 0)
            folio_yield();
        pause_for(random64() % MILLISECOND);
        CHECK_IS(capability_revoke(lent), BORROWERS);
        for (int i = 0; i < BORROWERS; i++)
            made[i] = each[i].made;
        for (int i = 0; i < BORROWERS; i++) {
            ends_well(pids[i]);
            CHECK(each[i].refused && each[i].made <= made[i] + 1);
        }
        CHECK_IS(capability_close(lent), 0);
    }
}

/* ---- everything at once ---- */

static void forget(capability_t *own, int count, int i)
{
    capability_close(own[i]);
    own[i] = own[count - 1];
}

/* Whatever these do, they do to the same tree. */
static void gardener(void *handles)
{
    capability_t lent = ((capability_t *)handles)[0], parent = ((capability_t *)handles)[1], own[64] = { lent };
    random_state ^= (uint64_t)getpid() << 20;
    uint64_t end = folio_clock() + 600 * MILLISECOND;
    for (int count = 1; folio_clock() < end;) {
        int i = (int)(random64() % (unsigned)count);
        switch (random64() % 8) {
        case 0: case 1: case 2:
            if (count < 64 && (own[count] = capability_derive(own[i], CALLS_ALL & (uint32_t)random64(), random64() % 2)) != 0)
                count++;
            break;
        case 3:
            if (count > 1 && i > 0)
                forget(own, count--, i);
            break;
        case 4:
            capability_revoke(own[i]);
            break;
        case 5:
            capability_give(parent, own[i], CALLS_FILES, "fruit");
            break;
        case 6:
            capability_flag(own[i], random64() % 2);
            break;
        default: {
            pid_t pid = random64() % 8 == 0 ? fork() : -1;
            if (pid == 0) {
                capability_revoke(own[i]);
                _exit(0);
            }
            if (pid > 0)
                status_of(pid);
        }
        }
    }
}

static void gardeners(void)
{
    enum { GARDENERS = 4 };
    uint32_t rights;
    capability_t all = calls(&rights), handles[2];
    pid_t pids[GARDENERS];
    CHECK((handles[0] = capability_derive(all, (rights & CALLS_ALL) | RIGHT_DELEGATE, CAPABILITY_INHERITABLE)) != 0);
    CHECK((handles[1] = process_self(all, PROCESS_GIVE | RIGHT_DELEGATE)) != 0);
    CHECK_IS(capability_flag(handles[1], CAPABILITY_INHERITABLE), 0);
    for (int i = 0; i < GARDENERS; i++)
        pids[i] = start(gardener, handles);
    for (int alive = GARDENERS; alive > 0;) {
        size_t count = list_own();
        for (size_t i = 0; i < count; i++)
            if (strcmp(list[i].name, "fruit") == 0)
                capability_close(list[i].handle);
        pause_for(20 * MILLISECOND);
        capability_revoke(handles[0]);  /* now they have what they need by `calls` alone */
        for (int i = 0; i < GARDENERS; i++)
            if (pids[i] > 0 && waitpid(pids[i], NULL, WNOHANG) == pids[i]) {
                pids[i] = 0;
                alive--;
            }
    }
    CHECK(capability_revoke(all) >= 0);
    CHECK_IS(capability_close(handles[0]), -1);
    CHECK_IS(errno, ESTALE);
}

const struct test capability_tests[] = {
    TEST(three_are_inherited), TEST(each_group_missing), TEST(groups_add_up), TEST(bad_handles),
    TEST(give_without_the_right), TEST(handles_are_drawn), TEST(guessers_are_slowed), TEST(a_full_table),
    TEST(revoke_through_forks), TEST(orphans_are_reached), TEST(a_gift), TEST(bad_names),
    TEST(exec_keeps_what_is_marked), TEST(ranges_are_checked), TEST(rights_of_devices), TEST(revoke_in_use),
    TEST(gardeners), TEST(a_large_tree), TEST(revoked_from_two_sides), TEST(one_call_goes_on), { NULL, NULL, 0 },
};

/* Each call that takes a handle, with each handle that it must refuse: forged, stale, of each other kind, and without
 * each right that it needs; with these rights and no others it isn't refused. And each call that waits, when what it came
 * by is revoked. */
#include <capability.h>
#include <channel.h>
#include <parts.h>
#include <sys/mman.h>
#include "usertests.h"

enum { KINDS = OBJECT_DEVICE + 1, ANY = 0, CLOCK = 0x70, WITH_ALL = 7 };

/* An object of each kind, with all rights that there are: what they are is told by the list. Without the words "processes"
 * and "devices" there are some kinds less. */
static capability_t whole[KINDS], other_process, other_thread, deaf;
static uint32_t rights_of[KINDS];

static uint32_t rights_now(capability_t handle)
{
    static struct capability_info list[CAPABILITIES_MAX];
    ssize_t count = capability_list(list, CAPABILITIES_MAX);
    for (ssize_t i = 0; i < count; i++)
        if (list[i].handle == handle)
            return list[i].rights;
    fail("a handle isn't listed");
}

static capability_t derive(capability_t from, uint32_t rights)
{
    capability_t made = capability_derive(from, rights, 0);
    CHECK(made != 0);
    return made;
}

static void make_objects(void)
{
    capability_t calls = capability_find("calls"), channel;
    whole[OBJECT_CALLS] = calls;
    CHECK((whole[OBJECT_MEMORY] = memory_create(calls, PAGE)) != 0);
    CHECK((whole[OBJECT_CHANNEL] = channel_create(calls)) != 0);
    CHECK((channel = channel_create(calls)) != 0);
    deaf = derive(channel, CHANNEL_CALL | CHANNEL_SEND);
    CHECK_IS(capability_close(channel), 0);
    whole[OBJECT_DEVICE] = device_create(calls, DEVICE_PORTS, CLOCK, 2);
    whole[OBJECT_PROCESS] = process_create(calls, "half");
    if (whole[OBJECT_PROCESS] != 0) {
        CHECK((other_process = process_create(calls, "other")) != 0);
        CHECK((other_thread = thread_create(other_process, PAGE, 0, 0)) != 0);
        CHECK((whole[OBJECT_THREAD] = thread_create(whole[OBJECT_PROCESS], PAGE, 0, 0)) != 0);
    } else {
        CHECK((whole[OBJECT_PROCESS] = process_self(calls, PROCESS_ALL | RIGHT_DELEGATE)) != 0);
    }
    for (unsigned kind = 1; kind < KINDS; kind++)
        if (whole[kind])
            rights_of[kind] = rights_now(whole[kind]);
}

/* One place for a handle in one call. */
struct use {
    uint64_t number;
    int place;                      /* which argument; or IN_LIST, or IN_MESSAGE */
    unsigned kind;                  /* ANY: of all kinds, one after the other */
    uint32_t needs;                 /* rights; of ANY: WITH_ALL, all that are asked for */
    uint64_t arguments[6];
    capability_t *argument, *second;    /* what stands in the arguments 0 and 1, if that is a handle too */
    int asked;                      /* the argument that says which rights are wanted; 0: none does */
    bool makes;                     /* a new handle of the caller's own */
};
enum { IN_LIST = 6, IN_MESSAGE = 7 };

#define USE(name, place_, kind_, needs_, ...) \
    { .number = SYS_##name, .place = place_, .kind = kind_, .needs = needs_, __VA_ARGS__ }
static const struct use uses[] = {
    USE(CAPABILITY_DERIVE, 0, ANY, WITH_ALL, .asked = 1, .makes = true),
    USE(CAPABILITY_GIVE, 0, OBJECT_PROCESS, PROCESS_GIVE, .second = &whole[OBJECT_CHANNEL]),
    USE(CAPABILITY_GIVE, 1, ANY, WITH_ALL, .argument = &whole[OBJECT_PROCESS], .asked = 2),
    USE(CAPABILITY_REVOKE, 0, ANY, 0),
    USE(CAPABILITY_CLOSE, 0, ANY, 0),
    USE(CAPABILITY_FLAG, 0, ANY, 0),
    USE(PROCESS_SELF, 0, OBJECT_CALLS, CALLS_OBJECTS, .makes = true),
    USE(DEVICE_CREATE, 0, OBJECT_CALLS, CALLS_DEVICES, .arguments = { 0, DEVICE_PORTS, CLOCK, 2 }, .makes = true),
    USE(DEVICE_READ, 0, OBJECT_DEVICE, DEVICE_READ, .arguments = { 0, 1, 1 }),
    USE(DEVICE_WRITE, 0, OBJECT_DEVICE, DEVICE_WRITE, .arguments = { 0, 0, 1, 0 }),
    USE(CHANNEL_CREATE, 0, OBJECT_CALLS, CALLS_OBJECTS, .makes = true),
    USE(CHANNEL_CALL, 0, OBJECT_CHANNEL, CHANNEL_CALL, .arguments = { 0, 8 }),            /* with parts that can't be read */
    USE(CHANNEL_SEND, 0, OBJECT_CHANNEL, CHANNEL_SEND, .arguments = { 0, 8 }),
    USE(CHANNEL_RECEIVE, 0, OBJECT_CHANNEL, CHANNEL_RECEIVE, .arguments = { 0, 8 }),
    USE(CHANNEL_RECEIVE, 0, OBJECT_CHANNEL, CHANNEL_RECEIVE),         /* and without any */
    USE(CHANNEL_REPLY, 0, OBJECT_CHANNEL, CHANNEL_RECEIVE, .arguments = { 0, 8 }),
    USE(CHANNEL_REPLY, 0, OBJECT_CHANNEL, CHANNEL_RECEIVE),
    USE(CHANNEL_REPLY_RECEIVE, 0, OBJECT_CHANNEL, CHANNEL_RECEIVE, .arguments = { 0, 8 }),
    USE(HANDLES_WAIT, IN_LIST, OBJECT_CHANNEL, CHANNEL_RECEIVE, .arguments = { 0, 2 }),
    USE(HANDLES_WAIT, IN_LIST, OBJECT_PROCESS, PROCESS_WAIT, .arguments = { 0, 2 }),
    USE(CHANNEL_CALL, IN_MESSAGE, ANY, WITH_ALL, .argument = &deaf),
    USE(CHANNEL_SEND, IN_MESSAGE, ANY, WITH_ALL, .argument = &deaf),
    USE(CHANNEL_REPLY, IN_MESSAGE, ANY, WITH_ALL, .argument = &whole[OBJECT_CHANNEL]),
    USE(MEMORY_CREATE, 0, OBJECT_CALLS, CALLS_OBJECTS, .arguments = { 0, PAGE }, .makes = true),
    USE(MEMORY_MAP, 0, OBJECT_MEMORY, MEMORY_READ, .arguments = { 0, 0, 0, PAGE, PROT_NONE }),
    USE(MEMORY_MAP, 0, OBJECT_MEMORY, MEMORY_READ | MEMORY_WRITE, .arguments = { 0, 0, 0, PAGE, PROT_READ | PROT_WRITE }),
    USE(MEMORY_MAP, 0, OBJECT_MEMORY, MEMORY_READ | MEMORY_EXECUTE, .arguments = { 0, 0, 0, PAGE, PROT_READ | PROT_EXEC }),
    USE(PROCESS_CREATE, 0, OBJECT_CALLS, CALLS_PROCESSES, .arguments = { 0, (uint64_t)"one" }, .makes = true),
    USE(MEMORY_MAP_INTO, 0, OBJECT_PROCESS, PROCESS_MAP, .arguments = { 0, 0, PAGE, PROT_READ }),
    USE(MEMORY_MAP_INTO, 4, OBJECT_MEMORY, MEMORY_READ, .arguments = { 0, 0, PAGE, PROT_READ | MEMORY_SHARED },
        .argument = &other_process),
    USE(MEMORY_MAP_INTO, 4, OBJECT_MEMORY, MEMORY_READ | MEMORY_WRITE, .arguments = { 0, 0, PAGE, PROT_WRITE | MEMORY_SHARED },
        .argument = &other_process),
    USE(MEMORY_MAP_INTO, 4, OBJECT_MEMORY, MEMORY_READ | MEMORY_EXECUTE, .arguments = { 0, 0, PAGE, PROT_EXEC | MEMORY_SHARED },
        .argument = &other_process),
    USE(THREAD_CREATE, 0, OBJECT_PROCESS, PROCESS_THREAD, .arguments = { 0, PAGE }),      /* it has one */
    USE(PROCESS_START, 0, OBJECT_PROCESS, PROCESS_START, .second = &other_thread),    /* of another process */
    USE(PROCESS_START, 1, OBJECT_THREAD, THREAD_START, .argument = &other_process),
    USE(PROCESS_KILL, 0, OBJECT_PROCESS, PROCESS_KILL),
    USE(PROCESS_STATUS, 0, OBJECT_PROCESS, PROCESS_WAIT, .arguments = { 0, 8, WNOHANG }),
    USE(PROCESS_GIVE_FILES, 0, OBJECT_PROCESS, PROCESS_FILES, .second = &other_process),
    USE(PROCESS_GIVE_FILES, 1, OBJECT_PROCESS, PROCESS_FILES, .argument = &other_process),
    USE(PROCESS_ADOPT, 0, OBJECT_PROCESS, PROCESS_ADOPT, .second = &other_process),
    USE(PROCESS_ADOPT, 1, OBJECT_PROCESS, PROCESS_ADOPT, .argument = &other_process),
    USE(THREAD_FRAME, 0, OBJECT_THREAD, THREAD_FRAME, .arguments = { 0, 8 }),
};
enum { USES = sizeof(uses) / sizeof(uses[0]) };

/* A call that asks for these rights, if it asks for any. The two doors take turns. */
static int64_t call(const struct use *use, capability_t handle, uint32_t asked)
{
    static int turn;
    struct message_parts parts = { .giving = 1, .give = { { .handle = handle, .rights = asked } } };
    capability_t list[2] = { whole[OBJECT_CHANNEL], handle };
    uint64_t a[6];
    memcpy(a, use->arguments, sizeof(a));
    if (use->argument)
        a[0] = *use->argument;
    if (use->second)
        a[1] = *use->second;
    if (use->place == IN_MESSAGE)
        a[1] = (uint64_t)&parts;
    else if (use->place == IN_LIST)
        a[0] = (uint64_t)list;
    else
        a[use->place] = handle;
    if (use->asked)
        a[use->asked] = asked;
    turn ^= 1;
    int64_t result = call_with_any(turn, use->number, a);
    if (use->makes && result > 4095)
        CHECK_IS(capability_close((capability_t)result), 0);
    return result;
}

static void must_be(const struct use *use, const char *what, int64_t result, int error)
{
    if (result != -error)
        fail("call %lu, handle in %d, %s: %ld, not %d", use->number, use->place, what, result, -error);
}

static bool is_refusal(int64_t result)
{
    return result == -EBADF || result == -ESTALE || result == -EPROTOTYPE || result == -EACCES || result == -EPERM;
}

static bool can_be_waited_for(unsigned kind)
{
    return kind == OBJECT_CHANNEL || kind == OBJECT_PROCESS;
}

/* What others need to be there: a machine that doesn't let us make processes has less to try. */
static bool can_be_tried(const struct use *use)
{
    bool object = use->kind == ANY || (whole[use->kind] && (rights_of[use->kind] & use->needs) == use->needs);
    return object && (!use->argument || *use->argument) && (!use->second || *use->second);
}

static void no_handle_at_all(void)
{
    make_objects();
    for (int i = 0; i < USES; i++) {
        const struct use *use = &uses[i];
        if (!can_be_tried(use))
            continue;
        capability_t gone = derive(whole[OBJECT_CALLS], 0), above = derive(whole[OBJECT_CALLS], CALLS_FILES);
        capability_t revoked = derive(above, 0);
        CHECK_IS(capability_close(gone), 0);
        CHECK_IS(capability_revoke(above), 1);
        CHECK_IS(capability_close(above), 0);
        must_be(use, "closed", call(use, gone, 0), ESTALE);
        must_be(use, "revoked", call(use, revoked, 0), ESTALE);
        must_be(use, "closed, and rights that it never had", call(use, gone, CALLS_ALL | RIGHT_DELEGATE), ESTALE);
        must_be(use, "forged", call(use, i % 2 ? whole[OBJECT_CHANNEL] ^ UINT64_C(1) << (12 + i) : random64() >> 1 | 4096, 0), EBADF);
    }
    must_be(&uses[0], "0", call(&uses[0], 0, 0), EBADF);
}

static void another_kind(void)
{
    make_objects();
    for (int i = 0; i < USES; i++)
        for (unsigned kind = 1; kind < KINDS && uses[i].kind != ANY; kind++) {
            bool both = uses[i].place == IN_LIST && can_be_waited_for(kind);
            if (kind != uses[i].kind && !both && whole[kind] && can_be_tried(&uses[i]))
                must_be(&uses[i], "of another kind", call(&uses[i], whole[kind], 0), EPROTOTYPE);
        }
}

/* Of a kind, with each right missing once, and with those alone that are needed. */
static void try_rights(const struct use *use, unsigned kind)
{
    uint32_t all = rights_of[kind], needs = use->needs == WITH_ALL ? all : use->needs;
    uint32_t asked = use->place == 0 ? all : all & ~RIGHT_DELEGATE;
    for (uint32_t right = 1; right != 0; right <<= 1) {
        if ((all & right) == 0)
            continue;
        capability_t lame = derive(whole[kind], all & ~right);
        int64_t result = call(use, lame, asked);
        if ((needs & right) != 0)
            must_be(use, "without a right", result, EACCES);
        else if (is_refusal(result))
            fail("call %lu of kind %u, without the right %x, which it doesn't need: %ld", use->number, kind, right, result);
        if (use->number != SYS_CAPABILITY_CLOSE)
            CHECK_IS(capability_close(lame), 0);
    }
    capability_t just = derive(whole[kind], needs);
    int64_t result = call(use, just, asked);
    if (is_refusal(result))
        fail("call %lu of kind %u, with all that it needs: %ld", use->number, kind, result);
    if (use->number != SYS_CAPABILITY_CLOSE)
        CHECK_IS(capability_close(just), 0);
}

static void each_right_of_each_kind(void)
{
    make_objects();
    for (int i = 0; i < USES; i++)
        for (unsigned kind = 1; kind < KINDS && can_be_tried(&uses[i]); kind++)
            if (whole[kind] && (uses[i].kind == ANY || uses[i].kind == kind))
                try_rights(&uses[i], kind);
}

/* What was dropped doesn't come back, by whatever way the entry goes. */
static void a_dropped_right_stays_dropped(void)
{
    make_objects();
    capability_t self_handle = process_self(whole[OBJECT_CALLS], PROCESS_GIVE);
    for (unsigned kind = 1; kind < KINDS; kind++)
        for (uint32_t right = 1; right != 0 && whole[kind]; right <<= 1) {
            uint32_t all = rights_of[kind];
            if ((all & right) == 0)
                continue;
            capability_t lame = derive(whole[kind], all & ~right), lamer = derive(lame, all & ~right);
            CHECK_ERROR(capability_derive(lame, right, 0) ? 0 : -1, EACCES);
            CHECK_ERROR(capability_derive(lame, all, 0) ? 0 : -1, EACCES);
            CHECK_ERROR(capability_derive(lamer, right, 0) ? 0 : -1, EACCES);
            CHECK_ERROR(capability_give(self_handle, lamer, right, NULL) ? 0 : -1, EACCES);
            if (right != RIGHT_DELEGATE) {
                capability_t given = capability_give(self_handle, lamer, all & ~right, NULL);
                CHECK(given != 0);
                CHECK_IS(rights_now(given), all & ~right);
                CHECK_ERROR(capability_derive(given, right, 0) ? 0 : -1, EACCES);
            }
            CHECK(capability_revoke(lame) >= 1);
            CHECK_IS(capability_close(lame), 0);
        }
}

/* A child inherits what is marked, if it may be delegated: of each kind. */
static void only_what_may_be_delegated_is_inherited(void)
{
    capability_t with[KINDS], without[KINDS];
    make_objects();
    for (unsigned kind = 1; kind < KINDS; kind++) {
        if (!whole[kind])
            continue;
        CHECK((with[kind] = capability_derive(whole[kind], RIGHT_DELEGATE, CAPABILITY_INHERITABLE)) != 0);
        CHECK((without[kind] = capability_derive(whole[kind], rights_of[kind] & ~RIGHT_DELEGATE, CAPABILITY_INHERITABLE)) != 0);
    }
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        for (unsigned kind = 1; kind < KINDS; kind++) {
            if (!whole[kind])
                continue;
            CHECK_IS(capability_flag(with[kind], 0), 0);
            CHECK_IS(rights_now(with[kind]), RIGHT_DELEGATE);
            CHECK_ERROR(capability_flag(without[kind], 0), ESTALE);
        }
        _exit(0);
    }
    ends_well(pid);
}

/* Whoever adds a call with a handle adds it here. */
static void no_call_is_forgotten(void)
{
    static const uint64_t numbers[] = {
#define CALL_GROUP(name, group) SYS_##name,
#include <folio/call_groups.h>
#undef CALL_GROUP
    };
    for (size_t n = 0; n < sizeof(numbers) / sizeof(numbers[0]); n++) {
        bool found = numbers[n] < SYS_CAPABILITY_DERIVE || numbers[n] == SYS_CAPABILITY_LIST;
        for (int i = 0; i < USES; i++)
            found = found || uses[i].number == numbers[n];
        if (!found)
            fail("no handle is tried with call %lu", numbers[n]);
    }
}

/* ---- revoked in flight ---- */

enum { MANY_BYTES = 3 * PAGE };
static capability_t asking, serving, waiting, quiet;
static char bytes[MANY_BYTES] __attribute__((aligned(PAGE)));

static int64_t answer(int64_t result)
{
    return result < 0 ? -errno : result;
}

static int64_t wait_in_call(void)
{
    uint64_t words[4] = { 0 };
    return answer(channel_call(asking, words));
}

static int64_t wait_in_heavy_call(void)
{
    uint64_t words[4] = { 0 };
    struct message_parts parts = { .bytes = (uint64_t)bytes, .length = MANY_BYTES };
    return answer(channel_call_parts(asking, words, &parts));
}

static int64_t wait_in_call_that_lends(void)
{
    uint64_t words[4] = { 0 };
    struct message_parts parts = { .pages = (uint64_t)bytes, .page_count = MANY_BYTES / PAGE, .page_how = MESSAGE_LEND_WRITABLE };
    int64_t result = answer(channel_call_parts(asking, words, &parts));
    memset(bytes, 1, sizeof(bytes));        /* its own again */
    return result;
}

static int64_t wait_in_call_that_moves(void)
{
    uint64_t words[4] = { 0 };
    char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED);
    *page = 1;
    struct message_parts parts = { .pages = (uint64_t)page, .page_count = 1, .page_how = MESSAGE_MOVE };
    return answer(channel_call_parts(asking, words, &parts));
}

static int64_t wait_in_send(void)
{
    return answer(channel_send(asking, (uint64_t[4]){ 0 }));
}

static int64_t wait_in_heavy_send(void)
{
    struct message_parts parts = { .bytes = (uint64_t)bytes, .length = MANY_BYTES };
    return answer(channel_send_parts(asking, (uint64_t[4]){ 0 }, &parts));
}

static int64_t wait_in_receive(void)
{
    struct message message;
    return answer(channel_receive(serving, &message, FOREVER));
}

static int64_t wait_in_receive_with_a_limit(void)
{
    struct message message;
    struct message_parts parts = { .room = (uint64_t)bytes, .size = MANY_BYTES, .page_room = 3 };
    return answer(channel_receive_parts(serving, &message, &parts, 60000 * MILLISECOND));
}

static int64_t wait_in_reply_receive(void)
{
    struct message message = { .number = 12345 };
    return answer(channel_reply_receive(serving, &message));
}

static int64_t wait_in_reply_receive_with_parts(void)
{
    struct message message = { .number = 12345 };
    struct message_parts parts = { .bytes = (uint64_t)bytes, .length = 10, .room = (uint64_t)bytes, .size = MANY_BYTES };
    return answer(channel_reply_receive_parts(serving, &message, &parts));
}

static int64_t wait_for_one(void)
{
    return answer(handles_wait(&serving, 1, FOREVER));
}

static int64_t wait_for_the_middle_one(void)
{
    capability_t three[] = { quiet, serving, quiet };
    return answer(handles_wait(three, 3, 60000 * MILLISECOND));
}

static int64_t wait_for_the_last_end(void)
{
    capability_t three[] = { quiet, quiet, waiting };
    return answer(handles_wait(three, 3, FOREVER));
}

static int64_t wait_for_an_end(void)
{
    struct process_status status;
    return answer(process_status(waiting, &status, 0));
}

/* How a call that waits is entered, what is revoked, and whether somebody has received it before. */
static const struct {
    int64_t (*enter)(void);
    capability_t *handle;
    bool received;
} waits[] = {
    { wait_in_call, &asking, false }, { wait_in_call, &asking, true },
    { wait_in_heavy_call, &asking, false }, { wait_in_heavy_call, &asking, true },
    { wait_in_call_that_lends, &asking, false }, { wait_in_call_that_lends, &asking, true },
    { wait_in_call_that_moves, &asking, false }, { wait_in_call_that_moves, &asking, true },
    { wait_in_send, &asking, false }, { wait_in_heavy_send, &asking, false },
    { wait_in_receive, &serving, false }, { wait_in_receive_with_a_limit, &serving, false },
    { wait_in_reply_receive, &serving, false }, { wait_in_reply_receive_with_parts, &serving, false },
    { wait_for_one, &serving, false }, { wait_for_the_middle_one, &serving, false },
    { wait_for_the_last_end, &waiting, false }, { wait_for_an_end, &waiting, false },
};
enum { WAITS = sizeof(waits) / sizeof(waits[0]) };

static void wait_in_vain(void *which)
{
    int i = *(int *)which;
    int64_t result = waits[i].enter();
    if (result != -ECANCELED)
        fail("wait %d, revoked: %ld", i, result);
    result = waits[i].enter();
    if (result != -ESTALE)
        fail("wait %d, again: %ld", i, result);
}

static capability_t to_inherit(capability_t from, uint32_t rights)
{
    capability_t made = capability_derive(from, rights | RIGHT_DELEGATE, CAPABILITY_INHERITABLE);
    CHECK(made != 0);
    return made;
}

/* All that it can wait for, as it is now, with what others hold of it. */
static void revoke_while_waiting(int i, capability_t channel)
{
    struct message message;
    struct message_parts parts = { .room = (uint64_t)bytes, .size = MANY_BYTES, .page_room = 3 };
    asking = to_inherit(channel, CHANNEL_CALL | CHANNEL_SEND);
    serving = to_inherit(channel, CHANNEL_RECEIVE);
    pid_t pid = start(wait_in_vain, &i);
    if (waits[i].received)
        CHECK_IS(channel_receive_parts(channel, &message, &parts, FOREVER), 0);
    wait_until_blocked(pid);
    CHECK_IS(capability_revoke(*waits[i].handle), 1);
    ends_well(pid);
    if (waits[i].received) {
        CHECK_ERROR(channel_reply(channel, &message), ESRCH);
        if (parts.came_how == MESSAGE_MOVE && parts.pages_came > 0)
            CHECK_IS(munmap((void *)parts.pages_at, parts.pages_came * (size_t)PAGE), 0);
    }
    CHECK_ERROR(channel_receive_parts(channel, &message, &parts, 0), ETIMEDOUT);     /* nothing of it is left */
    CHECK_IS(capability_close(asking), 0);
    CHECK_IS(capability_close(serving), 0);
}

static void every_wait_ends_with_its_right(void)
{
    capability_t calls = capability_find("calls"), channel, another, own;
    CHECK((channel = channel_create(calls)) != 0);
    CHECK((another = channel_create(calls)) != 0);
    quiet = to_inherit(another, CHANNEL_RECEIVE);
    CHECK((own = process_self(calls, PROCESS_WAIT | RIGHT_DELEGATE)) != 0);
    waiting = to_inherit(own, PROCESS_WAIT);
    for (int i = 0; i < WAITS; i++)
        revoke_while_waiting(i, channel);
}

/* The same while they are just coming, going or already in it: nobody stays behind, and nobody gets an answer that came
 * by nothing. */
static volatile bool *coming;

static void wait_again_and_again(void *which)
{
    int i = *(int *)which;
    *coming = true;
    int64_t result = waits[i].enter();
    if (result != -ECANCELED && result != -ESTALE)
        fail("wait %d, revoked at any moment: %ld", i, result);
}

static void every_wait_ends_at_any_moment(void)
{
    enum { TIMES = 3 };
    capability_t calls = capability_find("calls"), channel, another, own;
    coming = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(coming != MAP_FAILED);
    CHECK((channel = channel_create(calls)) != 0);
    CHECK((another = channel_create(calls)) != 0);
    quiet = to_inherit(another, CHANNEL_RECEIVE);
    CHECK((own = process_self(calls, PROCESS_WAIT | RIGHT_DELEGATE)) != 0);
    waiting = to_inherit(own, PROCESS_WAIT);
    for (int i = 0; i < WAITS * TIMES; i++) {
        int which = i % WAITS;
        *coming = false;
        asking = to_inherit(channel, CHANNEL_CALL | CHANNEL_SEND);
        serving = to_inherit(channel, CHANNEL_RECEIVE);
        pid_t pid = start(wait_again_and_again, &which);
        while (!*coming)
            folio_yield();
        for (uint64_t end = folio_clock() + random64() % (i % 2 ? 20000 : 200000); folio_clock() < end;)
            continue;
        CHECK_IS(capability_revoke(*waits[which].handle), 1);
        ends_well(pid);
        CHECK_IS(capability_close(asking), 0);
        CHECK_IS(capability_close(serving), 0);
    }
}

/* ... and while bytes, pages and capabilities are just being carried, in either direction. */
static void ask_much_until_revoked(void *unused)
{
    static char much[MESSAGE_LENGTH], room[MESSAGE_LENGTH];
    char *pages = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    (void)unused;
    CHECK(pages != MAP_FAILED);
    for (;;) {
        uint64_t words[4] = { 0 };
        struct message_parts parts = { .bytes = (uint64_t)much, .length = sizeof(much), .room = (uint64_t)room,
            .size = sizeof(room), .giving = 1, .give = { { .handle = quiet } }, .accepting = 1,
            .pages = (uint64_t)pages, .page_count = 4, .page_how = MESSAGE_LEND_WRITABLE };
        int result = channel_call_parts(asking, words, &parts);
        memset(pages, 1, 4 * PAGE);
        if (result == 0)
            CHECK(parts.received == sizeof(room) && parts.came == 1 && capability_close(parts.taken[0]) == 0);
        else if (errno == ECANCELED || errno == ESTALE)
            return;
        else
            CHECK_IS(errno, EPIPE);         /* the one who had received it has lost his right */
    }
}

static void answer_much_until_revoked(void *unused)
{
    static char room[MESSAGE_LENGTH];
    struct message message;
    struct message_parts parts;
    (void)unused;
    for (bool first = true;; first = false) {
        int result;
        if (first) {
            parts = (struct message_parts){ .room = (uint64_t)room, .size = sizeof(room), .accepting = 1, .page_room = 4 };
            result = channel_receive_parts(serving, &message, &parts, FOREVER);
        } else {
            result = channel_reply_receive_parts(serving, &message, &parts);
        }
        if (result < 0) {
            CHECK(errno == ECANCELED || errno == ESTALE);
            return;
        }
        CHECK(parts.received == sizeof(room) && parts.came == 1 && parts.pages_came == 4);
        CHECK(capability_close(parts.taken[0]) == 0 || errno == ESTALE);
        parts.bytes = (uint64_t)room;
        parts.length = sizeof(room);
        parts.giving = 1;
        parts.give[0].handle = quiet;
    }
}

static void revoked_while_much_is_carried(void)
{
    capability_t calls = capability_find("calls"), channel = channel_create(calls), another = channel_create(calls);
    CHECK(channel && another);
    quiet = to_inherit(another, CHANNEL_RECEIVE);
    for (int round = 0; round < 20; round++) {
        asking = to_inherit(channel, CHANNEL_CALL);
        serving = to_inherit(channel, CHANNEL_RECEIVE);
        pid_t server = start(answer_much_until_revoked, NULL), client = start(ask_much_until_revoked, NULL);
        pause_for(random64() % (2 * MILLISECOND));
        CHECK_IS(capability_revoke(round % 2 ? asking : serving), 2);    /* both have both */
        ends_well(round % 2 ? client : server);
        CHECK(capability_revoke(round % 2 ? serving : asking) > 0);
        ends_well(round % 2 ? server : client);
        CHECK_IS(capability_close(asking), 0);
        CHECK_IS(capability_close(serving), 0);
    }
}

/* The same at the moment in which a message is carried to one who will never answer. */
static void ask_much_in_vain(void *unused)
{
    static char much[MESSAGE_LENGTH];
    uint64_t words[4] = { 0 };
    struct message_parts parts = { .bytes = (uint64_t)much, .length = sizeof(much) };
    (void)unused;
    CHECK_ERROR(channel_call_parts(asking, words, &parts), ECANCELED);
}

static void take_much_and_rest(void *sign)
{
    static char room[MESSAGE_LENGTH];
    struct message message;
    struct message_parts parts = { .room = (uint64_t)room, .size = sizeof(room) };
    *(volatile bool *)sign = true;
    channel_receive_parts(serving, &message, &parts, FOREVER);
    block_forever(NULL);
}

static void revoked_while_it_is_carried(void)
{
    capability_t channel = channel_create(capability_find("calls"));
    volatile bool *sign = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(channel != 0 && sign != MAP_FAILED);
    serving = to_inherit(channel, CHANNEL_RECEIVE);
    for (int round = system_now().cpus > 1 ? 24 : 8; round > 0; round--) {
        asking = to_inherit(channel, CHANNEL_CALL);
        *sign = false;
        pid_t client = start(ask_much_in_vain, NULL);
        wait_until_blocked(client);
        pid_t server = start(take_much_and_rest, (void *)sign);
        while (!*sign)
            folio_yield();
        for (uint64_t end = folio_clock() + random64() % 150000; folio_clock() < end;)
            continue;
        CHECK_IS(capability_revoke(asking), 2);
        ends_well(client);
        stop(server);
        CHECK_IS(capability_close(asking), 0);
    }
}

/* ---- what is given with a message, and gone before somebody takes it ---- */

static void give_what_goes(void *handle)
{
    uint64_t words[4] = { 0 };
    struct message_parts parts = { .giving = 1, .give = { { .handle = *(capability_t *)handle } } };
    CHECK_ERROR(channel_call_parts(asking, words, &parts), ESTALE);
}

static void gone_before_it_travels(void)
{
    struct message message;
    struct message_parts parts = { .accepting = 1 };
    capability_t calls = capability_find("calls"), channel = channel_create(calls);
    CHECK(channel != 0);
    asking = to_inherit(channel, CHANNEL_CALL);
    capability_t lent = to_inherit(channel, CHANNEL_SEND);
    pid_t pid = start(give_what_goes, &lent);
    wait_until_blocked(pid);
    CHECK_IS(capability_revoke(lent), 1);
    ssize_t before = capability_list(NULL, 0);
    CHECK_ERROR(channel_receive_parts(channel, &message, &parts, 0), ETIMEDOUT);
    CHECK_IS(capability_list(NULL, 0), before);
    ends_well(pid);
}

const struct test handle_tests[] = {
    TEST(no_handle_at_all), TEST(another_kind), TEST(each_right_of_each_kind), TEST(a_dropped_right_stays_dropped),
    TEST(only_what_may_be_delegated_is_inherited), TEST(no_call_is_forgotten), TEST(every_wait_ends_with_its_right),
    TEST(every_wait_ends_at_any_moment), LONG_TEST(revoked_while_much_is_carried, 30), TEST(revoked_while_it_is_carried),
    TEST(gone_before_it_travels), { NULL, NULL, 0 },
};

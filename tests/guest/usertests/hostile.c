/* Programs that do what they may so often, or so much, that others would suffer. */
#include <capability.h>
#include <channel.h>
#include <parts.h>
#include <sys/mman.h>
#include "usertests.h"

static capability_t calls(void)
{
    capability_t found = capability_find("calls");
    CHECK(found != 0);
    return found;
}

/* Memory that all children see. */
static void *common(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    return memory;
}

static capability_t channel;

static void open_channel(void)
{
    CHECK((channel = channel_create(calls())) != 0);
    CHECK_IS(capability_flag(channel, CAPABILITY_INHERITABLE), 0);
}

/* ---- messages whose last byte isn't there ---- */

static void send_rubbish(void *unused)
{
    (void)unused;
    uint64_t words[4] = { 0 };
    char *bytes = mmap(NULL, MESSAGE_LENGTH + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(bytes != MAP_FAILED);
    CHECK_IS(munmap(bytes + MESSAGE_LENGTH, PAGE), 0);
    struct message_parts parts = { .bytes = (uint64_t)bytes + 1, .length = MESSAGE_LENGTH };
    for (;;)
        CHECK_ERROR(channel_send_parts(channel, words, &parts), EFAULT);
}

static void look_for_messages(void *unused)
{
    (void)unused;
    static char room[MESSAGE_LENGTH];
    struct message message;
    struct message_parts parts = { .room = (uint64_t)room, .size = sizeof(room) };
    for (;;)
        CHECK_ERROR(channel_receive_parts(channel, &message, &parts, 10 * MILLISECOND), ETIMEDOUT);
}

/* So many that there are always some: the receiver's time runs out all the same, and it can be stopped and killed. */
static void rubbish_holds_nobody(void)
{
    enum { SENDERS = 700, MEMORY_EACH = 320 * 1024 };
    static pid_t pids[SENDERS];
    uint64_t fitting = system_now().memory_total / MEMORY_EACH;
    unsigned count = fitting < SENDERS ? (unsigned)fitting : SENDERS;
    open_channel();
    for (unsigned i = 0; i < count; i++)
        pids[i] = start(send_rubbish, NULL);
    pid_t receiver = start(look_for_messages, NULL);
    pause_for(60 * MILLISECOND);
    kill(receiver, SIGSTOP);
    wait_for_state(receiver, 'T');
    stop(receiver);
    for (unsigned i = 0; i < count; i++)
        kill(pids[i], SIGKILL);
    for (unsigned i = 0; i < count; i++)
        ends_by(pids[i], SIGKILL);
}

/* ---- a receiver that goes when it is told of a message ---- */

static void answer_all(void *unused)
{
    (void)unused;
    char room[8];
    struct message message;
    struct message_parts parts = { .room = (uint64_t)room, .size = sizeof(room) };
    int result = channel_receive_parts(channel, &message, &parts, FOREVER);
    while (result == 0)
        result = channel_reply_receive_parts(channel, &message, &parts);
    fail("a receiver: %s", strerror(errno));
}

static void ask_for_ever(void *count)
{
    char byte = 1;
    struct message_parts parts = { .bytes = (uint64_t)&byte, .length = 1 };
    for (;;) {
        uint64_t words[4] = { 0 };
        CHECK(channel_call_parts(channel, words, &parts) == 0 || errno == EPIPE);
        ++*(volatile uint64_t *)count;
    }
}

static void receive_by_what_comes(void *control)
{
    char room[8];
    for (;;) {
        struct message message;
        struct message_parts parts = { .accepting = 1 };
        CHECK_IS(channel_receive_parts(*(capability_t *)control, &message, &parts, FOREVER), 0);
        capability_t handle = parts.taken[0];
        CHECK_IS(channel_reply(*(capability_t *)control, &message), 0);
        parts = (struct message_parts){ .room = (uint64_t)room, .size = sizeof(room) };
        int result = channel_receive_parts(handle, &message, &parts, FOREVER);
        while (result == 0)
            result = channel_reply_receive_parts(handle, &message, &parts);
        CHECK(errno == ECANCELED || errno == ESTALE);
    }
}

/* Of two receivers one loses its right in the moment in which a message has found it: the other gets the message. */
static void another_receiver_takes_it(void)
{
    volatile uint64_t *count = common(PAGE);
    open_channel();
    capability_t control = channel_create(calls());
    CHECK_IS(capability_flag(control, CAPABILITY_INHERITABLE), 0);
    capability_t given = capability_derive(channel, CHANNEL_RECEIVE | RIGHT_DELEGATE, 0);
    pid_t goes = start(receive_by_what_comes, &control), stays = start(answer_all, NULL);
    pid_t client = start(ask_for_ever, (void *)count);
    for (int i = 0; i < 20; i++) {
        uint64_t words[4] = { 0 };
        struct message_parts parts = { .giving = 1, .give = { { .handle = given, .rights = CHANNEL_RECEIVE } } };
        CHECK_IS(channel_call_parts(control, words, &parts), 0);
        pause_for(random64() % 300000);
        CHECK_IS(capability_revoke(given), 1);
        uint64_t before = *count;
        for (int wait = 0; *count == before; wait++) {
            if (wait == 500)
                fail("nobody takes the message, in round %d", i);
            pause_for(MILLISECOND);
        }
    }
    stop(client);
    stop(stays);
    stop(goes);
}

/* ---- changes of the tree ---- */

static void derive_for_ever(void *unused)
{
    (void)unused;
    capability_t all = calls();
    for (;;)
        CHECK_IS(capability_close(capability_derive(all, CALLS_FILES, 0)), 0);
}

/* Who changes its table without a pause doesn't keep others from changing theirs. */
static void the_tree_is_for_all(void)
{
    enum { BUSY = 4, TIMES = 200 };
    pid_t pids[BUSY];
    capability_t all = calls();
    for (int i = 0; i < BUSY; i++)
        pids[i] = start(derive_for_ever, NULL);
    pause_for(20 * MILLISECOND);
    uint64_t begin = folio_clock();
    for (int i = 0; i < TIMES; i++) {
        folio_yield();
        CHECK_IS(capability_close(capability_derive(all, CALLS_FILES, 0)), 0);
    }
    CHECK(folio_clock() - begin < 3000 * MILLISECOND);
    for (int i = 0; i < BUSY; i++)
        stop(pids[i]);
}

/* ---- memory that nobody shows ---- */

/* Fills an object of memory, and shows it no longer. */
static bool hoard(capability_t all, size_t size)
{
    capability_t memory = memory_create(all, size);
    char *at = memory ? memory_map(memory, NULL, 0, size, PROT_READ | PROT_WRITE) : NULL;
    if (at == NULL)
        return false;
    for (size_t i = 0; i < size; i += PAGE)
        at[i] = 1;
    CHECK(munmap(at, size) == 0 || errno == ENOMEM);
    return true;
}

static void hoard_until_nothing_is_left(void *done)
{
    capability_t all = calls();
    for (size_t size = 4 << 20; size >= 256 * 1024; size /= 2)
        while (hoard(all, size))
            continue;
    *(volatile bool *)done = true;
    block_forever(NULL);
}

static void want_some_then(void *done)
{
    while (!*(volatile bool *)done)
        pause_for(MILLISECOND);
    size_t size = 8 << 20;
    char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(at != MAP_FAILED);
    memset(at, 1, size);
}

/* Who holds memory by handles alone, and shows none of it, is the one who ends when there is no more. The other one is
 * there before, as a fork may fail when nothing is left. */
static void hoarders_end(void)
{
    volatile bool *done = common(PAGE);
    pid_t wanting = start(want_some_then, (void *)done);
    pid_t hoarder = start(hoard_until_nothing_is_left, (void *)done);
    while (!*done && process_now(hoarder).state == 'A')
        pause_for(MILLISECOND);
    *done = true;
    ends_well(wanting);
    ends_by(hoarder, SIGKILL);
}

/* Who makes processes and starts none, each of them smaller than anybody else, is the one who ends. */
static void make_until_nothing_is_left(void *done)
{
    enum { PAGES = 100 };
    static char source[PAGES * PAGE] __attribute__((aligned(PAGE)));
    static capability_t own[1000];
    capability_t all = calls();
    volatile bool *wanted = done;
    memset(source, 1, sizeof(source));
    for (size_t i = 0, pages = PAGES; i < 1000 && pages > 0;) {
        if ((own[i] = process_create(all, "half")) == 0)
            break;
        while (pages > 0 && memory_map_into(own[i], 0, pages * PAGE, PROT_READ | MEMORY_COPIED, (uint64_t)source, 0) < 0) {
            CHECK_IS(errno, ENOMEM);
            pages /= 2;
        }
        i++;
    }
    *wanted = true;
    for (;;)                            /* somebody else has ended for it: take that as well */
        if (process_create(all, "more") == 0)
            pause_for(MILLISECOND);
}

static void stay(void *unused)
{
    enum { PAGES = 400 };
    static char memory[PAGES * PAGE];
    (void)unused;
    memset(memory, 1, sizeof(memory));
    block_forever(NULL);
}

static void makers_end(void)
{
    capability_t right = capability_derive(calls(), CALLS_PROCESSES, 0);
    if (!right)
        _exit(0);
    volatile bool *done = common(PAGE);
    pid_t bystander = start(stay, NULL), wanting = start(want_some_then, (void *)done);
    pid_t maker = start(make_until_nothing_is_left, (void *)done);
    while (!*done && process_now(maker).state == 'A')
        pause_for(MILLISECOND);
    *done = true;
    ends_well(wanting);
    ends_by(maker, SIGKILL);
    CHECK_IS(process_now(bystander).state, 'A');
    stop(bystander);
}

const struct test hostile_tests[] = {
    LONG_TEST(rubbish_holds_nobody, 30), LONG_TEST(another_receiver_takes_it, 30), LONG_TEST(the_tree_is_for_all, 30),
    LONG_TEST(hoarders_end, 30), LONG_TEST(makers_end, 30), { NULL, NULL, 0 },
};

/* Channels: the rendezvous from both sides, who is told when the other side goes, and floods. */
#include <capability.h>
#include <channel.h>
#include <sys/mman.h>
#include "usertests.h"

static capability_t calls(void)
{
    capability_t found = capability_find("calls");
    CHECK(found != 0);
    return found;
}

static capability_t weak(capability_t from, uint32_t rights)
{
    capability_t derived = capability_derive(from, rights, rights & RIGHT_DELEGATE ? CAPABILITY_INHERITABLE : 0);
    CHECK(derived != 0);
    return derived;
}

/* A channel, and an entry of each kind that children inherit. */
static capability_t whole, asking, serving;

static void open_channel(void)
{
    CHECK((whole = channel_create(calls())) != 0);
    asking = weak(whole, CHANNEL_CALL | CHANNEL_SEND | RIGHT_DELEGATE);
    serving = weak(whole, CHANNEL_RECEIVE | RIGHT_DELEGATE);
}

static void only_serve(void)
{
    CHECK_IS(capability_close(asking), 0);
}

static void only_ask(void)
{
    CHECK_IS(capability_close(serving), 0);
}

/* The parent has no right of its own but to ask. */
static pid_t start_server(void (*function)(void *), void *argument)
{
    open_channel();
    CHECK_IS(capability_close(whole), 0);
    pid_t pid = start(function, argument);
    only_ask();
    return pid;
}

static void count_up(void *unused)
{
    (void)unused;
    struct message message;
    only_serve();
    int result = channel_receive(serving, &message, FOREVER);
    while (result == 0) {
        CHECK(message.number != 0);
        message.words[0]++;
        message.words[1] = (uint64_t)message.sender;
        message.words[2] = ~message.words[2];
        result = channel_reply_receive(serving, &message);
    }
    CHECK_IS(errno, EPIPE);
}

/* ---- there and back ---- */

static void ask_often(void *times)
{
    for (uint64_t i = 0; i < *(unsigned *)times; i++) {
        uint64_t words[4] = { i, 0, i * 3, i * 7 };
        CHECK_IS(channel_call(asking, words), 0);
        CHECK_IS(words[0], i + 1);
        CHECK_IS(words[1], getpid());
        CHECK_IS(words[2], ~(i * 3));
        CHECK_IS(words[3], i * 7);
    }
}

static void there_and_back(void)
{
    unsigned times = 1000;
    pid_t server = start_server(count_up, NULL);
    ask_often(&times);
    CHECK_IS(capability_close(asking), 0);
    ends_well(server);
}

static void many_clients(void)
{
    enum { CLIENTS = 20 };
    unsigned times = 300;
    pid_t pids[CLIENTS], server = start_server(count_up, NULL);
    for (int i = 0; i < CLIENTS; i++)
        pids[i] = start(ask_often, &times);
    for (int i = 0; i < CLIENTS; i++)
        ends_well(pids[i]);
    CHECK_IS(capability_close(asking), 0);
    ends_well(server);
}

static void many_servers(void)
{
    enum { SERVERS = 4, CLIENTS = 8 };
    unsigned times = 300;
    pid_t servers[SERVERS], clients[CLIENTS];
    open_channel();
    CHECK_IS(capability_close(whole), 0);
    for (int i = 0; i < SERVERS; i++)
        servers[i] = start(count_up, NULL);
    only_ask();
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = start(ask_often, &times);
    for (int i = 0; i < CLIENTS; i++)
        ends_well(clients[i]);
    CHECK_IS(capability_close(asking), 0);
    for (int i = 0; i < SERVERS; i++)
        ends_well(servers[i]);
}

static void count_calls(void *unused)
{
    (void)unused;
    struct message message;
    only_serve();
    int result = channel_receive(serving, &message, FOREVER);
    for (uint64_t count = 1; result == 0; count++) {
        pause_for(random64() % 50000);
        message.words[0] = count;
        result = channel_reply_receive(serving, &message);
    }
    CHECK_IS(errno, EPIPE);
}

/* Stops and goes on at random while it asks: an answer is lost for it alone, it is told so, and no question comes
 * twice. */
static void ask_and_count_losses(void *times)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < *(unsigned *)times; i++) {
        uint64_t words[4] = { 0 };
        count++;
        if (channel_call(asking, words) < 0)
            CHECK_IS(errno, EINTR);
        else
            CHECK_IS(words[0], count);
    }
}

static void stopped_and_continued(void)
{
    unsigned times = 3000;
    pid_t server = start_server(count_calls, NULL), client = start(ask_and_count_losses, &times);
    for (int i = 0; i < 60; i++) {
        pid_t pid = i % 2 == 0 ? client : server;
        kill(pid, SIGSTOP);
        pause_for(random64() % 300000);
        kill(pid, SIGCONT);
        pause_for(random64() % 300000);
    }
    ends_well(client);
    CHECK_IS(capability_close(asking), 0);
    ends_well(server);
}

/* ---- sends ---- */

static void send_ten(void *unused)
{
    (void)unused;
    only_ask();
    for (uint64_t i = 0; i < 10; i++)
        CHECK_IS(channel_send(asking, (uint64_t[4]){ i, i, i, i }), 0);
}

static void sends_arrive_in_order(void)
{
    struct message message;
    open_channel();
    CHECK_IS(capability_close(whole), 0);
    pid_t pid = start(send_ten, NULL);
    only_serve();
    for (uint64_t i = 0; i < 10; i++) {
        CHECK_IS(channel_receive(serving, &message, FOREVER), 0);
        CHECK_IS(message.number, 0);
        CHECK_IS(message.sender, pid);
        CHECK(message.words[0] == i && message.words[3] == i);
    }
    ends_well(pid);
    CHECK_ERROR(channel_receive(serving, &message, FOREVER), EPIPE);
}

/* ---- answers out of order ---- */

static void ask_once(void *first)
{
    uint64_t words[4] = { *(uint64_t *)first, 0, 0, 0 };
    CHECK_IS(channel_call(asking, words), 0);
    CHECK_IS(words[0], *(uint64_t *)first * 2);
}

static void deferred_replies(void)
{
    enum { CLIENTS = 10 };
    struct message messages[CLIENTS];
    pid_t pids[CLIENTS];
    uint64_t own[CLIENTS];
    open_channel();
    for (int i = 0; i < CLIENTS; i++) {
        own[i] = (uint64_t)i + 100;
        pids[i] = start(ask_once, &own[i]);
    }
    for (int i = 0; i < CLIENTS; i++)
        CHECK_IS(channel_receive(serving, &messages[i], FOREVER), 0);
    for (int i = 0; i < CLIENTS; i++) {
        struct message *message = &messages[i * 7 % CLIENTS];
        message->words[0] *= 2;
        CHECK_IS(channel_reply(serving, message), 0);
        CHECK_ERROR(channel_reply(serving, message), ESRCH);
    }
    for (int i = 0; i < CLIENTS; i++)
        ends_well(pids[i]);
    messages[0].number = 12345;
    CHECK_ERROR(channel_reply(serving, &messages[0]), ESRCH);
    messages[0].number = 0;
    CHECK_ERROR(channel_reply(serving, &messages[0]), ESRCH);
}

/* Only who has received a call can answer it. */
static void replies_are_the_receivers(void)
{
    struct message message;
    uint64_t first = 4;
    open_channel();
    pid_t pid = start(ask_once, &first);
    CHECK_IS(channel_receive(serving, &message, FOREVER), 0);
    message.words[0] = 8;
    CHECK_ERROR(channel_reply(whole, &message), ESRCH);
    CHECK_IS(channel_reply(serving, &message), 0);
    ends_well(pid);
}

/* ---- rights ---- */

static void rights_of_channels(void)
{
    uint64_t words[4] = { 0 };
    struct message message = { .number = 1 };
    open_channel();
    capability_t call = weak(whole, CHANNEL_CALL), send = weak(whole, CHANNEL_SEND), none = weak(whole, 0);
    CHECK_ERROR(channel_call(send, words), EACCES);
    CHECK_ERROR(channel_call(serving, words), EACCES);
    CHECK_ERROR(channel_call(none, words), EACCES);
    CHECK_ERROR(channel_send(call, words), EACCES);
    CHECK_ERROR(channel_send(serving, words), EACCES);
    CHECK_ERROR(channel_receive(asking, &message, 0), EACCES);
    CHECK_ERROR(channel_receive(call, &message, 0), EACCES);
    CHECK_ERROR(channel_reply(asking, &message), EACCES);
    CHECK_ERROR(channel_reply_receive(asking, &message), EACCES);
    CHECK_ERROR(handles_wait(&asking, 1, 0), EACCES);
    CHECK_ERROR(channel_call(calls(), words), EPROTOTYPE);
    CHECK_ERROR(channel_send(calls(), words), EPROTOTYPE);
    CHECK_ERROR(channel_receive(calls(), &message, 0), EPROTOTYPE);
    CHECK_ERROR(channel_reply(calls(), &message), EPROTOTYPE);
    capability_t all = calls();
    CHECK_ERROR(handles_wait(&all, 1, 0), EPROTOTYPE);
    CHECK_ERROR(channel_create(whole) ? 0 : -1, EPROTOTYPE);
    CHECK_ERROR(channel_create(weak(all, CALLS_FILES)) ? 0 : -1, EACCES);
    CHECK_IS(capability_close(call), 0);
    CHECK_ERROR(channel_call(call, words), ESTALE);
    CHECK_ERROR(channel_send(call, words), ESTALE);
    CHECK_ERROR(channel_receive(call, &message, 0), ESTALE);
    CHECK_ERROR(channel_reply(call, &message), ESTALE);
    CHECK_ERROR(handles_wait(&call, 1, 0), ESTALE);
    CHECK_ERROR(channel_create(call) ? 0 : -1, ESTALE);
    CHECK_ERROR(channel_call(5, words), EBADF);
    CHECK_ERROR(channel_receive(5, &message, 0), EBADF);
    CHECK_ERROR(channel_reply(5, &message), EBADF);
    CHECK_ERROR(channel_create(5) ? 0 : -1, EBADF);
}

/* ---- the other side goes ---- */

static void serve_never(void *unused)
{
    (void)unused;
    struct message message;
    only_serve();
    CHECK_IS(channel_receive(serving, &message, FOREVER), 0);
    pause_for(30000 * MILLISECOND);
}

static void fail_with_epipe(void *unused)
{
    (void)unused;
    uint64_t words[4] = { 0 };
    CHECK_ERROR(channel_call(asking, words), EPIPE);
}

/* One call is open, the others wait, when the server is killed. */
static void server_dies(void)
{
    pid_t server = start_server(serve_never, NULL), pids[5];
    uint64_t words[4] = { 0 };
    for (int i = 0; i < 5; i++)
        pids[i] = start(fail_with_epipe, NULL);
    for (int i = 0; i < 5; i++)
        wait_until_blocked(pids[i]);
    wait_until_blocked(server);
    stop(server);
    for (int i = 0; i < 5; i++)
        ends_well(pids[i]);
    CHECK_ERROR(channel_call(asking, words), EPIPE);
    CHECK_ERROR(channel_send(asking, words), EPIPE);
}

/* Of two servers one dies: its open call ends, and the other one is asked the next. */
static void one_of_two_servers_dies(void)
{
    open_channel();
    CHECK_IS(capability_close(whole), 0);
    pid_t first = start(serve_never, NULL), client;
    wait_until_blocked(first);
    client = start(fail_with_epipe, NULL);
    wait_until_blocked(client);
    pause_for(20 * MILLISECOND);
    pid_t second = start(count_up, NULL);
    only_ask();
    stop(first);
    ends_well(client);
    unsigned times = 10;
    ask_often(&times);
    CHECK_IS(capability_close(asking), 0);
    ends_well(second);
}

static void ask_for_ever(void *unused)
{
    (void)unused;
    uint64_t words[4] = { 0 };
    channel_call(asking, words);
    fail("an answer");
}

/* Killed while it waits to be received, and while its call is open. */
static void client_dies(void)
{
    struct message message, other;
    open_channel();
    pid_t waiting = start(ask_for_ever, NULL);
    wait_until_blocked(waiting);
    stop(waiting);
    CHECK_ERROR(channel_receive(serving, &message, 0), ETIMEDOUT);
    pid_t open = start(ask_for_ever, NULL);
    CHECK_IS(channel_receive(serving, &message, FOREVER), 0);
    stop(open);
    other = message;
    CHECK_ERROR(channel_reply(serving, &message), ESRCH);
    uint64_t first = 3;
    pid_t next = start(ask_once, &first);
    wait_until_blocked(next);
    CHECK_IS(channel_reply_receive(serving, &other), 0);
    other.words[0] *= 2;
    CHECK_IS(channel_reply(serving, &other), 0);
    ends_well(next);
}

static void last_client_goes(void)
{
    struct message message;
    open_channel();
    CHECK_IS(capability_close(whole), 0);
    pid_t pid = start(block_forever, NULL);
    only_serve();
    CHECK_ERROR(channel_receive(serving, &message, 20 * MILLISECOND), ETIMEDOUT);
    kill(pid, SIGKILL);
    CHECK_ERROR(channel_receive(serving, &message, FOREVER), EPIPE);
    CHECK_ERROR(channel_receive(serving, &message, 0), EPIPE);
    CHECK_IS(handles_wait(&serving, 1, 0), 0);
    stop(pid);
}

/* ---- revoked in flight ---- */

static void fail_when_revoked(void *kind)
{
    uint64_t words[4] = { 0 };
    struct message message;
    switch (*(int *)kind) {
    case 0: CHECK_ERROR(channel_call(asking, words), ECANCELED); break;
    case 1: CHECK_ERROR(channel_send(asking, words), ECANCELED); break;
    case 2: CHECK_ERROR(channel_receive(serving, &message, FOREVER), ECANCELED); break;
    case 3: CHECK_ERROR(handles_wait(&serving, 1, FOREVER), ECANCELED); break;
    }
}

static void revoked_in_flight(void)
{
    struct message message;
    for (int kind = 0; kind < 5; kind++) {
        int what = kind % 4;
        open_channel();
        pid_t pid = start(fail_when_revoked, &what);
        if (kind == 4)
            CHECK_IS(channel_receive(whole, &message, FOREVER), 0);
        else
            wait_until_blocked(pid);
        CHECK_IS(capability_revoke(what < 2 ? asking : serving), 1);
        ends_well(pid);
        if (kind == 4)
            CHECK_ERROR(channel_reply(whole, &message), ESRCH);
        CHECK_IS(capability_revoke(whole), 2);
    }
}

static void ask_until_revoked(void *unused)
{
    (void)unused;
    uint64_t words[4] = { 0 };
    while (channel_call(asking, words) == 0)
        continue;
    CHECK(errno == ECANCELED || errno == ESTALE);
}

/* At no moment does a revocation hang, or an answer come after it. */
static void revoked_at_any_moment(void)
{
    open_channel();
    pid_t server = start(count_up, NULL);
    wait_until_blocked(server);
    for (int i = 0; i < 100; i++) {
        pid_t pid = start(ask_until_revoked, NULL);
        pause_for(random64() % 200000);
        CHECK_IS(capability_revoke(asking), 1);
        ends_well(pid);
    }
    stop(server);
}

/* ---- times, and several at once ---- */

static void times_are_kept(void)
{
    struct message message;
    capability_t two[2];
    open_channel();
    CHECK_ERROR(channel_receive(serving, &message, 0), ETIMEDOUT);
    uint64_t begin = folio_clock();
    CHECK_ERROR(channel_receive(serving, &message, 30 * MILLISECOND), ETIMEDOUT);
    CHECK(folio_clock() - begin >= 30 * MILLISECOND);
    two[0] = serving;
    CHECK((two[1] = channel_create(calls())) != 0);
    CHECK_ERROR(handles_wait(two, 2, 0), ETIMEDOUT);
    begin = folio_clock();
    CHECK_ERROR(handles_wait(two, 2, 30 * MILLISECOND), ETIMEDOUT);
    CHECK(folio_clock() - begin >= 30 * MILLISECOND);
    CHECK_ERROR(handles_wait(two, 0, 0), EINVAL);
    CHECK_ERROR(handles_wait(two, WAIT_MAX + 1, 0), EINVAL);
    CHECK_ERROR(handles_wait((void *)8, 1, 0), EFAULT);
}

static void wait_a_while(void *unused)
{
    (void)unused;
    struct message message;
    uint64_t begin = folio_clock();
    CHECK_ERROR(channel_receive(serving, &message, 300 * MILLISECOND), ETIMEDOUT);
    CHECK(folio_clock() - begin < 2000 * MILLISECOND);
}

/* A stop in the middle doesn't make the time begin anew. */
static void time_goes_on_while_stopped(void)
{
    open_channel();
    pid_t pid = start(wait_a_while, NULL);
    wait_until_blocked(pid);
    for (int i = 0; i < 10; i++) {
        kill(pid, SIGSTOP);
        pause_for(20 * MILLISECOND);
        kill(pid, SIGCONT);
        pause_for(20 * MILLISECOND);
    }
    ends_well(pid);
}

enum { SEVERAL = 8, ROUNDS = 400 };
static capability_t several[SEVERAL];

static void send_to_several(void *unused)
{
    (void)unused;
    for (uint64_t i = 0; i < ROUNDS; i++)
        CHECK_IS(channel_send(several[random64() % SEVERAL], (uint64_t[4]){ i, 0, 0, 0 }), 0);
}

static void wait_for_several(void)
{
    struct message message;
    for (int i = 0; i < SEVERAL; i++) {
        CHECK((several[i] = channel_create(calls())) != 0);
        CHECK_IS(capability_flag(several[i], CAPABILITY_INHERITABLE), 0);
    }
    pid_t pid = start(send_to_several, NULL);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        ssize_t which = handles_wait(several, SEVERAL, FOREVER);
        CHECK(which >= 0 && which < SEVERAL);
        CHECK_IS(channel_receive(several[which], &message, 0), 0);
        CHECK_IS(message.words[0], i);
    }
    ends_well(pid);
}

/* ---- a flood costs the flooder ---- */

static void flood(void *unused)
{
    (void)unused;
    send_to_several(NULL);
}

static void floods(void)
{
    enum { FLOODERS = 60 };
    pid_t pids[FLOODERS];
    struct message message;
    several[0] = channel_create(calls());
    CHECK_IS(capability_flag(several[0], CAPABILITY_INHERITABLE), 0);
    for (int i = 1; i < SEVERAL; i++)
        several[i] = several[0];
    for (int i = 0; i < FLOODERS; i++)
        pids[i] = start(flood, NULL);
    for (int i = 0; i < FLOODERS; i++)
        wait_until_blocked(pids[i]);
    uint64_t objects = system_now().objects;
    pause_for(20 * MILLISECOND);
    CHECK_IS(system_now().objects, objects);
    for (int i = 0; i < FLOODERS * ROUNDS; i++)
        CHECK_IS(channel_receive(several[0], &message, FOREVER), 0);
    for (int i = 0; i < FLOODERS; i++)
        ends_well(pids[i]);
}

/* Two that hand the processor to each other all the time don't keep it from a third. */
static void hand_over_is_fair(void)
{
    unsigned times = 100000000;
    pid_t server = start_server(count_up, NULL), client = start(ask_often, &times);
    pid_t third = start(spin_forever, NULL);
    pause_for(400 * MILLISECOND);
    uint64_t its = process_now(third).cpu_time, theirs = process_now(client).cpu_time + process_now(server).cpu_time;
    if (its < (its + theirs) / 8)
        fail("it ran for %lu ms beside %lu", its / MILLISECOND, theirs / MILLISECOND);
    stop(third);
    stop(client);
    stop(server);
}

/* ---- bytes ---- */

enum { MOST = MESSAGE_LENGTH };
static char out[MOST + PAGE], in[MOST + PAGE];

/* Answers with the same bytes, each one more. */
static void add_one_to_each(void *unused)
{
    (void)unused;
    static char bytes[MOST];
    struct message message;
    struct message_parts parts = { .room = (uint64_t)bytes, .size = MOST, .bytes = (uint64_t)bytes };
    only_serve();
    int result = channel_receive_parts(serving, &message, &parts, FOREVER);
    while (result == 0) {
        CHECK_IS(parts.received, message.words[0]);
        parts.length = parts.received;
        for (uint64_t i = 0; i < parts.length; i++)
            bytes[i]++;
        result = channel_reply_receive_parts(serving, &message, &parts);
    }
    CHECK_IS(errno, EPIPE);
}

static void ask_with_bytes(uint64_t length, unsigned from, unsigned to)
{
    uint64_t words[4] = { length, 1, 2, 3 };
    struct message_parts parts = { .bytes = (uint64_t)out + from, .length = length, .room = (uint64_t)in + to, .size = MOST };
    memset(in, 0, sizeof(in));
    CHECK_IS(channel_call_parts(asking, words, &parts), 0);
    CHECK_IS(parts.received, length);
    for (uint64_t i = 0; i < length; i++)
        if (in[to + i] != (char)(out[from + i] + 1))
            fail("byte %lu of %lu", i, length);
    CHECK_IS(in[to + length], 0);
    CHECK_IS(words[3], 3);
}

static void bytes_there_and_back(void)
{
    pid_t server = start_server(add_one_to_each, NULL);
    fill(out, sizeof(out), 5);
    ask_with_bytes(0, 0, 0);
    ask_with_bytes(1, 4095, 4095);
    ask_with_bytes(MOST, 0, 0);
    ask_with_bytes(MOST, 1, 4090);
    for (int i = 0; i < 100; i++)
        ask_with_bytes(random64() % (MOST + 1), random64() % PAGE, random64() % (PAGE - 1));
    CHECK_IS(capability_close(asking), 0);
    ends_well(server);
}

static void ask_many_bytes(void *unused)
{
    (void)unused;
    for (int i = 0; i < 40; i++)
        ask_with_bytes(random64() % (MOST + 1), random64() % PAGE, random64() % (PAGE - 1));
}

static void bytes_of_many(void)
{
    enum { CLIENTS = 6 };
    pid_t servers[2], clients[CLIENTS];
    fill(out, sizeof(out), 6);
    open_channel();
    CHECK_IS(capability_close(whole), 0);
    servers[0] = start(add_one_to_each, NULL);
    servers[1] = start(add_one_to_each, NULL);
    only_ask();
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = start(ask_many_bytes, NULL);
    for (int i = 0; i < CLIENTS; i++)
        ends_well(clients[i]);
    CHECK_IS(capability_close(asking), 0);
    ends_well(servers[0]);
    ends_well(servers[1]);
}

/* Killed, stopped and continued in the middle of copies: the server lives. */
static void ask_for_ever_with_bytes(void *unused)
{
    (void)unused;
    struct message_parts parts = { .bytes = (uint64_t)out, .length = MOST, .room = (uint64_t)in, .size = MOST };
    for (;;) {
        uint64_t words[4] = { MOST, 0, 0, 0 };
        if (channel_call_parts(asking, words, &parts) < 0)
            CHECK_IS(errno, EINTR);
    }
}

static void clients_die_in_the_middle(void)
{
    pid_t server = start_server(add_one_to_each, NULL);
    for (int i = 0; i < 30; i++) {
        pid_t pid = start(ask_for_ever_with_bytes, NULL);
        for (int j = 0; j < 3; j++) {
            pause_for(random64() % 300000);
            kill(pid, SIGSTOP);
            kill(pid, SIGCONT);
        }
        stop(pid);
    }
    fill(out, sizeof(out), 7);
    ask_with_bytes(MOST, 3, 5);
    CHECK_IS(capability_close(asking), 0);
    ends_well(server);
}

/* What the asker gets wrong is his error, and the server never hears of it. */
static void bad_parts_of_a_client(void)
{
    pid_t server = start_server(add_one_to_each, NULL);
    char *edge = edge_of_memory();
    uint64_t words[4] = { 0 };
    struct message_parts parts = { .bytes = (uint64_t)out, .length = MOST + 1 };
    CHECK_ERROR(channel_call_parts(asking, words, &parts), EMSGSIZE);
    CHECK_ERROR(channel_send_parts(asking, words, &parts), EMSGSIZE);
    parts.length = 1;
    parts.giving = MESSAGE_CAPABILITIES + 1;
    CHECK_ERROR(channel_call_parts(asking, words, &parts), EINVAL);
    parts.giving = 0;
    CHECK_ERROR(channel_call_parts(asking, words, (void *)8), EFAULT);
    CHECK_ERROR(channel_call_parts(asking, words, (void *)(edge - 8)), EFAULT);
    CHECK_ERROR(channel_call_parts(asking, words, (void *)bad_parts_of_a_client), EFAULT);
    CHECK_ERROR(channel_call_parts(asking, words, (void *)UINT64_C(0xffffffff80200000)), EFAULT);
    uint64_t bad[] = { 8, (uint64_t)edge, (uint64_t)edge - 100, UINT64_C(0xffffffff80200000), UINT64_MAX - 50 };
    for (unsigned i = 0; i < 5; i++) {
        parts = (struct message_parts){ .bytes = bad[i], .length = 200, .room = (uint64_t)in, .size = MOST };
        CHECK_ERROR(channel_call_parts(asking, words, &parts), EFAULT);
        CHECK_ERROR(channel_send_parts(asking, words, &parts), EFAULT);
        parts = (struct message_parts){ .bytes = (uint64_t)out, .length = 200, .room = bad[i], .size = MOST };
        words[0] = 200;
        CHECK_ERROR(channel_call_parts(asking, words, &parts), EFAULT);
    }
    ask_with_bytes(300, 0, 0);
    CHECK_IS(capability_close(asking), 0);
    ends_well(server);
}

/* And what the server gets wrong is the server's; the call waits on. */
static void bad_parts_of_a_server(void)
{
    open_channel();
    fill(out, sizeof(out), 8);
    pid_t pid = start((void (*)(void *))ask_many_bytes, NULL);
    char *edge = edge_of_memory();
    struct message message;
    for (int round = 0; round < 40; round++) {
        struct message_parts parts = { .room = (uint64_t)edge, .size = MOST };
        uint64_t length;
        for (;;) {
            int result = channel_receive_parts(serving, &message, &parts, FOREVER);
            if (result == 0)
                break;
            CHECK_IS(errno, EFAULT);
            parts.room = (uint64_t)in;
        }
        length = parts.received;
        for (uint64_t i = 0; i < length; i++)
            in[parts.room - (uint64_t)in + i]++;
        parts.bytes = (uint64_t)edge;
        parts.length = 1;
        CHECK_ERROR(channel_reply_parts(serving, &message, &parts), EFAULT);
        CHECK_ERROR(channel_reply_receive_parts(serving, &message, &parts), EFAULT);
        parts.length = MOST + 1;
        CHECK_ERROR(channel_reply_parts(serving, &message, &parts), EMSGSIZE);
        parts.bytes = (uint64_t)in;
        parts.length = length;
        CHECK_IS(channel_reply_parts(serving, &message, &parts), 0);
    }
    ends_well(pid);
}

static void ask_too_much(void *unused)
{
    (void)unused;
    uint64_t words[4] = { 0 };
    struct message_parts parts = { .bytes = (uint64_t)out, .length = 101, .size = 0 };
    CHECK_ERROR(channel_call_parts(asking, words, &parts), EMSGSIZE);
    parts.length = 100;
    CHECK_IS(channel_call_parts(asking, words, &parts), 0);
}

static void no_room(void)
{
    struct message message;
    struct message_parts parts = { .room = (uint64_t)in, .size = 100 };
    open_channel();
    pid_t pid = start(ask_too_much, NULL);
    CHECK_IS(channel_receive_parts(serving, &message, &parts, FOREVER), 0);
    CHECK_IS(parts.received, 100);
    parts.bytes = (uint64_t)out;
    parts.length = 1;
    CHECK_ERROR(channel_reply_parts(serving, &message, &parts), EMSGSIZE);
    CHECK_IS(channel_reply(serving, &message), 0);
    ends_well(pid);
}

/* ---- capabilities ---- */

static void send_eight(void *unused)
{
    (void)unused;
    uint64_t words[4] = { 0 };
    capability_t all = calls(), mute = weak(all, CALLS_FILES), used[8];
    struct message_parts parts = { .giving = 8 };
    for (unsigned i = 0; i < 8; i++) {
        used[i] = weak(all, CALLS_FILES | CALLS_MEMORY | RIGHT_DELEGATE);
        parts.give[i].handle = used[i];
        parts.give[i].rights = CALLS_FILES;
    }
    parts.give[7].rights = CALLS_FILES | CALLS_SIGNALS;
    CHECK_ERROR(channel_call_parts(asking, words, &parts), EACCES);
    parts.give[7].rights = CALLS_FILES;
    parts.give[7].handle = mute;
    CHECK_ERROR(channel_call_parts(asking, words, &parts), EACCES);
    parts.give[7].handle = 77;
    CHECK_ERROR(channel_call_parts(asking, words, &parts), EBADF);
    capability_close(mute);
    parts.give[7].handle = mute;
    CHECK_ERROR(channel_call_parts(asking, words, &parts), ESTALE);
    parts.give[7].handle = used[7];
    CHECK_ERROR(channel_call_parts(asking, words, &parts), EMFILE);     /* the server takes seven */
    kill(getpid(), SIGSTOP);
    CHECK_ERROR(channel_call_parts(asking, words, &parts), EMFILE);     /* the server's table is full */
    kill(getpid(), SIGSTOP);
    CHECK_IS(channel_call_parts(asking, words, &parts), 0);
    for (unsigned i = 0; i < 8; i++)
        CHECK_IS(capability_revoke(used[i]), 1);
}

static size_t how_many(void)
{
    return (size_t)capability_list(NULL, 0);
}

/* The sender stops when it has been told that its message can't be taken. */
static void refuse_until_it_stops(pid_t pid, struct message_parts *parts)
{
    struct message message;
    do
        CHECK_ERROR(channel_receive_parts(serving, &message, parts, 10 * MILLISECOND), ETIMEDOUT);
    while (process_now(pid).state != 'T');
}

static void capabilities_travel(void)
{
    static capability_t filling[CAPABILITIES_MAX];
    struct message message;
    struct message_parts parts = { .accepting = 7 };
    unsigned filled = 0;
    open_channel();
    pid_t pid = start(send_eight, NULL);
    size_t before = how_many();
    refuse_until_it_stops(pid, &parts);
    CHECK_IS(how_many(), before);
    for (size_t there = how_many(); there < CAPABILITIES_MAX - 3; there++)
        filling[filled++] = weak(whole, 0);
    CHECK_IS(how_many(), CAPABILITIES_MAX - 3);
    kill(pid, SIGCONT);
    parts.accepting = 8;
    refuse_until_it_stops(pid, &parts);
    CHECK_IS(how_many(), CAPABILITIES_MAX - 3);
    while (filled > 0)
        capability_close(filling[--filled]);
    kill(pid, SIGCONT);
    CHECK_IS(channel_receive_parts(serving, &message, &parts, FOREVER), 0);
    CHECK_IS(parts.came, 8);
    CHECK_IS(how_many(), before + 8);
    CHECK_IS(channel_reply(serving, &message), 0);
    ends_well(pid);
    CHECK_IS(how_many(), before);
    CHECK_ERROR(capability_close(parts.taken[0]), ESTALE);
}

/* ---- memory ---- */

enum { SHEET = 5 * PAGE };

static void rights_of_memory(void)
{
    capability_t all = calls(), memory = memory_create(all, SHEET - 100), read, write, execute, none;
    CHECK(memory != 0);
    read = weak(memory, MEMORY_READ);
    write = weak(memory, MEMORY_READ | MEMORY_WRITE);
    execute = weak(memory, MEMORY_READ | MEMORY_EXECUTE);
    none = weak(memory, MEMORY_WRITE | MEMORY_EXECUTE);
    int rw = PROT_READ | PROT_WRITE, rx = PROT_READ | PROT_EXEC;
    static const int protections[] = { PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_EXEC };
    for (int i = 0; i < 4; i++)
        CHECK(!memory_map(none, NULL, 0, PAGE, protections[i]) && errno == EACCES);
    CHECK(!memory_map(read, NULL, 0, PAGE, rw) && errno == EACCES);
    CHECK(!memory_map(read, NULL, 0, PAGE, rx) && errno == EACCES);
    CHECK(!memory_map(write, NULL, 0, PAGE, rx) && errno == EACCES);
    CHECK(!memory_map(execute, NULL, 0, PAGE, rw) && errno == EACCES);
    CHECK(!memory_map(all, NULL, 0, PAGE, PROT_READ) && errno == EPROTOTYPE);
    CHECK(!memory_map(9, NULL, 0, PAGE, PROT_READ) && errno == EBADF);
    CHECK(!memory_create(memory, PAGE) && errno == EPROTOTYPE);
    CHECK(!memory_create(weak(all, CALLS_FILES), PAGE) && errno == EACCES);
    CHECK(!memory_create(all, 0) && errno == EINVAL);
    CHECK(!memory_create(all, SIZE_MAX) && errno == EINVAL);
    CHECK(!memory_create(all, SIZE_MAX / 2) && errno == ENOMEM);
    /* What may not be shown so can't be made so afterwards. */
    char *at = memory_map(read, NULL, 0, SHEET, PROT_READ);
    CHECK(at != NULL);
    CHECK_ERROR(mprotect(at, SHEET, rw), EACCES);
    CHECK_ERROR(mprotect(at + PAGE, PAGE, rx), EACCES);
    CHECK_IS(mprotect(at, SHEET, PROT_NONE), 0);
    CHECK_IS(mprotect(at, SHEET, PROT_READ), 0);
    CHECK((at = memory_map(write, NULL, 0, SHEET, PROT_READ)) != NULL);
    CHECK_ERROR(mprotect(at, SHEET, rx), EACCES);
    CHECK_IS(mprotect(at, SHEET, rw), 0);
    CHECK((at = memory_map(execute, NULL, 0, SHEET, PROT_READ)) != NULL);
    CHECK_ERROR(mprotect(at, SHEET, rw), EACCES);
    CHECK_IS(mprotect(at, SHEET, rx), 0);
    CHECK_IS(capability_close(read), 0);
    CHECK(!memory_map(read, NULL, 0, PAGE, PROT_READ) && errno == ESTALE);
}

static void pieces_of_memory(void)
{
    capability_t memory = memory_create(calls(), SHEET);
    int rw = PROT_READ | PROT_WRITE;
    CHECK(memory != 0);
    static const uint64_t wrong[][2] = { { 0, 0 }, { 0, 100 }, { 100, PAGE }, { 0, SHEET + PAGE }, { SHEET, PAGE },
        { PAGE, SHEET }, { SHEET + PAGE, PAGE }, { -(uint64_t)PAGE, 2 * PAGE }, { PAGE, -(uint64_t)PAGE } };
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        CHECK(!memory_map(memory, NULL, wrong[i][0], wrong[i][1], rw) && errno == EINVAL);
    char *first = memory_map(memory, NULL, 0, SHEET, rw), *second = memory_map(memory, NULL, PAGE, PAGE, rw);
    CHECK(first && second && first != second);
    fill(first, SHEET, 9);
    CHECK(memcmp(first + PAGE, second, PAGE) == 0);
    second[7]++;
    CHECK_IS(first[PAGE + 7], second[7]);
    CHECK(!memory_map(memory, first, 0, PAGE, rw) && errno == EEXIST);
    CHECK(!memory_map(memory, first + 1, 0, PAGE, rw) && errno == EINVAL);
    CHECK(!memory_map(memory, (void *)UINT64_C(0xffff800000000000), 0, PAGE, rw) && errno == EINVAL);
    CHECK_IS(munmap(first, SHEET), 0);
    CHECK(memory_map(memory, first, 0, PAGE, PROT_READ) == first);
    CHECK_IS(capability_close(memory), 0);
    CHECK(memcmp(first, second, PAGE) != 0);    /* and both are still there */
}

/* Gets memory with a message, and may only read it; writes into what it was given to write. */
static void read_and_write_sheets(void *unused)
{
    (void)unused;
    struct message message;
    struct message_parts parts = { .accepting = 2 };
    only_serve();
    CHECK_IS(channel_receive_parts(serving, &message, &parts, FOREVER), 0);
    CHECK_IS(parts.came, 2);
    CHECK(!memory_map(parts.taken[0], NULL, 0, SHEET, PROT_READ | PROT_WRITE) && errno == EACCES);
    const char *from = memory_map(parts.taken[0], NULL, 0, SHEET, PROT_READ);
    char *to = memory_map(parts.taken[1], NULL, 0, SHEET, PROT_READ | PROT_WRITE);
    CHECK(from && to);
    memcpy(to, from, SHEET);
    parts = (struct message_parts){ .accepting = 2 };
    CHECK_IS(channel_reply_receive_parts(serving, &message, &parts), -1);
    CHECK_IS(errno, EPIPE);
    CHECK(memcmp(to, from, SHEET) == 0);
}

static void memory_in_messages(void)
{
    int rw = PROT_READ | PROT_WRITE;
    capability_t one = memory_create(calls(), SHEET), other = memory_create(calls(), SHEET);
    char *from = memory_map(one, NULL, 0, SHEET, rw), *to = memory_map(other, NULL, 0, SHEET, rw);
    CHECK(from && to);
    fill(from, SHEET, 11);
    pid_t server = start_server(read_and_write_sheets, NULL);
    uint64_t words[4] = { 0 };
    struct message_parts parts = { .giving = 2, .give = { { .handle = one, .rights = MEMORY_READ },
                                                          { .handle = other, .rights = MEMORY_READ | MEMORY_WRITE } } };
    CHECK_IS(channel_call_parts(asking, words, &parts), 0);
    CHECK(memcmp(to, from, SHEET) == 0);
    CHECK_IS(capability_revoke(one), 1);
    CHECK_IS(capability_revoke(other), 1);
    CHECK_IS(capability_close(asking), 0);
    ends_well(server);
}

/* ---- pages ---- */

enum { PAGES_MAX = MESSAGE_PAGES };

static char *new_pages(uint64_t count)
{
    char *at = mmap(NULL, count * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(at != MAP_FAILED);
    return at;
}

/* Asked of the kernel, so that a page that isn't there costs no life. */
static bool can_read(const void *at)
{
    int ends[2];
    CHECK_IS(pipe(ends), 0);
    ssize_t result = write(ends[1], at, 1);
    CHECK(result == 1 || errno == EFAULT);
    close(ends[0]);
    close(ends[1]);
    return result == 1;
}

static bool can_write(void *at)
{
    int ends[2];
    CHECK_IS(pipe(ends), 0);
    CHECK_IS(write(ends[1], "w", 1), 1);
    ssize_t result = read(ends[0], at, 1);
    CHECK(result == 1 || errno == EFAULT);
    close(ends[0]);
    close(ends[1]);
    return result == 1;
}

static bool any_left(const char *at, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        if (can_read(at + i * PAGE))
            return true;
    return false;
}

static const uint64_t page_counts[] = { 1, 3, 64, 600, PAGES_MAX };
enum { COUNTS = sizeof(page_counts) / sizeof(page_counts[0]) };

/* Takes what comes, checks it, writes into it, forks with it, and moves a page back with each reply. */
static void take_pages(void *unused)
{
    (void)unused;
    struct message message;
    struct message_parts parts = { .page_room = PAGES_MAX };
    only_serve();
    int result = channel_receive_parts(serving, &message, &parts, FOREVER);
    while (result == 0) {
        char *at = (char *)parts.pages_at;
        uint64_t size = parts.pages_came * (uint64_t)PAGE;
        CHECK_IS(parts.pages_came, message.words[0]);
        CHECK_IS(parts.came_how, MESSAGE_MOVE);
        CHECK(is_filled(at, size, message.words[1]));
        fill(at, size, 17);
        if (message.words[2]) {
            pid_t pid = fork();
            if (pid == 0) {
                CHECK(is_filled(at, size, 17));
                memset(at, 0, size);
                _exit(0);
            }
            ends_well(pid);
        }
        CHECK(is_filled(at, size, 17));
        CHECK_IS(munmap(at + PAGE, size > PAGE ? size - PAGE : PAGE), 0);
        parts = (struct message_parts){ .page_room = PAGES_MAX, .pages = (uint64_t)at, .page_count = message.number != 0,
                                        .page_how = MESSAGE_MOVE };
        if (message.number == 0)
            CHECK_IS(munmap(at, PAGE), 0);
        if (message.number != 0)
            CHECK_IS(channel_reply_parts(serving, &message, &parts), 0);
        CHECK(!any_left(at, 1));
        parts.page_count = 0;
        result = channel_receive_parts(serving, &message, &parts, FOREVER);
    }
    CHECK_IS(errno, EPIPE);
}

static void move_some(uint64_t count, bool forked, bool call)
{
    char *first = new_pages(count + 2), *at = first + PAGE;
    fill(at, count * PAGE, count);
    first[0] = 1;
    at[count * PAGE] = 2;
    pid_t pid = 0;
    if (forked && (pid = fork()) == 0) {
        kill(getpid(), SIGSTOP);
        CHECK(is_filled(at, count * PAGE, count));      /* its own, whatever has become of the parent's */
        _exit(0);
    }
    if (forked)
        wait_for_state(pid, 'T');
    uint64_t words[4] = { count, count, forked, 0 };
    struct message_parts parts = { .pages = (uint64_t)at, .page_count = (uint32_t)count, .page_how = MESSAGE_MOVE,
                                   .page_room = 1 };
    if (call)
        CHECK_IS(channel_call_parts(asking, words, &parts), 0);
    else
        CHECK_IS(channel_send_parts(asking, words, &parts), 0);
    if (call) {
        CHECK_IS(parts.pages_came, 1);
        CHECK(is_filled((char *)parts.pages_at, PAGE, 17));
        *(char *)parts.pages_at = 5;
        CHECK_IS(munmap((char *)parts.pages_at, PAGE), 0);
    }
    CHECK(!any_left(at, count));
    CHECK(first[0] == 1 && at[count * PAGE] == 2);
    if (forked) {
        kill(pid, SIGCONT);
        ends_well(pid);
    }
    CHECK_IS(munmap(first, (count + 2) * PAGE), 0);
}

static void pages_move(void)
{
    pid_t server = start_server(take_pages, NULL);
    for (int i = 0; i < COUNTS * 4; i++)
        move_some(page_counts[i % COUNTS], i / COUNTS % 2, i / COUNTS < 2);
    CHECK_IS(capability_close(asking), 0);
    ends_well(server);
}

/* A page that was never touched is a page of zeros, and what a child wrote before stays the child's. */
static void untouched_pages_move(void)
{
    struct message message;
    struct message_parts parts = { .page_room = 8 };
    open_channel();
    pid_t pid = fork();
    if (pid == 0) {
        char *at = new_pages(8);
        struct message_parts mine = { .pages = (uint64_t)at, .page_count = 8, .page_how = MESSAGE_MOVE };
        CHECK_IS(channel_send_parts(asking, (uint64_t[4]){ 0 }, &mine), 0);
        CHECK(!any_left(at, 8));
        _exit(0);
    }
    CHECK_IS(channel_receive_parts(serving, &message, &parts, FOREVER), 0);
    for (int i = 0; i < 8 * PAGE; i++)
        CHECK(((char *)parts.pages_at)[i] == 0);
    ends_well(pid);
    CHECK_IS(munmap((void *)parts.pages_at, 8 * PAGE), 0);
}

/* What is wrong with a message's pages, the sender hears of, and nothing has happened. */
static void bad_pages(void)
{
    struct message message;
    struct message_parts got = { .page_room = 4 };
    open_channel();
    pid_t pid = fork();
    if (pid == 0) {
        uint64_t words[4] = { 0 };
        char *at = new_pages(8);
        only_ask();
        fill(at, 8 * PAGE, 3);
        CHECK_IS(munmap(at + 6 * PAGE, PAGE), 0);
        CHECK_IS(mprotect(at + 5 * PAGE, PAGE, PROT_READ), 0);
        int fd = open("file", O_RDWR | O_CREAT, 0644);
        CHECK_IS(write(fd, at, 2 * PAGE), 2 * PAGE);
        char *file = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
        char *shared = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        capability_t calls_entry = weak(calls(), CALLS_FILES | RIGHT_DELEGATE);
        char here;
        struct { uint64_t at; uint32_t count, how; int error; } bad[] = {
            { (uint64_t)at + 1, 1, MESSAGE_MOVE, EINVAL }, { (uint64_t)at, 1, 0, EINVAL }, { (uint64_t)at, 1, 4, EINVAL },
            { (uint64_t)at, PAGES_MAX + 1, MESSAGE_MOVE, EMSGSIZE }, { (uint64_t)at, UINT32_MAX, MESSAGE_LEND, EMSGSIZE },
            { (uint64_t)at, 5, MESSAGE_MOVE, EMSGSIZE }, { (uint64_t)at, 5, MESSAGE_LEND, EMSGSIZE },
            { (uint64_t)at + 4 * PAGE, 3, MESSAGE_MOVE, EFAULT }, { (uint64_t)at + 4 * PAGE, 3, MESSAGE_LEND, EFAULT },
            { (uint64_t)at + 4 * PAGE, 2, MESSAGE_MOVE, EFAULT },
            { (uint64_t)at + 4 * PAGE, 2, MESSAGE_LEND_WRITABLE, EFAULT },
            { 0, 1, MESSAGE_MOVE, EFAULT }, { 0, 2, MESSAGE_LEND, EFAULT },
            { UINT64_C(0xffffffff80200000), 1, MESSAGE_LEND, EFAULT }, { UINT64_MAX - PAGE + 1, 1, MESSAGE_MOVE, EFAULT },
            { UINT64_C(0x7ffffffff000), 2, MESSAGE_LEND, EFAULT },
            { (uint64_t)file, 1, MESSAGE_MOVE, EACCES }, { (uint64_t)shared, 2, MESSAGE_MOVE, EACCES },
            { (uint64_t)&here & ~(uint64_t)(PAGE - 1), 1, MESSAGE_MOVE, EACCES },
            { (uint64_t)bad_pages & ~(uint64_t)(PAGE - 1), 1, MESSAGE_MOVE, EFAULT },
            { (uint64_t)bad_pages & ~(uint64_t)(PAGE - 1), 1, MESSAGE_LEND_WRITABLE, EFAULT },
        };
        for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
            struct message_parts parts = { .pages = bad[i].at, .page_count = bad[i].count, .page_how = bad[i].how,
                                           .bytes = (uint64_t)at, .length = 10, .giving = 1,
                                           .give = { { .handle = calls_entry, .rights = CALLS_FILES } } };
            errno = 0;
            if (channel_call_parts(asking, words, &parts) != -1 || errno != bad[i].error)
                if (!(bad[i].at == ((uint64_t)bad_pages & ~(uint64_t)(PAGE - 1)) && errno == EACCES))
                    fail("bad pages %u: %s", i, strerror(errno));
            CHECK_IS(capability_revoke(calls_entry), 0);
        }
        struct message_parts parts = { .pages = (uint64_t)at, .page_count = 1, .page_how = MESSAGE_LEND };
        CHECK_ERROR(channel_send_parts(asking, words, &parts), EINVAL);     /* only a call can lend */
        CHECK(is_filled(at, 5 * PAGE, 3));
        parts.page_how = MESSAGE_MOVE;
        CHECK_IS(channel_send_parts(asking, words, &parts), 0);
        _exit(0);
    }
    got.room = (uint64_t)in;
    got.size = 100;
    got.accepting = 1;
    size_t before = how_many();
    CHECK_IS(channel_receive_parts(serving, &message, &got, FOREVER), 0);
    CHECK_IS(how_many(), before);
    CHECK_IS(message.number, 0);
    CHECK(got.received == 0 && got.came == 0 && got.pages_came == 1);
    got = (struct message_parts){ .pages = got.pages_at, .page_count = 1, .page_how = MESSAGE_LEND };
    CHECK_ERROR(channel_reply_parts(serving, &message, &got), EINVAL);
    ends_well(pid);
}

/* ---- lent pages ---- */

enum { LENT_PAGES = 5 };

/* Whatever a server may try with what it was lent: none of it lasts. */
static void misuse_loans(void *unused)
{
    (void)unused;
    struct message message;
    only_serve();
    for (uint64_t round = 0;; round++) {
        struct message_parts parts = { .page_room = PAGES_MAX };
        if (channel_receive_parts(serving, &message, &parts, FOREVER) < 0)
            break;
        char *at = (char *)parts.pages_at;
        uint64_t count = parts.pages_came;
        bool writable = parts.came_how == MESSAGE_LEND_WRITABLE;
        pid_t pid = 0;
        CHECK_IS(count, message.words[0]);
        CHECK(is_filled(at, count * PAGE, message.words[1]));
        switch (round % 8) {
        case 1:                                     /* a child doesn't get them, and the parent keeps them */
            if ((pid = fork()) == 0) {
                CHECK(!any_left(at, count));
                block_forever(NULL);
            }
            CHECK(is_filled(at, count * PAGE, message.words[1]));
            break;
        case 2:                                     /* a hole in the middle */
            CHECK_IS(munmap(at + count / 2 * PAGE, PAGE), 0);
            break;
        case 3:
            CHECK_ERROR(mprotect(at, PAGE, PROT_READ | PROT_EXEC), EACCES);
            if (!writable)
                CHECK_ERROR(mprotect(at, PAGE, PROT_READ | PROT_WRITE), EACCES);
            CHECK_IS(mprotect(at, PAGE, PROT_NONE), 0);
            break;
        case 4:
            CHECK(mremap(at, PAGE, 2 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED || count == 1);
            break;
        case 5:                                     /* and everything unmapped, with something else there */
            CHECK_IS(munmap(at, count * PAGE), 0);
            CHECK(mmap(at, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == at);
            *at = 9;
            break;
        case 6: {                                   /* they can't be given away */
            struct message_parts on = { .pages = (uint64_t)at, .page_count = 1, .page_how = MESSAGE_MOVE };
            CHECK_ERROR(channel_reply_parts(serving, &message, &on), EMSGSIZE);
            break;
        }
        }
        if (!writable)
            CHECK(round % 8 == 5 || !can_write(at));
        if (writable && (round % 8 == 0 || round % 8 > 5))
            fill(at, count * PAGE, 99);
        message.words[3] = (uint64_t)pid;
        CHECK_IS(channel_reply(serving, &message), 0);
        if (round % 8 == 5) {
            CHECK_IS(*at, 9);
            CHECK_IS(munmap(at, PAGE), 0);
        }
        CHECK(!any_left(at, count));
        if (pid != 0)
            stop(pid);
    }
    CHECK_IS(errno, EPIPE);
}

static void lend_some(uint64_t count, uint32_t how, uint64_t round)
{
    char *at = new_pages(count);
    fill(at, count * PAGE, count);
    uint64_t words[4] = { count, count, 0, 0 };
    struct message_parts parts = { .pages = (uint64_t)at, .page_count = (uint32_t)count, .page_how = how };
    CHECK_IS(channel_call_parts(asking, words, &parts), 0);
    bool written = how == MESSAGE_LEND_WRITABLE && (round % 8 == 0 || round % 8 > 5);
    CHECK(is_filled(at, count * PAGE, written ? 99 : count));
    memset(at, 1, count * PAGE);
    CHECK_IS(munmap(at, count * PAGE), 0);
}

static void pages_are_lent(void)
{
    pid_t server = start_server(misuse_loans, NULL);
    for (uint64_t i = 0; i < 8 * COUNTS * 2; i++)
        lend_some(page_counts[i / 8 % COUNTS], i / 8 < COUNTS ? MESSAGE_LEND : MESSAGE_LEND_WRITABLE, i);
    CHECK_IS(capability_close(asking), 0);
    ends_well(server);
}

/* Files' pages and shared ones can be lent, too, and so can the stack's. */
static void other_pages_are_lent(void)
{
    pid_t server = start_server(misuse_loans, NULL);
    char *own = new_pages(2);
    fill(own, 2 * PAGE, 2);
    int fd = open("file", O_RDWR | O_CREAT, 0644);
    CHECK_IS(write(fd, own, 2 * PAGE), 2 * PAGE);
    char *all[] = { mmap(NULL, 2 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0), mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fd, 0),
                    mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) };
    memcpy(all[2], own, 2 * PAGE);
    for (int i = 0; i < 3; i++) {
        uint64_t words[4] = { 2, 2, 0, 0 };
        struct message_parts parts = { .pages = (uint64_t)all[i], .page_count = 2, .page_how = MESSAGE_LEND };
        CHECK_IS(channel_call_parts(asking, words, &parts), 0);
        CHECK(is_filled(all[i], 2 * PAGE, 2));
    }
    CHECK_IS(capability_close(asking), 0);
    ends_well(server);
}

/* A server that lends on, or lets others write into, what it was lent. */
static void lend_on(void *second)
{
    struct message message;
    capability_t other = *(capability_t *)second;
    struct message_parts parts = { .page_room = LENT_PAGES };
    CHECK_IS(channel_receive_parts(serving, &message, &parts, FOREVER), 0);
    uint64_t words[4] = { 1, 0, 0, 0 };
    struct message_parts on = { .pages = parts.pages_at, .page_count = 1, .page_how = MESSAGE_LEND };
    CHECK_ERROR(channel_call_parts(other, words, &on), EACCES);
    on.page_how = MESSAGE_LEND_WRITABLE;
    CHECK_ERROR(channel_call_parts(other, words, &on), EACCES);
    on.page_how = MESSAGE_MOVE;
    CHECK_ERROR(channel_call_parts(other, words, &on), EACCES);
    on = (struct message_parts){ .bytes = parts.pages_at, .length = 100 };
    CHECK_IS(channel_call_parts(other, words, &on), 0);         /* read it may be */
    on = (struct message_parts){ .room = parts.pages_at, .size = 100, .bytes = (uint64_t)out, .length = 100 };
    CHECK_ERROR(channel_call_parts(other, words, &on), EFAULT);
    CHECK_IS(channel_reply(serving, &message), 0);
}

static void echo_bytes(void *other)
{
    struct message message;
    static char bytes[100];
    struct message_parts parts = { .room = (uint64_t)bytes, .size = 100, .page_room = LENT_PAGES };
    capability_t channel = *(capability_t *)other;
    int result = channel_receive_parts(channel, &message, &parts, FOREVER);
    for (int round = 0; result == 0; round++) {
        CHECK_IS(parts.pages_came, 0);
        CHECK_IS(parts.received, 100);
        parts.bytes = (uint64_t)bytes;
        parts.length = round == 0 ? 0 : 100;
        result = channel_reply_receive_parts(channel, &message, &parts);
    }
}

static void nobody_lends_on(void)
{
    capability_t other = channel_create(calls());
    CHECK_IS(capability_flag(other, CAPABILITY_INHERITABLE), 0);
    open_channel();
    pid_t second = start(echo_bytes, &other), server = start(lend_on, &other);
    char *at = new_pages(LENT_PAGES);
    fill(at, LENT_PAGES * PAGE, 4);
    uint64_t words[4] = { 0 };
    struct message_parts parts = { .pages = (uint64_t)at, .page_count = LENT_PAGES, .page_how = MESSAGE_LEND_WRITABLE };
    CHECK_IS(channel_call_parts(asking, words, &parts), 0);
    CHECK(is_filled(at, LENT_PAGES * PAGE, 4));
    ends_well(server);
    stop(second);
}

/* ---- a loan ends in many ways ---- */

static volatile bool *touching;

/* Has the pages, and touches them again and again: the moment at which they go is its end. */
static void touch_until_gone(void *unused)
{
    (void)unused;
    struct message message;
    struct message_parts parts = { .page_room = LENT_PAGES };
    only_serve();
    CHECK_IS(channel_receive_parts(serving, &message, &parts, FOREVER), 0);
    for (volatile char *at = (char *)parts.pages_at;; at[3 * PAGE]++)
        *touching = true;
}

static void lend_until_it_fails(void *error)
{
    only_ask();
    char *at = new_pages(LENT_PAGES);
    uint64_t words[4] = { 0 };
    struct message_parts parts = { .pages = (uint64_t)at, .page_count = LENT_PAGES, .page_how = MESSAGE_LEND_WRITABLE };
    CHECK_ERROR(channel_call_parts(asking, words, &parts), *(int *)error);
    char seen = *(volatile char *)(at + 3 * PAGE);
    pause_for(2 * MILLISECOND);
    CHECK_IS(*(volatile char *)(at + 3 * PAGE), seen);      /* nobody writes any more */
    memset(at, 7, LENT_PAGES * PAGE);
}

static void loans_end(void)
{
    int errors[] = { 0, EINTR, ECANCELED, EPIPE, EPIPE };
    touching = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(touching != MAP_FAILED);
    for (int way = 0; way < 5; way++) {
        open_channel();
        *touching = false;
        pid_t server = start(touch_until_gone, NULL), client = start(lend_until_it_fails, &errors[way]);
        capability_t own = serving;
        while (!*touching)
            pause_for(MILLISECOND / 4);
        pause_for(random64() % (20 * MILLISECOND));
        switch (way) {
        case 0:
            stop(client);
            break;
        case 1:
            kill(client, SIGSTOP);
            ends_by(server, SIGSEGV);
            kill(client, SIGCONT);
            break;
        case 2:
            CHECK_IS(capability_revoke(asking), 1);
            break;
        case 3:
            CHECK_IS(capability_revoke(own), 1);
            break;
        case 4:
            stop(server);
            break;
        }
        if (way != 1 && way != 4)
            ends_by(server, SIGSEGV);
        if (way != 0)
            ends_well(client);
        capability_revoke(whole);
        capability_close(whole);
    }
}

/* Servers and clients that are killed, stopped and continued while pages go to and fro. */
static void lend_for_ever(void *seed)
{
    random_state = (uint64_t)(uintptr_t)seed;
    for (;;) {
        uint64_t count = random64() % 8 + 1;
        char *at = new_pages(count);
        uint64_t words[4] = { count, random64() % 2, 0, 0 };
        struct message_parts parts = { .pages = (uint64_t)at, .page_count = (uint32_t)count, .page_room = 8,
                                       .page_how = (uint32_t)(random64() % 3 + 1) };
        memset(at, 1, count * PAGE);
        if (channel_call_parts(asking, words, &parts) < 0)
            CHECK(errno == EINTR || errno == EPIPE || errno == ECANCELED);
        if (parts.page_how != MESSAGE_MOVE) {
            memset(at, 2, count * PAGE);
            CHECK_IS(at[count * PAGE - 1], 2);
        }
        munmap(at, count * PAGE);
        if (parts.pages_came > 0)
            CHECK_IS(munmap((void *)parts.pages_at, parts.pages_came * (size_t)PAGE), 0);
    }
}

static void borrow_for_ever(void *seed)
{
    struct message message;
    struct message_parts parts = { .page_room = 8 };
    random_state = (uint64_t)(uintptr_t)seed;
    int result = channel_receive_parts(serving, &message, &parts, FOREVER);
    while (result == 0) {
        char *at = (char *)parts.pages_at;
        uint64_t count = parts.pages_came;
        bool moved = parts.came_how == MESSAGE_MOVE;
        if (random64() % 8 == 0) {
            pid_t pid = fork();
            if (pid == 0)
                _exit(count > 0 && !moved && can_read(at));
            CHECK_IS(status_of(pid), 0);
        }
        if (random64() % 4 == 0 && count > 1)
            munmap(at + PAGE, PAGE);
        parts = (struct message_parts){ .page_room = 8 };
        if (moved && message.words[1])
            parts.pages = (uint64_t)at, parts.page_count = 1, parts.page_how = MESSAGE_MOVE;
        else if (moved)
            munmap(at, count * PAGE);
        if (moved && count > 1)
            munmap(at + PAGE, (count - 1) * PAGE);
        result = channel_reply_receive_parts(serving, &message, &parts);
    }
    fail("a borrower: %s", strerror(errno));
}

static void unruly_lenders(void)
{
    enum { CROWD = 6 };
    pid_t pids[CROWD] = { 0 };
    open_channel();
    for (int i = 0; i < 300; i++) {
        int who = (int)(random64() % CROWD);
        if (pids[who] == 0) {
            pids[who] = start(who < 2 ? borrow_for_ever : lend_for_ever, (void *)(uintptr_t)(random64() | 1));
        } else if (random64() % 3 == 0) {
            stop(pids[who]);
            pids[who] = 0;
        } else {
            kill(pids[who], SIGSTOP);
            pause_for(random64() % 200000);
            kill(pids[who], SIGCONT);
        }
        pause_for(random64() % 2000000);
    }
    for (int i = 0; i < CROWD; i++)
        if (pids[i])
            stop(pids[i]);
}

/* ---- programs at random ---- */

enum { HANDLES = 24, NUMBERS = 8, ARENA = 40 };
static capability_t common[4];     /* three channels and some memory */

/* What one of them knows: handles that are good, or were, or never; calls that it has received; and memory, some of
 * which is there, some not, some its own. */
struct wild {
    capability_t handles[HANDLES];
    struct { capability_t channel; uint64_t number; } open[NUMBERS];
    char *arena, *came;
    bool serves;            /* most of the time */
};

static struct { _Atomic uint64_t answers, messages, capabilities, pages, steps; } *wild_counts;     /* that they do something */

static uint64_t some_address(const struct wild *wild)
{
    switch (random64() % 32) {
    case 0: return random64();
    case 1: case 2: return (uint64_t)wild->came + random64() % (4 * PAGE);
    case 3: return UINT64_C(0xffffffff80200000);
    default: return (uint64_t)wild->arena + random64() % ARENA * PAGE + (random64() % 4 == 0 ? random64() % PAGE : 0);
    }
}

static capability_t *some_handle(struct wild *wild)
{
    return &wild->handles[random64() % HANDLES];
}

/* Seldom what is wrong, or every message would be. */
static bool seldom(void)
{
    return random64() % 16 == 0;
}

static void some_parts(struct wild *wild, struct message_parts *parts)
{
    static char scratch[MESSAGE_LENGTH];
    static const uint32_t odd[] = { 7, 8, 9, 1024, 1025, UINT32_MAX };
    *parts = (struct message_parts){
        .bytes = seldom() ? some_address(wild) : (uint64_t)scratch, .length = random64() % 2 ? random64() % (3 * PAGE) : 0,
        .room = seldom() ? some_address(wild) : (uint64_t)scratch, .size = seldom() ? random64() % PAGE : MESSAGE_LENGTH,
        .giving = seldom() ? odd[random64() % 6] : random64() % 3 == 0 ? (uint32_t)(random64() % 3) : 0,
        .accepting = seldom() ? 0 : MESSAGE_CAPABILITIES,
        .pages = some_address(wild) & (seldom() ? UINT64_MAX : ~(uint64_t)(PAGE - 1)),
        .page_count = seldom() ? odd[random64() % 6] : random64() % 2 ? (uint32_t)(random64() % 4) : 0,
        .page_how = seldom() ? 0 : (uint32_t)(random64() % 3 + 1), .page_room = seldom() ? 1 : MESSAGE_PAGES,
    };
    for (int i = 0; i < MESSAGE_CAPABILITIES; i++) {
        parts->give[i].handle = *some_handle(wild);
        parts->give[i].rights = seldom() ? (uint32_t)random64() : random64() % 2 ? CHANNEL_CALL | RIGHT_DELEGATE : 0;
        parts->give[i].how = seldom() ? (uint32_t)random64() % 3 : random64() % 4 == 0 ? GIVE_AWAY : 0;
    }
}

/* What has come is used from now on. */
static void keep_parts(struct wild *wild, const struct message_parts *parts)
{
    for (uint32_t i = 0; i < parts->came && i < MESSAGE_CAPABILITIES; i++) {
        capability_t *place = &wild->handles[HANDLES / 2 + random64() % (HANDLES / 2)];
        capability_close(*place);
        *place = parts->taken[i];
    }
    if (parts->pages_came > 0) {
        if (wild->came)
            munmap(wild->came, 4 * PAGE);
        wild->came = (char *)parts->pages_at;
        if (parts->came_how == MESSAGE_LEND_WRITABLE || parts->came_how == MESSAGE_MOVE)
            can_write(wild->came);
    }
}

static void one_message(struct wild *wild)
{
    struct message message = { .words = { random64(), random64(), random64(), random64() } };
    struct message_parts parts, *with = random64() % 3 ? &parts : NULL;
    unsigned which = (unsigned)(random64() % NUMBERS);
    capability_t channel = seldom() ? *some_handle(wild) : wild->handles[random64() % (HANDLES / 2)];
    int result = -1;
    some_parts(wild, &parts);
    switch (wild->serves && !seldom() ? 2 : random64() % 8) {
    case 0: case 5: result = channel_call_parts(channel, message.words, with); message.number = 0; break;
    case 1: result = channel_send_parts(channel, message.words, with); message.number = 0; break;
    case 2: case 6: case 7:
        result = channel_receive_parts(channel, &message, with, random64() % (MILLISECOND / 2));
        break;
    case 3:
        message.number = random64() % 8 ? wild->open[which].number : random64() % 1000;
        channel_reply_parts(wild->open[which].channel ? wild->open[which].channel : channel, &message, with);
        return;
    case 4:
        message.number = wild->open[which].number;
        channel = wild->open[which].channel ? wild->open[which].channel : channel;
        result = channel_reply_receive_parts(channel, &message, with);
        break;
    }
    if (result == 0 && with) {
        keep_parts(wild, &parts);
        wild_counts->capabilities += parts.came;
        wild_counts->pages += parts.pages_came;
    }
    wild_counts->messages += result == 0 && message.number != 0;
    wild_counts->answers += result == 0 && message.number == 0;
    if (result == 0 && message.number != 0) {
        wild->open[which].channel = channel;
        wild->open[which].number = message.number;
        some_parts(wild, &parts);
        if (random64() % 4 != 0)
            channel_reply_parts(channel, &message, random64() % 2 ? &parts : NULL);
    }
}

static void one_step(struct wild *wild, capability_t own)
{
    struct capability_info list[8];
    capability_t made = 0, *place = &wild->handles[HANDLES / 2 + random64() % (HANDLES / 2)];
    char *at = wild->arena + random64() % ARENA * PAGE;
    switch (random64() % 24) {
    case 0: made = channel_create(own); break;
    case 1: made = capability_derive(*some_handle(wild), random64() % 2 ? CHANNEL_CALL | RIGHT_DELEGATE : CHANNEL_RECEIVE,
                                     random64() % 2); break;
    case 2: made = capability_derive(own, (uint32_t)random64(), 0); break;
    case 3: if (seldom()) capability_revoke(*some_handle(wild)); break;
    case 4: if (seldom()) capability_close(*some_handle(wild)); break;
    case 5: capability_flag(*some_handle(wild), random64() % 3); break;
    case 6: capability_list(list, random64() % 9); break;
    case 7: handles_wait(wild->handles, random64() % 4, random64() % (MILLISECOND / 10)); break;
    case 8: made = memory_create(own, random64() % (8 * PAGE)); break;
    case 9: memory_map(*some_handle(wild), random64() % 2 ? NULL : at, 0, PAGE, PROT_READ | PROT_WRITE); break;
    case 10: made = capability_give(*some_handle(wild), *some_handle(wild), (uint32_t)random64(), "wild"); break;
    case 11: munmap(at, random64() % 3 * PAGE); break;
    case 12: mprotect(at, PAGE, (int)(random64() % 4)); break;
    case 13: mmap(at, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0); break;
    case 14:
        if (random64() % 16 == 0 && system_now().processes < 40 && fork() == 0) {
            random_state ^= (uint64_t)getpid() << 24;
            for (int i = HANDLES / 2; i < HANDLES; i++)     /* which it hasn't inherited */
                wild->handles[i] = common[i % 4];
        }
        break;
    case 15: can_write(at); break;
    default: one_message(wild);
    }
    if (made != 0) {
        capability_close(*place);
        *place = made;
    }
}

static void be_wild(void *seed)
{
    struct wild wild = { .arena = new_pages(ARENA), .serves = ((uint64_t)(uintptr_t)seed >> 8) % 2 };
    capability_t own = calls();
    random_state = (uint64_t)(uintptr_t)seed;
    for (int i = 0; i < HANDLES; i++)
        wild.handles[i] = i < HANDLES / 2 ? common[i % 3] : common[3];
    wild.handles[HANDLES - 1] = process_self(own, PROCESS_GIVE | RIGHT_DELEGATE);
    for (;; wild_counts->steps++)
        one_step(&wild, own);
}

static bool have_been_wild(void)
{
    return wild_counts->steps > 100 && wild_counts->messages > 0 && wild_counts->answers > 0;
}

/* They are killed, stopped, continued and made anew, and what they have in common is taken from them. */
static void messages_at_random(void)
{
    enum { CROWD = 8 };
    pid_t pids[CROWD] = { 0 };
    capability_t tops[4];
    uint64_t end = folio_clock() + 1000 * MILLISECOND, latest = end + 10000 * MILLISECOND;
    wild_counts = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 4; i++) {
        CHECK((tops[i] = i < 3 ? channel_create(calls()) : memory_create(calls(), 8 * PAGE)) != 0);
        common[i] = weak(tops[i], (i < 3 ? CHANNEL_CALL | CHANNEL_SEND | CHANNEL_RECEIVE : MEMORY_READ | MEMORY_WRITE)
                         | RIGHT_DELEGATE);
    }
    while (folio_clock() < end || (!have_been_wild() && folio_clock() < latest)) {
        int who = (int)(random64() % CROWD);
        if (pids[who] == 0) {
            pids[who] = start(be_wild, (void *)(uintptr_t)(random64() | 1));
            CHECK_IS(setpgid(pids[who], pids[who]), 0);
        } else if (random64() % 6 == 0) {
            kill(-pids[who], SIGKILL);
            status_of(pids[who]);
            while (kill(-pids[who], SIGKILL) == 0)
                pause_for(MILLISECOND);
            pids[who] = 0;
        } else {
            kill(-pids[who], SIGSTOP);
            pause_for(random64() % MILLISECOND);
            kill(-pids[who], SIGCONT);
        }
        if (random64() % 64 == 0) {
            int which = (int)(random64() % 4);
            capability_revoke(tops[which]);
            common[which] = weak(tops[which], which < 3 ? CHANNEL_CALL | CHANNEL_SEND | CHANNEL_RECEIVE | RIGHT_DELEGATE
                                                        : MEMORY_READ | RIGHT_DELEGATE);
        }
        pause_for(random64() % (4 * MILLISECOND));
    }
    for (int i = 0; i < CROWD; i++) {
        if (pids[i] == 0)
            continue;
        kill(-pids[i], SIGKILL);
        status_of(pids[i]);
        while (kill(-pids[i], SIGKILL) == 0)
            pause_for(MILLISECOND);
    }
    CHECK(have_been_wild());
}

/* What is given away is the receiver's alone, and what was derived from it before stays. */
static void give_away(void *unused)
{
    (void)unused;
    capability_t all = calls(), top = weak(all, CALLS_FILES | CALLS_MEMORY | RIGHT_DELEGATE);
    capability_t given = weak(top, CALLS_FILES | RIGHT_DELEGATE), below = weak(given, CALLS_FILES), kept = weak(all, RIGHT_DELEGATE);
    uint64_t words[4] = { 0 };
    struct message_parts parts = { .bytes = (uint64_t)out, .length = 101, .giving = 2 };
    parts.give[0].handle = given;
    parts.give[0].rights = CALLS_FILES;
    parts.give[0].how = GIVE_AWAY;
    parts.give[1].handle = kept;
    size_t before = how_many();
    CHECK_ERROR(channel_call_parts(asking, words, &parts), EMSGSIZE);   /* nothing has gone */
    parts.length = 0;
    parts.page_count = 1;
    parts.page_how = MESSAGE_MOVE;
    CHECK_ERROR(channel_call_parts(asking, words, &parts), EFAULT);
    CHECK_IS(how_many(), before);
    parts.page_count = 0;
    parts.give[0].how = 2;
    CHECK_ERROR(channel_call_parts(asking, words, &parts), EINVAL);
    parts.give[0].how = GIVE_AWAY;
    parts.give[1].handle = asking;
    parts.give[1].how = GIVE_AWAY;
    CHECK_ERROR(channel_call_parts(asking, words, &parts), EINVAL);     /* not what it is said by */
    parts.give[1].handle = given;
    CHECK_IS(channel_call_parts(asking, words, &parts), 0);             /* twice is as good as once */
    CHECK_IS(words[0], 2);
    CHECK_IS(how_many(), before - 1);
    CHECK_ERROR(capability_close(given), ESTALE);
    CHECK_IS(capability_flag(below, 0), 0);
    CHECK_IS(capability_revoke(top), 3);                                /* two there, and the one below */
    CHECK_ERROR(capability_flag(below, 0), ESTALE);
}

static void given_away(void)
{
    struct message message;
    struct message_parts parts = { .room = (uint64_t)in, .size = 100, .accepting = 8, .page_room = 1 };
    open_channel();
    pid_t pid = start(give_away, NULL);
    CHECK_IS(channel_receive_parts(serving, &message, &parts, FOREVER), 0);
    message.words[0] = parts.came;
    CHECK_IS(channel_reply(serving, &message), 0);
    ends_well(pid);
    CHECK_ERROR(capability_close(parts.taken[0]), ESTALE);
    CHECK_ERROR(capability_close(parts.taken[1]), ESTALE);
}

/* ---- a borrower goes, and leaves many loans ---- */

enum { LENDERS = 48, LENT_BY_EACH = 1024 };

/* Goes in one of four ways when all have lent. In the last they have only asked. */
struct borrower {
    _Atomic uint64_t lent;
    uint64_t took;
    char *region;
    enum { CLOSES, EXITS, EXECS, IS_REVOKED, ONLY_ASKED, WAYS } way;
};

static void lend_until_it_goes(void *shared)
{
    struct borrower *to = shared;
    uint64_t words[4] = { 0 };
    struct message_parts parts = { .pages = (uint64_t)to->region, .page_count = to->way == ONLY_ASKED ? 0 : LENT_BY_EACH,
                                   .page_how = MESSAGE_LEND };
    only_ask();
    CHECK_ERROR(channel_call_parts(asking, words, &parts), EPIPE);
    CHECK_IS(*to->region, 'a');
}

static void borrow_and_go(void *shared)
{
    struct borrower *own = shared;
    struct message message;
    struct message_parts parts = { .page_room = LENT_BY_EACH };
    char *argv[] = { (char *)self, ":handles", NULL };
    uint64_t first = 0;
    only_serve();
    for (int i = 0; i < LENDERS; i++, own->lent++) {
        CHECK_IS(channel_receive_parts(serving, &message, &parts, FOREVER), 0);
        if (own->way == ONLY_ASKED)
            continue;
        CHECK_IS(*(char *)parts.pages_at, 'a');
        first = first == 0 ? parts.pages_at : first;
    }
    if (own->way == IS_REVOKED)
        block_forever(NULL);
    CHECK_IS(capability_flag(serving, 0), 0);
    if (own->way == EXITS)
        _exit(0);
    if (own->way == EXECS)
        execv(self, argv);
    uint64_t begin = folio_clock();
    CHECK_IS(capability_close(serving), 0);
    own->took = folio_clock() - begin;
    if (own->way == CLOSES)
        *(volatile char *)first = 'b';  /* the end of it */
}

static void borrower_goes(struct borrower *own)
{
    pid_t lenders[LENDERS];
    own->lent = 0;
    open_channel();
    CHECK_IS(capability_close(whole), 0);
    pid_t borrower = start(borrow_and_go, own);
    for (int i = 0; i < LENDERS; i++)
        lenders[i] = start(lend_until_it_goes, own);
    if (own->way == IS_REVOKED) {
        while (own->lent < LENDERS)
            pause_for(MILLISECOND);
        CHECK_IS(capability_revoke(serving), 1);
    }
    CHECK_IS(capability_close(serving), 0);
    for (int i = 0; i < LENDERS; i++)
        ends_well(lenders[i]);
    CHECK_IS(capability_close(asking), 0);
    if (own->way == IS_REVOKED)
        stop(borrower);
    else if (own->way == CLOSES)
        ends_by(borrower, SIGSEGV);
    else if (own->way == EXECS)
        status_of(borrower);
    else
        ends_well(borrower);
    if (tell_failures && own->way == CLOSES)
        printf("%d loans of %d pages taken back: %lu us\n", LENDERS, LENT_BY_EACH, own->took / 1000);
}

static void loans_of_many(void)
{
    struct borrower *own = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    own->region = mmap(NULL, LENT_BY_EACH * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    memset(own->region, 'a', LENT_BY_EACH * PAGE);
    for (own->way = CLOSES; own->way < WAYS; own->way++)
        borrower_goes(own);
}

const struct test channel_tests[] = {
    TEST(there_and_back), LONG_TEST(many_clients, 30), LONG_TEST(many_servers, 30),
    TEST(stopped_and_continued), TEST(sends_arrive_in_order), TEST(deferred_replies),
    TEST(replies_are_the_receivers), TEST(rights_of_channels), TEST(server_dies),
    TEST(one_of_two_servers_dies), TEST(client_dies), TEST(last_client_goes),
    TEST(revoked_in_flight), LONG_TEST(revoked_at_any_moment, 30), TEST(times_are_kept),
    TEST(time_goes_on_while_stopped), TEST(wait_for_several), LONG_TEST(floods, 30),
    TEST(hand_over_is_fair), TEST(bytes_there_and_back), LONG_TEST(bytes_of_many, 30),
    LONG_TEST(clients_die_in_the_middle, 30), TEST(bad_parts_of_a_client), TEST(bad_parts_of_a_server),
    TEST(no_room), TEST(capabilities_travel), TEST(rights_of_memory), TEST(pieces_of_memory),
    TEST(memory_in_messages), LONG_TEST(pages_move, 30), TEST(untouched_pages_move),
    TEST(bad_pages), LONG_TEST(pages_are_lent, 30), TEST(other_pages_are_lent), TEST(nobody_lends_on),
    LONG_TEST(loans_end, 30), LONG_TEST(unruly_lenders, 30),
    LONG_TEST(messages_at_random, 30), TEST(given_away), LONG_TEST(loans_of_many, 30), { NULL, NULL, 0 },
};

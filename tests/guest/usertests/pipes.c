/* Pipes: ends, room, order, and dying while blocked. */
#include "usertests.h"

enum { PIPE_BUF = 4096 };               /* up to here, a write goes in one piece */

static void pipe_ends(void)
{
    int fds[2];
    char buffer[8];
    CHECK_IS(pipe(fds), 0);
    CHECK_ERROR(write(fds[0], "x", 1), EBADF);
    CHECK_ERROR(read(fds[1], buffer, 1), EBADF);
    CHECK_ERROR(lseek(fds[0], 0, SEEK_CUR), ESPIPE);
    CHECK_IS(write(fds[1], "hello", 5), 5);
    CHECK_IS(write(fds[1], "", 0), 0);
    CHECK_IS(read(fds[0], buffer, 0), 0);
    CHECK_IS(read(fds[0], buffer, 3), 3);
    CHECK_IS(close(fds[1]), 0);
    CHECK_IS(read(fds[0], buffer, 8), 2);
    CHECK(memcmp(buffer, "lo", 2) == 0);
    CHECK_IS(read(fds[0], buffer, 8), 0);
    CHECK_IS(read(fds[0], buffer, 8), 0);
    CHECK_IS(close(fds[0]), 0);
    struct stat status;
    CHECK_IS(pipe2(fds, O_CLOEXEC), 0);
    CHECK_IS(fcntl(fds[0], F_GETFD) & fcntl(fds[1], F_GETFD), FD_CLOEXEC);
    CHECK_IS(fstat(fds[0], &status), 0);
    CHECK(S_ISFIFO(status.st_mode));
}

static void close_writer_and_exit(void *fds)
{
    pause_for(3 * MILLISECOND);
    _exit(((int *)fds)[0] & 0);
}

/* A reader sees the end when the last writer is gone: by close, by exit, by a signal. */
static void end_of_file(void)
{
    for (int way = 0; way < 3; way++) {
        int fds[2];
        char byte;
        CHECK_IS(pipe(fds), 0);
        pid_t pid = start(way == 2 ? block_forever : close_writer_and_exit, fds);
        pid_t other = start(close_writer_and_exit, fds);
        CHECK_IS(close(fds[1]), 0);
        if (way == 2) {
            ends_well(other);
            CHECK_IS(kill(pid, SIGKILL), 0);
        }
        CHECK_IS(read(fds[0], &byte, 1), 0);
        status_of(pid);
        if (way != 2)
            ends_well(other);
        CHECK_IS(close(fds[0]), 0);
    }
}

static void write_a_byte(void *fds)
{
    close(((int *)fds)[0]);
    write(((int *)fds)[1], "x", 1);
    _exit(1);
}

static void broken_pipe(void)
{
    int fds[2];
    CHECK_IS(pipe(fds), 0);
    CHECK_IS(write(fds[1], "x", 1), 1);
    CHECK_IS(close(fds[0]), 0);
    ends_by(start(write_a_byte, fds), SIGPIPE);
}

static void write_much(void *fds)
{
    static char bytes[1 << 20];
    close(((int *)fds)[0]);
    write(((int *)fds)[1], bytes, sizeof(bytes));
    _exit(1);
}

/* The last reader goes while a writer waits for room. */
static void broken_while_blocked(void)
{
    int fds[2];
    CHECK_IS(pipe(fds), 0);
    pid_t pid = start(write_much, fds);
    wait_until_blocked(pid);
    CHECK_IS(close(fds[1]), 0);
    CHECK_IS(close(fds[0]), 0);
    ends_by(pid, SIGPIPE);
}

static void read_a_byte(void *fds)
{
    char byte;
    read(((int *)fds)[0], &byte, 1);
    _exit(1);
}

static void ended_while_blocked(void)
{
    for (int i = 0; i < 10; i++) {
        int fds[2];
        CHECK_IS(pipe(fds), 0);
        pid_t reader = start(read_a_byte, fds);
        wait_until_blocked(reader);
        stop(reader);
        pid_t writer = start(write_much, fds);
        wait_until_blocked(writer);
        CHECK_IS(kill(writer, 0), 0);
        pid_t killed = start(write_much, (int[]){ fds[0], fds[1] });
        wait_until_blocked(killed);
        stop(killed);
        stop(writer);
        CHECK_IS(close(fds[0]), 0);
        CHECK_IS(close(fds[1]), 0);
    }
}

static void full_pipe(void)
{
    int fds[2], count = 0;
    static char bytes[PIPE_BUF];
    ssize_t wrote, room = 0;
    CHECK_IS(pipe(fds), 0);
    CHECK_IS(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
    CHECK_IS(fcntl(fds[1], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    while ((wrote = write(fds[1], bytes, 1000)) > 0)
        room += wrote;
    CHECK_IS(errno, EAGAIN);
    while ((wrote = write(fds[1], bytes, 1)) > 0)
        room += wrote;
    CHECK_IS(errno, EAGAIN);
    CHECK(room >= PIPE_BUF);
    CHECK_IS(ioctl(fds[0], FIONREAD, &count), 0);
    CHECK_IS(count, room);
    /* All or nothing up to PIPE_BUF. */
    CHECK_IS(read(fds[0], bytes, 100), 100);
    CHECK_ERROR(write(fds[1], bytes, 101), EAGAIN);
    CHECK_IS(write(fds[1], bytes, 100), 100);
    CHECK_IS(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    while (read(fds[0], bytes, sizeof(bytes)) > 0)
        ;
    CHECK_IS(errno, EAGAIN);
}

enum { WRITERS = 4, RECORDS = 300 };
struct record { uint16_t writer, number, size; uint8_t bytes[PIPE_BUF - 6]; };

static void write_records(void *argument)
{
    int *fd = argument;
    struct record record = { .writer = (uint16_t)fd[1] };
    for (uint16_t n = 0; n < RECORDS; n++) {
        record.number = n;
        record.size = (uint16_t)(6 + (unsigned)(n * 997 + fd[1] * 31) % (PIPE_BUF - 5));
        memset(record.bytes, fd[1] * 50 + n % 50, record.size - 6u);
        CHECK_IS(write(fd[0], &record, record.size), record.size);
    }
}

static void read_exactly(int fd, void *to, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t got = read(fd, (char *)to + done, size - done);
        CHECK(got > 0);
        done += (size_t)got;
    }
}

/* Records of several writers are never mixed, and each writer's stay in order. */
static void writes_are_atomic(void)
{
    int fds[2], arguments[WRITERS][2];
    uint16_t next[WRITERS] = { 0 };
    pid_t pids[WRITERS];
    static struct record record;
    CHECK_IS(pipe(fds), 0);
    for (int i = 0; i < WRITERS; i++) {
        arguments[i][0] = fds[1];
        arguments[i][1] = i;
        pids[i] = start(write_records, arguments[i]);
    }
    for (int n = 0; n < WRITERS * RECORDS; n++) {
        read_exactly(fds[0], &record, 6);
        CHECK(record.writer < WRITERS && record.number == next[record.writer]);
        next[record.writer]++;
        read_exactly(fds[0], record.bytes, record.size - 6u);
        for (int i = 0; i < record.size - 6; i++)
            CHECK_IS(record.bytes[i], record.writer * 50 + record.number % 50);
    }
    for (int i = 0; i < WRITERS; i++)
        ends_well(pids[i]);
}

enum { MUCH = 2 << 20 };

static void write_pattern(void *fd)
{
    static uint8_t bytes[70000];
    uint64_t seed = 99;
    for (size_t done = 0; done < MUCH;) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        size_t size = 1 + (seed >> 33) % sizeof(bytes);
        if (size > MUCH - done)
            size = MUCH - done;
        for (size_t i = 0; i < size; i++)
            bytes[i] = (uint8_t)((done + i) * 7 >> 3);
        CHECK_IS(write(*(int *)fd, bytes, size), size);
        done += size;
    }
}

/* Two mebibytes arrive whole, whatever the sizes of writes and reads. */
static void much_through_a_pipe(void)
{
    static uint8_t bytes[30000];
    int fds[2];
    CHECK_IS(pipe(fds), 0);
    pid_t pid = start(write_pattern, &fds[1]);
    close(fds[1]);
    size_t done = 0;
    for (ssize_t got; (got = read(fds[0], bytes, 1 + random64() % sizeof(bytes))) > 0;
         done += (size_t)got)
        for (size_t i = 0; i < (size_t)got; i++)
            if (bytes[i] != (uint8_t)((done + i) * 7 >> 3))
                fail("byte %lu is wrong", done + i);
    CHECK_IS(done, MUCH);
    ends_well(pid);
}

static void answer_pings(void *argument)
{
    int *fds = argument;
    char byte;
    close(fds[1]);
    while (read(fds[0], &byte, 1) == 1)
        if (write(fds[3], &byte, 1) != 1)
            _exit(1);
}

/* Each wakes the other, thousands of times; a wakeup that is lost blocks both for ever. */
static void ping_pong(void)
{
    int fds[4];
    char byte;
    CHECK_IS(pipe(fds), 0);
    CHECK_IS(pipe(fds + 2), 0);
    pid_t pid = start(answer_pings, fds);
    uint64_t end = folio_clock() + 1500 * MILLISECOND;
    int rounds = 0;
    for (; rounds < 50000 && folio_clock() < end; rounds++) {
        CHECK_IS(write(fds[1], &rounds, 1), 1);
        for (uint64_t spin = random64() % 256; spin > 0; spin--)
            __asm__ volatile("");
        CHECK_IS(read(fds[2], &byte, 1), 1);
        CHECK_IS(byte, (char)rounds);
    }
    CHECK(rounds > 100);
    close(fds[1]);
    ends_well(pid);
}

/* A ring of processes passes a byte around. */
static void ring_of_pipes(void)
{
    enum { RING = 20, ROUNDS = 50 };
    int first[2], in, next[2];
    pid_t pids[RING];
    char byte = 0;
    CHECK_IS(pipe(first), 0);
    in = first[0];
    for (int i = 0; i < RING; i++) {
        CHECK_IS(pipe(next), 0);
        pids[i] = fork();
        CHECK(pids[i] >= 0);
        if (pids[i] == 0) {
            close(first[1]);
            for (; read(in, &byte, 1) == 1; byte++)
                write(next[1], &(char){ (char)(byte + 1) }, 1);
            _exit(0);
        }
        close(in);
        close(next[1]);
        in = next[0];
    }
    for (int round = 0; round < ROUNDS; round++) {
        CHECK_IS(write(first[1], "", 1), 1);
        CHECK_IS(read(in, &byte, 1), 1);
        CHECK_IS(byte, RING);
    }
    close(first[1]);
    for (int i = 0; i < RING; i++)
        ends_well(pids[i]);
}

/* What a writer has put in survives it. */
static void bytes_outlive_the_writer(void)
{
    int fds[2];
    char buffer[16];
    CHECK_IS(pipe(fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        write(fds[1], "left behind", 11);
        kill(getpid(), SIGKILL);
    }
    ends_by(pid, SIGKILL);
    CHECK_IS(read(fds[0], buffer, sizeof(buffer)), 11);
    CHECK(memcmp(buffer, "left behind", 11) == 0);
}

const struct test pipe_tests[] = {
    TEST(pipe_ends), TEST(end_of_file), TEST(broken_pipe), TEST(broken_while_blocked),
    TEST(ended_while_blocked), TEST(full_pipe), TEST(writes_are_atomic),
    TEST(much_through_a_pipe), TEST(ping_pong), TEST(ring_of_pipes),
    TEST(bytes_outlive_the_writer), { NULL, NULL, 0 },
};

/* Watched calls: who may be told, what is told, and that the one who is told can stop nobody. */
#include "usertests.h"
#include <folio/watch.h>

static char records[WATCH_RECORD_MAX];

/* The next record of a pipe; NULL at its end. */
static const struct watch_record *next(int from)
{
    struct watch_record *record = (struct watch_record *)records;
    ssize_t got = read(from, records, sizeof(*record));
    if (got == 0)
        return NULL;
    CHECK_IS(got, sizeof(*record));
    CHECK(record->size >= sizeof(*record) && record->size <= sizeof(records) && record->size % 4 == 0);
    size_t rest = record->size - sizeof(*record);
    if (rest > 0)
        CHECK_IS(read(from, record + 1, rest), rest);
    return record;
}

static const struct watch_text *first_text(const struct watch_record *record)
{
    const struct watch_text *text = (const struct watch_text *)(record + 1);
    CHECK(record->size >= sizeof(*record) + sizeof(*text) + text->length);
    return text;
}

static void expect(int from, pid_t pid, unsigned kind, unsigned call, int64_t result)
{
    const struct watch_record *record = next(from);
    CHECK(record != NULL);
    CHECK_IS(record->pid, pid);
    CHECK_IS(record->call, call);
    CHECK_IS(record->kind, kind);
    CHECK_IS(record->result, result);
}

static void refusals(void)
{
    int fds[2], file = open("file", O_WRONLY | O_CREAT, 0644);
    CHECK_IS(pipe(fds), 0);
    CHECK_ERROR(folio_watch(99, 0), EBADF);
    CHECK_ERROR(folio_watch(-1, 0), EBADF);
    CHECK_ERROR(folio_watch(fds[0], 0), EINVAL);
    CHECK_ERROR(folio_watch(file, 0), EINVAL);
    CHECK_ERROR(folio_watch(STDOUT_FILENO, 0), EINVAL);
    CHECK_ERROR(folio_watch(fds[1], 2), EINVAL);
    CHECK_ERROR(folio_watch(fds[1], -1), EINVAL);
    CHECK_IS(folio_watch(fds[1], 0), 0);
    CHECK_ERROR(folio_watch(fds[1], 0), EBUSY);
}

static void make_some_calls(void *fds)
{
    char *unmapped = (char *)0x10000000;
    close(((int *)fds)[0]);
    CHECK_IS(folio_watch(((int *)fds)[1], 0), 0);
    close(((int *)fds)[1]);
    getppid();
    open("missing", O_RDONLY);
    open(unmapped, O_RDONLY);
    pid_t child = fork();
    if (child == 0) {
        getppid(); /* not told: the children are not watched */
        _exit(0);
    }
    waitpid(child, NULL, 0);
    _exit(7);
}

/* Each call is told twice, with its texts; descriptors don't matter; the end is told last. */
static void calls_are_told(void)
{
    int fds[2];
    CHECK_IS(pipe(fds), 0);
    pid_t pid = start(make_some_calls, fds);
    close(fds[1]);
    expect(fds[0], pid, WATCH_BEGINS, SYS_CLOSE, 0);
    expect(fds[0], pid, WATCH_ENDS, SYS_CLOSE, 0);
    expect(fds[0], pid, WATCH_BEGINS, SYS_GETPPID, 0);
    expect(fds[0], pid, WATCH_ENDS, SYS_GETPPID, getpid());
    expect(fds[0], pid, WATCH_BEGINS, SYS_OPEN, 0);
    const struct watch_text *text = first_text((struct watch_record *)records);
    CHECK_IS(text->state, WATCH_WHOLE);
    CHECK(text->length == 7 && memcmp(text + 1, "missing", 7) == 0);
    expect(fds[0], pid, WATCH_ENDS, SYS_OPEN, -ENOENT);
    expect(fds[0], pid, WATCH_BEGINS, SYS_OPEN, 0);
    CHECK_IS(first_text((struct watch_record *)records)->state, WATCH_UNREADABLE);
    expect(fds[0], pid, WATCH_ENDS, SYS_OPEN, -EFAULT);
    expect(fds[0], pid, WATCH_BEGINS, SYS_FORK, 0);
    pid_t child = next(fds[0])->result;
    CHECK(child > pid);
    expect(fds[0], pid, WATCH_BEGINS, SYS_WAITPID, 0);
    expect(fds[0], pid, WATCH_ENDS, SYS_WAITPID, child);
    expect(fds[0], pid, WATCH_BEGINS, SYS_EXIT, 0);
    expect(fds[0], pid, WATCH_LEAVES, SYS_EXIT, STATUS_EXITED(7));
    CHECK(next(fds[0]) == NULL);
    CHECK_IS(WEXITSTATUS(status_of(pid)), 7);
}

static void fork_while_watched(void *fds)
{
    close(((int *)fds)[0]);
    CHECK_IS(folio_watch(((int *)fds)[1], WATCH_CHILDREN), 0);
    pid_t child = fork();
    if (child == 0) {
        getppid();
        _exit(3);
    }
    waitpid(child, NULL, 0);
    _exit(0);
}

/* With the flag, children are told of as well, and the pipe ends with the last of them. */
static void children_are_told(void)
{
    int fds[2], of_child = 0;
    CHECK_IS(pipe(fds), 0);
    pid_t pid = start(fork_while_watched, fds);
    close(fds[1]);
    const struct watch_record *record;
    while ((record = next(fds[0])) != NULL) {
        if (record->pid == pid)
            continue;
        static const unsigned calls[] = { SYS_GETPPID, SYS_GETPPID, SYS_EXIT, SYS_EXIT };
        CHECK(of_child < 4);
        CHECK_IS(record->call, calls[of_child++]);
    }
    CHECK_IS(of_child, 4);
    ends_well(pid);
}

static void call_for_long(void *fds)
{
    close(((int *)fds)[0]);
    CHECK_IS(folio_watch(((int *)fds)[1], WATCH_CHILDREN), 0);
    close(((int *)fds)[1]);
    for (int i = 0; i < 2000; i++)
        getppid();
    _exit(0);
}

/* A reader that goes ends the watch, and nobody else. */
static void reader_goes(void)
{
    int fds[2];
    CHECK_IS(pipe(fds), 0);
    pid_t pid = start(call_for_long, fds);
    close(fds[1]);
    CHECK(next(fds[0]) != NULL);
    close(fds[0]);
    ends_well(pid);
}

/* A reader that doesn't read holds the watched process up, but not its killer; and the pipe ends. */
static void reader_sleeps(void)
{
    int fds[2];
    CHECK_IS(pipe(fds), 0);
    pid_t pid = start(call_for_long, fds);
    close(fds[1]);
    wait_until_blocked(pid);
    CHECK_IS(kill(pid, SIGKILL), 0);
    ends_by(pid, SIGKILL);
    while (next(fds[0]) != NULL)
        continue;
    close(fds[0]);
}

/* Stops and continues while it waits for room: no record is lost, none comes twice. */
static void stops_lose_nothing(void)
{
    int fds[2];
    CHECK_IS(pipe(fds), 0);
    pid_t pid = start(call_for_long, fds);
    close(fds[1]);
    const struct watch_record *record;
    int begun = 0, ended = 0, left = 0, turn = 0;
    for (;; turn++) {
        if (turn % 101 == 0 && turn < 2000) { /* an odd number: before a call and after it */
            wait_until_blocked(pid);
            CHECK_IS(kill(pid, SIGSTOP), 0);
            wait_for_state(pid, 'T');
            CHECK_IS(kill(pid, SIGCONT), 0);
        }
        if ((record = next(fds[0])) == NULL)
            break;
        if (record->call == SYS_GETPPID) {
            begun += record->kind == WATCH_BEGINS;
            ended += record->kind == WATCH_ENDS;
            CHECK(begun == ended || begun == ended + 1);
        }
        left += record->kind == WATCH_LEAVES;
    }
    CHECK_IS(begun, 2000);
    CHECK_IS(ended, 2000);
    CHECK_IS(left, 1);
    ends_well(pid);
}

static void watch_a_reader(void *unused)
{
    (void)unused;
    int fds[2];
    CHECK_IS(pipe(fds), 0);
    CHECK_IS(folio_watch(fds[1], 0), 0);
    for (;;)
        getppid(); /* until the pipe is full, and nobody but itself could empty it */
}

/* Who watches himself and doesn't read waits for ever, and can be killed. */
static void own_reader(void)
{
    for (int i = 0; i < 20; i++) {
        pid_t pid = start(watch_a_reader, NULL);
        wait_until_blocked(pid);
        stop(pid);
    }
}

static void watch_and_end(void *way)
{
    int fds[2];
    CHECK_IS(pipe(fds), 0);
    CHECK_IS(folio_watch(fds[1], WATCH_CHILDREN), 0);
    if (*(int *)way != 0)
        __asm__ volatile("ud2");
    _exit(0);
}

/* However a watched process ends, nothing of its watch is left. */
static void watches_are_given_back(void)
{
    struct system_info before, after;
    for (int round = 0; round < 2; round++) {
        folio_system_info(&before);
        for (int way = 0; way < 60; way++) {
            int kind = way % 2; /* an exit, or a fault */
            status_of(start(watch_and_end, &kind));
        }
        folio_system_info(&after);
    }
    CHECK(after.objects <= before.objects + 2);
}

const struct test watch_tests[] = {
    TEST(refusals), TEST(calls_are_told), TEST(children_are_told), TEST(reader_goes),
    TEST(reader_sleeps), TEST(stops_lose_nothing), TEST(own_reader), TEST(watches_are_given_back),
    { NULL, NULL, 0 },
};

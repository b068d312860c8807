/* Bad pointers and bad numbers in every argument of every call, through both doors. */
#include <capability.h>
#include <channel.h>
#include <parts.h>
#include <sys/utsname.h>
#include "usertests.h"

static char *edge;                      /* the first byte that is not mapped */
static int file, both_ends[2], here, console;

static void set_up(void)
{
    static char bytes[2 * PAGE];
    edge = edge_of_memory();
    write_file("file", bytes, sizeof(bytes), 0644);
    CHECK((file = open("file", O_RDWR)) >= 0);
    CHECK((here = open("/bin", O_RDONLY)) >= 0);
    CHECK((console = open("/dev/console", O_RDWR | O_NONBLOCK)) >= 0);
    CHECK_IS(symlink("file", "link"), 0);
    CHECK_IS(pipe(both_ends), 0);
    CHECK_IS(write(both_ends[1], bytes, 512), 512);
}

static const uint64_t bad_addresses[] = {
    0, 1, 8, PAGE - 1, PAGE, 0x200000,
    0x2000000000, 0x700000000000,       /* between the heap and the stack */
    0x7ffffffff000, 0x7fffffffffff,     /* the page above the stack */
    0x800000000000, 0xffff7fffffffffff, /* not canonical */
    0xffff800000000000, 0xffff800000200000, 0xffffffff80000000, 0xffffffff80200000,
    0xfffffffffffff000, UINT64_MAX - 7, UINT64_MAX,
    UINT64_C(1) << 63, 0x5555555555555555,
};
enum { BAD_ADDRESSES = sizeof(bad_addresses) / 8 };

/* One pointer argument of one call. */
struct pointer {
    uint64_t number;
    int place;                          /* which argument */
    size_t size;                        /* how many bytes the kernel uses; 0: a string */
    bool written;                       /* by the kernel */
    bool may_be_null;
    uint64_t arguments[6];              /* the others */
    void (*prepare)(uint64_t *arguments);
};

static int64_t call_with(const struct pointer *p, int which, uint64_t address)
{
    uint64_t a[6];
    memcpy(a, p->arguments, sizeof(a));
    if (p->prepare)
        p->prepare(a);
    a[p->place] = address;
    return call_with_any(which, p->number, a);
}

static void must_fault(const struct pointer *p, int which, uint64_t address, int64_t most)
{
    int64_t result = call_with(p, which, address);
    if (result != -EFAULT && (result <= 0 || result > most))
        fail("call %lu, argument %d at %lx: %ld", p->number, p->place, address, result);
}

/* At the edge: the last byte of a page is fine, and the next one is not. A call that moves many
 * bytes may also move as many as it can. */
static void try_edge(const struct pointer *p, int which)
{
    memset(edge - PAGE, 'x', PAGE);
    if (p->size == 0) {
        for (int length = 1; length < 4; length++)
            must_fault(p, which, (uint64_t)edge - (uint64_t)length, 0);
        return;
    }
    bool moves_many = p->number == SYS_READ || p->number == SYS_WRITE || p->number == SYS_GETDENTS;
    for (size_t in = 1; in < p->size; in = in < 8 ? in + 1 : in * 2)
        must_fault(p, which, (uint64_t)edge - in, moves_many ? (int64_t)in : 0);
    int64_t result = call_with(p, which, (uint64_t)edge - p->size);
    if (result == -EFAULT)
        fail("call %lu, argument %d: the last bytes of a page are refused", p->number, p->place);
}

static void try_pointer(const struct pointer *p)
{
    for (int d = 0; d < 2; d++) {
        for (int i = p->may_be_null; i < BAD_ADDRESSES; i++)
            must_fault(p, d, bad_addresses[i], 0);
        if (p->written) {
            must_fault(p, d, (uint64_t)try_edge, 0);          /* the code */
            must_fault(p, d, (uint64_t)bad_addresses, 0);     /* the constants */
        }
        try_edge(p, d);
    }
}

static void a_dead_child(uint64_t *arguments)
{
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0)
        _exit(1);
    arguments[0] = (uint64_t)pid;
    wait_for_state(pid, 'Z');
}

static void from_the_start(uint64_t *arguments)
{
    lseek((int)arguments[0], 0, SEEK_SET);
}

static void pipe_with_bytes(uint64_t *arguments)
{
    char bytes[512] = { 0 };
    int count = 0;
    (void)arguments;
    if (ioctl(both_ends[0], FIONREAD, &count) < 0 || count < 512)
        CHECK_IS(write(both_ends[1], bytes, 512), 512);
}

static void pipe_with_room(uint64_t *arguments)
{
    char bytes[2048];
    int count = 0;
    (void)arguments;
    CHECK_IS(ioctl(both_ends[0], FIONREAD, &count), 0);
    if (count > 1024)
        CHECK(read(both_ends[0], bytes, sizeof(bytes)) > 0);
}

static void close_what_pipe_made(uint64_t *arguments)
{
    (void)arguments;
    for (int fd = both_ends[1] + 1; fd < both_ends[1] + 8; fd++)
        close(fd);
}

static void pointers_of_paths(void)
{
    static const uint64_t numbers[] = { SYS_OPEN, SYS_STAT, SYS_MKDIR, SYS_UNLINK, SYS_RMDIR,
                                        SYS_CHDIR, SYS_EXEC, SYS_LINK, SYS_SYMLINK, SYS_RENAME,
                                        SYS_READLINK, SYS_TRUNCATE, SYS_UTIMENS, SYS_LSTAT,
                                        SYS_STATFS };
    struct stat status;
    char *none[] = { NULL };
    set_up();
    for (size_t i = 0; i < sizeof(numbers) / 8; i++) {
        struct pointer p = { .number = numbers[i] };
        if (numbers[i] == SYS_STAT || numbers[i] == SYS_LSTAT || numbers[i] == SYS_STATFS)
            p.arguments[1] = (uint64_t)&status;
        if (numbers[i] == SYS_LINK || numbers[i] == SYS_SYMLINK || numbers[i] == SYS_RENAME)
            p.arguments[1] = (uint64_t)"none";
        if (numbers[i] == SYS_READLINK) {
            p.arguments[1] = (uint64_t)&status;
            p.arguments[2] = 10;
        }
        if (numbers[i] == SYS_EXEC)
            p.arguments[1] = p.arguments[2] = (uint64_t)none;
        try_pointer(&p);
    }
    for (int d = 0; d < 2; d++) {
        strcpy(edge - 2, "/");          /* a path may end with the page */
        CHECK_IS(doors[d](SYS_STAT, (uint64_t)edge - 2, (uint64_t)&status, 0), 0);
        CHECK_IS(doors[d](SYS_CHDIR, (uint64_t)edge - 2, 0, 0), 0);
    }
}

static void pointers_of_reads_and_writes(void)
{
    set_up();
    uint64_t f = (uint64_t)file, in = (uint64_t)both_ends[0], out = (uint64_t)both_ends[1];
    const struct pointer pointers[] = {
        { SYS_READ, 1, 512, true, false, { f, 0, 512 }, from_the_start },
        { SYS_READ, 1, 512, true, false, { in, 0, 512 }, pipe_with_bytes },
        { SYS_WRITE, 1, 512, false, false, { f, 0, 512 }, from_the_start },
        { SYS_WRITE, 1, 512, false, false, { out, 0, 512 }, pipe_with_room },
        { SYS_GETDENTS, 1, 512, true, false, { (uint64_t)here, 0, 512 }, from_the_start },
    };
    for (size_t i = 0; i < sizeof(pointers) / sizeof(pointers[0]); i++)
        try_pointer(&pointers[i]);
}

/* A write to the console from a bad place; the output would show what a good one prints. */
static void pointers_to_the_console(void)
{
    set_up();
    for (int d = 0; d < 2; d++) {
        for (int i = 0; i < BAD_ADDRESSES; i++) {
            CHECK_IS(doors[d](SYS_WRITE, (uint64_t)console, bad_addresses[i], 10), -EFAULT);
            CHECK_IS(doors[d](SYS_WRITE, (uint64_t)console, bad_addresses[i], INT64_MAX), -EFAULT);
        }
    }
}

static void pointers_of_records(void)
{
    set_up();
    struct pointer pointers[] = {
        { SYS_WAITPID, 1, 4, true, true, { 0, 0, 0 }, a_dead_child },
        { SYS_PIPE, 0, 8, true, false, { 0, 0, 0 }, close_what_pipe_made },
        { SYS_STAT, 1, sizeof(struct stat), true, false, { (uint64_t)"file", 0, 0 }, NULL },
        { SYS_LSTAT, 1, sizeof(struct stat), true, false, { (uint64_t)"file", 0, 0 }, NULL },
        { SYS_STATFS, 1, sizeof(struct statfs), true, false, { (uint64_t)"file", 0, 0 }, NULL },
        { SYS_READLINK, 1, 4, true, false, { (uint64_t)"link", 0, 4 }, NULL },
        { SYS_UTIMENS, 1, sizeof(struct file_time[2]), false, true, { (uint64_t)"file", 0, 0 },
          NULL },
        { SYS_LINK, 1, 0, false, false, { (uint64_t)"file", 0, 0 }, NULL },
        { SYS_SYMLINK, 1, 0, false, false, { (uint64_t)"file", 0, 0 }, NULL },
        { SYS_RENAME, 1, 0, false, false, { (uint64_t)"file", 0, 0 }, NULL },
        { SYS_UNAME, 0, sizeof(struct utsname), true, false, { 0, 0, 0 }, NULL },
        { SYS_KERNEL_LOG, 0, 64, true, false, { 0, 64, 0 }, NULL },
        { SYS_FSTAT, 1, sizeof(struct stat), true, false, { (uint64_t)file, 0, 0 }, NULL },
        { SYS_GETCWD, 0, sizeof("/tmp/usertests"), true, false, { 0, 100, 0 }, NULL },
        { SYS_PROCESS_NEXT, 1, sizeof(struct process_info), true, false, { 0, 0, 0 }, NULL },
        { SYS_SYSTEM_INFO, 0, sizeof(struct system_info), true, false, { 0, 0, 0 }, NULL },
        { SYS_PROCESS_FRAME, 1, sizeof(struct trap_frame), true, false, { 0 }, a_dead_child },
        { SYS_CAPABILITY_LIST, 0, sizeof(struct capability_info), true, false, { 0, 1, 0 }, NULL },
    };
    for (size_t i = 0; i < sizeof(pointers) / sizeof(pointers[0]); i++)
        try_pointer(&pointers[i]);
}

/* The calls on objects: what is wrong with an address is told before anything else happens, and costs nothing. */
static void pointers_of_objects(void)
{
    capability_t calls = capability_find("calls"), channel, asking, own, process, thread = 0;
    set_up();
    CHECK((channel = channel_create(calls)) != 0);
    CHECK((asking = capability_derive(channel, CHANNEL_CALL | CHANNEL_SEND, 0)) != 0);
    CHECK((own = process_self(calls, PROCESS_GIVE | PROCESS_WAIT | PROCESS_FILES)) != 0);
    process = process_create(calls, "half");        /* 0 without the word "processes" */
    if (process)
        CHECK((thread = thread_create(process, PAGE, 0, 0)) != 0);
    ssize_t before = capability_list(NULL, 0);
    enum { PARTS = sizeof(struct message_parts) };
    struct pointer pointers[] = {
        { SYS_CAPABILITY_GIVE, 3, 0, false, true, { own, calls, CALLS_FILES, 0 }, NULL },
        { SYS_CHANNEL_CALL, 1, PARTS, true, true, { asking, 0 }, NULL },
        { SYS_CHANNEL_SEND, 1, PARTS, true, true, { asking, 0 }, NULL },
        { SYS_CHANNEL_RECEIVE, 1, PARTS, true, true, { channel, 0, 0 }, NULL },
        { SYS_CHANNEL_REPLY, 1, PARTS, true, true, { channel, 0 }, NULL },
        { SYS_CHANNEL_REPLY_RECEIVE, 1, PARTS, true, true, { channel, 0 }, NULL },
        { SYS_HANDLES_WAIT, 0, sizeof(capability_t[3]), false, false, { 0, 3, 0 }, NULL },
        { SYS_PROCESS_STATUS, 1, sizeof(struct process_status), true, false, { own, 0, WNOHANG }, NULL },
        { SYS_PROCESS_CREATE, 1, 0, false, false, { calls, 0 }, NULL },
        { SYS_PROCESS_GIVE_FILES, 2, sizeof(struct file_pair), false, false, { process, own, 0, 1 }, NULL },
        { SYS_THREAD_FRAME, 1, sizeof(struct trap_frame), true, false, { thread, 0 }, NULL },
    };
    for (size_t i = 0; i < sizeof(pointers) / sizeof(pointers[0]); i++)
        if (pointers[i].number < SYS_PROCESS_CREATE || pointers[i].number == SYS_PROCESS_STATUS || process)
            try_pointer(&pointers[i]);
    CHECK_IS(capability_list(NULL, 0), before);
}

static void pointers_of_ioctls(void)
{
    set_up();
    uint64_t c = (uint64_t)console;
    struct pointer pointers[] = {
        { SYS_IOCTL, 2, sizeof(struct termios), true, false, { c, TCGETS, 0 }, NULL },
        { SYS_IOCTL, 2, sizeof(struct winsize), true, false, { c, TIOCGWINSZ, 0 }, NULL },
        { SYS_IOCTL, 2, 8, true, false, { c, TIOCGPGRP, 0 }, NULL },
        { SYS_IOCTL, 2, 4, true, false, { c, FIONREAD, 0 }, NULL },
    };
    for (size_t i = 0; i < sizeof(pointers) / sizeof(pointers[0]); i++)
        try_pointer(&pointers[i]);
    static const uint64_t readers[] = { TCSETS, TCSETSW, TCSETSF, TIOCSPGRP };
    for (int d = 0; d < 2; d++)
        for (int r = 0; r < 4; r++)
            for (int i = 0; i < BAD_ADDRESSES; i++)
                CHECK_IS(doors[d](SYS_IOCTL, c, readers[r], bad_addresses[i]), -EFAULT);
}

/* exec reads two arrays of pointers: the array may be bad, or run off the edge, or hold a bad
 * pointer. None of this may cost the caller its own program. */
static void pointers_of_exec(void)
{
    char *good[] = { "true", NULL };
    uint64_t program = (uint64_t)"/bin/true";
    set_up();
    for (int d = 0; d < 2; d++) {
        for (int i = 1; i < BAD_ADDRESSES; i++) {
            uint64_t bad = bad_addresses[i];
            uint64_t holder[] = { (uint64_t)"true", bad, 0 };
            CHECK_IS(doors[d](SYS_EXEC, program, bad, (uint64_t)good), -EFAULT);
            CHECK_IS(doors[d](SYS_EXEC, program, (uint64_t)good, bad), -EFAULT);
            CHECK_IS(doors[d](SYS_EXEC, program, (uint64_t)holder, (uint64_t)good), -EFAULT);
            CHECK_IS(doors[d](SYS_EXEC, program, (uint64_t)good, (uint64_t)holder), -EFAULT);
        }
        for (size_t count = 1; count < 5; count++) {
            uint64_t *array = (uint64_t *)edge - count;
            for (size_t i = 0; i < count; i++)
                array[i] = (uint64_t)"x";
            CHECK_IS(doors[d](SYS_EXEC, program, (uint64_t)array, (uint64_t)good), -EFAULT);
            CHECK_IS(doors[d](SYS_EXEC, program, (uint64_t)good, (uint64_t)array), -EFAULT);
            CHECK_IS(doors[d](SYS_EXEC, program, (uint64_t)array + 3, (uint64_t)good), -EFAULT);
        }
        memset(edge - 8, 'x', 8);
        uint64_t unended[] = { (uint64_t)edge - 3, 0 };
        CHECK_IS(doors[d](SYS_EXEC, program, (uint64_t)unended, (uint64_t)good), -EFAULT);
    }
}

/* Sizes that wrap around, or are larger than any buffer. */
static void sizes_without_sense(void)
{
    static const uint64_t sizes[] = { UINT64_MAX, INT64_MAX, UINT64_C(1) << 63, UINT64_C(1) << 47,
                                      UINT64_C(1) << 32, 0xffffffff, 0x80000000 };
    set_up();
    for (int d = 0; d < 2; d++) {
        for (size_t i = 0; i < sizeof(sizes) / 8; i++) {
            uint64_t start_of_page = (uint64_t)edge - PAGE;
            for (int offset = 0; offset < PAGE; offset += PAGE - 1) {
                uint64_t at = start_of_page + (uint64_t)offset;
                lseek(file, 0, SEEK_SET);
                int64_t got = doors[d](SYS_READ, (uint64_t)file, at, sizes[i]);
                CHECK(got < 0 || got <= PAGE - offset);
                lseek(file, 0, SEEK_SET);
                got = doors[d](SYS_WRITE, (uint64_t)file, at, sizes[i]);
                CHECK(got < 0 || got <= PAGE - offset);
                got = doors[d](SYS_GETDENTS, (uint64_t)here, at, sizes[i]);
                CHECK(got < 0 || got <= PAGE - offset);
                lseek(here, 0, SEEK_SET);
                got = doors[d](SYS_GETCWD, at, sizes[i], 0);
                CHECK(got < 0 || offset == 0);
            }
        }
    }
}

static void bad_descriptors(void)
{
    static const uint64_t bad[] = { UINT64_MAX, 99, 1000, 65536, 0x7fffffff, 0x80000000,
                                    INT64_MAX, UINT64_C(1) << 63, UINT64_C(1) << 40 };
    static const uint64_t numbers[] = { SYS_CLOSE, SYS_READ, SYS_WRITE, SYS_LSEEK, SYS_DUP,
                                        SYS_FSTAT, SYS_GETDENTS, SYS_IOCTL, SYS_FCNTL };
    char buffer[256];
    for (int d = 0; d < 2; d++)
        for (size_t n = 0; n < sizeof(numbers) / 8; n++)
            for (size_t i = 0; i < sizeof(bad) / 8; i++)
                CHECK_IS(doors[d](numbers[n], bad[i], numbers[n] == SYS_FCNTL ? F_GETFD :
                                  numbers[n] == SYS_LSEEK ? 0 : (uint64_t)buffer, 0), -EBADF);
    for (size_t i = 0; i < sizeof(bad) / 8; i++) {
        CHECK_IS(by_syscall(SYS_DUP2, bad[i], 5, 0), -EBADF);
        int64_t result = by_syscall(SYS_DUP2, 1, bad[i], 0);
        CHECK(result == -EBADF || (bad[i] == 99 && result == 99));
        close(99);
    }
}

static void bad_numbers(void)
{
    int fds[2];
    char path[] = "file";
    set_up();
    CHECK_ERROR(lseek(file, 0, 3), EINVAL);
    CHECK_ERROR(lseek(file, 0, -1), EINVAL);
    CHECK_ERROR(lseek(file, -1, SEEK_SET), EINVAL);
    CHECK_ERROR(lseek(file, INT64_MIN, SEEK_END), EINVAL);
    CHECK(lseek(file, INT64_MAX, SEEK_END) == -1);
    CHECK_ERROR(fcntl(file, 999, 0), EINVAL);
    CHECK_ERROR(fcntl(file, F_DUPFD, -1), EINVAL);
    CHECK_ERROR(fcntl(file, F_DUPFD, 0x7fffffff), EINVAL);
    CHECK_ERROR(ioctl(file, 12345, path), ENOTTY);
    CHECK_ERROR(ioctl(console, 12345, path), ENOTTY);
    CHECK_ERROR(pipe2(fds, 1), EINVAL);
    CHECK_ERROR(kill(getpid(), -1), EINVAL);
    CHECK_ERROR(kill(getpid(), SIGNAL_COUNT + 1), EINVAL);
    CHECK_ERROR(kill(getpid(), 0x7fffffff), EINVAL);
    CHECK_ERROR(waitpid(-1, NULL, 0x7ffffff0), EINVAL);
    CHECK_ERROR(setpgid(0, -1), EINVAL);
    CHECK_ERROR(setpgid(-1, 0), ESRCH);
    CHECK_ERROR(getpgid(-1), ESRCH);
    CHECK_ERROR(getpgid(INT64_MAX), ESRCH);
    struct process_info info;
    CHECK_ERROR(folio_process_next(INT64_MAX, &info), ESRCH);
    CHECK(folio_process_next(INT64_MIN, &info) <= 1);
    struct trap_frame frame;
    CHECK_ERROR(folio_process_frame(1, &frame), ECHILD);
    CHECK_ERROR(folio_process_frame(getpid(), &frame), ECHILD);
    CHECK_ERROR(folio_process_frame(-1, &frame), ECHILD);
    CHECK_ERROR(getcwd(path, 0) ? 0 : -1, ERANGE);
    CHECK_ERROR(getcwd(path, 4) ? 0 : -1, ERANGE);
}

const struct test pointers_tests[] = {
    TEST(pointers_of_paths), TEST(pointers_of_reads_and_writes), TEST(pointers_to_the_console),
    TEST(pointers_of_records), TEST(pointers_of_objects), TEST(pointers_of_ioctls), TEST(pointers_of_exec),
    TEST(sizes_without_sense), TEST(bad_descriptors), TEST(bad_numbers), { NULL, NULL, 0 },
};

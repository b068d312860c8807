/* The N-th allocation fails, for every N, in every call: it answers ENOMEM or does its work, loses
 * nothing, and works when it is repeated. */
#include "usertests.h"
#include <capability.h>
#include <channel.h>
#include <folio/trap_frame.h>
#include <parts.h>
#include <sys/mman.h>
#include <sys/vfs.h>

enum {
    AT_MOST = 400,                      /* allocations of one call */
    PLAN = 50,                          /* the descriptor of /proc/self/fail-nth */
    FIRED = 10, QUIET = 11,             /* how a child says whether the failure has happened */
    RW = PROT_READ | PROT_WRITE, ANONYMOUS = MAP_PRIVATE | MAP_ANONYMOUS,
};

/* Does a call take memory? */
enum appetite { TAKES, MAY_TAKE, NEVER };

/* How it is tried: in a child, as the call leaves something in its process; or so that what has
 * failed isn't repeated before it is undone. */
enum manner { HERE, ALONE, ONCE };

struct attempt {
    const char *name;
    uint64_t number;
    enum appetite appetite;
    int64_t (*call)(void);              /* a negative errno when it fails */
    void (*prepare)(void);
    void (*undo)(int64_t result);       /* also what prepare did */
    int64_t wanted;                     /* what the call answers if it isn't a success */
    enum manner manner;
};

static int64_t answer(int64_t result)
{
    return result < 0 ? -errno : result;
}

static void open_plan(void)
{
    int fd = open("/proc/self/fail-nth", O_RDWR);
    CHECK(fd >= 0 && dup2(fd, PLAN) == PLAN);
    close(fd);
}

static void plan(unsigned n)
{
    char text[16];
    int length = snprintf(text, sizeof(text), "%u", n);
    CHECK_IS(write(PLAN, text, (size_t)length), length);
}

/* Ends the plan: has the failure happened? */
static bool end_plan(void)
{
    char text[16] = "";
    CHECK_IS(lseek(PLAN, 0, SEEK_SET), 0);
    CHECK(read(PLAN, text, sizeof(text) - 1) > 0);
    CHECK_IS(write(PLAN, "0", 1), 1);
    return atoi(text) == 0;
}

static bool is_good(const struct attempt *attempt, int64_t result)
{
    return attempt->wanted < 0 ? result == attempt->wanted : result >= 0;
}

/* One try, in which the n-th allocation fails if the call makes so many; 0: none does. */
static bool try_here(const struct attempt *attempt, unsigned n)
{
    if (attempt->prepare)
        attempt->prepare();
    plan(n);
    int64_t result = attempt->call();
    bool fired = end_plan() && n > 0;
    if (!is_good(attempt, result) && !(fired && result == -ENOMEM))
        fail("%s: with allocation %u failing it gives %ld", attempt->name, n, result);
    if (!is_good(attempt, result) && attempt->manner != ONCE) {
        result = attempt->call();
        if (!is_good(attempt, result))
            fail("%s: after allocation %u has failed, again: %ld", attempt->name, n, result);
    }
    if (attempt->undo)
        attempt->undo(result);
    return fired;
}

static bool try_alone(const struct attempt *attempt, unsigned n)
{
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        close(PLAN);
        open_plan();
        _exit(try_here(attempt, n) ? FIRED : QUIET);
    }
    int status = status_of(pid);
    if (status != FIRED << 8 && status != QUIET << 8)
        fail("%s: with allocation %u failing it ends with status %x", attempt->name, n, status);
    return status == FIRED << 8;
}

static bool try(const struct attempt *attempt, unsigned n)
{
    return attempt->manner == ALONE ? try_alone(attempt, n) : try_here(attempt, n);
}

/* What was there before must be there again, as soon as children have gone for good. */
static struct system_info lost_since(struct system_info before)
{
    uint64_t end = folio_clock() + 500 * MILLISECOND;
    struct system_info now;
    for (;;) {
        now = system_now();
        now.memory_free = before.memory_free - now.memory_free;
        now.objects -= before.objects;
        if ((now.memory_free == 0 && now.objects == 0) || folio_clock() > end)
            return now;
        pause_for(MILLISECOND);
    }
}

/* What looks lost at first may be a page of this program, used for the first time. */
static bool try_and_weigh(const struct attempt *attempt, unsigned n)
{
    struct system_info lost;
    for (int i = 0; i < 3; i++) {
        struct system_info before = system_now();
        bool fired = try(attempt, n);
        lost = lost_since(before);
        if (lost.memory_free == 0 && lost.objects == 0)
            return fired;
    }
    fail("%s: with allocation %u failing it loses %ld frames, %ld objects", attempt->name, n,
         (long)lost.memory_free / PAGE, (long)lost.objects);
}

static void try_all(const struct attempt *attempt)
{
    unsigned n = 0;
    bool fired = true;
    for (int i = 0; i < 3; i++)
        try(attempt, 0);
    while (fired) {
        fired = try_and_weigh(attempt, ++n);
        if (n > AT_MOST)
            fail("%s: never succeeds", attempt->name);
    }
    if (attempt->appetite == TAKES && n == 1)
        fail("%s: no allocation has failed", attempt->name);
    if (attempt->appetite == NEVER && n > 1)
        fail("%s: it takes memory", attempt->name);
    if (tell_failures) {
        printf("failed: %u %s\n", n - 1, attempt->name);
        fflush(stdout);
    }
}

/* Descriptors and files that the calls below use. */
static int file = -1, ends[2], console = -1, root = -1;
static char bytes[2 * PAGE];
static struct stat status;
static struct system_info information;

static void close_it(int64_t fd)
{
    if (fd >= 0)
        close((int)fd);
}

static void set_up(void)
{
    write_file("file", bytes, 100, 0644);
    CHECK_IS(symlink("file", "link"), 0);
    CHECK_IS(symlink("/tmp/usertests", "around"), 0);
    CHECK_IS(mkdir("folder", 0755), 0);
    file = open("file", O_RDWR);
    root = open("/", O_RDONLY);
    console = open("/dev/console", O_RDWR);
    CHECK(file >= 0 && root >= 0 && console >= 0);
    CHECK_IS(pipe(ends), 0);
    fill(bytes, sizeof(bytes), 1);
    memset(&status, 0, sizeof(status));
    memset(&information, 0, sizeof(information));
    open_plan();
}

/* ---- processes ---- */

static int64_t call_fork(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return answer(pid);
}

static void collect(int64_t pid)
{
    ends_well((pid_t)pid);
}

/* More at once than the kernel keeps stacks for. */
static int64_t call_forks(void)
{
    enum { COUNT = 12 };
    pid_t pids[COUNT];
    int64_t result = 0;
    int made = 0;
    for (; made < COUNT && result == 0; made++) {
        pids[made] = fork();
        if (pids[made] == 0)
            block_forever(NULL);
        if (pids[made] < 0)
            result = -errno;
    }
    made -= result < 0;
    while (made-- > 0) {
        kill(pids[made], SIGKILL);
        waitpid(pids[made], NULL, 0);
    }
    return result;
}

static void many_descriptors(void)
{
    CHECK_IS(dup2(0, 200), 200);
}

static void collect_and_close(int64_t pid)
{
    collect(pid);
    close(200);
}

/* A child that executes something. What it becomes tells by its status whether the failure has
 * happened; see planned_program. */
static char *large[102];

static int64_t exec_with(const char *path, char *const argv[])
{
    execve(path, argv, environ);
    return -errno;
}

static int64_t exec_small(void)
{
    return exec_with(self, (char *[]){ (char *)self, ":planned", NULL });
}

static int64_t exec_large(void)
{
    static char string[900];
    memset(string, 'x', sizeof(string) - 1);
    large[0] = (char *)self;
    large[1] = ":planned";
    for (int i = 2; i < 101; i++)
        large[i] = string;
    return exec_with(self, large);
}

static void write_script(void)
{
    char line[128];
    int length = snprintf(line, sizeof(line), "#!%s :planned\n", self);
    write_file("script", line, (size_t)length, 0755);
}

static int64_t exec_script(void)
{
    return exec_with("script", (char *[]){ "script", NULL });
}

static int64_t exec_missing(void)
{
    return exec_with("missing", (char *[]){ "missing", NULL });
}

int planned_program(void)
{
    return end_plan() ? FIRED : QUIET;
}

static int64_t call_exit(void)
{
    _exit(QUIET);
}

static pid_t child;

static void a_dead_child(void)
{
    child = fork();
    if (child == 0)
        _exit(0);
    wait_for_state(child, 'Z');
}

static void collect_child(int64_t result)
{
    (void)result;
    ends_well(child);
}

static int64_t call_wait(void)
{
    int how = 1;
    return by_syscall(SYS_WAITPID, (uint64_t)child, (uint64_t)&how, 0);
}

static int64_t wait_for_nobody(void)
{
    return by_syscall(SYS_WAITPID, (uint64_t)-1, 0, WNOHANG);
}

static int64_t call_process_frame(void)
{
    static struct trap_frame frame;
    return by_syscall(SYS_PROCESS_FRAME, (uint64_t)child, (uint64_t)&frame, 0);
}

static int64_t call_process_next(void)
{
    static struct process_info info;
    return by_syscall(SYS_PROCESS_NEXT, 0, (uint64_t)&info, 0);
}

#define PLAIN(function, number, a, b, c)                                                      \
    static int64_t function(void)                                                             \
    {                                                                                         \
        return by_syscall(number, (uint64_t)(a), (uint64_t)(b), (uint64_t)(c));               \
    }

PLAIN(call_getpid, SYS_GETPID, 0, 0, 0)
PLAIN(call_getppid, SYS_GETPPID, 0, 0, 0)
PLAIN(call_kill, SYS_KILL, getpid(), 0, 0)
PLAIN(call_setpgid, SYS_SETPGID, 0, getpgrp(), 0)
PLAIN(call_getpgid, SYS_GETPGID, 0, 0, 0)
PLAIN(call_sleep, SYS_SLEEP, 1000, 0, 0)
PLAIN(call_yield, SYS_YIELD, 0, 0, 0)
PLAIN(call_clock, SYS_CLOCK, 0, 0, 0)
PLAIN(call_calendar, SYS_CALENDAR, 0, 0, 0)
PLAIN(call_information, SYS_SYSTEM_INFO, &information, 0, 0)
PLAIN(call_log, SYS_KERNEL_LOG, bytes, sizeof(bytes), 0)

static int64_t call_uname(void)
{
    static char name[1024];
    return by_syscall(SYS_UNAME, (uint64_t)name, 0, 0);
}

/* ---- descriptors ---- */

PLAIN(call_open, SYS_OPEN, "file", O_RDWR, 0)
PLAIN(call_open_link, SYS_OPEN, "around/around/link", O_RDWR, 0)
PLAIN(call_open_missing, SYS_OPEN, "missing", O_RDWR, 0)
PLAIN(call_create, SYS_OPEN, "new", O_RDWR | O_CREAT, 0644)
PLAIN(call_create_new, SYS_OPEN, "new", O_RDWR | O_CREAT | O_EXCL, 0644)
PLAIN(call_open_proc, SYS_OPEN, "/proc/self/stat", O_RDONLY, 0)
PLAIN(call_dup, SYS_DUP, 0, 0, 0)
PLAIN(call_dup2, SYS_DUP2, 0, 40, 0)
PLAIN(call_dup2_far, SYS_DUP2, 0, 200, 0)
PLAIN(call_dup_above, SYS_FCNTL, 0, F_DUPFD, 200)
PLAIN(call_get_flags, SYS_FCNTL, 0, F_GETFL, 0)
PLAIN(call_lseek, SYS_LSEEK, file, 0, SEEK_SET)
PLAIN(call_fstat, SYS_FSTAT, file, &status, 0)
PLAIN(call_getdents, SYS_GETDENTS, root, bytes, sizeof(bytes))
PLAIN(call_pipe, SYS_PIPE, ends, 0, 0)
PLAIN(call_read_file, SYS_READ, file, bytes, 10)
PLAIN(call_write_file, SYS_WRITE, file, bytes, 10)

static int64_t call_open_long(void)
{
    static char path[4000];
    for (size_t i = 0; i + 8 < sizeof(path); i += 2)
        memcpy(path + i, "./", 2);
    strcpy(path + 3980, "file");
    return by_syscall(SYS_OPEN, (uint64_t)path, O_RDWR, 0);
}

/* A file that cannot be opened must not have been emptied. */
static void a_full_file(void)
{
    write_file("full", bytes, 100, 0644);
}

static int64_t call_truncating_open(void)
{
    int64_t fd = by_syscall(SYS_OPEN, (uint64_t) "full", O_RDWR | O_TRUNC, 0);
    if (fd < 0) {
        CHECK_IS(stat("full", &status), 0);
        CHECK_IS(status.st_size, 100);
    }
    return fd;
}

static void close_and_remove_full(int64_t fd)
{
    close_it(fd);
    CHECK_IS(unlink("full"), 0);
}

static void close_and_remove_new(int64_t fd)
{
    close_it(fd);
    CHECK_IS(unlink("new"), 0);
}

static int extra;

static void open_extra(void)
{
    extra = open("file", O_RDONLY);
    CHECK(extra >= 0);
}

static int64_t call_close(void)
{
    return by_syscall(SYS_CLOSE, (uint64_t)extra, 0, 0);
}

static void close_pipe(int64_t result)
{
    (void)result;
    close(ends[0]);
    close(ends[1]);
}

static void a_pipe(void)
{
    CHECK_IS(pipe(ends), 0);
}

static void a_pipe_with_bytes(void)
{
    a_pipe();
    CHECK_IS(write(ends[1], bytes, 100), 100);
}

static int64_t call_watch(void)
{
    return answer(folio_watch(ends[1], 0));
}

static void a_pipe_that_watches(void)
{
    a_pipe();
    CHECK_IS(folio_watch(ends[1], 1), 0);
}

static int64_t write_to_pipe(void)
{
    return by_syscall(SYS_WRITE, (uint64_t)ends[1], (uint64_t)bytes, PAGE + 1000);
}

static int64_t read_from_pipe(void)
{
    return by_syscall(SYS_READ, (uint64_t)ends[0], (uint64_t)bytes, 100);
}

static int64_t count_in_pipe(void)
{
    int count = 0;
    return by_syscall(SYS_IOCTL, (uint64_t)ends[0], FIONREAD, (uint64_t)&count);
}

static int64_t ask_the_window(void)
{
    struct winsize size;
    return by_syscall(SYS_IOCTL, (uint64_t)console, TIOCGWINSZ, (uint64_t)&size);
}

/* A new file's first pages, and one so far behind that its tree has two levels of nodes. */
static void a_new_file(void)
{
    extra = open("new", O_RDWR | O_CREAT | O_EXCL, 0644);
    CHECK(extra >= 0);
}

static int64_t write_new_file(void)
{
    int64_t result = by_syscall(SYS_WRITE, (uint64_t)extra, (uint64_t)bytes, sizeof(bytes));
    if (result >= 0 && lseek(extra, 600 * 512 * PAGE, SEEK_SET) < 0)
        return -errno;
    return result < 0 ? result : by_syscall(SYS_WRITE, (uint64_t)extra, (uint64_t)bytes, 100);
}

static void remove_new_file(int64_t result)
{
    (void)result;
    close(extra);
    CHECK_IS(unlink("new"), 0);
}

static const char *text_path;

static void a_text_of_proc(void)
{
    extra = open(text_path, O_RDONLY);
    CHECK(extra >= 0);
}

static void the_status(void)
{
    text_path = "/proc/self/status";
    a_text_of_proc();
}

static void the_memory(void)
{
    text_path = "/proc/meminfo";
    a_text_of_proc();
}

static int64_t read_text(void)
{
    return by_syscall(SYS_READ, (uint64_t)extra, (uint64_t)bytes, 1000);
}

static void close_extra(int64_t result)
{
    (void)result;
    close(extra);
}

static int64_t list_proc(void)
{
    return by_syscall(SYS_GETDENTS, (uint64_t)extra, (uint64_t)bytes, sizeof(bytes));
}

static void the_folder_of_proc(void)
{
    text_path = "/proc";
    a_text_of_proc();
}

/* ---- the tree ---- */

PLAIN(call_stat, SYS_STAT, "around/file", &status, 0)
PLAIN(call_lstat, SYS_LSTAT, "link", &status, 0)
PLAIN(call_chdir, SYS_CHDIR, "around", 0, 0)
PLAIN(call_getcwd, SYS_GETCWD, bytes, 100, 0)
PLAIN(call_mkdir, SYS_MKDIR, "new", 0755, 0)
PLAIN(call_rmdir, SYS_RMDIR, "new", 0, 0)
PLAIN(call_link, SYS_LINK, "file", "new", 0)
PLAIN(call_symlink, SYS_SYMLINK, "a text", "new", 0)
PLAIN(call_readlink, SYS_READLINK, "link", bytes, 100)
PLAIN(call_rename, SYS_RENAME, "new", "other", 0)
PLAIN(call_rename_over, SYS_RENAME, "new", "full", 0)
PLAIN(call_unlink, SYS_UNLINK, "new", 0, 0)
PLAIN(call_truncate, SYS_TRUNCATE, "file", 50, 0)
PLAIN(call_ftruncate, SYS_FTRUNCATE, file, 50, 0)
PLAIN(call_utimens, SYS_UTIMENS, "file", 0, 0)

static int64_t call_statfs(void)
{
    static struct statfs facts;
    return by_syscall(SYS_STATFS, (uint64_t) "file", (uint64_t)&facts, 0);
}

static void make_new(void)
{
    write_file("new", bytes, 100, 0644);
}

static void make_new_folder(void)
{
    CHECK_IS(mkdir("new", 0755), 0);
}

static void make_new_and_full(void)
{
    make_new();
    a_full_file();
}

static void remove_new(int64_t result)
{
    (void)result;
    CHECK_IS(unlink("new"), 0);
}

static void remove_new_folder(int64_t result)
{
    (void)result;
    CHECK_IS(rmdir("new"), 0);
}

static void remove_other(int64_t result)
{
    (void)result;
    CHECK_IS(unlink("other"), 0);
}

static void remove_full(int64_t result)
{
    (void)result;
    CHECK_IS(unlink("full"), 0);
    CHECK_ERROR(unlink("new"), ENOENT);
}

/* ---- memory ---- */

static int64_t where(void *memory)
{
    return memory == MAP_FAILED ? -errno : (int64_t)memory;
}

static char *area;
enum { AREA = 64 * PAGE, SPAN = 2 << 20 };

/* At a multiple of 2 MiB, far from all else: its leaf table is its own. */
static void an_area(void)
{
    area = mmap((void *)0x200000000000, 4 * SPAN, RW, ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    CHECK(area != MAP_FAILED);
    for (size_t at = 0; at < AREA; at += PAGE)
        area[at] = 'x';
}

static void remove_area(int64_t result)
{
    (void)result;
    CHECK_IS(munmap(area, 4 * SPAN), 0);
}

/* ... and its leaf table is shared with a child that sleeps. */
static void a_shared_area(void)
{
    an_area();
    area[SPAN] = area[2 * SPAN] = 'x';
    child = start(block_forever, NULL);
    wait_until_blocked(child);
}

static void remove_shared_area(int64_t result)
{
    stop(child);
    remove_area(result);
}

static void collect_and_remove(int64_t pid)
{
    collect(pid);
    remove_shared_area(pid);
}

static int64_t call_mmap(void)
{
    return where(mmap(NULL, 16 * PAGE, RW, ANONYMOUS, -1, 0));
}

static int64_t call_mmap_shared(void)
{
    return where(mmap(NULL, 16 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
}

static int64_t call_mmap_file(void)
{
    return where(mmap(NULL, 16 * PAGE, RW, MAP_PRIVATE, file, 0));
}

static int64_t call_mmap_shared_file(void)
{
    return where(mmap(NULL, 16 * PAGE, RW, MAP_SHARED, file, 0));
}

static void unmap_it(int64_t address)
{
    CHECK_IS(munmap((void *)address, 16 * PAGE), 0);
}

/* So many areas that the array grows. Alone, for it never shrinks. */
static int64_t many_maps(void)
{
    int64_t result = 0;
    for (int i = 0; i < 50 && result >= 0; i++)
        result = where(mmap(area + i * PAGE, PAGE, i % 2 ? PROT_READ : RW, ANONYMOUS | MAP_FIXED,
                            -1, 0));
    return result;
}

static int64_t many_holes(void)
{
    int64_t result = 0;
    for (int i = 0; i < 30 && result >= 0; i++)
        result = answer(munmap(area + (2 * i + 1) * PAGE, PAGE));
    for (int i = 0; i < 30; i++)
        CHECK_IS(area[2 * i * PAGE], 'x');
    return result;
}

static int64_t many_protections(void)
{
    int64_t result = 0;
    for (int i = 0; i < 30 && result >= 0; i++)
        result = answer(mprotect(area + (2 * i + 1) * PAGE, PAGE, PROT_READ));
    for (int i = 0; i < 64; i++)
        CHECK_IS(area[i * PAGE], 'x');
    return result;
}

static int64_t call_munmap(void)
{
    return answer(munmap(area + PAGE, PAGE));
}

static int64_t call_mprotect(void)
{
    return answer(mprotect(area + PAGE, PAGE, PROT_READ));
}

static int64_t call_madvise(void)
{
    return answer(madvise(area + PAGE, PAGE, MADV_DONTNEED));
}

/* From where it is to where no tables are, with the tables of both ends shared. What was there
 * must be there as long as the call has not succeeded, and behind it at the new place. */
static char *const elsewhere = (char *)0x300000000000;

static int64_t call_mremap_fixed(void)
{
    int64_t result = where(mremap(area, 3 * SPAN - PAGE, AREA, MREMAP_MAYMOVE | MREMAP_FIXED,
                                  elsewhere));
    char *now = result < 0 ? area : elsewhere;
    for (size_t at = 0; at < AREA; at += PAGE)
        CHECK_IS(now[at], 'x');
    if (result < 0)
        CHECK(area[SPAN] == 'x' && area[2 * SPAN] == 'x');
    return result;
}

static void remove_both(int64_t result)
{
    remove_shared_area(result);
    CHECK_IS(munmap(elsewhere, AREA), 0);
}

/* It grows, and has to go elsewhere for it. */
static char *to_grow;

static void two_pages(void)
{
    to_grow = mmap((void *)0x200000000000, 2 * PAGE, RW, ANONYMOUS | MAP_FIXED, -1, 0);
    CHECK(mmap(to_grow + 2 * PAGE, PAGE, PROT_READ, ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED);
    to_grow[0] = to_grow[PAGE] = 'x';
}

static int64_t call_mremap(void)
{
    int64_t result = where(mremap(to_grow, 2 * PAGE, 1000 * PAGE, MREMAP_MAYMOVE));
    char *now = result < 0 ? to_grow : (char *)result;
    CHECK(now[0] == 'x' && now[PAGE] == 'x');
    return result;
}

static void unmap_grown(int64_t address)
{
    CHECK_IS(munmap((void *)address, 1000 * PAGE), 0);
    CHECK_IS(munmap((void *)0x200000000000, 3 * PAGE), 0);
}

static int64_t call_brk(void)
{
    uint64_t old = (uint64_t)sbrk(0);
    uint64_t new = (uint64_t)by_syscall(SYS_BRK, old + PAGE, 0, 0);
    return new == old + PAGE ? 0 : -ENOMEM;
}

static void shrink(int64_t result)
{
    (void)result;
    by_syscall(SYS_BRK, (uint64_t)sbrk(0), 0, 0);
}

/* ---- all of them ---- */

/* ---- capabilities ---- */

static capability_t calls_handle, self_handle, ports_handle, lent[40];

static void some_capabilities(void)
{
    calls_handle = capability_find("calls");
    self_handle = process_self(calls_handle, PROCESS_GIVE | RIGHT_DELEGATE);
    ports_handle = device_create(calls_handle, DEVICE_PORTS, 0x70, 2);
    CHECK(calls_handle && self_handle);
}

static void close_capabilities(int64_t result)
{
    if (result > 4095)
        capability_close((capability_t)result);
    capability_close(self_handle);
    capability_close(ports_handle);
}

/* As many as fill the first rows of a table. */
static void fifteen_capabilities(void)
{
    some_capabilities();
    for (size_t count = (size_t)capability_list(NULL, 0); count < 16; count++)
        CHECK((lent[count] = capability_derive(calls_handle, CALLS_FILES | RIGHT_DELEGATE,
                                               CAPABILITY_INHERITABLE)) != 0);
}

static void many_capabilities(void)
{
    some_capabilities();
    for (int i = 0; i < 40; i++)
        CHECK((lent[i] = capability_derive(calls_handle, CALLS_FILES | RIGHT_DELEGATE,
                                           CAPABILITY_INHERITABLE)) != 0);
}

static void the_calls_alone(void)
{
    calls_handle = capability_find("calls");
}

PLAIN(call_derive, SYS_CAPABILITY_DERIVE, calls_handle, CALLS_FILES, 0)
PLAIN(call_revoke, SYS_CAPABILITY_REVOKE, calls_handle, 0, 0)
PLAIN(call_close_capability, SYS_CAPABILITY_CLOSE, self_handle, 0, 0)
PLAIN(call_flag, SYS_CAPABILITY_FLAG, self_handle, CAPABILITY_INHERITABLE, 0)
PLAIN(call_process_self, SYS_PROCESS_SELF, calls_handle, PROCESS_GIVE, 0)

static int64_t call_give(void)
{
    capability_t given = capability_give(self_handle, calls_handle, CALLS_FILES, "gift");
    return given ? (int64_t)given : -errno;
}

static int64_t call_list(void)
{
    static struct capability_info infos[2];
    return answer(capability_list(infos, 2));
}

/* Without devices on this machine they answer at once. */
static int64_t call_device_create(void)
{
    capability_t ports = device_create(calls_handle, DEVICE_PORTS, 0x70, 2);
    return ports ? (int64_t)ports : errno == EACCES ? 0 : -errno;
}

static int64_t call_device_read(void)
{
    return ports_handle ? answer(device_read(ports_handle, 1, 1)) : 0;
}

static int64_t call_device_write(void)
{
    return ports_handle ? answer(device_write(ports_handle, 0, 1, 0)) : 0;
}

/* ---- channels ---- */

static capability_t channel_handle, ask_handle, serve_handle;
static struct message_parts channel_parts;
enum { GIVEN_PAGES = 3 };

static int64_t call_channel_create(void)
{
    capability_t channel = channel_create(calls_handle);
    return channel ? (int64_t)channel : -errno;
}

static void close_result(int64_t result)
{
    CHECK_IS(capability_close((capability_t)result), 0);
}

static void a_channel(void)
{
    calls_handle = capability_find("calls");
    CHECK((channel_handle = channel_create(calls_handle)) != 0);
    CHECK((ask_handle = capability_derive(channel_handle, CHANNEL_CALL | CHANNEL_SEND, 0)) != 0);
    CHECK((serve_handle = capability_derive(channel_handle, CHANNEL_RECEIVE | RIGHT_DELEGATE,
                                            CAPABILITY_INHERITABLE)) != 0);
}

static void nobody_receives(void)
{
    a_channel();
    CHECK_IS(capability_close(channel_handle), 0);
    CHECK_IS(capability_close(serve_handle), 0);
    channel_parts = (struct message_parts){ .bytes = (uint64_t)bytes, .length = 100, .room = (uint64_t)bytes,
        .size = 100, .giving = 1, .give = { { .handle = calls_handle, .rights = CALLS_FILES } } };
}

static void close_channel(int64_t result)
{
    (void)result;
    capability_close(channel_handle);
    capability_close(ask_handle);
    capability_close(serve_handle);
}

static int64_t call_with_parts(void)
{
    uint64_t words[4] = { 0 };
    return answer(channel_call_parts(ask_handle, words, &channel_parts));
}

static int64_t send_with_parts(void)
{
    uint64_t words[4] = { 0 };
    return answer(channel_send_parts(ask_handle, words, &channel_parts));
}

static int64_t receive_nothing(void)
{
    struct message message;
    struct message_parts parts = { .accepting = 1 };
    return answer(channel_receive_parts(serve_handle, &message, &parts, 0));
}

static int64_t reply_to_nobody(void)
{
    struct message message = { .number = 1 };
    struct message_parts parts = { .accepting = 1 };
    return answer(channel_reply_parts(serve_handle, &message, &parts));
}

static void a_memory(void)
{
    calls_handle = capability_find("calls");
    CHECK((channel_handle = memory_create(calls_handle, 3 * PAGE)) != 0);
    ask_handle = serve_handle = 0;
}

static int64_t call_memory_create(void)
{
    capability_t memory = memory_create(calls_handle, 3 * PAGE);
    return memory ? (int64_t)memory : -errno;
}

static int64_t call_memory_map(void)
{
    char *at = memory_map(channel_handle, NULL, PAGE, PAGE, PROT_READ);
    return at ? answer(munmap(at, PAGE)) : -errno;
}

static void nobody_asks(void)
{
    a_channel();
    CHECK_IS(capability_close(channel_handle), 0);
    CHECK_IS(capability_close(ask_handle), 0);
}

static int64_t reply_and_receive_nothing(void)
{
    struct message message = { .number = 1 };
    struct message_parts parts = { .accepting = 1 };
    return answer(channel_reply_receive_parts(serve_handle, &message, &parts));
}

static int64_t wait_for_nothing(void)
{
    return answer(handles_wait(&serve_handle, 1, 0));
}

/* The one on the other side is told when memory is out here, and tries again. */
static void one_who_gives(uint32_t how)
{
    a_channel();
    CHECK_IS(capability_flag(channel_handle, CAPABILITY_INHERITABLE), 0);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        struct message_parts parts = { .bytes = (uint64_t)bytes, .length = sizeof(bytes), .giving = 8 };
        uint64_t words[4] = { 0 };
        for (int i = 0; i < 8; i++)
            parts.give[i].handle = calls_handle;
        if (how != 0) {
            parts.page_count = GIVEN_PAGES;
            parts.page_how = how;
            parts.pages = (uint64_t)mmap(NULL, GIVEN_PAGES * PAGE, PROT_READ | PROT_WRITE,
                                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        }
        while (channel_call_parts(channel_handle, words, &parts) < 0)
            CHECK_IS(errno, ENOMEM);
        _exit(0);
    }
    wait_until_blocked(child);
}

static void one_who_sends(void) { one_who_gives(0); }
static void one_who_moves(void) { one_who_gives(MESSAGE_MOVE); }
static void one_who_lends(void) { one_who_gives(MESSAGE_LEND_WRITABLE); }

static struct message its_message;

static int64_t receive_from_one(void)
{
    static char room[sizeof(bytes)];
    struct message_parts parts = { .accepting = 8, .room = (uint64_t)room, .size = sizeof(room),
                                   .page_room = GIVEN_PAGES };
    if (channel_receive_parts(serve_handle, &its_message, &parts, FOREVER) < 0)
        return -errno;
    CHECK_IS(parts.came, 8);
    for (int i = 0; i < 8; i++)
        CHECK_IS(capability_close(parts.taken[i]), 0);
    if (parts.pages_came > 0)
        CHECK_IS(munmap((void *)parts.pages_at, GIVEN_PAGES * PAGE), 0);
    return 0;
}

static void reply_and_collect(int64_t result)
{
    CHECK_IS(result, 0);
    CHECK_IS(channel_reply(serve_handle, &its_message), 0);
    ends_well(child);
    close_channel(0);
}

/* ---- processes from parts ---- */

/* Without the machine's word nobody makes any, and these answer at once. */
static capability_t half_handle, half_thread, half_memory;

static capability_t close_one(capability_t handle)
{
    if (handle)
        CHECK_IS(capability_close(handle), 0);
    return 0;
}

static int64_t call_process_create(void)
{
    capability_t process = process_create(calls_handle, "half");
    return process ? (int64_t)process : errno == EACCES ? 0 : -errno;
}

static void close_what_was_made(int64_t result)
{
    close_one(result > 0 ? (capability_t)result : 0);
}

static void a_half_made_one(void)
{
    calls_handle = capability_find("calls");
    half_handle = process_create(calls_handle, "half");
    CHECK(half_handle != 0 || errno == EACCES);
    CHECK((self_handle = process_self(calls_handle, PROCESS_ALL)) != 0);
    CHECK((half_memory = memory_create(calls_handle, 3 * PAGE)) != 0);
}

static void drop_half(int64_t result)
{
    (void)result;
    half_thread = close_one(half_thread);
    half_handle = close_one(half_handle);
    half_memory = close_one(half_memory);
    self_handle = close_one(self_handle);
}

static int64_t map_how(int how, uint64_t source)
{
    if (!half_handle)
        return 0;
    int64_t at = memory_map_into(half_handle, 0, 2 * PAGE, how, source, 0);
    return at < 0 ? -errno : at;
}

static int64_t map_fresh(void)
{
    return map_how(RW | MEMORY_FRESH, 0);
}

static int64_t map_shared(void)
{
    return map_how(RW | MEMORY_SHARED, half_memory);
}

static int64_t map_copied(void)
{
    static char source[2 * PAGE] __attribute__((aligned(PAGE)));
    return map_how(RW | MEMORY_COPIED, (uint64_t)source);
}

static int64_t map_break(void)
{
    return half_handle ? answer(memory_map_into(half_handle, PAGE, 0, MEMORY_BREAK, 0, 0)) : 0;
}

static int64_t give_two_files(void)
{
    struct file_pair pairs[] = { { 0, 3 }, { 1, 60 }, { FILE_DIRECTORY, FILE_DIRECTORY } };
    return half_handle ? answer(process_give_files(half_handle, self_handle, pairs, 3)) : 0;
}

static int64_t adopt_it(void)
{
    return half_handle ? answer(process_adopt(half_handle, self_handle, GROUP_OF_ITS_OWN)) : 0;
}

static int64_t call_thread_create(void)
{
    half_thread = half_handle ? thread_create(half_handle, 0x10000000, 0, 7) : 0;
    return half_thread || !half_handle ? 0 : -errno;
}

static capability_t filling[16];

static void a_half_made_one_in_a_full_table(void)
{
    a_half_made_one();
    for (size_t count = (size_t)capability_list(NULL, 0); count < 16; count++)
        CHECK((filling[count] = capability_derive(calls_handle, CALLS_FILES, 0)) != 0);
}

static void empty_table(int64_t result)
{
    for (size_t i = 0; i < 16; i++)
        filling[i] = close_one(filling[i]);
    drop_half(result);
}

static void a_complete_one(void)
{
    static uint8_t code[PAGE] __attribute__((aligned(PAGE))) = { 0x31, 0xc0, 0x0f, 0x05 };
    a_half_made_one();
    if (half_handle)
        CHECK_IS(memory_map_into(half_handle, 0x10000000, PAGE, PROT_READ | PROT_EXEC | MEMORY_COPIED, (uint64_t)code, 0),
                 0x10000000);
    CHECK_IS(call_thread_create(), 0);
}

static int64_t call_thread_frame(void)
{
    static struct trap_frame frame;
    return half_handle ? answer(thread_frame(half_thread, &frame)) : 0;
}

static int64_t call_process_status(void)
{
    static struct process_status its_status;
    return half_handle ? answer(process_status(half_handle, &its_status, WNOHANG)) : 0;
}

static int64_t call_process_start(void)
{
    return half_handle ? answer(process_start(half_handle, half_thread)) : 0;
}

static void collect_half(int64_t result)
{
    int ended = 0;
    if (half_handle)
        CHECK(waitpid(-1, &ended, 0) > 0 && ended == 7 << 8);
    drop_half(result);
}

static int64_t call_process_kill(void)
{
    return half_handle ? answer(process_kill(half_handle, SIGKILL)) : 0;
}

/* All steps one after the other, of which any may be the one that fails. */
static int64_t make_and_drop(void)
{
    int64_t result = call_process_create();
    half_handle = result > 0 ? (capability_t)result : 0;
    self_handle = result > 0 ? process_self(calls_handle, PROCESS_ALL) : 0;
    result = result < 0 ? result : half_handle && !self_handle ? -errno : 0;
    int64_t (*const steps[])(void) = { map_fresh, map_copied, give_two_files, call_thread_create };
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && result >= 0; i++)
        result = steps[i]();
    half_memory = 0;
    drop_half(result);
    return result;
}

static const struct attempt calls[] = {
    { "fork", SYS_FORK, TAKES, call_fork, NULL, collect, 0, HERE },
    { "fork with many descriptors", SYS_FORK, TAKES, call_fork, many_descriptors,
      collect_and_close, 0, ALONE },
    { "many forks", SYS_FORK, TAKES, call_forks, NULL, NULL, 0, HERE },
    { "fork with a shared area", SYS_FORK, TAKES, call_fork, a_shared_area,
      collect_and_remove, 0, HERE },
    { "exec", SYS_EXEC, TAKES, exec_small, NULL, NULL, 0, ALONE },
    { "exec with large arguments", SYS_EXEC, TAKES, exec_large, NULL, NULL, 0, ALONE },
    { "exec of a script", SYS_EXEC, TAKES, exec_script, NULL, NULL, 0, ALONE },
    { "exec of nothing", SYS_EXEC, TAKES, exec_missing, NULL, NULL, -ENOENT, HERE },
    { "exit", SYS_EXIT, NEVER, call_exit, NULL, NULL, 0, ALONE },
    { "waitpid", SYS_WAITPID, NEVER, call_wait, a_dead_child, NULL, 0, HERE },
    { "waitpid for nobody", SYS_WAITPID, NEVER, wait_for_nobody, NULL, NULL, -ECHILD, HERE },
    { "process_frame", SYS_PROCESS_FRAME, NEVER, call_process_frame, a_dead_child, collect_child,
      0, HERE },
    { "process_next", SYS_PROCESS_NEXT, NEVER, call_process_next, NULL, NULL, 0, HERE },
    { "getpid", SYS_GETPID, NEVER, call_getpid, NULL, NULL, 0, HERE },
    { "getppid", SYS_GETPPID, NEVER, call_getppid, NULL, NULL, 0, HERE },
    { "kill", SYS_KILL, NEVER, call_kill, NULL, NULL, 0, HERE },
    { "setpgid", SYS_SETPGID, NEVER, call_setpgid, NULL, NULL, 0, HERE },
    { "getpgid", SYS_GETPGID, NEVER, call_getpgid, NULL, NULL, 0, HERE },
    { "sleep", SYS_SLEEP, NEVER, call_sleep, NULL, NULL, 0, HERE },
    { "yield", SYS_YIELD, NEVER, call_yield, NULL, NULL, 0, HERE },
    { "clock", SYS_CLOCK, NEVER, call_clock, NULL, NULL, 0, HERE },
    { "calendar", SYS_CALENDAR, NEVER, call_calendar, NULL, NULL, 0, HERE },
    { "system_info", SYS_SYSTEM_INFO, NEVER, call_information, NULL, NULL, 0, HERE },
    { "uname", SYS_UNAME, NEVER, call_uname, NULL, NULL, 0, HERE },
    { "kernel_log", SYS_KERNEL_LOG, TAKES, call_log, NULL, NULL, 0, HERE },

    { "open", SYS_OPEN, TAKES, call_open, NULL, close_it, 0, HERE },
    { "open of a long path", SYS_OPEN, TAKES, call_open_long, NULL, close_it, 0, HERE },
    { "open through links", SYS_OPEN, TAKES, call_open_link, NULL, close_it, 0, HERE },
    { "open of nothing", SYS_OPEN, TAKES, call_open_missing, NULL, NULL, -ENOENT, HERE },
    { "open that creates", SYS_OPEN, TAKES, call_create, NULL, close_and_remove_new, 0, HERE },
    { "open that creates or refuses", SYS_OPEN, TAKES, call_create_new, NULL,
      close_and_remove_new, 0, HERE },
    { "open that empties", SYS_OPEN, TAKES, call_truncating_open, a_full_file,
      close_and_remove_full, 0, HERE },
    { "open in /proc", SYS_OPEN, TAKES, call_open_proc, NULL, close_it, 0, HERE },
    { "close", SYS_CLOSE, NEVER, call_close, open_extra, NULL, 0, HERE },
    { "dup", SYS_DUP, MAY_TAKE, call_dup, NULL, close_it, 0, HERE },
    { "dup2", SYS_DUP2, MAY_TAKE, call_dup2, NULL, close_it, 0, HERE },
    { "dup2 that grows the table", SYS_DUP2, TAKES, call_dup2_far, NULL, NULL, 0, ALONE },
    { "fcntl that grows the table", SYS_FCNTL, TAKES, call_dup_above, NULL, NULL, 0, ALONE },
    { "fcntl", SYS_FCNTL, NEVER, call_get_flags, NULL, NULL, 0, HERE },
    { "lseek", SYS_LSEEK, NEVER, call_lseek, NULL, NULL, 0, HERE },
    { "fstat", SYS_FSTAT, NEVER, call_fstat, NULL, NULL, 0, HERE },
    { "getdents", SYS_GETDENTS, NEVER, call_getdents, NULL, NULL, 0, HERE },
    { "getdents of /proc", SYS_GETDENTS, NEVER, list_proc, the_folder_of_proc, close_extra, 0,
      HERE },
    { "pipe", SYS_PIPE, TAKES, call_pipe, NULL, close_pipe, 0, HERE },
    { "write to a pipe", SYS_WRITE, TAKES, write_to_pipe, a_pipe, close_pipe, 0, HERE },
    { "watch", SYS_WATCH, TAKES, call_watch, a_pipe, close_pipe, 0, ALONE },
    { "fork while watched", SYS_FORK, TAKES, call_fork, a_pipe_that_watches, collect, 0, ALONE },
    { "exec while watched", SYS_EXEC, TAKES, exec_small, a_pipe_that_watches, NULL, 0, ALONE },
    { "read from a pipe", SYS_READ, NEVER, read_from_pipe, a_pipe_with_bytes, close_pipe, 0,
      HERE },
    { "read", SYS_READ, NEVER, call_read_file, NULL, NULL, 0, HERE },
    { "write", SYS_WRITE, NEVER, call_write_file, NULL, NULL, 0, HERE },
    { "write to a new file", SYS_WRITE, TAKES, write_new_file, a_new_file, remove_new_file, 0,
      HERE },
    { "read of /proc/self/status", SYS_READ, TAKES, read_text, the_status, close_extra, 0, HERE },
    { "read of /proc/meminfo", SYS_READ, TAKES, read_text, the_memory, close_extra, 0, HERE },
    { "ioctl of a pipe", SYS_IOCTL, NEVER, count_in_pipe, a_pipe, close_pipe, 0, HERE },
    { "ioctl of a terminal", SYS_IOCTL, NEVER, ask_the_window, NULL, NULL, 0, HERE },

    { "stat", SYS_STAT, TAKES, call_stat, NULL, NULL, 0, HERE },
    { "lstat", SYS_LSTAT, TAKES, call_lstat, NULL, NULL, 0, HERE },
    { "statfs", SYS_STATFS, TAKES, call_statfs, NULL, NULL, 0, HERE },
    { "chdir", SYS_CHDIR, TAKES, call_chdir, NULL, NULL, 0, HERE },
    { "getcwd", SYS_GETCWD, TAKES, call_getcwd, NULL, NULL, 0, HERE },
    { "mkdir", SYS_MKDIR, TAKES, call_mkdir, NULL, remove_new_folder, 0, HERE },
    { "rmdir", SYS_RMDIR, TAKES, call_rmdir, make_new_folder, NULL, 0, HERE },
    { "link", SYS_LINK, TAKES, call_link, NULL, remove_new, 0, HERE },
    { "symlink", SYS_SYMLINK, TAKES, call_symlink, NULL, remove_new, 0, HERE },
    { "readlink", SYS_READLINK, TAKES, call_readlink, NULL, NULL, 0, HERE },
    { "rename", SYS_RENAME, TAKES, call_rename, make_new, remove_other, 0, HERE },
    { "rename over a file", SYS_RENAME, TAKES, call_rename_over, make_new_and_full, remove_full,
      0, HERE },
    { "unlink", SYS_UNLINK, TAKES, call_unlink, make_new, NULL, 0, HERE },
    { "truncate", SYS_TRUNCATE, TAKES, call_truncate, NULL, NULL, 0, HERE },
    { "ftruncate", SYS_FTRUNCATE, NEVER, call_ftruncate, NULL, NULL, 0, HERE },
    { "utimens", SYS_UTIMENS, TAKES, call_utimens, NULL, NULL, 0, HERE },

    { "mmap", SYS_MMAP, MAY_TAKE, call_mmap, NULL, unmap_it, 0, HERE },
    { "mmap shared", SYS_MMAP, TAKES, call_mmap_shared, NULL, unmap_it, 0, HERE },
    { "mmap of a file", SYS_MMAP, MAY_TAKE, call_mmap_file, NULL, unmap_it, 0, HERE },
    { "mmap of a file, shared", SYS_MMAP, MAY_TAKE, call_mmap_shared_file, NULL, unmap_it, 0,
      HERE },
    { "mmap over what is there", SYS_MMAP, TAKES, many_maps, an_area, NULL, 0, ALONE },
    { "mmap over what is shared", SYS_MMAP, TAKES, many_maps, a_shared_area, remove_shared_area,
      0, ALONE },
    { "munmap", SYS_MUNMAP, MAY_TAKE, call_munmap, an_area, remove_area, 0, HERE },
    { "munmap that splits", SYS_MUNMAP, TAKES, many_holes, an_area, NULL, 0, ALONE },
    { "munmap of what is shared", SYS_MUNMAP, TAKES, call_munmap, a_shared_area,
      remove_shared_area, 0, HERE },
    { "mprotect", SYS_MPROTECT, MAY_TAKE, call_mprotect, an_area, remove_area, 0, HERE },
    { "mprotect that splits", SYS_MPROTECT, TAKES, many_protections, an_area, NULL, 0, ALONE },
    { "mprotect of what is shared", SYS_MPROTECT, TAKES, call_mprotect, a_shared_area,
      remove_shared_area, 0, HERE },
    { "madvise", SYS_MADVISE, NEVER, call_madvise, an_area, remove_area, 0, HERE },
    { "madvise of what is shared", SYS_MADVISE, TAKES, call_madvise, a_shared_area,
      remove_shared_area, 0, HERE },
    { "mremap", SYS_MREMAP, MAY_TAKE, call_mremap, two_pages, unmap_grown, 0, HERE },
    { "mremap of what is shared", SYS_MREMAP, TAKES, call_mremap_fixed, a_shared_area,
      remove_both, 0, HERE },
    { "brk", SYS_BRK, MAY_TAKE, call_brk, NULL, shrink, 0, HERE },

    { "capability_derive", SYS_CAPABILITY_DERIVE, TAKES, call_derive, some_capabilities,
      close_capabilities, 0, HERE },
    { "capability_derive that grows the table", SYS_CAPABILITY_DERIVE, TAKES, call_derive,
      fifteen_capabilities, NULL, 0, ALONE },
    { "capability_give", SYS_CAPABILITY_GIVE, TAKES, call_give, some_capabilities,
      close_capabilities, 0, HERE },
    { "capability_revoke", SYS_CAPABILITY_REVOKE, NEVER, call_revoke, many_capabilities,
      close_capabilities, 0, HERE },
    { "capability_close", SYS_CAPABILITY_CLOSE, NEVER, call_close_capability, some_capabilities,
      close_capabilities, 0, HERE },
    { "capability_list", SYS_CAPABILITY_LIST, NEVER, call_list, NULL, NULL, 0, HERE },
    { "capability_flag", SYS_CAPABILITY_FLAG, NEVER, call_flag, some_capabilities,
      close_capabilities, 0, HERE },
    { "process_self", SYS_PROCESS_SELF, TAKES, call_process_self, some_capabilities,
      close_capabilities, 0, HERE },
    { "process_self, for the first time", SYS_PROCESS_SELF, TAKES, call_process_self,
      the_calls_alone, NULL, 0, ALONE },
    { "device_create", SYS_DEVICE_CREATE, MAY_TAKE, call_device_create, some_capabilities,
      close_capabilities, 0, HERE },
    { "device_read", SYS_DEVICE_READ, NEVER, call_device_read, some_capabilities,
      close_capabilities, 0, HERE },
    { "device_write", SYS_DEVICE_WRITE, NEVER, call_device_write, some_capabilities,
      close_capabilities, 0, HERE },
    { "channel_create", SYS_CHANNEL_CREATE, TAKES, call_channel_create, the_calls_alone, close_result, 0, HERE },
    { "channel_call", SYS_CHANNEL_CALL, TAKES, call_with_parts, nobody_receives, close_channel, -EPIPE, HERE },
    { "channel_send", SYS_CHANNEL_SEND, TAKES, send_with_parts, nobody_receives, close_channel, -EPIPE, HERE },
    { "channel_receive", SYS_CHANNEL_RECEIVE, TAKES, receive_nothing, a_channel, close_channel, -ETIMEDOUT, HERE },
    { "channel_reply", SYS_CHANNEL_REPLY, TAKES, reply_to_nobody, a_channel, close_channel, -ESRCH, HERE },
    { "channel_receive of much", SYS_CHANNEL_RECEIVE, TAKES, receive_from_one, one_who_sends, reply_and_collect, 0,
      HERE },
    { "channel_receive of pages", SYS_CHANNEL_RECEIVE, TAKES, receive_from_one, one_who_moves, reply_and_collect, 0,
      HERE },
    { "channel_receive of a loan", SYS_CHANNEL_RECEIVE, TAKES, receive_from_one, one_who_lends, reply_and_collect, 0,
      HERE },
    { "channel_reply_receive", SYS_CHANNEL_REPLY_RECEIVE, TAKES, reply_and_receive_nothing, nobody_asks, close_channel,
      -EPIPE, HERE },
    { "memory_create", SYS_MEMORY_CREATE, TAKES, call_memory_create, the_calls_alone, close_result, 0, HERE },
    { "memory_map", SYS_MEMORY_MAP, MAY_TAKE, call_memory_map, a_memory, close_channel, 0, HERE },
    { "handles_wait", SYS_HANDLES_WAIT, TAKES, wait_for_nothing, a_channel, close_channel, -ETIMEDOUT, HERE },
    { "process_create", SYS_PROCESS_CREATE, MAY_TAKE, call_process_create, the_calls_alone, close_what_was_made, 0, HERE },
    { "memory_map_into, fresh", SYS_MEMORY_MAP_INTO, MAY_TAKE, map_fresh, a_half_made_one, drop_half, 0, HERE },
    { "memory_map_into, shared", SYS_MEMORY_MAP_INTO, MAY_TAKE, map_shared, a_half_made_one, drop_half, 0, HERE },
    { "memory_map_into, copied", SYS_MEMORY_MAP_INTO, MAY_TAKE, map_copied, a_half_made_one, drop_half, 0, HERE },
    { "memory_map_into, the break", SYS_MEMORY_MAP_INTO, NEVER, map_break, a_half_made_one, drop_half, 0, HERE },
    { "process_give_files", SYS_PROCESS_GIVE_FILES, MAY_TAKE, give_two_files, a_half_made_one, drop_half, 0, HERE },
    { "process_adopt", SYS_PROCESS_ADOPT, NEVER, adopt_it, a_half_made_one, drop_half, 0, HERE },
    { "thread_create", SYS_THREAD_CREATE, MAY_TAKE, call_thread_create, a_half_made_one, drop_half, 0, HERE },
    { "thread_create, with a full table", SYS_THREAD_CREATE, MAY_TAKE, call_thread_create, a_half_made_one_in_a_full_table,
      empty_table, 0, HERE },
    { "thread_frame", SYS_THREAD_FRAME, NEVER, call_thread_frame, a_complete_one, drop_half, 0, HERE },
    { "process_status", SYS_PROCESS_STATUS, NEVER, call_process_status, a_complete_one, drop_half, 0, HERE },
    { "process_start", SYS_PROCESS_START, NEVER, call_process_start, a_complete_one, collect_half, 0, HERE },
    { "process_kill", SYS_PROCESS_KILL, NEVER, call_process_kill, a_complete_one, drop_half, 0, HERE },
    { "a process from parts", SYS_PROCESS_CREATE, MAY_TAKE, make_and_drop, the_calls_alone, NULL, 0, HERE },
    { "fork with many capabilities", SYS_FORK, TAKES, call_fork, many_capabilities, collect, 0,
      ALONE },
};
enum { CALLS = sizeof(calls) / sizeof(calls[0]) };

/* Each number has a line above, is no call at all, or ends the machine. */
static void check_that_all_are_there(void)
{
    for (uint64_t number = 0; number < SYS_LIMIT; number++) {
        bool found = number == SYS_POWER_OFF;
        for (int i = 0; i < CALLS && !found; i++)
            found = calls[i].number == number;
        if (!found && by_syscall(number, 0, 0, 0) != -ENOSYS)
            fail("call %lu has no test of its failures", number);
    }
}

static void failures_of_calls(void)
{
    set_up();
    write_script();
    check_that_all_are_there();
    for (int i = 0; i < CALLS; i++)
        try_all(&calls[i]);
}

/* ---- copies between the kernel and a page that isn't there yet ---- */

static char *const far_away = (char *)0x400000000000;
static uint64_t far_call[4];

static void map_far(void)
{
    CHECK(mmap(far_away, 16 * PAGE, RW, ANONYMOUS | MAP_FIXED, -1, 0) == far_away);
    lseek(file, 0, SEEK_SET);
    lseek(root, 0, SEEK_SET);
}

static int64_t make_far_call(void)
{
    return by_syscall(far_call[0], far_call[1], far_call[2], far_call[3]);
}

static void unmap_far(int64_t result)
{
    if (far_call[0] == SYS_PIPE && result >= 0) {
        memcpy(ends, far_away, sizeof(ends));
        close_pipe(0);
    }
    CHECK_IS(munmap(far_away, 16 * PAGE), 0);
}

/* ... the child must still be there when its status had no place. */
static void map_far_with_child(void)
{
    map_far();
    a_dead_child();
    far_call[1] = (uint64_t)child;
}

static void unmap_far_and_collect(int64_t result)
{
    unmap_far(result);
    ends_well(child);
}

static void map_far_with_pipe(void)
{
    map_far();
    a_pipe_with_bytes();
    far_call[1] = (uint64_t)ends[far_call[0] == SYS_WRITE];
}

static void unmap_far_and_close(int64_t result)
{
    unmap_far(result);
    close_pipe(result);
}

static void failures_of_copies(void)
{
    const uint64_t far = (uint64_t)far_away, name = (uint64_t) "file", link = (uint64_t) "link";
    set_up();
    const uint64_t f = (uint64_t)file, terminal = (uint64_t)console;
    const struct {
        uint64_t call[4];
        int64_t wanted;
        void (*prepare)(void), (*undo)(int64_t);
    } copies[] = {
        { { SYS_STAT, name, far, 0 }, 0, NULL, NULL },
        { { SYS_LSTAT, link, far, 0 }, 0, NULL, NULL },
        { { SYS_FSTAT, f, far, 0 }, 0, NULL, NULL },
        { { SYS_STATFS, name, far, 0 }, 0, NULL, NULL },
        { { SYS_READLINK, link, far, 100 }, 0, NULL, NULL },
        { { SYS_GETCWD, far, 100, 0 }, 0, NULL, NULL },
        { { SYS_GETDENTS, (uint64_t)root, far, 1000 }, 0, NULL, NULL },
        { { SYS_READ, f, far, 10 }, 0, NULL, NULL },
        { { SYS_WRITE, f, far, 10 }, 0, NULL, NULL },
        { { SYS_PIPE, far, 0, 0 }, 0, NULL, NULL },
        { { SYS_UNAME, far, 0, 0 }, 0, NULL, NULL },
        { { SYS_SYSTEM_INFO, far, 0, 0 }, 0, NULL, NULL },
        { { SYS_KERNEL_LOG, far, 100, 0 }, 0, NULL, NULL },
        { { SYS_PROCESS_NEXT, 0, far, 0 }, 0, NULL, NULL },
        { { SYS_CAPABILITY_LIST, far, 1, 0 }, 0, NULL, NULL },
        { { SYS_UTIMENS, name, far, 0 }, 0, NULL, NULL },
        { { SYS_IOCTL, terminal, TIOCGWINSZ, far }, 0, NULL, NULL },
        { { SYS_IOCTL, terminal, TCGETS, far }, 0, NULL, NULL },
        { { SYS_IOCTL, terminal, TIOCSPGRP, far }, -EINVAL, NULL, NULL },
        { { SYS_OPEN, far, 0, 0 }, -ENOENT, NULL, NULL },
        { { SYS_CHDIR, far, 0, 0 }, -ENOENT, NULL, NULL },
        { { SYS_RENAME, name, far, 0 }, -ENOENT, NULL, NULL },
        { { SYS_EXEC, (uint64_t) "missing", far, 0 }, -ENOENT, NULL, NULL },
        { { SYS_WAITPID, 0, far, 0 }, 0, map_far_with_child, NULL },
        { { SYS_PROCESS_FRAME, 0, far, 0 }, 0, map_far_with_child, unmap_far_and_collect },
        { { SYS_READ, 0, far, 100 }, 0, map_far_with_pipe, unmap_far_and_close },
        { { SYS_WRITE, 0, far, 100 }, 0, map_far_with_pipe, unmap_far_and_close },
        { { SYS_READ, f, far + PAGE - 10, 20 }, 0, NULL, NULL },
        { { SYS_FSTAT, f, far + PAGE - 10, 0 }, 0, NULL, NULL },
    };
    for (size_t i = 0; i < sizeof(copies) / sizeof(copies[0]); i++) {
        char name_of_copy[40];
        struct attempt attempt = {
            .name = name_of_copy, .appetite = TAKES, .call = make_far_call,
            .prepare = copies[i].prepare ? copies[i].prepare : map_far,
            .undo = copies[i].undo ? copies[i].undo : unmap_far, .wanted = copies[i].wanted,
        };
        memcpy(far_call, copies[i].call, sizeof(far_call));
        snprintf(name_of_copy, sizeof(name_of_copy), "copy of call %lu", far_call[0]);
        try_all(&attempt);
        attempt.manner = ONCE;          /* what was made in vain must have gone with the map */
        if (attempt.prepare == map_far)
            try_all(&attempt);
    }
}

/* ---- faults of the program itself ---- */

static int64_t touch_area(void)
{
    for (size_t at = 0; at < AREA; at += 8 * PAGE)
        area[at]++;
    return area[8 * PAGE] == 'y' || area[8 * PAGE] == 1 ? 0 : -EIO;
}

static void a_promise(void)
{
    area = mmap((void *)0x200000000000, 4 * SPAN, RW, ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    CHECK(area != MAP_FAILED);
}

static void a_shared_promise(void)
{
    area = mmap((void *)0x200000000000, 4 * SPAN, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1,
                0);
    CHECK(area != MAP_FAILED);
}

static int64_t read_area(void)
{
    int64_t sum = 0;
    for (size_t at = 0; at < AREA; at += 8 * PAGE)
        sum += area[at];
    return sum;
}

/* Pages of a file with holes, for which frames must be made. */
static void a_mapped_hole(void)
{
    int fd = open("holes", O_RDWR | O_CREAT, 0644);
    CHECK_IS(ftruncate(fd, AREA), 0);
    area = mmap((void *)0x200000000000, 4 * SPAN, RW, MAP_SHARED | MAP_FIXED, fd, 0);
    CHECK(area != MAP_FAILED);
    close(fd);
}

static void remove_hole(int64_t result)
{
    remove_area(result);
    CHECK_IS(unlink("holes"), 0);
}

static int64_t recurse_far(void)
{
    volatile char room[100 * PAGE];
    for (size_t at = 0; at < sizeof(room); at += PAGE)
        room[at] = 1;
    return room[50 * PAGE] == 1 ? 0 : -EIO;
}

/* The program notices nothing: its instruction is tried again, and as there are frames, nobody has
 * to end for it. */
static void failures_of_faults(void)
{
    static const struct attempt faults[] = {
        { "fault on zeros", 0, TAKES, touch_area, a_promise, remove_area, 0, HERE },
        { "fault that reads zeros", 0, TAKES, read_area, a_promise, remove_area, 0, HERE },
        { "fault on shared zeros", 0, TAKES, touch_area, a_shared_promise, remove_area, 0, HERE },
        { "fault on a hole", 0, TAKES, touch_area, a_mapped_hole, remove_hole, 0, HERE },
        { "fault on a shared page", 0, TAKES, touch_area, a_shared_area, remove_shared_area, 0,
          HERE },
        { "fault on the stack", 0, TAKES, recurse_far, NULL, NULL, 0, ALONE },
    };
    set_up();
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
        try_all(&faults[i]);
}

/* ---- the file itself ---- */

static void plans_are_kept(void)
{
    char text[16] = "";
    open_plan();
    CHECK_ERROR(write(PLAN, "", 0), EINVAL);
    CHECK_ERROR(write(PLAN, "x", 1), EINVAL);
    CHECK_ERROR(write(PLAN, "-1", 2), EINVAL);
    CHECK_ERROR(write(PLAN, "1x", 2), EINVAL);
    CHECK_ERROR(write(PLAN, "99999999999999999999", 20), EINVAL);
    CHECK_ERROR(write(PLAN, bytes, 100), EINVAL);
    CHECK_IS(write(PLAN, "77\n", 3), 3);
    pid_t pid = fork();
    if (pid == 0) {                     /* a child has no plan, and makes none for its parent */
        CHECK_ERROR(write(PLAN, "1", 1), EPERM);
        CHECK_IS(lseek(PLAN, 0, SEEK_SET), 0);
        CHECK(read(PLAN, text, sizeof(text)) > 0 && atoi(text) > 0);
        close(PLAN);
        open_plan();
        CHECK(read(PLAN, text, sizeof(text)) == 2 && strncmp(text, "0\n", 2) == 0);
        CHECK_IS(write(PLAN, "5", 1), 1);
        _exit(0);                       /* with a plan that is never carried out */
    }
    ends_well(pid);
    CHECK(!end_plan());
    CHECK_IS(stat("/proc/self/fail-nth", &status), 0);
    CHECK_IS(status.st_mode, S_IFREG | 0644);
    int fd = open("/proc/self/stat", O_RDWR);
    CHECK_ERROR(write(fd, "1", 1), EINVAL);
}

const struct test failure_tests[] = {
    TEST(plans_are_kept), LONG_TEST(failures_of_calls, 60), LONG_TEST(failures_of_copies, 30),
    LONG_TEST(failures_of_faults, 30),
    { NULL, NULL, 0 },
};

/* Memory maps: private and shared, of zeros and of files; protected, moved, given back. */
#include "usertests.h"
#include <sys/mman.h>

enum { RW = PROT_READ | PROT_WRITE, ANONYMOUS = MAP_PRIVATE | MAP_ANONYMOUS };

static char *map_pages(size_t pages)
{
    char *memory = mmap(NULL, pages * PAGE, RW, ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED && (uintptr_t)memory % PAGE == 0);
    return memory;
}

static void write_byte(void *address)
{
    *(volatile char *)address = 1;
}

static void read_byte(void *address)
{
    (void)*(volatile char *)address;
}

static void call_it(void *address)
{
    ((void (*)(void))address)();
}

static int file_of(const char *name, size_t pages, int flags)
{
    static char bytes[PAGE];
    int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0755);
    for (size_t i = 0; i < pages; i++) {
        memset(bytes, 'a' + (int)i, sizeof(bytes));
        CHECK_IS(write(fd, bytes, sizeof(bytes)), PAGE);
    }
    close(fd);
    return open(name, flags);
}

static void maps_of_zeros(void)
{
    char *memory = map_pages(100);
    for (int i = 0; i < 100 * PAGE; i += 100)
        CHECK_IS(memory[i], 0);
    memset(memory, 'x', 100 * PAGE);
    CHECK_IS(munmap(memory + 10 * PAGE, 10 * PAGE), 0);
    ends_by(start(read_byte, memory + 10 * PAGE), SIGSEGV);
    ends_by(start(write_byte, memory + 20 * PAGE - 1), SIGSEGV);
    CHECK(memory[10 * PAGE - 1] == 'x' && memory[20 * PAGE] == 'x');
    CHECK(mmap(memory + 10 * PAGE, 10 * PAGE, RW, ANONYMOUS, -1, 0) == memory + 10 * PAGE);
    CHECK(memory[10 * PAGE] == 0 && memory[20 * PAGE - 1] == 0);
    CHECK_IS(munmap(memory, 100 * PAGE), 0);
    CHECK_IS(munmap(memory, 100 * PAGE), 0);
    ends_by(start(read_byte, memory), SIGSEGV);
}

static void maps_are_refused(void)
{
    int fd = file_of("file", 1, O_RDONLY), writer = open("file", O_WRONLY), pipes[2];
    CHECK_IS(pipe(pipes), 0);
    CHECK_ERROR(mmap(NULL, 0, RW, ANONYMOUS, -1, 0), EINVAL);
    CHECK_ERROR(mmap(NULL, PAGE, RW, MAP_ANONYMOUS, -1, 0), EINVAL);
    CHECK_ERROR(mmap(NULL, PAGE, RW, ANONYMOUS | MAP_SHARED, -1, 0), EINVAL);
    CHECK_ERROR(mmap(NULL, PAGE, RW, MAP_PRIVATE, 99, 0), EBADF);
    CHECK_ERROR(mmap(NULL, PAGE, RW, MAP_PRIVATE, pipes[0], 0), ENODEV);
    CHECK_ERROR(mmap(NULL, PAGE, RW, MAP_PRIVATE, open("/", O_RDONLY), 0), ENODEV);
    CHECK_ERROR(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, writer, 0), EACCES);
    CHECK_ERROR(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0), EACCES);
    CHECK_ERROR(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 1), EINVAL);
    CHECK_ERROR(mmap(NULL, 1UL << 50, RW, ANONYMOUS, -1, 0), ENOMEM);
    CHECK_ERROR(mmap(NULL, UINT64_MAX, RW, ANONYMOUS, -1, 0), ENOMEM);
    CHECK_ERROR(mmap(NULL, 64UL << 30, RW, ANONYMOUS, -1, 0), ENOMEM);
    CHECK_ERROR(mmap((void *)0x123, PAGE, RW, ANONYMOUS | MAP_FIXED, -1, 0), EINVAL);
    CHECK_ERROR(mmap((void *)0, PAGE, RW, ANONYMOUS | MAP_FIXED, -1, 0), EINVAL);
    CHECK_ERROR(mmap((void *)0x7ffffffff000, PAGE, RW, ANONYMOUS | MAP_FIXED, -1, 0), EINVAL);
    CHECK_ERROR(munmap((void *)1, PAGE), EINVAL);
    CHECK_ERROR(munmap((void *)0x10000, 0), EINVAL);
    CHECK_ERROR(munmap((void *)0xffff800000000000, PAGE), EINVAL);
    CHECK_ERROR(mprotect((void *)0x10000, PAGE, PROT_READ), ENOMEM);
    CHECK_ERROR(mprotect((void *)0x10001, PAGE, PROT_READ), EINVAL);
    CHECK_ERROR(madvise((void *)0x10000, PAGE, MADV_DONTNEED), ENOMEM);
    CHECK_ERROR(madvise((void *)0x10000, PAGE, 77), EINVAL);
    CHECK_ERROR(mremap((void *)0x10000, PAGE, 2 * PAGE, MREMAP_MAYMOVE), EFAULT);
    CHECK_ERROR(mremap((void *)0x10001, PAGE, 2 * PAGE, MREMAP_MAYMOVE), EINVAL);
    void *huge = mmap(NULL, 64UL << 30, RW, ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(huge != MAP_FAILED && munmap(huge, 64UL << 30) == 0);
}

static void fixed_maps(void)
{
    char *memory = map_pages(10);
    memset(memory, 'x', 10 * PAGE);
    CHECK_ERROR(mmap(memory + PAGE, PAGE, RW, ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0), EEXIST);
    CHECK(mmap(memory + PAGE, PAGE, RW, ANONYMOUS | MAP_FIXED, -1, 0) == memory + PAGE);
    CHECK(memory[PAGE - 1] == 'x' && memory[PAGE] == 0 && memory[2 * PAGE] == 'x');
    char *hint = mmap(memory + PAGE, PAGE, RW, ANONYMOUS, -1, 0);
    CHECK(hint != MAP_FAILED && hint != memory + PAGE);
}

static void protections(void)
{
    char *memory = map_pages(8), byte;
    int fds[2];
    CHECK_IS(pipe(fds), 0);
    memset(memory, 'x', 8 * PAGE);
    CHECK_IS(mprotect(memory + 2 * PAGE, 2 * PAGE, PROT_READ), 0);
    CHECK_IS(memory[2 * PAGE], 'x');
    ends_by(start(write_byte, memory + 2 * PAGE), SIGSEGV);
    ends_well(start(write_byte, memory + 4 * PAGE));
    CHECK_IS(write(fds[1], "yz", 2), 2);
    CHECK_ERROR(read(fds[0], memory + 3 * PAGE, 1), EFAULT);
    CHECK_IS(mprotect(memory + 3 * PAGE, 2 * PAGE, PROT_NONE), 0);
    ends_by(start(read_byte, memory + 3 * PAGE), SIGSEGV);
    CHECK_ERROR(write(fds[1], memory + 4 * PAGE, 1), EFAULT);
    CHECK_IS(mprotect(memory, 8 * PAGE, RW), 0);
    for (int i = 0; i < 8 * PAGE; i += 99)
        CHECK_IS(memory[i], 'x');
    CHECK_IS(read(fds[0], &byte, 1), 1);
    memory[4 * PAGE] = byte;
    CHECK_IS(munmap(memory + 5 * PAGE, PAGE), 0);
    CHECK_ERROR(mprotect(memory, 8 * PAGE, PROT_NONE), ENOMEM);
    CHECK_IS(memory[0], 'x');
    CHECK_IS(mprotect(memory, 0, PROT_NONE), 0);
}

static void code_can_be_made(void)
{
    char *memory = map_pages(1);
    memory[0] = (char)0xc3;                     /* ret */
    ends_by(start(call_it, memory), SIGSEGV);
    CHECK_IS(mprotect(memory, PAGE, PROT_READ | PROT_EXEC), 0);
    call_it(memory);
    ends_by(start(write_byte, memory), SIGSEGV);
    CHECK_IS(mprotect(memory, PAGE, RW), 0);
    ends_by(start(call_it, memory), SIGSEGV);
}

/* What was copied on write stays so under every protection. */
static void protections_across_fork(void)
{
    char *memory = map_pages(4);
    memset(memory, 'p', 4 * PAGE);
    CHECK_IS(mprotect(memory + PAGE, PAGE, PROT_NONE), 0);
    CHECK_IS(mprotect(memory + 2 * PAGE, PAGE, PROT_READ), 0);
    pid_t pid = fork();
    if (pid == 0) {
        CHECK_IS(mprotect(memory, 4 * PAGE, RW), 0);
        for (int i = 0; i < 4; i++) {
            CHECK_IS(memory[i * PAGE], 'p');
            memory[i * PAGE] = 'c';
        }
        _exit(0);
    }
    ends_well(pid);
    CHECK_IS(mprotect(memory, 4 * PAGE, RW), 0);
    for (int i = 0; i < 4; i++)
        CHECK_IS(memory[i * PAGE], 'p');
}

static void shared_memory(void)
{
    enum { COUNT = 700 };
    char *memory = mmap(NULL, COUNT * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    memory[5 * PAGE] = 'p';
    pid_t pid = fork();
    if (pid == 0) {
        CHECK_IS(memory[5 * PAGE], 'p');
        pid_t grandchild = fork();
        for (int i = 0; i < COUNT; i++)
            memory[i * PAGE + (grandchild == 0)] = 'c';
        if (grandchild != 0)
            ends_well(grandchild);
        _exit(0);
    }
    ends_well(pid);
    for (int i = 0; i < COUNT; i++)
        CHECK(memory[i * PAGE] == 'c' && memory[i * PAGE + 1] == 'c');
    CHECK_IS(madvise(memory, COUNT * PAGE, MADV_DONTNEED), 0);
    CHECK_IS(memory[7 * PAGE], 'c');
}

static void shared_files(void)
{
    char bytes[4] = "";
    int fd = file_of("file", 3, O_RDWR);
    char *memory = mmap(NULL, 3 * PAGE, RW, MAP_SHARED, fd, 0);
    char *other = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, PAGE);
    CHECK(memory != MAP_FAILED && other != MAP_FAILED);
    CHECK(memory[0] == 'a' && memory[PAGE] == 'b' && other[0] == 'b');
    memcpy(memory + PAGE, "map", 3);
    CHECK_IS(lseek(fd, PAGE, SEEK_SET), PAGE);
    CHECK_IS(read(fd, bytes, 3), 3);
    CHECK(memcmp(bytes, "map", 3) == 0 && memcmp(other, "map", 3) == 0);
    CHECK_IS(lseek(fd, PAGE, SEEK_SET), PAGE);
    CHECK_IS(write(fd, "fd", 2), 2);
    CHECK(memcmp(memory + PAGE, "fdp", 3) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        memcpy(memory, "child", 5);
        _exit(0);
    }
    ends_well(pid);
    CHECK(memcmp(memory, "child", 5) == 0);
    close(fd);
    CHECK_ERROR(execve("file", (char *[]){ "file", NULL }, environ), ETXTBSY);
    fd = open("file", O_RDWR | O_TRUNC);
    CHECK_IS(write(fd, "new", 3), 3);
    CHECK(memcmp(memory, "new\0", 4) == 0 && memory[PAGE] == 0);
    CHECK_IS(unlink("file"), 0);
    close(fd);
    CHECK(memcmp(memory, "new", 3) == 0);
    CHECK_IS(munmap(memory, 3 * PAGE), 0);
    CHECK_IS(other[0], 0);                      /* beyond the new end, and emptied */
}

static void shared_for_reading(void)
{
    int fd = file_of("file", 1, O_RDONLY);
    char *memory = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
    CHECK(memory != MAP_FAILED && memory[0] == 'a');
    CHECK_ERROR(mprotect(memory, PAGE, RW), EACCES);
    ends_by(start(write_byte, memory), SIGSEGV);
    CHECK_IS(mprotect(memory, PAGE, PROT_NONE), 0);
    CHECK_IS(mprotect(memory, PAGE, PROT_READ), 0);
    CHECK_IS(memory[0], 'a');
}

static void private_files(void)
{
    char byte;
    int fd = file_of("file", 3, O_RDONLY);
    char *memory = mmap(NULL, 5 * PAGE, RW, MAP_PRIVATE, fd, PAGE);
    CHECK(memory != MAP_FAILED && memory[0] == 'b' && memory[PAGE] == 'c');
    memory[0] = 'x';
    CHECK_IS(lseek(fd, PAGE, SEEK_SET), PAGE);
    CHECK(read(fd, &byte, 1) == 1 && byte == 'b');
    close(fd);
    ends_by(start(read_byte, memory + 2 * PAGE), SIGBUS);
    CHECK_IS(madvise(memory, 2 * PAGE, MADV_DONTNEED), 0);
    CHECK_IS(memory[0], 'b');
    fd = open("file", O_WRONLY | O_TRUNC);      /* a map of data holds up no writer */
    CHECK(fd >= 0);
    CHECK_IS(memory[0], 'b');
}

/* An area may be longer than its file, or the file cut later: the pages that are missing give SIGBUS, and
 * EFAULT in a call; what nobody maps gives SIGSEGV. */
static void files_that_end_early(void)
{
    enum { BEFORE, AFTER };
    for (int kind = 0; kind < 2; kind++)
        for (int flags = MAP_SHARED; flags <= MAP_PRIVATE; flags++) {
            int fd = open("/tmp/short", O_RDWR | O_CREAT | O_TRUNC, 0644);
            CHECK(fd >= 0 && ftruncate(fd, kind == BEFORE ? PAGE + 1 : 4 * PAGE) == 0);
            char *memory = mmap(NULL, 4 * PAGE, RW, flags, fd, 0);
            CHECK(memory != MAP_FAILED);
            if (kind == AFTER && flags == MAP_SHARED)
                CHECK_IS(ftruncate(fd, PAGE + 1), 0);
            if (kind == AFTER && flags == MAP_PRIVATE) {
                CHECK_IS(close(open("/tmp/short", O_WRONLY | O_TRUNC)), 0);
                CHECK_IS(ftruncate(fd, PAGE + 1), 0);
            }
            CHECK_IS(munmap(memory + 3 * PAGE, PAGE), 0);
            CHECK(memory[0] == 0 && memory[2 * PAGE - 1] == 0);
            ends_by(start(read_byte, memory + 2 * PAGE), SIGBUS);
            ends_by(start(write_byte, memory + 3 * PAGE - 1), SIGBUS);
            ends_by(start(read_byte, memory + 3 * PAGE), SIGSEGV);
            CHECK_ERROR(write(fd, memory + 2 * PAGE, 1), EFAULT);
            CHECK_ERROR(read(fd, memory + 2 * PAGE, 1), EFAULT);
            CHECK_IS(ftruncate(fd, 4 * PAGE), 0);
            CHECK_IS(memory[2 * PAGE], 0);              /* it has grown again */
            CHECK_IS(munmap(memory, 3 * PAGE), 0);
            CHECK_IS(close(fd), 0);
        }
    CHECK_IS(unlink("/tmp/short"), 0);
}

static void maps_move(void)
{
    char *memory = map_pages(10);
    for (int i = 0; i < 10; i++)
        memory[i * PAGE] = (char)('a' + i);
    char *moved = mremap(memory, 10 * PAGE, 1000 * PAGE, MREMAP_MAYMOVE);
    CHECK(moved != MAP_FAILED);
    for (int i = 0; i < 1000; i++)
        CHECK_IS(moved[i * PAGE], i < 10 ? 'a' + i : 0);
    if (moved != memory)
        ends_by(start(read_byte, memory), SIGSEGV);
    CHECK(mremap(moved, 1000 * PAGE, 5 * PAGE, 0) == moved);
    ends_by(start(read_byte, moved + 5 * PAGE), SIGSEGV);
    CHECK(mremap(moved, 5 * PAGE, 6 * PAGE, 0) == moved);
    CHECK(moved[4 * PAGE] == 'e' && moved[5 * PAGE] == 0);
    char *target = map_pages(20);
    memset(target, 't', 20 * PAGE);
    CHECK_ERROR(mremap(moved, PAGE, PAGE, MREMAP_FIXED, target), EINVAL);
    CHECK_ERROR(mremap(moved, 3 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, moved + PAGE), EINVAL);
    CHECK(mremap(moved + PAGE, 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, target + PAGE) == target + PAGE);
    CHECK(target[0] == 't' && target[PAGE] == 'b' && target[2 * PAGE] == 'c' && target[3 * PAGE] == 0);
    CHECK(target[4 * PAGE] == 't' && moved[0] == 'a' && moved[3 * PAGE] == 'd');
    ends_by(start(read_byte, moved + PAGE), SIGSEGV);
}

/* After fork a range moves in one process only. */
static void moves_across_fork(void)
{
    char *memory = map_pages(600);
    for (int i = 0; i < 600; i++)
        memory[i * PAGE] = (char)i;
    pid_t pid = fork();
    if (pid == 0) {
        char *moved = mremap(memory, 600 * PAGE, 700 * PAGE, MREMAP_MAYMOVE);
        CHECK(moved != MAP_FAILED);
        for (int i = 0; i < 600; i++) {
            CHECK_IS(moved[i * PAGE], (char)i);
            moved[i * PAGE] = 'c';
        }
        _exit(0);
    }
    ends_well(pid);
    for (int i = 0; i < 600; i++)
        CHECK_IS(memory[i * PAGE], (char)i);
    CHECK_IS(munmap(memory, 600 * PAGE), 0);
}

static void pages_are_given_back(void)
{
    char *memory = map_pages(1000);
    memset(memory, 'x', 1000 * PAGE);
    uint64_t before = system_now().memory_free;
    CHECK_IS(madvise(memory + PAGE, 998 * PAGE, MADV_DONTNEED), 0);
    CHECK(system_now().memory_free >= before + 990 * PAGE);
    CHECK(memory[0] == 'x' && memory[PAGE] == 0 && memory[998 * PAGE] == 0 && memory[999 * PAGE] == 'x');
    CHECK_IS(madvise(memory, PAGE, 1), 0);
    CHECK_IS(memory[0], 'x');
}

/* A large piece of the heap goes back to the kernel though a small one was taken after it, and grows without
 * its pages being copied. */
static void large_pieces_of_the_heap(void)
{
    enum { SIZE = 8 << 20 };
    char *large = malloc(SIZE), *small = malloc(40);
    CHECK(large && small);
    memset(large, 'x', SIZE);
    uint64_t before = system_now().memory_free;
    large = realloc(large, 2 * SIZE);
    CHECK(large && large[0] == 'x' && large[SIZE - 1] == 'x' && large[SIZE] == 0);
    CHECK(system_now().memory_free + 64 * PAGE >= before);
    before = system_now().memory_free;
    free(large);
    CHECK(system_now().memory_free >= before + SIZE - 64 * PAGE);
    free(small);
}

/* A process with very much memory forks in no time, and its children go their own ways. */
static void large_forks(void)
{
    enum { COUNT = 4000 };
    uint64_t *memory = (uint64_t *)map_pages(COUNT);
    for (size_t i = 0; i < COUNT; i++)
        memory[i * 512] = i;
    pid_t children[3];
    for (uint64_t child = 0; child < 3; child++) {
        children[child] = fork();
        if (children[child] == 0) {
            for (size_t i = child; i < COUNT; i += 37)
                memory[i * 512] += 1000000 * (child + 1);
            folio_yield();
            for (size_t i = 0; i < COUNT; i++)
                CHECK_IS(memory[i * 512], i + ((i - child) % 37 == 0 && i >= child ? 1000000 * (child + 1) : 0));
            _exit(0);
        }
    }
    for (size_t i = 5; i < COUNT; i += 41)
        memory[i * 512] = i;
    for (int child = 0; child < 3; child++)
        ends_well(children[child]);
    for (size_t i = 0; i < COUNT; i++)
        CHECK_IS(memory[i * 512], i);
}

const struct test map_tests[] = {
    TEST(maps_of_zeros), TEST(maps_are_refused), TEST(fixed_maps), TEST(protections), TEST(code_can_be_made),
    TEST(protections_across_fork), TEST(shared_memory), TEST(shared_files), TEST(shared_for_reading),
    TEST(private_files), TEST(files_that_end_early), TEST(maps_move), TEST(moves_across_fork), TEST(pages_are_given_back), TEST(large_pieces_of_the_heap), TEST(large_forks),
    { NULL, NULL, 0 },
};

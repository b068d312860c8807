/* What the tests share; usertests.h says what each function does. */
#include <stddef.h>
#include <spawn.h>
#include "usertests.h"

const char *self;
uint64_t random_state = 1;

void check_failed(const char *file, int line, const char *text)
{
    fail("%s:%d: %s", file, line, text);
}

void check_equal(const char *file, int line, const char *text, int64_t is, int64_t wanted)
{
    if (is == wanted)
        return;
    if (is < 0 && is > -200)
        fail("%s:%d: %s is %ld (%s), not %ld", file, line, text, is, strerror((int)-is), wanted);
    fail("%s:%d: %s is %ld, not %ld", file, line, text, is, wanted);
}

pid_t start(void (*function)(void *), void *argument)
{
    pid_t pid = fork();
    if (pid < 0)
        fail("fork: %s", strerror(errno));
    if (pid == 0) {
        function(argument);
        _exit(0);
    }
    return pid;
}

int status_of(pid_t pid)
{
    int status = -1;
    if (waitpid(pid, &status, 0) != pid)
        fail("waitpid(%ld): %s", (long)pid, strerror(errno));
    return status;
}

void ends_well(pid_t pid)
{
    int status = status_of(pid);
    if (WIFSIGNALED(status))
        fail("a child was ended by %s", strsignal(WTERMSIG(status)));
    if (status != 0)
        fail("a child ended with status %x", (unsigned)status);
}

void ends_by(pid_t pid, int signal)
{
    int status = status_of(pid);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != signal)
        fail("a child ended with status %x, not by %s", (unsigned)status, strsignal(signal));
}

void stop(pid_t pid)
{
    CHECK_IS(kill(pid, SIGKILL), 0);
    ends_by(pid, SIGKILL);
}

struct process_info process_now(pid_t pid)
{
    struct process_info info;
    if (folio_process_next(pid - 1, &info) != pid)
        fail("the process %ld is not in the table", (long)pid);
    return info;
}

struct system_info system_now(void)
{
    struct system_info info;
    CHECK_IS(folio_system_info(&info), 0);
    return info;
}

static void wait_for(pid_t pid, bool (*reached)(const struct process_info *, char), char state)
{
    uint64_t end = folio_clock() + 5000 * MILLISECOND;
    for (;;) {
        struct process_info info = process_now(pid);
        if (reached(&info, state))
            return;
        if (folio_clock() > end)
            fail("process %ld stays in state %c, its thread in %u", (long)pid, (char)info.state,
                 info.thread_state);
        pause_for(MILLISECOND / 2);
    }
}

static bool has_state(const struct process_info *info, char state)
{
    return info->state == (uint32_t)state;
}

static bool is_blocked(const struct process_info *info, char state)
{
    (void)state;
    return info->thread_state == THREAD_WAITING || info->thread_state == THREAD_SLEEPING;
}

void wait_for_state(pid_t pid, char state)
{
    wait_for(pid, has_state, state);
}

void wait_until_blocked(pid_t pid)
{
    wait_for(pid, is_blocked, 0);
}

int64_t call_with_any(int which, uint64_t number, const uint64_t a[6])
{
    int64_t result = (int64_t)number;
    uint64_t first = a[0], second = a[1], third = a[2], other = 0;
    register uint64_t fourth __asm__("r10") = a[3], fifth __asm__("r8") = a[4], sixth __asm__("r9") = a[5];
    if (which == 0)
        __asm__ volatile("syscall" : "+a"(result), "+D"(first), "+S"(second), "+d"(third), "+r"(fourth), "+r"(fifth), "+r"(sixth),
                         "+b"(other) : : "rcx", "r11", "memory");
    else
        __asm__ volatile("int $0x80" : "+a"(result), "+D"(first), "+S"(second), "+d"(third), "+r"(fourth), "+r"(fifth),
                         "+r"(sixth), "+b"(other) : : "memory");
    return result;
}

void pause_for(uint64_t nanoseconds)
{
    by_syscall(SYS_SLEEP, nanoseconds, 0, 0);
}

void block_forever(void *unused)
{
    (void)unused;
    for (;;)
        pause_for(1000000 * MILLISECOND);
}

void spin_forever(void *unused)
{
    (void)unused;
    for (volatile uint64_t n = 0;; n++)
        ;
}

int64_t by_syscall(uint64_t number, uint64_t a, uint64_t b, uint64_t c)
{
    int64_t result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c)
                     : "rcx", "r11", "memory");
    return result;
}

int64_t by_interrupt(uint64_t number, uint64_t a, uint64_t b, uint64_t c)
{
    int64_t result;
    __asm__ volatile("int $0x80"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c)
                     : "memory");
    return result;
}

door *const doors[2] = { by_syscall, by_interrupt };

char *edge_of_memory(void)
{
    uint64_t end = (uint64_t)by_syscall(SYS_BRK, 0, 0, 0);
    end = (end + 2 * PAGE - 1) & ~(uint64_t)(PAGE - 1);
    CHECK_IS(by_syscall(SYS_BRK, end, 0, 0), end);
    memset((char *)end - PAGE, 'x', PAGE);
    return (char *)end;
}

uint64_t random64(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

void write_file(const char *path, const void *bytes, size_t size, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
    if (fd < 0)
        fail("%s can't be made: %s", path, strerror(errno));
    CHECK_IS(write(fd, bytes, size), size);
    CHECK_IS(close(fd), 0);
}

void fill(void *memory, size_t size, uint64_t seed)
{
    uint64_t *words = memory;
    for (size_t i = 0; i < size / 8; i++)
        words[i] = (seed + i) * UINT64_C(0x9e3779b97f4a7c15);
}

bool is_filled(const void *memory, size_t size, uint64_t seed)
{
    const uint64_t *words = memory;
    for (size_t i = 0; i < size / 8; i++)
        if (words[i] != (seed + i) * UINT64_C(0x9e3779b97f4a7c15))
            return false;
    return true;
}

/* mov edi, 42; xor eax, eax (SYS_EXIT); syscall; jmp $ */
static const uint8_t exit_code[] = { 0xbf, IMAGE_STATUS, 0, 0, 0, 0x31, 0xc0, 0x0f, 0x05, 0xeb, 0xfe };
_Static_assert(SYS_EXIT == 0, "exit_code clears eax");

void image_code(struct image *image, const void *code, size_t size)
{
    CHECK(size <= sizeof(image->code));
    memset(image->code, 0xcc, sizeof(image->code));
    memcpy(image->code, code, size);
}

void image_make(struct image *image)
{
    *image = (struct image){
        .header = {
            .magic = { 0x7f, 'E', 'L', 'F' }, .class = 2, .data = 1, .version = 1,
            .type = 2, .machine = 62, .version2 = 1,
            .entry = IMAGE_CODE, .segments_at = offsetof(struct image, segments),
            .header_size = sizeof(struct elf_header),
            .segment_size = sizeof(struct elf_segment), .segments = 1,
        },
        .segments = {
            { .type = 1, .flags = 5, .address = IMAGE_BASE, .file_size = sizeof(*image),
              .memory_size = sizeof(*image), .align = PAGE },
        },
    };
    image_code(image, exit_code, sizeof(exit_code));
}

void image_write(const struct image *image, const char *path)
{
    write_file(path, image, sizeof(*image), 0755);
}

bool by_spawn;

int run_path(const char *path)
{
    if (by_spawn) {
        pid_t spawned = spawn(path, (char *[]){ (char *)path, NULL }, (char *[]){ NULL }, NULL);
        return spawned < 0 ? -errno : status_of(spawned);
    }
    int fds[2], error = 0;
    CHECK_IS(pipe2(fds, O_CLOEXEC), 0);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        char *const arguments[] = { (char *)path, NULL };
        execve(path, arguments, (char *const[]){ NULL });
        error = errno;
        write(fds[1], &error, sizeof(error));
        _exit(0);
    }
    close(fds[1]);
    ssize_t got = read(fds[0], &error, sizeof(error));
    close(fds[0]);
    int status = status_of(pid);
    return got == sizeof(error) ? -error : status;
}

int run_image(const struct image *image)
{
    image_write(image, "image");
    int status = run_path("image");
    CHECK_IS(unlink("image"), 0);
    return status;
}

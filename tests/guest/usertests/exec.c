/* exec: what it refuses, and what a new program receives. */
#include <stddef.h>
#include <spawn.h>
#include "usertests.h"
#include <sys/mman.h>

/* Programs that the tests exec. They write to descriptor 1, or speak by their status. */
static void print_arguments(int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        write(1, argv[i], strlen(argv[i]) + 1);
    write(1, "|", 2);
    for (char **entry = environ; *entry; entry++)
        write(1, *entry, strlen(*entry) + 1);
    if (argv[argc] != NULL)
        write(1, "argv has no end", 16);
}

static void print_descriptors(void)
{
    for (int fd = 0; fd < 64; fd++) {
        char mark = fcntl(fd, F_GETFD) >= 0 ? 'o' : '-';
        write(1, &mark, 1);
    }
}

/* The sum of the lengths of all arguments, and the last bytes of the last. */
static int weigh(int argc, char **argv)
{
    size_t sum = 0;
    for (int i = 2; i < argc; i++)
        sum += strlen(argv[i]);
    return (int)(sum / 1000 % 251);
}

/* Control words as the ABI wants them at a program's start. */
static bool fpu_is_fresh(void)
{
    uint32_t mxcsr;
    uint16_t control;
    __asm__ volatile("stmxcsr %0; fnstcw %1" : "=m"(mxcsr), "=m"(control));
    return mxcsr == 0x1f80 && control == 0x37f;
}

void run_as_program(int argc, char **argv)
{
    if (strcmp(argv[1], ":arguments") == 0)
        print_arguments(argc, argv);
    else if (strcmp(argv[1], ":descriptors") == 0)
        print_descriptors();
    else if (strcmp(argv[1], ":weigh") == 0)
        _exit(weigh(argc, argv));
    else if (strcmp(argv[1], ":planned") == 0)
        _exit(planned_program());
    else if (strcmp(argv[1], ":handles") == 0)
        handles_program(argc, argv);
    else if (strcmp(argv[1], ":given") == 0)
        given_program(argc, argv);
    else if (strcmp(argv[1], ":look") == 0)
        look_program(argc, argv);
    else if (strcmp(argv[1], ":spawns") == 0)
        spawns_program(argc, argv);
    else if (strcmp(argv[1], ":outlives") == 0)
        outlives_program();
    else if (strcmp(argv[1], ":fpu") == 0)
        _exit(fpu_is_fresh() ? 0 : 1);
    else if (strcmp(argv[1], ":pid") == 0)
        write(1, &(pid_t){ getpid() }, sizeof(pid_t));
    _exit(0);
}

/* What the program prints, at most size bytes; its status must be 0. */
static size_t output_of(char *const argv[], char *const envp[], char *output, size_t size)
{
    int fds[2];
    CHECK_IS(pipe2(fds, O_CLOEXEC), 0);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        CHECK_IS(dup2(fds[1], 1), 1);
        execve(argv[0], argv, envp);
        _exit(errno);
    }
    close(fds[1]);
    size_t total = 0;
    for (ssize_t got; (got = read(fds[0], output + total, size - total)) > 0;)
        total += (size_t)got;
    close(fds[0]);
    ends_well(pid);
    return total;
}

static void exec_refuses(void)
{
    CHECK_IS(run_path("missing"), -ENOENT);
    CHECK_IS(run_path(""), -ENOENT);
    CHECK_IS(run_path("no/such/folder"), -ENOENT);
    int status = run_path("/tmp");
    CHECK(status == -EACCES || status == -EISDIR);
    CHECK_IS(run_path("/bin/true/x"), -ENOTDIR);
    status = run_path("/dev/null");
    CHECK(status == -EACCES || status == -ENOEXEC);
    write_file("empty", "", 0, 0755);
    CHECK_IS(run_path("empty"), -ENOEXEC);
    write_file("text", "echo no interpreter\n", 20, 0755);
    CHECK_IS(run_path("text"), -ENOEXEC);
    struct image image;
    image_make(&image);
    write_file("unmarked", &image, sizeof(image), 0644);
    CHECK_IS(run_path("unmarked"), -EACCES);
    CHECK_IS(run_image(&image), IMAGE_STATUS * 256);
}

static void exec_of_truncated_files(void)
{
    struct image image;
    image_make(&image);
    for (size_t size = 0; size < offsetof(struct image, segments) + sizeof(struct elf_segment);
         size += 7) {
        write_file("short", &image, size, 0755);
        CHECK_IS(run_path("short"), -ENOEXEC);
    }
    write_file("short", &image, sizeof(image) - 1, 0755);
    CHECK_IS(run_path("short"), -ENOEXEC);
    write_file("short", &image, offsetof(struct image, code), 0755);
    CHECK_IS(run_path("short"), -ENOEXEC);
}

static void exec_of_forged_headers(void)
{
    struct image image;
#define REFUSED(change) \
    do { \
        image_make(&image); \
        change; \
        int status_ = run_image(&image); \
        if (status_ != -ENOEXEC) \
            fail("%s: %d", #change, status_); \
    } while (0)
    REFUSED(image.header.magic[0] = 0x7e);
    REFUSED(image.header.magic[3] = 'f');
    REFUSED(image.header.class = 1);
    REFUSED(image.header.class = 0);
    REFUSED(image.header.data = 2);
    REFUSED(image.header.type = 1);
    REFUSED(image.header.type = 4);
    REFUSED(image.header.machine = 3);
    REFUSED(image.header.machine = 183);
    REFUSED(image.header.segments = 0);
    REFUSED(image.header.segments = 65535);
    REFUSED(image.header.segments = 1000);
    REFUSED(image.header.segment_size = 0);
    REFUSED(image.header.segment_size = 55);
    REFUSED(image.header.segment_size = 65535);
    REFUSED(image.header.segments_at = sizeof(image));
    REFUSED(image.header.segments_at = UINT64_MAX);
    REFUSED(image.header.segments_at = UINT64_MAX - 63);
    REFUSED(image.header.segments_at = UINT64_C(1) << 63);
    REFUSED(image.segments[0].type = 0);
    REFUSED(image.segments[0].file_size = sizeof(image) + 1);
    REFUSED(image.segments[0].file_size = UINT64_MAX);
    REFUSED(image.segments[0].memory_size = sizeof(image) - 1);
    REFUSED(image.segments[0].offset = 1);
    REFUSED(image.segments[0].offset = PAGE);
    REFUSED(image.segments[0].offset = UINT64_MAX - PAGE + 1);
    REFUSED(image.segments[0].address = 0);
    REFUSED(image.segments[0].address = 0x7fffffffe000);
    REFUSED(image.segments[0].address = 0x7ffffffff000);
    REFUSED(image.segments[0].address = 0x800000000000);
    REFUSED(image.segments[0].address = 0xffff800000000000);
    REFUSED(image.segments[0].address = 0xffffffff80200000);
    REFUSED(image.segments[0].address = 0xfffffffffffff000);
    REFUSED(image.segments[0].memory_size = UINT64_MAX);
    REFUSED(image.segments[0].memory_size = UINT64_C(1) << 47);
    REFUSED(image.segments[0].memory_size = 0 - (uint64_t)IMAGE_BASE);
}

/* Two segments that overlap, and one over the stack: refused, whatever the reason's name. */
static void exec_of_overlapping_segments(void)
{
    struct image image;
    for (int i = 0; i < 4; i++) {
        static const uint64_t second[] = { IMAGE_BASE, IMAGE_BASE - PAGE, 0x7fffffffd000,
                                           0x7fffff900000 };
        image_make(&image);
        image.header.segments = 2;
        image.segments[1] = image.segments[0];
        image.segments[1].address = second[i];
        image.segments[1].memory_size = 3 * PAGE;
        int status = run_image(&image);
        if (status >= 0)
            fail("a segment at %lx is accepted: %d", second[i], status);
    }
}

static void exec_of_bad_entries(void)
{
    static const uint64_t entries[] = { 0, 1, IMAGE_BASE - 1, IMAGE_BASE + PAGE, 0x7ffffffff000,
        0x7fffffffe000, 0x7fffffffffff, 0x800000000000, 0xffff800000000000, 0xffffffff80200000,
        UINT64_MAX };
    struct image image;
    for (size_t i = 0; i < sizeof(entries) / 8; i++) {
        image_make(&image);
        image.header.entry = entries[i];
        int status = run_image(&image);
        if (status != -ENOEXEC && !(status > 0 && WTERMSIG(status) == SIGSEGV))
            fail("entry at %lx: %d", entries[i], status);
    }
}

/* Segments get the permissions that they ask for, and no more. */
static void exec_permissions(void)
{
    /* mov byte [rip + 0], al: a write into its own page */
    static const uint8_t write_code[] = { 0x88, 0x05, 0, 0, 0, 0, 0xbf, IMAGE_STATUS, 0, 0, 0,
                                          0x31, 0xc0, 0x0f, 0x05 };
    struct image image;
    image_make(&image);
    image.segments[0].flags = 4;
    CHECK_IS(WTERMSIG(run_image(&image)), SIGSEGV);     /* not executable */
    image_make(&image);
    image_code(&image, write_code, sizeof(write_code));
    CHECK_IS(WTERMSIG(run_image(&image)), SIGSEGV);     /* not writable */
    image.segments[0].flags = 7;                        /* both at once: refused, or granted */
    int status = run_image(&image);
    CHECK(status == -ENOEXEC || status == IMAGE_STATUS * 256 || WTERMSIG(status) == SIGSEGV);
}

/* What lies behind a segment's bytes in the file is zero in memory, and what lies in the rest of
 * the file's last page is not shown. */
static void exec_clears_bss(void)
{
    /* xor edi, edi; mov rsi, imm64; mov ecx, imm32; L: or dil, [rsi]; inc rsi; dec ecx; jnz L;
     * xor eax, eax; syscall */
    uint8_t code[] = { 0x31, 0xff, 0x48, 0xbe, 0, 0, 0, 0, 0, 0, 0, 0, 0xb9, 0, 0, 0, 0,
                       0x40, 0x0a, 0x3e, 0x48, 0xff, 0xc6, 0xff, 0xc9, 0x75, 0xf6,
                       0x31, 0xc0, 0x0f, 0x05 };
    struct image image;
    uint64_t address = 0x20000000 + sizeof(struct elf_header);
    uint32_t count = 3 * PAGE - (uint32_t)sizeof(struct elf_header);
    memcpy(code + 4, &address, 8);
    memcpy(code + 13, &count, 4);
    image_make(&image);
    image_code(&image, code, sizeof(code));
    image.header.segments = 2;
    image.segments[1] = (struct elf_segment){ .type = 1, .flags = 6, .address = 0x20000000,
        .file_size = sizeof(struct elf_header), .memory_size = 3 * PAGE, .align = PAGE };
    CHECK_IS(run_image(&image), 0);
}

/* A program starts with registers and vectors that tell nothing of the one before. */
static void exec_clears_registers(void)
{
    static const uint8_t int3[] = { 0xcc };
    static const uint8_t vector_code[] = { /* movq rdi, xmm7; xor eax, eax; syscall */
        0x66, 0x48, 0x0f, 0x7e, 0xff, 0x31, 0xc0, 0x0f, 0x05 };
    struct image image;
    struct trap_frame f;
    image_make(&image);
    image_code(&image, int3, sizeof(int3));
    image_write(&image, "image");
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        execve("image", (char *[]){ "image", NULL }, (char *[]){ NULL });
        _exit(1);
    }
    CHECK_IS(folio_process_frame(pid, &f), 0);
    ends_by(pid, SIGTRAP);
    CHECK_IS(f.rip, IMAGE_CODE + 1);
    CHECK_IS(f.rsp % 16, 0);
    CHECK_IS(f.rax | f.rbx | f.rcx | f.rdx | f.rsi | f.rdi | f.rbp, 0);
    CHECK_IS(f.r8 | f.r9 | f.r10 | f.r11 | f.r12 | f.r13 | f.r14 | f.r15, 0);
    CHECK_IS(f.rflags & ~UINT64_C(0x10000), 0x202);

    image_make(&image);
    image_code(&image, vector_code, sizeof(vector_code));
    image_write(&image, "image");
    pid = fork();
    if (pid == 0) {
        char *arguments[] = { "image", NULL };
        __asm__ volatile("pcmpeqd %%xmm7, %%xmm7; syscall"
                         : : "a"(SYS_EXEC), "D"("image"), "S"(arguments), "d"(arguments + 1)
                         : "xmm7", "memory", "rcx", "r11");
        _exit(1);
    }
    ends_well(pid);
}

/* After a refusal the caller goes on with its memory, its descriptors and its place. */
static void exec_refused_changes_nothing(void)
{
    struct image image;
    static uint64_t bytes[4 * PAGE / 8];
    fill(bytes, sizeof(bytes), 5);
    image_make(&image);
    image.header.segments = 2;
    image.segments[1] = image.segments[0];
    image.segments[1].address = 0x20000000;
    image.segments[1].file_size = sizeof(image) + 5;
    image.segments[1].memory_size = PAGE;
    image_write(&image, "image");
    int fd = open("image", O_RDONLY | O_CLOEXEC);
    for (int i = 0; i < 50; i++)
        CHECK_ERROR(execve("image", (char *[]){ "image", NULL }, environ), ENOEXEC);
    CHECK(is_filled(bytes, sizeof(bytes), 5));
    CHECK_IS(fcntl(fd, F_GETFD), FD_CLOEXEC);
    CHECK_IS(access("image", R_OK), 0);
}

/* Random bytes changed in a good program: it may run, die or be refused; nothing else may happen. */
static void exec_of_mutations(void)
{
    for (int round = 0; round < 300; round++) {
        struct image image;
        image_make(&image);
        image.header.segments = (uint16_t)(1 + round % 4);
        for (int i = 1; i < 4; i++) {
            image.segments[i] = image.segments[0];
            image.segments[i].address += (uint64_t)i * PAGE;
        }
        int changes = 1 + (int)(random64() % 4);
        for (int i = 0; i < changes; i++) {
            size_t at = random64() % offsetof(struct image, code);
            static const uint8_t values[] = { 0, 1, 0x7f, 0x80, 0xff };
            uint8_t *byte = (uint8_t *)&image + at;
            *byte = random64() & 1 ? (uint8_t)random64() : values[random64() % 5];
        }
        image_write(&image, "mutant");
        char *argv[] = { "mutant", NULL };
        pid_t pid = by_spawn ? spawn("mutant", argv, argv + 1, NULL) : fork();
        CHECK(pid >= 0 || by_spawn);
        if (pid == 0) {
            execve("mutant", argv, argv + 1);
            _exit(1);
        }
        int status;
        for (int nap = 0; pid > 0 && waitpid(pid, &status, WNOHANG) == 0; nap++) {
            pause_for(MILLISECOND / 8);
            if (nap > 400)
                kill(pid, SIGKILL);
        }
    }
}

static void exec_arguments(void)
{
    char output[1024];
    char *argv[] = { (char *)self, ":arguments", "", "a b", "'\"$x\\", "\xff\x01", "last", NULL };
    char *envp[] = { "A=1", "EMPTY=", "B=two words", NULL };
    static const char wanted[] = ":arguments\0\0a b\0'\"$x\\\0\xff\x01\0last\0|\0A=1\0EMPTY=\0B=two words";
    size_t size = output_of(argv, envp, output, sizeof(output));
    size_t prefix = strlen(self) + 1;
    CHECK_IS(size, prefix + sizeof(wanted));
    CHECK(memcmp(output, self, prefix) == 0);
    CHECK(memcmp(output + prefix, wanted, sizeof(wanted)) == 0);
    char *bare[] = { NULL };
    size = output_of((char *[]){ (char *)self, ":arguments", NULL }, bare, output, sizeof(output));
    CHECK_IS(size, prefix + sizeof(":arguments") + 2);
}

static void script(const char *path, const char *text)
{
    write_file(path, text, strlen(text), 0755);
}

/* A script's first line names its interpreter, with at most one argument; then come its own path
 * and the arguments. */
static void exec_of_scripts(void)
{
    char text[200], output[512], wanted[512];
    char *argv[] = { "script", "one", "two", NULL }, *envp[] = { NULL };
    size_t size;
    snprintf(text, sizeof(text), "#! %s :arguments  \nnothing", self);
    script("script", text);
    size = output_of(argv, envp, output, sizeof(output));
    int length = snprintf(wanted, sizeof(wanted), "%s+:arguments+script+one+two+|+", self);
    for (int i = 0; i < length; i++)
        wanted[i] = wanted[i] == '+' ? '\0' : wanted[i];
    CHECK_IS(size, length);
    CHECK(memcmp(output, wanted, size) == 0);
    script("script", "#!/bin/false");                   /* a line that does not end */
    CHECK_IS(run_path("script"), -ENOEXEC);
    script("script", "#!/bin/missing\n");
    CHECK_IS(run_path("script"), -ENOENT);
    script("script", "#!/tmp\n");
    CHECK_IS(run_path("script"), -EACCES);
    script("script", "#!\n");
    CHECK_IS(run_path("script"), -ENOEXEC);
    script("script", "#!");
    CHECK_IS(run_path("script"), -ENOEXEC);
    script("script", "#!      \n/bin/true");
    CHECK_IS(run_path("script"), -ENOEXEC);
    char here[100], interpreter[120];                   /* to SYSTEM an interpreter begins at the root */
    snprintf(interpreter, sizeof(interpreter), "#!%s%sscript\n", by_spawn ? getcwd(here, sizeof(here)) : "",
             by_spawn ? "/" : "");
    script("script", interpreter);                      /* itself, for ever */
    CHECK_IS(run_path("script"), -ELOOP);
    script("script", "#!/bin/true\n");                  /* a script of a script */
    script("outer", interpreter);
    CHECK_IS(run_path("outer"), 0);
    memset(text, 'x', sizeof(text));
    memcpy(text, "#!/", 3);
    write_file("script", text, sizeof(text), 0755);     /* a line without end */
    int status = run_path("script");
    CHECK(status == -ENOENT || status == -ENOEXEC || status == -ENAMETOOLONG);
    text[5] = '\0';
    write_file("script", text, sizeof(text), 0755);
    status = run_path("script");
    CHECK(status == -ENOENT || status == -ENOEXEC);
}

/* Many arguments arrive whole; more than the kernel takes are refused, and the caller lives. */
static void exec_large_arguments(void)
{
    enum { COUNT = 500, LENGTH = 100 };
    static char text[LENGTH + 1], *argv[COUNT + 3];
    memset(text, 'x', LENGTH);
    argv[0] = (char *)self;
    argv[1] = ":weigh";
    for (int i = 0; i < COUNT; i++)
        argv[2 + i] = text;
    pid_t pid = fork();
    if (pid == 0) {
        execve(self, argv, (char *[]){ NULL });
        _exit(255);
    }
    CHECK_IS(WEXITSTATUS(status_of(pid)), COUNT * LENGTH / 1000 % 251);
}

struct changing {
    char *argv[6];
    char text[1000];
};

/* The text ends now here, now there, and the second pointer leads now to it, now into its middle. */
static void change_arguments(void *argument)
{
    struct changing *words = argument;
    for (volatile unsigned i = 0;; i++) {
        unsigned at = (unsigned)(random64() % (sizeof(words->text) - 1));
        words->text[at] = 'x';
        words->text[random64() % (sizeof(words->text) - 1)] = '\0';
        __atomic_store_n(&words->argv[3], &words->text[at], __ATOMIC_RELAXED);
        words->text[at] = i % 2 == 0 ? '\0' : 'y';
    }
}

/* The kernel reads each word once. Whatever it has read, the words before and behind stay whole. */
static void arguments_that_change(void)
{
    static char output[4096];
    char *const envp[] = { NULL };
    struct changing *words = mmap(NULL, sizeof(*words), PROT_READ | PROT_WRITE,
                                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(words != MAP_FAILED);
    *words = (struct changing){ .argv = { (char *)self, ":arguments", words->text, words->text, "end" } };
    memset(words->text, 'x', sizeof(words->text) - 1);
    pid_t other = start(change_arguments, words);
    uint64_t end = folio_clock() + 1000 * MILLISECOND;
    while (folio_clock() < end) {
        size_t size = output_of(words->argv, envp, output, sizeof(output));
        unsigned count = 0;
        for (size_t i = 0; i < size; i++)
            count += output[i] == '\0';
        CHECK_IS(count, 6);                     /* five words, and what ends them */
        CHECK(size > 6 && memcmp(output + size - 6, "end\0|", 6) == 0);
    }
    stop(other);
}

static void exec_too_large(void)
{
    enum { SIZE = 4 << 20, COUNT = 1 << 18 };
    char *large = malloc(SIZE);
    char **many = malloc((COUNT + 1) * sizeof(char *));
    CHECK(large && many);
    memset(large, 'y', SIZE - 1);
    large[SIZE - 1] = '\0';
    for (int i = 0; i < COUNT; i++)
        many[i] = "some text";
    many[COUNT] = NULL;
    char *one[] = { large, NULL }, *none[] = { NULL };
    CHECK_ERROR(execve("/bin/true", one, none), E2BIG);
    CHECK_ERROR(execve("/bin/true", none, one), E2BIG);
    CHECK_ERROR(execve("/bin/true", many, none), E2BIG);
    CHECK_ERROR(execve("/bin/true", none, many), E2BIG);
    for (int i = 0; i < COUNT; i++)
        many[i] = "";
    CHECK_ERROR(execve("/bin/true", many, none), E2BIG);
    /* Somewhere between is the limit: at each size a program either runs or is refused. */
    for (size_t size = 8 << 10; size < SIZE; size += size / 2) {
        pid_t pid = fork();
        if (pid == 0) {
            one[0] = large + SIZE - size;
            execve("/bin/true", one, none);
            _exit(errno == E2BIG ? 0 : errno);
        }
        ends_well(pid);
    }
}

static void exec_without_arguments(void)
{
    for (int i = 0; i < 4; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            char *none[] = { NULL };
            by_syscall(SYS_EXEC, (uint64_t)"/bin/true", i & 1 ? (uint64_t)none : 0,
                       i & 2 ? (uint64_t)none : 0);
            _exit(0);
        }
        status_of(pid);
    }
}

static void exec_descriptors(void)
{
    char output[64];
    for (int fd = 10; fd < 30; fd++) {
        CHECK_IS(dup2(1, fd), fd);
        CHECK_IS(fcntl(fd, F_SETFD, fd % 3 == 0 ? FD_CLOEXEC : 0), 0);
    }
    int kept = fcntl(1, F_DUPFD, 40), closed = fcntl(1, F_DUPFD_CLOEXEC, 41);
    char *argv[] = { (char *)self, ":descriptors", NULL };
    CHECK_IS(output_of(argv, environ, output, sizeof(output)), 64);
    for (int fd = 10; fd < 30; fd++)
        CHECK_IS(output[fd], fd % 3 == 0 ? '-' : 'o');
    CHECK_IS(output[kept], 'o');
    CHECK_IS(output[closed], '-');
    CHECK_IS(fcntl(12, F_GETFD), FD_CLOEXEC);           /* the parent's are untouched */
}

static void exec_keeps_pid_and_place(void)
{
    pid_t pid, seen = 0;
    int fds[2];
    CHECK_IS(pipe(fds), 0);
    CHECK_IS(mkdir("below", 0755), 0);
    pid = fork();
    if (pid == 0) {
        dup2(fds[1], 1);
        execve(self, (char *[]){ (char *)self, ":pid", NULL }, environ);
        _exit(1);
    }
    CHECK_IS(read(fds[0], &seen, sizeof(seen)), sizeof(seen));
    CHECK_IS(seen, pid);
    ends_well(pid);
    pid = fork();
    if (pid == 0) {
        CHECK_IS(chdir("below"), 0);
        execve("/bin/ls", (char *[]){ "ls", "../below", NULL }, environ);
        _exit(1);
    }
    ends_well(pid);
    struct process_info info = process_now(getpid());
    CHECK(strcmp(info.name, "usertests") == 0);
}

static void exec_many_times(void)
{
    struct image image;
    image_make(&image);
    image_write(&image, "image");
    for (int i = 0; i < 300; i++)
        CHECK_IS(run_path("image"), IMAGE_STATUS * 256);
}

/* A running program's file may be removed; its pages stay until it ends. */
static void exec_of_an_unlinked_file(void)
{
    static const uint8_t loop_code[] = { 0xb8, SYS_YIELD, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7 };
    struct image image;
    image_make(&image);
    image_code(&image, loop_code, sizeof(loop_code));
    image_write(&image, "image");
    pid_t pid = fork();
    if (pid == 0) {
        execve("image", (char *[]){ "image", NULL }, environ);
        _exit(1);
    }
    for (int i = 0; i < 3000 && strcmp(process_now(pid).name, "image") != 0; i++)
        pause_for(MILLISECOND);
    CHECK_IS(unlink("image"), 0);
    pause_for(5 * MILLISECOND);
    CHECK_IS(waitpid(pid, NULL, WNOHANG), 0);
    stop(pid);
}

/* The last instruction of the last page: the return goes to an address that is not mapped. */
static void call_at_the_end_of_memory(void)
{
    static const uint8_t codes[2][2] = { { 0x0f, 0x05 }, { 0xcd, 0x80 } };
    struct { struct image image; uint8_t rest[PAGE - sizeof(struct image)]; } page;
    for (int i = 0; i < 2; i++) {
        struct trap_frame f;
        memset(&page, 0x90, sizeof(page));
        image_make(&page.image);
        memset(page.image.code, 0x90, sizeof(page.image.code));
        memcpy((uint8_t *)&page + PAGE - 2, codes[i], 2);
        memcpy((uint8_t *)&page + PAGE - 7, "\xb8\x04\0\0\0", 5);       /* mov eax, SYS_GETPID */
        page.image.segments[0].file_size = page.image.segments[0].memory_size = PAGE;
        write_file("page", &page, PAGE, 0755);
        pid_t pid = fork();
        if (pid == 0) {
            execve("page", (char *[]){ "page", NULL }, environ);
            _exit(1);
        }
        CHECK_IS(folio_process_frame(pid, &f), 0);
        ends_by(pid, SIGSEGV);
        CHECK_IS(f.vector, 14);
        CHECK_IS(f.rip, IMAGE_BASE + PAGE);
        CHECK_IS(f.rax, pid);
    }
}

/* A processor starts with a local descriptor table at address 0, where a program may have memory:
 * a call gate there would be a door into ring 0. The kernel has to load none. */
static void no_local_descriptors(void)
{
    /* At 0x1000 in memory, and so at selector 0x1000: a gate of ring 3 to the code behind it. */
    static const uint8_t call_code[] = {
        0x48, 0x8d, 0x25, 0xf9, 0xff, 0x0f, 0,          /* lea rsp, [rip + 0xffff9] */
        0xff, 0x1c, 0x25, 0x40, 0, 0, 0x10,             /* call far [0x10000040] */
        0xcc,
    };
    struct { struct image image; uint64_t rest[512 - sizeof(struct image) / 8]; } page;
    struct trap_frame f;
    memset(&page, 0, sizeof(page));
    image_make(&page.image);
    image_code(&page.image, call_code, sizeof(call_code));
    page.image.header.segments = 2;
    page.image.segments[0].file_size = page.image.segments[0].memory_size = PAGE;
    page.image.segments[1] = page.image.segments[0];
    page.image.segments[1].address = 0x1000;
    page.image.segments[1].flags = 6;
    page.image.header.segments_at = 0x600;
    /* The pointer for the far call lies in the place of the program header. */
    struct elf_segment *segments = (struct elf_segment *)((uint8_t *)&page + 0x600);
    memcpy(segments, page.image.segments, 2 * sizeof(*segments));
    memset(page.image.segments, 0, sizeof(page.image.segments));
    uint64_t target = IMAGE_CODE + 14;
    page.rest[0x800 / 8 - sizeof(struct image) / 8] =
        (target & 0xffff) | UINT64_C(8) << 16 | UINT64_C(0xec00) << 32 | (target >> 16) << 48;
    page.rest[0x808 / 8 - sizeof(struct image) / 8] = target >> 32;
    struct { uint32_t offset; uint16_t selector; } pointer = { 0, 0x1800 | 7 };
    memcpy((uint8_t *)&page + 0x40, &pointer, 6);
    write_file("page", &page, PAGE, 0755);
    pid_t pid = fork();
    if (pid == 0) {
        execve("page", (char *[]){ "page", NULL }, environ);
        _exit(1);
    }
    CHECK_IS(folio_process_frame(pid, &f), 0);
    ends_by(pid, SIGSEGV);
    CHECK_IS(f.vector, 13);
    CHECK_IS(f.error, 0x1804);
}

/* What exec says of a file, SYSTEM says, too. */
#define BY_SPAWN(name, test) \
    static void name(void) \
    { \
        by_spawn = true; \
        test(); \
    }
BY_SPAWN(spawn_refuses, exec_refuses)
BY_SPAWN(spawn_of_truncated_files, exec_of_truncated_files)
BY_SPAWN(spawn_of_forged_headers, exec_of_forged_headers)
BY_SPAWN(spawn_of_overlapping_segments, exec_of_overlapping_segments)
BY_SPAWN(spawn_of_bad_entries, exec_of_bad_entries)
BY_SPAWN(spawn_permissions, exec_permissions)
BY_SPAWN(spawn_clears_bss, exec_clears_bss)
BY_SPAWN(spawn_of_mutations, exec_of_mutations)
BY_SPAWN(spawn_of_scripts, exec_of_scripts)

const struct test exec_tests[] = {
    TEST(exec_refuses), TEST(exec_of_truncated_files), TEST(exec_of_forged_headers),
    TEST(exec_of_overlapping_segments), TEST(exec_of_bad_entries), TEST(exec_permissions),
    TEST(exec_clears_bss), TEST(exec_clears_registers), TEST(exec_refused_changes_nothing),
    TEST(exec_of_mutations), TEST(exec_of_scripts),
    TEST(exec_arguments), TEST(arguments_that_change), TEST(exec_large_arguments),
    TEST(exec_too_large), TEST(exec_without_arguments), TEST(exec_descriptors),
    TEST(exec_keeps_pid_and_place), TEST(exec_many_times), TEST(exec_of_an_unlinked_file),
    TEST(call_at_the_end_of_memory), TEST(no_local_descriptors),
    TEST(spawn_refuses), TEST(spawn_of_truncated_files), TEST(spawn_of_forged_headers),
    TEST(spawn_of_overlapping_segments), TEST(spawn_of_bad_entries), TEST(spawn_permissions),
    TEST(spawn_clears_bss), TEST(spawn_of_mutations), TEST(spawn_of_scripts), { NULL, NULL, 0 },
};

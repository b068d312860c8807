/* Processes from parts: each right missing once, each refusal, what is half made and dropped, and crowds. */
#include <channel.h>
#include <parts.h>
#include <sys/mman.h>
#include "usertests.h"

enum { RW = PROT_READ | PROT_WRITE, RX = PROT_READ | PROT_EXEC, STACK = 64 * 1024, CODE = 0x10000000 };

/* Without the word "processes" nobody here may make one, and there is nothing to be tried. */
static capability_t calls(void)
{
    capability_t found = capability_find("calls");
    CHECK(found != 0);
    capability_t right = capability_derive(found, CALLS_PROCESSES, 0);
    if (!right) {
        CHECK_IS(errno, EACCES);
        CHECK(process_create(found, "none") == 0 && errno == EACCES);
        _exit(0);
    }
    CHECK_IS(capability_close(right), 0);
    return found;
}

static capability_t myself(void)
{
    capability_t found = process_self(calls(), PROCESS_ALL | RIGHT_DELEGATE);
    CHECK(found != 0);
    return found;
}

static capability_t empty(void)
{
    capability_t process = process_create(calls(), "half");
    CHECK(process != 0);
    return process;
}

/* A page of code that ends the process with its argument for a status: xor eax, eax; syscall. */
static uint8_t code_page[PAGE] __attribute__((aligned(PAGE))) = { 0x31, 0xc0, 0x0f, 0x05 };

static void put_code(capability_t process)
{
    CHECK_IS(memory_map_into(process, CODE, PAGE, RX | MEMORY_COPIED, (uint64_t)code_page, 0), CODE);
}

/* One that ends with this status. */
static capability_t small(unsigned status, capability_t *thread)
{
    capability_t process = empty();
    put_code(process);
    CHECK((*thread = thread_create(process, CODE, 0, status)) != 0);
    return process;
}

static struct process_status how_is(capability_t process)
{
    struct process_status status;
    CHECK_IS(process_status(process, &status, WNOHANG), 0);
    return status;
}

static int end_of(capability_t process)
{
    struct process_status status;
    CHECK_IS(process_status(process, &status, 0), 0);
    CHECK_IS(status.state, 'Z');
    return status.status;
}

/* Starts it, waits for it, and collects it. */
static int run(capability_t process, capability_t thread)
{
    pid_t pid = how_is(process).pid;
    int status;
    CHECK_IS(process_start(process, thread), 0);
    status = end_of(process);
    CHECK_IS(status_of(pid), status);
    return status;
}

/* A copy of this program's own segments, as the linker tells of them. */
struct segment {
    uint32_t type, flags;
    uint64_t offset, address, physical, file_size, memory_size, align;
};
extern const struct {
    uint8_t before[32];
    uint64_t segments_at;
    uint8_t between[16];
    uint16_t segments;
} __ehdr_start;

static void put_program(capability_t process)
{
    const char *file = (const char *)&__ehdr_start;
    const struct segment *segment = (const void *)(file + __ehdr_start.segments_at);
    for (int i = 0; i < __ehdr_start.segments; i++, segment++) {
        if (segment->type != 1)
            continue;
        uint64_t start = segment->address & ~(uint64_t)(PAGE - 1);
        size_t length = (segment->address + segment->memory_size - start + PAGE - 1) & ~(size_t)(PAGE - 1);
        int protection = (segment->flags & 2 ? PROT_WRITE : 0) | (segment->flags & 1 ? PROT_EXEC : 0);
        CHECK_IS(memory_map_into(process, start, length, protection | PROT_READ | MEMORY_COPIED, start, 0), start);
    }
}

/* One that runs a function of this program, with no descriptors and no capabilities. */
static capability_t with_function(void (*function)(uint64_t), uint64_t argument, capability_t *thread)
{
    capability_t process = empty();
    put_program(process);
    int64_t stack = memory_map_into(process, 0, STACK, RW, 0, 0);
    CHECK(stack > 0);
    CHECK((*thread = thread_create(process, (uint64_t)function, (uint64_t)stack + STACK - 8, argument)) != 0);
    return process;
}

static int run_function(void (*function)(uint64_t), uint64_t argument)
{
    capability_t thread, process = with_function(function, argument, &thread);
    int status = run(process, thread);
    CHECK_IS(capability_close(thread), 0);
    CHECK_IS(capability_close(process), 0);
    return status;
}

/* ---- it works ---- */

static void a_page_of_code(void)
{
    capability_t thread, process = small(42, &thread);
    struct process_status status = how_is(process);
    CHECK_IS(status.state, 'C');
    CHECK(status.pid > getpid());
    CHECK_IS(run(process, thread), 42 << 8);
    CHECK_IS(how_is(process).state, 'Z');       /* again, and after it has been collected */
    CHECK_IS(how_is(process).pid, status.pid);
    CHECK_IS(end_of(process), 42 << 8);
    CHECK_ERROR(waitpid(status.pid, NULL, 0), ECHILD);
}

static void tell_the_argument(uint64_t argument)
{
    _exit(argument == UINT64_C(0x123456789abcdef0) ? 5 : 6);
}

static int variable = 1;

static void look_at_a_variable(uint64_t wanted)
{
    _exit(variable == (int)wanted ? 5 : 6);
}

static void a_function(void)
{
    CHECK_IS(run_function(tell_the_argument, UINT64_C(0x123456789abcdef0)), 5 << 8);
    variable = 2;
    capability_t thread, process = with_function(look_at_a_variable, 2, &thread);
    variable = 3;
    CHECK_IS(run(process, thread), 5 << 8);
}

static void look_at_own_files(uint64_t wanted)
{
    _exit(write(5, "x", 1) == 1 && write(1, "x", 1) == -1 && wanted == 7 ? 5 : 6);
}

static void a_descriptor(void)
{
    int ends[2];
    char byte = 0;
    capability_t thread, process = with_function(look_at_own_files, 7, &thread);
    CHECK_IS(pipe(ends), 0);
    struct file_pair pair = { .from = ends[1], .to = 5 };
    CHECK_IS(process_give_files(process, myself(), &pair, 1), 0);
    CHECK_IS(run(process, thread), 5 << 8);
    close(ends[1]);
    CHECK_IS(read(ends[0], &byte, 1), 1);
    CHECK_IS(byte, 'x');
    CHECK_IS(read(ends[0], &byte, 1), 0);
}

/* What isn't given isn't there. */
static void try_everything(uint64_t unused)
{
    struct system_info info;
    (void)unused;
    bool nothing = capability_list(NULL, 0) == 0 && open("/", O_RDONLY) == -1 && errno == EPERM
        && fork() == -1 && errno == EPERM && kill(1, 0) == -1 && errno == EPERM
        && write(1, "x", 1) == -1 && errno == EBADF && folio_system_info(&info) == -1 && errno == EPERM
        && mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EPERM
        && getpid() > 0 && folio_clock() > 0;
    _exit(nothing ? 5 : 6);
}

static void nothing_by_default(void)
{
    CHECK_IS(run_function(try_everything, 0), 5 << 8);
}

/* ---- rights ---- */

static capability_t weak(capability_t from, uint32_t rights)
{
    capability_t derived = capability_derive(from, rights, 0);
    CHECK(derived != 0);
    return derived;
}

/* The nine calls that name a process, with what they need of it; 0 or a negative errno. */
struct step {
    uint32_t right;
    int64_t (*take)(capability_t process, capability_t other);
};

static int64_t answer(int64_t result)
{
    return result < 0 ? -errno : 0;
}

static int64_t take_map(capability_t process, capability_t other)
{
    (void)other;
    return answer(memory_map_into(process, 0, PAGE, RW, 0, 0));
}

static int64_t take_files(capability_t process, capability_t other)
{
    struct file_pair pair = { 0, 0 };
    return answer(process_give_files(process, other, &pair, 1));
}

static int64_t take_give(capability_t process, capability_t other)
{
    (void)other;
    return capability_give(process, calls(), CALLS_FILES, "gift") ? 0 : -errno;
}

static int64_t take_adopt(capability_t process, capability_t other)
{
    return answer(process_adopt(process, other, GROUP_OF_PARENT));
}

static capability_t last_thread;

static int64_t take_thread(capability_t process, capability_t other)
{
    (void)other;
    last_thread = thread_create(process, CODE, 0, 9);
    return last_thread ? 0 : -errno;
}

static int64_t take_start(capability_t process, capability_t other)
{
    (void)other;
    return answer(process_start(process, last_thread));
}

static int64_t take_status(capability_t process, capability_t other)
{
    struct process_status status;
    (void)other;
    return answer(process_status(process, &status, WNOHANG));
}

static int64_t take_wait(capability_t process, capability_t other)
{
    (void)other;
    return answer(handles_wait(&process, 1, 5000 * MILLISECOND));
}

static int64_t take_kill(capability_t process, capability_t other)
{
    (void)other;
    return answer(process_kill(process, 0));
}

static const struct step steps[] = {
    { PROCESS_MAP, take_map }, { PROCESS_FILES, take_files }, { PROCESS_GIVE, take_give },
    { PROCESS_ADOPT, take_adopt }, { PROCESS_THREAD, take_thread }, { PROCESS_KILL, take_kill },
    { PROCESS_START, take_start }, { PROCESS_WAIT, take_status }, { PROCESS_WAIT, take_wait },
};
enum { STEPS = sizeof(steps) / sizeof(steps[0]) };

/* With all rights but one every call works but those that need it. */
static void each_right_missing(void)
{
    capability_t other = myself();
    for (uint32_t right = 1; right < PROCESS_ALL; right <<= 1) {
        capability_t process = empty(), lame = weak(process, PROCESS_ALL & ~right);
        pid_t pid = how_is(process).pid;
        put_code(process);
        for (int i = 0; i < STEPS; i++) {
            if (steps[i].right != right) {
                CHECK_IS(steps[i].take(lame, other), 0);
                continue;
            }
            CHECK_IS(steps[i].take(lame, other), -EACCES);
            CHECK_IS(steps[i].take(process, other), 0);
        }
        CHECK_IS(status_of(pid), 9 << 8);
        CHECK_IS(capability_close(last_thread), 0);
        CHECK_IS(capability_close(lame), 0);
        CHECK_IS(capability_close(process), 0);
    }
}

/* With one right alone, the calls that need it work and no other. */
static void each_right_alone(void)
{
    capability_t other = myself();
    for (int only = 0; only < STEPS; only++) {
        capability_t thread, process = small(9, &thread), lame = weak(process, steps[only].right);
        pid_t pid = how_is(process).pid;
        for (int i = 0; i < STEPS; i++)
            if (steps[i].right != steps[only].right)
                CHECK_IS(steps[i].take(lame, other), -EACCES);
        CHECK_IS(process_start(process, thread), 0);
        CHECK_IS(status_of(pid), 9 << 8);
        CHECK_IS(capability_close(process), 0);
        CHECK_IS(capability_close(lame), 0);
        CHECK_IS(capability_close(thread), 0);
    }
}

static void rights_of_others(void)
{
    capability_t all = calls(), self_all = myself(), process = empty(), thread;
    struct trap_frame frame;
    capability_t without = weak(all, CALLS_FILES | CALLS_OBJECTS | CALLS_INFORMATION);
    CHECK(process_create(without, "none") == 0 && errno == EACCES);
    CHECK(process_create(process, "none") == 0 && errno == EPROTOTYPE);
    /* Whose descriptors, and whose child. */
    capability_t lame = weak(self_all, PROCESS_ALL & ~PROCESS_FILES);
    CHECK_IS(take_files(process, lame), -EACCES);
    CHECK_IS(take_files(process, all), -EPROTOTYPE);
    CHECK_IS(capability_close(lame), 0);
    lame = weak(self_all, PROCESS_ALL & ~PROCESS_ADOPT);
    CHECK_IS(take_adopt(process, lame), -EACCES);
    CHECK_IS(take_adopt(process, all), -EPROTOTYPE);
    CHECK_IS(capability_close(lame), 0);
    /* The thread's two. */
    put_code(process);
    CHECK((thread = thread_create(process, CODE, 0, 3)) != 0);
    capability_t starter = weak(thread, THREAD_START), reader = weak(thread, THREAD_FRAME);
    CHECK_ERROR(thread_frame(starter, &frame), EACCES);
    CHECK_IS(thread_frame(reader, &frame), 0);
    CHECK_ERROR(thread_frame(process, &frame), EPROTOTYPE);
    CHECK_ERROR(process_start(process, reader), EACCES);
    CHECK_ERROR(process_start(process, process), EPROTOTYPE);
    CHECK_ERROR(process_start(thread, process), EPROTOTYPE);
    CHECK_IS(run(process, starter), 3 << 8);
}

/* Forged, stale and of another kind, in the place of each handle. */
static void handles_of_parts(void)
{
    capability_t all = calls(), other = myself(), gone = weak(all, 0), good = empty(), thread;
    struct trap_frame frame;
    CHECK_IS(capability_close(gone), 0);
    CHECK(process_create(gone, "none") == 0 && errno == ESTALE);
    CHECK(process_create(0, "none") == 0 && errno == EBADF);
    last_thread = 1;
    for (int i = 0; i < STEPS; i++) {
        CHECK_IS(steps[i].take(gone, other), -ESTALE);
        if (i + 1 < STEPS)                      /* a wait for what can't be waited for is tested with channels */
            CHECK_IS(steps[i].take(all, other), -EPROTOTYPE);
    }
    CHECK_IS(take_map(12345, other), -EBADF);
    CHECK_IS(take_kill(0, other), -EBADF);
    CHECK_IS(take_files(good, gone), -ESTALE);
    CHECK_IS(take_adopt(good, gone), -ESTALE);
    CHECK_ERROR(memory_map_into(good, 0, PAGE, PROT_READ | MEMORY_SHARED, gone, 0), ESTALE);
    CHECK_ERROR(memory_map_into(good, 0, PAGE, PROT_READ | MEMORY_SHARED, all, 0), EPROTOTYPE);
    CHECK_ERROR(memory_map_into(good, 0, PAGE, PROT_READ | MEMORY_SHARED, 7, 0), EBADF);
    CHECK_ERROR(process_start(good, gone), ESTALE);
    CHECK_ERROR(thread_frame(gone, &frame), ESTALE);
    CHECK((thread = thread_create(good, CODE, 0, 0)) != 0);
    CHECK_IS(capability_close(thread), 0);
    CHECK_ERROR(process_start(good, thread), ESTALE);
}

/* ---- refusals ---- */

static void numbers_of_parts(void)
{
    capability_t all = calls(), other = myself(), process = empty(), thread;
    char name[40];
    memset(name, 'x', sizeof(name));
    CHECK(process_create(all, "") == 0 && errno == EINVAL);
    CHECK(process_create(all, "two words") == 0 && errno == EINVAL);
    CHECK(process_create(all, "\33[2J") == 0 && errno == EINVAL);
    CHECK(process_create(all, name) == 0 && errno == ENAMETOOLONG);
    CHECK(process_create(all, NULL) == 0 && errno == EFAULT);
    static const uint64_t lengths[] = { 0, 1, PAGE - 1, PAGE + 1, UINT64_MAX, UINT64_MAX - PAGE + 1, UINT64_C(1) << 47 };
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
        for (int kind = MEMORY_FRESH; kind <= MEMORY_STACK; kind += 0x100)
            CHECK(memory_map_into(process, 0, lengths[i], PROT_READ | kind, kind == MEMORY_SHARED ? all : 0, 0) == -1
                  && (errno == EINVAL || errno == ENOMEM || errno == EPROTOTYPE));
    static const uint64_t places[] = { 1, 0xfff, 0x7ffffffff000, 0x800000000000, 0xffff800000000000, UINT64_MAX - PAGE + 1 };
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        CHECK_ERROR(memory_map_into(process, places[i], 2 * PAGE, RW, 0, 0), EINVAL);
        CHECK_ERROR(memory_map_into(process, places[i], 2 * PAGE, RW | MEMORY_COPIED, (uint64_t)code_page, 0), EINVAL);
    }
    CHECK_ERROR(memory_map_into(process, CODE, PAGE, 8, 0, 0), EINVAL);
    CHECK_ERROR(memory_map_into(process, CODE, PAGE, 0x600, 0, 0), EINVAL);
    CHECK_ERROR(memory_map_into(process, CODE, PAGE, 0x1000, 0, 0), EINVAL);
    CHECK_ERROR(memory_map_into(process, CODE, PAGE, MEMORY_BREAK, 0, 0), EINVAL);
    CHECK_ERROR(memory_map_into(process, 0, 0, MEMORY_BREAK, 0, 0), EINVAL);
    CHECK_ERROR(memory_map_into(process, CODE, PAGE, RX | MEMORY_COPIED, (uint64_t)code_page + 8, 0), EINVAL);
    CHECK_ERROR(memory_map_into(process, CODE, PAGE, RX | MEMORY_COPIED, 0x200000, 0), EFAULT);
    CHECK_ERROR(memory_map_into(process, CODE, PAGE, RX | MEMORY_COPIED, 0xffffffff80000000, 0), EFAULT);
    CHECK_ERROR(memory_map_into(process, CODE, UINT64_C(1) << 40, RW, 0, 0), ENOMEM);
    put_code(process);
    CHECK_ERROR(memory_map_into(process, CODE, PAGE, RW, 0, 0), EEXIST);
    CHECK_ERROR(memory_map_into(process, CODE - PAGE, 2 * PAGE, RW | MEMORY_COPIED, (uint64_t)code_page, 0), EEXIST);
    CHECK(thread_create(process, 0x7ffffffff000, 0, 0) == 0 && errno == EINVAL);
    CHECK(thread_create(process, 0x800000000000, 0, 0) == 0 && errno == EINVAL);
    CHECK(thread_create(process, UINT64_C(1) << 63, 0, 0) == 0 && errno == EINVAL);
    CHECK(thread_create(process, CODE, 0x7ffffffff001, 0) == 0 && errno == EINVAL);
    CHECK(thread_create(process, CODE, UINT64_MAX, 0) == 0 && errno == EINVAL);
    CHECK((thread = thread_create(process, CODE, 0, 0)) != 0);
    CHECK(thread_create(process, CODE, 0, 0) == 0 && errno == EEXIST);
    CHECK_ERROR(process_kill(process, -1), EINVAL);
    CHECK_ERROR(process_kill(process, SIGNAL_COUNT + 1), EINVAL);
    struct process_status status;
    CHECK_ERROR(process_status(process, &status, 2), EINVAL);
    CHECK_ERROR(process_status(process, NULL, WNOHANG), EFAULT);
    CHECK_ERROR(thread_frame(thread, NULL), EFAULT);
    CHECK_ERROR(process_adopt(process, other, 99999999), EPERM);
    CHECK_ERROR(process_adopt(process, other, -2), EPERM);
    CHECK_ERROR(process_adopt(process, process, 0), EBUSY);
    struct file_pair pairs[65] = { { 0, 0 } };
    CHECK_ERROR(process_give_files(process, other, pairs, 0), EINVAL);
    CHECK_ERROR(process_give_files(process, other, pairs, 65), EINVAL);
    CHECK_ERROR(process_give_files(process, other, NULL, 1), EFAULT);
}

/* A thread starts its own process and no other one's. */
static void crossed_threads(void)
{
    capability_t threads[2], processes[2];
    for (int i = 0; i < 2; i++)
        processes[i] = small((unsigned)i + 1, &threads[i]);
    CHECK_ERROR(process_start(processes[0], threads[1]), EINVAL);
    CHECK_ERROR(process_start(processes[1], threads[0]), EINVAL);
    CHECK_IS(how_is(processes[0]).state, 'C');
    CHECK_IS(run(processes[0], threads[0]), 1 << 8);
    CHECK_ERROR(process_start(processes[1], threads[0]), EINVAL);
    CHECK_IS(run(processes[1], threads[1]), 2 << 8);
}

static void wait_here(uint64_t unused)
{
    (void)unused;
    for (;;)
        pause_for(1000 * MILLISECOND);
}

/* What has been started is nobody's to change, and what has ended even less. */
static void too_late(void)
{
    capability_t thread, process = with_function(wait_here, 0, &thread), other = myself();
    pid_t pid = how_is(process).pid;
    struct trap_frame frame;
    CHECK_IS(process_start(process, thread), 0);
    CHECK_ERROR(process_start(process, thread), EBUSY);
    CHECK_IS(take_map(process, other), -EBUSY);
    CHECK_IS(take_files(process, other), -EBUSY);
    CHECK_IS(take_adopt(process, other), -EBUSY);
    CHECK_IS(take_thread(process, other), -EBUSY);
    CHECK_ERROR(thread_frame(thread, &frame), EBUSY);
    CHECK_IS(take_give(process, other), 0);
    CHECK_IS(how_is(process).state, 'A');
    CHECK_IS(process_kill(process, SIGSTOP), 0);
    wait_for_state(pid, 'T');
    CHECK_IS(how_is(process).state, 'T');
    CHECK_IS(thread_frame(thread, &frame), 0);
    CHECK_IS(frame.cs & 3, 3);
    CHECK_IS(process_kill(process, SIGCONT), 0);
    CHECK_IS(process_kill(process, SIGTERM), 0);
    CHECK_IS(end_of(process), SIGTERM);
    CHECK_IS(take_map(process, other), -ESRCH);
    CHECK_IS(take_files(process, other), -ESRCH);
    CHECK_IS(take_adopt(process, other), -ESRCH);
    CHECK_IS(take_thread(process, other), -ESRCH);
    CHECK_IS(take_give(process, other), -ESRCH);
    CHECK_ERROR(process_start(process, thread), ESRCH);
    CHECK_IS(take_kill(process, other), -ESRCH);
    CHECK_IS(thread_frame(thread, &frame), 0);
    CHECK_IS(status_of(pid), SIGTERM);
    CHECK_IS(take_kill(process, other), -ESRCH);
    CHECK_IS(thread_frame(thread, &frame), 0);
    CHECK_IS(capability_close(process), 0);
    CHECK_IS(thread_frame(thread, &frame), 0);  /* it outlives the process's own object */
}

/* Nobody gets a second thread, whoever asks and whenever: messages move pages because their owner stands still. */
static void one_thread(void)
{
    CHECK(thread_create(myself(), CODE, 0, 0) == 0 && errno == EBUSY);
    capability_t thread, process = with_function(wait_here, 0, &thread);
    CHECK(thread_create(process, CODE, 0, 0) == 0 && errno == EEXIST);
    CHECK_IS(capability_close(thread), 0);      /* it has the thread all the same */
    CHECK(thread_create(process, CODE, 0, 0) == 0 && errno == EEXIST);
    CHECK_IS(process_kill(process, SIGKILL), 0);
    CHECK(thread_create(process, CODE, 0, 0) == 0 && errno == ESRCH);
    process = with_function(wait_here, 0, &thread);
    pid_t pid = how_is(process).pid;
    CHECK_IS(process_start(process, thread), 0);
    CHECK(thread_create(process, CODE, 0, 0) == 0 && errno == EBUSY);
    CHECK_IS(process_kill(process, SIGSTOP), 0);
    wait_for_state(pid, 'T');
    CHECK(thread_create(process, CODE, 0, 0) == 0 && errno == EBUSY);
    CHECK_IS(process_kill(process, SIGKILL), 0);
    CHECK_IS(end_of(process), SIGKILL);
    CHECK(thread_create(process, CODE, 0, 0) == 0 && errno == ESRCH);
    CHECK_IS(status_of(pid), SIGKILL);
}

static void frames(void)
{
    capability_t thread, process = with_function(wait_here, 77, &thread);
    struct trap_frame frame;
    CHECK_IS(thread_frame(thread, &frame), 0);
    CHECK_IS(frame.rip, (uint64_t)wait_here);
    CHECK_IS(frame.rdi, 77);
    CHECK_IS(frame.rsp % 16, 8);
    CHECK_IS(frame.rax | frame.rbx | frame.rcx | frame.rdx | frame.rsi | frame.rbp | frame.r15, 0);
    CHECK_IS(process_kill(process, SIGKILL), 0);
    CHECK_ERROR(thread_frame(thread, &frame), ESRCH);   /* it has never run */
    process = small(6, &thread);
    CHECK_IS(run(process, thread), 6 << 8);
    CHECK_IS(thread_frame(thread, &frame), 0);
    CHECK_IS(frame.rip, CODE + 4);                      /* behind its only call */
    CHECK_IS(frame.rdi, 6);
}

/* ---- half made, and dropped ---- */

/* Takes so many steps of making a process, and returns it. */
static capability_t half_made(int count, capability_t *thread)
{
    capability_t memory;
    *thread = 0;
    if (count < 1)
        return 0;
    capability_t process = empty();
    if (count > 1)
        put_code(process);
    if (count > 2) {
        CHECK((memory = memory_create(calls(), 4 * PAGE)) != 0);
        CHECK(memory_map_into(process, 0, 4 * PAGE, RW | MEMORY_SHARED, memory, 0) > 0);
        CHECK_IS(capability_close(memory), 0);
    }
    if (count > 3)
        CHECK(memory_map_into(process, 0, STACK, RW | MEMORY_STACK, 0, 0) > 0);
    if (count > 4)
        CHECK_IS(take_files(process, myself()), 0);
    if (count > 5)
        CHECK_IS(take_give(process, 0), 0);
    if (count > 6)
        CHECK_IS(take_adopt(process, myself()), 0);
    if (count > 7)
        CHECK((*thread = thread_create(process, CODE, 0, 11)) != 0);
    return process;
}
enum { HALVES = 9 };

static struct process_info *find_process(pid_t pid)
{
    static struct process_info info;
    return folio_process_next(pid - 1, &info) == pid ? &info : NULL;
}

static void dropped_at_each_step(void)
{
    struct system_info before = system_now();
    for (int count = 1; count < HALVES; count++) {
        capability_t thread, process = half_made(count, &thread);
        pid_t pid = how_is(process).pid;
        CHECK(find_process(pid) != NULL);
        CHECK_IS(find_process(pid)->state, 'C');
        CHECK_IS(find_process(pid)->threads, count > 7);
        capability_t watcher = weak(process, PROCESS_ALL & ~PROCESS_START), starter = weak(process, PROCESS_START);
        CHECK_IS(capability_close(process), 0);
        CHECK_IS(how_is(watcher).state, 'C');   /* somebody could start it yet */
        CHECK_IS(capability_close(starter), 0);
        CHECK_IS(how_is(watcher).state, 'Z');   /* and now nobody can */
        CHECK_IS(end_of(watcher), SIGKILL);
        CHECK(find_process(pid) == NULL);
        CHECK_IS(take_map(watcher, 0), -ESRCH);
        CHECK_IS(capability_close(watcher), 0);
        if (thread) {
            struct trap_frame frame;
            CHECK_ERROR(thread_frame(thread, &frame), ESRCH);
            CHECK_IS(capability_close(thread), 0);
        }
        CHECK_IS(system_now().processes, before.processes);
        CHECK_IS(system_now().threads, before.threads);
    }
}

/* Revoking takes the last right to start, too. */
static void dropped_by_revocation(void)
{
    capability_t thread, process = half_made(8, &thread), derived = weak(process, PROCESS_ALL | RIGHT_DELEGATE);
    capability_t watcher = weak(process, PROCESS_WAIT);
    capability_t only = weak(derived, PROCESS_START);
    CHECK_IS(capability_close(process), 0);
    CHECK_IS(how_is(watcher).state, 'C');
    CHECK_IS(capability_revoke(derived), 1);
    CHECK_ERROR(process_start(only, thread), ESTALE);
    CHECK_IS(how_is(watcher).state, 'C');
    CHECK_IS(capability_close(derived), 0);
    CHECK_IS(how_is(watcher).state, 'Z');
}

struct making_of {
    int count, how;
};

static void make_and_go(void *argument)
{
    const struct making_of *making = argument;
    capability_t thread;
    half_made(making->count, &thread);
    if (making->how == 1)
        kill(getpid(), SIGKILL);
}

static uint64_t settled_processes(uint64_t wanted)
{
    for (int i = 0; i < 500 && system_now().processes != wanted; i++)
        pause_for(MILLISECOND);
    return system_now().processes;
}

/* A maker that ends or is killed: its table is closed. */
static void makers_go_at_each_step(void)
{
    uint64_t before = system_now().processes;
    calls();
    for (int count = 1; count < HALVES; count++)
        for (int how = 0; how < 2; how++) {
            struct making_of making = { count, how };
            pid_t pid = start(make_and_go, &making);
            CHECK_IS(status_of(pid), how == 0 ? 0 : SIGKILL);
            CHECK_IS(settled_processes(before), before);
        }
}

/* Two half-made processes can't keep each other; nor one itself. */
static void no_rings(void)
{
    capability_t first = empty(), second = empty(), thread;
    CHECK(capability_give(first, first, PROCESS_ALL, NULL) == 0 && errno == EINVAL);
    CHECK(capability_give(first, second, PROCESS_START, NULL) == 0 && errno == EINVAL);
    CHECK(capability_give(first, second, PROCESS_ALL & ~PROCESS_START, NULL) != 0);
    CHECK(capability_give(second, first, PROCESS_WAIT | PROCESS_KILL, NULL) != 0);
    capability_t alive = with_function(wait_here, 0, &thread);
    pid_t pid = how_is(alive).pid;
    CHECK_IS(process_start(alive, thread), 0);
    CHECK(capability_give(alive, second, PROCESS_START, NULL) != 0);
    capability_t watcher = weak(second, PROCESS_WAIT);
    CHECK_IS(capability_close(second), 0);
    CHECK_IS(how_is(watcher).state, 'C');       /* the third could */
    CHECK_IS(process_kill(alive, SIGKILL), 0);
    CHECK_IS(status_of(pid), SIGKILL);
    CHECK_IS(end_of(watcher), SIGKILL);
}

/* ---- the end ---- */

static void kill_while_created(void)
{
    for (int count = 1; count < HALVES; count++) {
        capability_t thread, process = half_made(count, &thread);
        pid_t pid = how_is(process).pid;
        CHECK_IS(process_kill(process, 0), 0);
        CHECK_IS(process_kill(process, SIGCHLD), 0);
        CHECK_IS(process_kill(process, SIGCONT), 0);
        CHECK_IS(how_is(process).state, 'C');
        CHECK_IS(process_kill(process, count % 2 ? SIGTERM : SIGKILL), 0);
        CHECK_IS(end_of(process), count % 2 ? SIGTERM : SIGKILL);
        CHECK_ERROR(process_kill(process, SIGKILL), ESRCH);
        CHECK_ERROR(waitpid(pid, NULL, WNOHANG), ECHILD);
        if (thread) {
            CHECK_ERROR(process_start(process, thread), ESRCH);
            CHECK_IS(capability_close(thread), 0);
        }
        CHECK_IS(capability_close(process), 0);
    }
}

/* A signal by number is obeyed at the start, before the first instruction, whether there was a thread already or not. */
static void signals_while_created(void)
{
    for (int round = 0; round < 2; round++) {
        capability_t thread, process = empty();
        pid_t pid = how_is(process).pid;
        put_code(process);
        if (round == 0)
            CHECK_IS(kill(pid, SIGINT), 0);
        CHECK((thread = thread_create(process, CODE, 0, 4)) != 0);
        if (round == 1)
            CHECK_IS(kill(pid, SIGINT), 0);
        CHECK_IS(how_is(process).state, 'C');
        CHECK_IS(run(process, thread), SIGINT);
        process = small(4, &thread);
        pid = how_is(process).pid;
        CHECK_IS(kill(pid, SIGSTOP), 0);
        CHECK_IS(process_start(process, thread), 0);
        wait_for_state(pid, 'T');
        CHECK_IS(kill(pid, SIGCONT), 0);
        CHECK_IS(end_of(process), 4 << 8);
        CHECK_IS(status_of(pid), 4 << 8);
        process = small(5, &thread);
        CHECK_IS(kill(how_is(process).pid, SIGSTOP), 0);
        CHECK_IS(kill(how_is(process).pid, SIGCONT), 0);
        CHECK_IS(run(process, thread), 5 << 8);
    }
}

/* A parent doesn't wait for what may never begin. */
static void not_waited_for(void)
{
    capability_t thread, process = small(4, &thread);
    pid_t pid = how_is(process).pid;
    CHECK_ERROR(waitpid(-1, NULL, 0), ECHILD);
    CHECK_ERROR(waitpid(pid, NULL, 0), ECHILD);
    struct trap_frame frame;
    CHECK_ERROR(folio_process_frame(pid, &frame), ECHILD);
    CHECK_IS(process_start(process, thread), 0);
    CHECK_IS(status_of(pid), 4 << 8);
}

static void adopted(void *handle)
{
    capability_t thread, process = small(8, &thread), parent = *(capability_t *)handle;
    CHECK_IS(process_adopt(process, parent, GROUP_OF_ITS_OWN), 0);
    CHECK_IS(process_start(process, thread), 0);
    CHECK_ERROR(waitpid(-1, NULL, 0), ECHILD);
}

/* Made by one, a child of the other: who waits for it, and in which group it is. */
static void adoption(void)
{
    capability_t parent = process_self(calls(), PROCESS_ADOPT | RIGHT_DELEGATE), thread;
    CHECK(parent != 0);
    CHECK_IS(capability_flag(parent, CAPABILITY_INHERITABLE), 0);
    pid_t maker = start(adopted, &parent);
    int ended = 0;
    while (ended < 2) {
        int status;
        pid_t pid = waitpid(-1, &status, 0);
        CHECK(pid > 0);
        CHECK_IS(status, pid == maker ? 0 : 8 << 8);
        ended++;
    }
    CHECK_ERROR(waitpid(-1, NULL, 0), ECHILD);
    capability_t process = small(1, &thread);
    pid_t pid = how_is(process).pid;
    CHECK_IS(getpgid(pid), getpgid(0));
    CHECK_IS(process_adopt(process, parent, GROUP_OF_ITS_OWN), 0);
    CHECK_IS(getpgid(pid), pid);
    CHECK_IS(process_adopt(process, parent, getpgid(0)), 0);
    CHECK_IS(getpgid(pid), getpgid(0));
    CHECK_IS(process_adopt(process, parent, pid), 0);
    CHECK_IS(getpgid(pid), pid);
    CHECK_IS(process_adopt(process, parent, GROUP_OF_PARENT), 0);
    CHECK_IS(getpgid(pid), getpgid(0));
    CHECK_IS(setpgid(pid, pid), 0);             /* a child of ours like others */
    CHECK_IS(run(process, thread), 1 << 8);
}

/* The parent to be has gone, or is being collected. */
static void no_parent(void)
{
    capability_t thread, process = small(1, &thread), other = with_function(wait_here, 0, &last_thread);
    pid_t pid = how_is(other).pid;
    CHECK_ERROR(process_adopt(process, other, 0), EBUSY);
    CHECK_IS(process_start(other, last_thread), 0);
    CHECK_IS(process_adopt(process, other, 0), 0);
    CHECK_IS(find_process(how_is(process).pid)->parent, pid);
    CHECK_IS(process_kill(other, SIGKILL), 0);
    CHECK_IS(end_of(other), SIGKILL);
    CHECK_IS(find_process(how_is(process).pid)->parent, 1);
    CHECK_ERROR(process_adopt(process, other, 0), ESRCH);
    CHECK_IS(status_of(pid), SIGKILL);
    CHECK_ERROR(process_adopt(process, other, 0), ESRCH);
    CHECK_IS(take_adopt(process, myself()), 0);
    CHECK_IS(run(process, thread), 1 << 8);
}

/* ---- waiting ---- */

static void wait_for_several_processes(void)
{
    capability_t threads[3], processes[3];
    for (int i = 0; i < 3; i++)
        processes[i] = i == 1 ? small(1, &threads[i]) : with_function(wait_here, 0, &threads[i]);
    for (int i = 0; i < 3; i++)
        CHECK_IS(handles_wait(processes, 3, MILLISECOND), -1);
    CHECK_IS(errno, ETIMEDOUT);
    pid_t pid = how_is(processes[1]).pid;
    for (int i = 0; i < 3; i++)
        CHECK_IS(process_start(processes[i], threads[i]), 0);
    CHECK_IS(handles_wait(processes, 3, FOREVER), 1);
    CHECK_IS(handles_wait(processes, 3, 0), 1);
    CHECK_IS(status_of(pid), 1 << 8);
    CHECK_IS(handles_wait(processes, 3, 0), 1);
    CHECK_IS(process_kill(processes[0], SIGKILL), 0);
    CHECK_IS(end_of(processes[0]), SIGKILL);
    CHECK_IS(handles_wait(processes, 3, FOREVER), 0);
    CHECK_IS(process_kill(processes[2], SIGKILL), 0);
    CHECK_IS(handles_wait(&processes[2], 1, FOREVER), 0);
    CHECK_IS(waitpid(-1, NULL, 0) > 0 && waitpid(-1, NULL, 0) > 0, true);
}

static void wait_for_its_end(void *handle)
{
    struct process_status status;
    CHECK_IS(process_status(*(capability_t *)handle, &status, 0), 0);
    CHECK_IS(status.status, 12 << 8);
}

static void wait_in_vain(void *handle)
{
    struct process_status status;
    CHECK_ERROR(process_status(*(capability_t *)handle, &status, 0), ECANCELED);
    CHECK_ERROR(process_status(*(capability_t *)handle, &status, 0), ESTALE);
}

static void watch_in_vain(void *handle)
{
    CHECK_ERROR(handles_wait(handle, 1, FOREVER), ECANCELED);
    CHECK_ERROR(handles_wait(handle, 1, FOREVER), ESTALE);
}

static void wait_for_an_unmade_one(void *handle)
{
    CHECK_IS(end_of(*(capability_t *)handle), SIGKILL);
}

/* Whoever holds the right is told, and whoever loses it meanwhile is told that. */
static void many_wait(void)
{
    enum { COUNT = 4 };
    static void (*const ways[])(void *) = { wait_for_its_end, wait_in_vain, watch_in_vain, wait_for_an_unmade_one };
    for (int way = 0; way < 4; way++) {
        capability_t thread, process = small(12, &thread);
        capability_t lent = capability_derive(process, PROCESS_WAIT | RIGHT_DELEGATE, CAPABILITY_INHERITABLE);
        pid_t pids[COUNT], pid = how_is(process).pid;
        CHECK(lent != 0);
        for (int i = 0; i < COUNT; i++)
            pids[i] = start(ways[way], &lent);
        for (int i = 0; i < COUNT; i++)
            wait_until_blocked(pids[i]);
        if (way == 1 || way == 2)
            CHECK_IS(capability_revoke(lent), COUNT);
        if (way == 3)
            CHECK_IS(capability_close(process), 0);
        else
            CHECK_IS(process_start(process, thread), 0);
        for (int i = 0; i < COUNT; i++)
            ends_well(pids[i]);
        if (way < 3)
            CHECK_IS(status_of(pid), 12 << 8);
        CHECK_IS(capability_close(lent), 0);
        CHECK_IS(capability_close(thread), 0);
        if (way < 3)
            CHECK_IS(capability_close(process), 0);
    }
}

/* ---- descriptors ---- */

static void look_around(uint64_t unused)
{
    struct stat status;
    (void)unused;
    _exit(fstat(0, &status) == -1 && fstat(7, &status) == 0 && fstat(200, &status) == 0 && fstat(3, &status) == -1
          && fcntl(7, F_GETFD, 0) == 0 && stat("inside", &status) == 0 ? 5 : errno);
}

static void directories_and_files(void)
{
    capability_t thread, process = with_function(look_around, 0, &thread), other = myself();
    CHECK_IS(mkdir("deep", 0755), 0);
    write_file("deep/inside", "x", 1, 0644);
    int folder = open("deep", O_RDONLY), file = open("deep/inside", O_RDONLY | O_CLOEXEC);
    CHECK(folder >= 0 && file >= 0);
    CHECK(capability_give(process, calls(), CALLS_FILES, "calls") != 0);
    struct file_pair pairs[] = { { file, 7 }, { file, 200 }, { folder, FILE_DIRECTORY }, { 99, 3 } };
    CHECK_ERROR(process_give_files(process, other, pairs, 4), EBADF);   /* and so none of them */
    pairs[3] = (struct file_pair){ file, FILE_DIRECTORY };
    CHECK_ERROR(process_give_files(process, other, pairs, 4), ENOTDIR);
    for (int to = 256; to < 258; to++) {
        pairs[3] = (struct file_pair){ file, to };
        CHECK_ERROR(process_give_files(process, other, pairs, 4), EBADF);
    }
    pairs[3] = (struct file_pair){ FILE_DIRECTORY, 3 };
    CHECK_ERROR(process_give_files(process, other, pairs, 4), EBADF);
    pairs[3] = (struct file_pair){ file, -2 };
    CHECK_ERROR(process_give_files(process, other, pairs, 4), EBADF);
    pairs[3] = (struct file_pair){ -2, 3 };
    CHECK_ERROR(process_give_files(process, other, pairs, 4), EBADF);
    CHECK_IS(process_give_files(process, other, pairs, 3), 0);
    CHECK_IS(run(process, thread), 5 << 8);
    /* A half-made process has descriptors that can be given on, and a current directory. */
    capability_t second = with_function(look_around, 0, &thread);
    process = empty();
    CHECK(capability_give(second, calls(), CALLS_FILES, "calls") != 0);
    CHECK_IS(chdir("deep"), 0);
    pairs[2] = (struct file_pair){ FILE_DIRECTORY, FILE_DIRECTORY };
    CHECK_IS(process_give_files(process, other, pairs, 3), 0);
    CHECK_IS(chdir(".."), 0);
    struct file_pair again[] = { { 7, 7 }, { 200, 200 }, { FILE_DIRECTORY, FILE_DIRECTORY } };
    CHECK_IS(process_give_files(second, process, again, 3), 0);
    CHECK_IS(run(second, thread), 5 << 8);
}

/* ---- memory ---- */

static int shared_at_a_place[PAGE / sizeof(int)] __attribute__((aligned(PAGE)));

static void look_at_memory(uint64_t at)
{
    volatile int *memory = (volatile int *)at;
    if (memory[0] != 1 || memory[1] != 0)
        _exit(6);
    memory[1] = 2;
    _exit(5);
}

static void kinds_of_memory(void)
{
    capability_t thread, process, memory = memory_create(calls(), 4 * PAGE), reader = weak(memory, MEMORY_READ);
    int *here = memory_map(memory, NULL, 0, 4 * PAGE, RW);
    CHECK(here != NULL);
    here[PAGE / 4] = 1;
    process = with_function(look_at_memory, 0x20000000, &thread);
    CHECK_ERROR(memory_map_into(process, 0x20000000, PAGE, RW | MEMORY_SHARED, reader, PAGE), EACCES);
    CHECK_ERROR(memory_map_into(process, 0x20000000, 4 * PAGE, RW | MEMORY_SHARED, memory, PAGE), EINVAL);
    CHECK_ERROR(memory_map_into(process, 0x20000000, PAGE, RW | MEMORY_SHARED, memory, 1), EINVAL);
    CHECK_IS(memory_map_into(process, 0x20000000, PAGE, RW | MEMORY_SHARED, memory, PAGE), 0x20000000);
    CHECK_IS(run(process, thread), 5 << 8);
    CHECK_IS(here[PAGE / 4 + 1], 2);
    process = with_function(look_at_memory, 0x20000000, &thread);
    here[PAGE / 4 + 1] = 0;
    CHECK_IS(memory_map_into(process, 0x20000000, PAGE, PROT_READ | MEMORY_SHARED, reader, PAGE), 0x20000000);
    CHECK_IS(run(process, thread), SIGSEGV);
    /* A copy is one from the first moment, of private and of shared pages, and is nobody else's. */
    process = with_function(look_at_memory, 0x20000000, &thread);
    shared_at_a_place[0] = 1;
    CHECK_IS(memory_map_into(process, 0x20000000, PAGE, RW | MEMORY_COPIED, (uint64_t)shared_at_a_place, 0), 0x20000000);
    shared_at_a_place[0] = 7;
    CHECK_IS(run(process, thread), 5 << 8);
    CHECK_IS(shared_at_a_place[1], 0);
    process = with_function(look_at_memory, 0x20000000, &thread);
    CHECK_IS(memory_map_into(process, 0x20000000, PAGE, RW | MEMORY_COPIED, (uint64_t)here + PAGE, 0), 0x20000000);
    here[PAGE / 4] = 7;
    CHECK_IS(run(process, thread), 5 << 8);
    CHECK_IS(here[PAGE / 4 + 1], 0);
    CHECK_IS(munmap(here, 4 * PAGE), 0);
}

static void grow(uint64_t unused)
{
    (void)unused;
    char *end = sbrk(2 * PAGE);
    if (end != (char *)0x30000000)
        _exit(6);
    end[2 * PAGE - 1] = 1;
    _exit(5);
}

static void break_and_stack(void)
{
    capability_t thread, process = with_function(grow, 0, &thread);
    CHECK(capability_give(process, calls(), CALLS_MEMORY, "calls") != 0);
    CHECK_IS(memory_map_into(process, 0x30000000, 0, MEMORY_BREAK, 0, 0), 0x30000000);
    CHECK_IS(memory_map_into(process, 0x7000000000, 8 << 20, RW | MEMORY_STACK, 0, 0), 0x7000000000);
    CHECK_ERROR(memory_map_into(process, 0x7000000000 - PAGE, PAGE, RW, 0, 0), EEXIST);
    CHECK_ERROR(memory_map_into(process, 0x7000000000 - 0x100000, PAGE, RW, 0, 0), EEXIST);
    CHECK_IS(memory_map_into(process, 0x7000000000 - 0x101000, PAGE, RW, 0, 0), 0x7000000000 - 0x101000);
    CHECK_IS(run(process, thread), 5 << 8);
}

/* A file that is mapped is mapped again, and only what the maker has written is copied. */
static bool pages_hold(const volatile char *at, char first, char second, char third)
{
    return at[0] == first && at[PAGE] == second && at[2 * PAGE] == third;
}

static void look_at_a_file(uint64_t at)
{
    if (!pages_hold((const char *)at, 'a', 'X', 'c'))
        _exit(6);
    *(volatile char *)at = 'Z';
    _exit(5);
}

static void a_copy_of_a_file(void)
{
    static char text[3 * PAGE];
    for (int i = 0; i < 3; i++)
        memset(text + i * PAGE, 'a' + i, PAGE);
    write_file("text", text, sizeof(text), 0644);
    int fd = open("text", O_RDONLY);
    char *file = mmap(NULL, 3 * PAGE, RW, MAP_PRIVATE, fd, 0);
    char *zeros = mmap(NULL, 3 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(fd >= 0 && file != MAP_FAILED && zeros != MAP_FAILED);
    CHECK_IS(file[2 * PAGE], 'c');              /* looked at, and not written to */
    file[PAGE] = 'X';
    zeros[PAGE] = 'X';
    capability_t thread, process = with_function(look_at_a_file, 0x20000000, &thread);
    uint64_t before = find_process(how_is(process).pid)->memory_pages;
    CHECK_IS(memory_map_into(process, 0x20000000, 3 * PAGE, RW | MEMORY_COPIED, (uint64_t)file, 0), 0x20000000);
    CHECK_IS(find_process(how_is(process).pid)->memory_pages, before + 1);
    CHECK_IS(memory_map_into(process, 0x21000000, 3 * PAGE, RW | MEMORY_COPIED, (uint64_t)zeros, 0), 0x21000000);
    CHECK_IS(find_process(how_is(process).pid)->memory_pages, before + 2);
    file[PAGE] = 'Y';
    CHECK_IS(run(process, thread), 5 << 8);
    CHECK(pages_hold(file, 'a', 'Y', 'c'));
    /* From its middle, over a border of areas, and with less rights than the maker's. */
    CHECK_IS(mprotect(file + 2 * PAGE, PAGE, PROT_READ), 0);
    process = with_function(look_at_a_file, 0x20000000, &thread);
    CHECK_IS(memory_map_into(process, 0x20000000, PAGE, PROT_READ | MEMORY_COPIED, (uint64_t)file, 0), 0x20000000);
    file[PAGE] = 'X';
    CHECK_IS(memory_map_into(process, 0x20000000 + PAGE, 2 * PAGE, RW | MEMORY_COPIED, (uint64_t)file + PAGE, 0),
             0x20000000 + PAGE);
    CHECK_IS(run(process, thread), SIGSEGV);    /* where it writes */
    CHECK_IS(mprotect(file, PAGE, PROT_NONE), 0);
    process = empty();
    CHECK_ERROR(memory_map_into(process, 0x20000000, 3 * PAGE, PROT_READ | MEMORY_COPIED, (uint64_t)file, 0), EFAULT);
    CHECK(memory_map_into(process, 0, 2 * PAGE, PROT_READ | MEMORY_COPIED, (uint64_t)file + PAGE, 0) > 0);
    CHECK_IS(munmap(file, 3 * PAGE), 0);
    CHECK_IS(munmap(zeros, 3 * PAGE), 0);
    close(fd);
}

/* What can't be copied as a whole leaves nothing. */
static void half_a_copy(void)
{
    capability_t process = empty();
    char *two = mmap(NULL, 3 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(two != MAP_FAILED);
    CHECK_IS(munmap(two + 2 * PAGE, PAGE), 0);
    uint64_t before = find_process(how_is(process).pid)->memory_pages;
    two[0] = two[PAGE] = 1;
    CHECK_ERROR(memory_map_into(process, CODE, 3 * PAGE, RW | MEMORY_COPIED, (uint64_t)two, 0), EFAULT);
    CHECK_IS(find_process(how_is(process).pid)->memory_pages, before);
    CHECK_IS(memory_map_into(process, CODE, 2 * PAGE, RW | MEMORY_COPIED, (uint64_t)two, 0), CODE);
    CHECK_IS(find_process(how_is(process).pid)->memory_pages, before + 2);
}

/* Entries that lead nowhere end the process and nothing else. */
static void bad_entries(void)
{
    static const uint64_t entries[] = { 0, 1, PAGE, CODE - 1, CODE + 100, 0x7fffffffe000, 0x7fffffffefff };
    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        capability_t process = empty(), thread;
        put_code(process);
        CHECK((thread = thread_create(process, entries[i], 0x7ffffffff000, 0)) != 0);
        int status = run(process, thread);
        CHECK(WIFSIGNALED(status));
        CHECK_IS(capability_close(process), 0);
        CHECK_IS(capability_close(thread), 0);
    }
    capability_t process = empty(), thread = thread_create(process, CODE, 0, 0);
    CHECK(thread != 0);
    CHECK_IS(run(process, thread), SIGSEGV);    /* no memory at all */
}

/* ---- seen from outside ---- */

static void read_whole(const char *format, pid_t pid, char *text, size_t size)
{
    char path[64];
    snprintf(path, sizeof(path), format, (long)pid);
    int fd = open(path, O_RDONLY);
    CHECK(fd >= 0);
    ssize_t length = read(fd, text, size - 1);
    CHECK(length >= 0);
    text[length] = 0;
    close(fd);
}

static void seen_in_proc(void)
{
    char text[1024];
    for (int count = 1; count < HALVES; count++) {
        capability_t thread, process = half_made(count, &thread);
        pid_t pid = how_is(process).pid;
        read_whole("/proc/%ld/status", pid, text, sizeof(text));
        CHECK(strstr(text, "State:\tC (created)") && strstr(text, count > 7 ? "Threads:\t1" : "Threads:\t0"));
        read_whole("/proc/%ld/stat", pid, text, sizeof(text));
        CHECK(strstr(text, "(half) C "));
        read_whole("/proc/%ld/fail-nth", pid, text, sizeof(text));
        CHECK(strcmp(text, "0\n") == 0);
        read_whole("/proc/%ld/cmdline", pid, text, sizeof(text));
        CHECK(strcmp(text, "half") == 0);
        read_whole("/proc/uptime", pid, text, sizeof(text));
        read_whole("/proc/stat", pid, text, sizeof(text));
        CHECK_IS(find_process(pid)->cpu_time, 0);
        CHECK_IS(capability_close(process), 0);
        if (thread)
            CHECK_IS(capability_close(thread), 0);
    }
}

/* ---- crowds ---- */

static void maker(void *unused)
{
    (void)unused;
    random_state ^= (uint64_t)getpid() << 20;
    capability_t held[8] = { 0 }, threads[8] = { 0 };
    uint64_t end = folio_clock() + 500 * MILLISECOND;
    while (folio_clock() < end) {
        int i = (int)(random64() % 8), how = (int)(random64() % 4);
        if (!held[i]) {
            held[i] = half_made(1 + (int)(random64() % (HALVES - 1)), &threads[i]);
        } else if (how == 0) {
            CHECK_IS(process_kill(held[i], SIGKILL), 0);
            CHECK_IS(end_of(held[i]), SIGKILL);
        } else if (how == 1 && threads[i]) {
            CHECK_IS(run(held[i], threads[i]), 11 << 8);
        }
        if (how < 3 && held[i]) {
            CHECK_IS(capability_close(held[i]), 0);
            if (threads[i])
                CHECK_IS(capability_close(threads[i]), 0);
            held[i] = 0;
        }
    }
}

static void crowds(void)
{
    enum { MAKERS = 4 };
    pid_t pids[MAKERS];
    calls();
    for (int i = 0; i < MAKERS; i++)
        pids[i] = start(maker, NULL);
    for (int i = 0; i < MAKERS; i++)
        ends_well(pids[i]);
}

/* Several at work on one process, which one of them starts or kills. Each error is one of those that this may have. */
static capability_t common, its_thread;

static bool may_be(int64_t result, int64_t a, int64_t b)
{
    return result >= 0 || result == a || result == b;
}

static void work_on_it(void *unused)
{
    static char source[64 * PAGE] __attribute__((aligned(PAGE)));
    capability_t other = myself();
    (void)unused;
    random_state ^= (uint64_t)getpid() << 20;
    for (int64_t last = 0; last != -ESRCH && last != -ESTALE;) {
        switch (random64() % 4) {
        case 0: last = take_files(common, other); break;
        case 1: last = capability_give(common, other, PROCESS_WAIT, "x") ? 0 : -errno; break;
        default:
            last = memory_map_into(common, 0, sizeof(source), RW | MEMORY_COPIED, (uint64_t)source, 0);
            last = last < 0 ? -errno : 0;
        }
        if (!may_be(last, -ESRCH, -EBUSY) && last != -ESTALE && last != -EMFILE && last != -ENOMEM)
            fail("at work: %ld", last);
        if (last == -EBUSY || last == -EMFILE || last == -ENOMEM)
            folio_yield();
    }
}

static void many_makers_of_one(void)
{
    enum { MAKERS = 3 };
    for (int round = 0; round < 6; round++) {
        pid_t pids[MAKERS];
        common = small(13, &its_thread);
        CHECK_IS(capability_flag(common, CAPABILITY_INHERITABLE), 0);
        pid_t pid = how_is(common).pid;
        for (int i = 0; i < MAKERS; i++)
            pids[i] = start(work_on_it, NULL);
        pause_for(random64() % 8 * MILLISECOND);
        if (round % 3 == 0) {
            CHECK_IS(process_kill(common, SIGKILL), 0);
            CHECK_IS(end_of(common), SIGKILL);
        } else if (round % 3 == 1) {
            while (process_start(common, its_thread) < 0)
                CHECK_IS(errno, EBUSY);
            CHECK_IS(end_of(common), 13 << 8);
            CHECK_IS(status_of(pid), 13 << 8);
        } else {
            CHECK(capability_revoke(common) >= MAKERS);
            CHECK_IS(capability_close(common), 0);
        }
        for (int i = 0; i < MAKERS; i++)
            ends_well(pids[i]);
        if (round % 3 != 2)
            CHECK_IS(capability_close(common), 0);
        CHECK_IS(capability_close(its_thread), 0);
        CHECK(find_process(pid) == NULL);
    }
}

/* A thread that comes when its process is just going: its handle leads nowhere. Both begin at a sign, and which of them
 * is earlier, and by how much, is chance. */
static void thread_late(void *sign)
{
    struct trap_frame frame;
    while (*(volatile int *)sign == 0)
        continue;
    capability_t thread = thread_create(common, CODE, 0, 0);
    if (!thread) {
        CHECK_IS(errno, ESRCH);
        return;
    }
    while (how_is(common).state == 'C')
        continue;
    CHECK_ERROR(thread_frame(thread, &frame), ESRCH);
}

static void threads_of_the_unmade(void)
{
    int *sign = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(sign != MAP_FAILED);
    for (int round = system_now().cpus > 1 ? 60 : 5; round > 0; round--) {
        common = empty();
        CHECK_IS(capability_flag(common, CAPABILITY_INHERITABLE), 0);
        *sign = 0;
        pid_t pid = start(thread_late, sign);
        pause_for(MILLISECOND / 4);
        *sign = 1;
        for (uint64_t end = folio_clock() + random64() % 20000; folio_clock() < end;)
            continue;
        CHECK_IS(process_kill(common, SIGKILL), 0);
        ends_well(pid);
        CHECK_IS(capability_close(common), 0);
    }
    CHECK_IS(munmap(sign, PAGE), 0);
}

static void call_wildly(void *unused)
{
    static const uint64_t numbers[] = {
        SYS_PROCESS_CREATE, SYS_MEMORY_MAP_INTO, SYS_MEMORY_MAP_INTO, SYS_THREAD_CREATE, SYS_PROCESS_START, SYS_PROCESS_KILL,
        SYS_PROCESS_STATUS, SYS_PROCESS_GIVE_FILES, SYS_PROCESS_ADOPT, SYS_THREAD_FRAME, SYS_CAPABILITY_GIVE,
    };
    char *edge = edge_of_memory();
    (void)unused;
    random_state ^= (uint64_t)getpid() << 20;
    capability_t all = calls(), other = process_self(all, PROCESS_ALL & ~PROCESS_KILL), memory = memory_create(all, 8 * PAGE);
    for (int round = 0; round < 5; round++) {
        capability_t thread, process = half_made(1 + (int)(random64() % (HALVES - 1)), &thread);
        uint64_t values[] = {
            all, other, memory, process, process, process, thread, 0, 1, 2, 3, 7, 16, 64, 255, 256, 4095, 4096, 8192, 65536,
            0x100, 0x101, 0x203, 0x302, 0x400, 0x500, CODE, CODE + PAGE, (uint64_t)code_page, (uint64_t)"name",
            (uint64_t)edge, (uint64_t)edge - 1, (uint64_t)edge - 8, (uint64_t)edge - 16, (uint64_t)edge - PAGE,
            0x7fffffffe000, 0x7ffffffff000, 0x800000000000, 0xffff800000000000, 0xffffffff80200000, INT64_MAX,
            UINT64_C(1) << 63, UINT64_MAX, UINT64_MAX - 1, UINT64_MAX - 4095, UINT64_C(1) << 32, UINT64_C(1) << 40,
        };
        for (int i = 0; i < 60; i++) {
            uint64_t number = numbers[random64() % (sizeof(numbers) / 8)], arguments[6];
            for (int a = 0; a < 6; a++)
                arguments[a] = values[random64() % (sizeof(values) / 8)];
            if (random64() % 4 != 0)            /* most forged handles are slow */
                arguments[0] = number == SYS_PROCESS_CREATE ? all : number == SYS_THREAD_FRAME ? thread : process;
            if (number == SYS_PROCESS_STATUS)   /* it could be for ever */
                arguments[2] |= 1;
            int64_t result = call_with_any(0, number, arguments);
            if (result > 4095)
                capability_close((capability_t)result);
        }
        capability_close(process);
        capability_close(thread);
    }
    while (waitpid(-1, NULL, WNOHANG) > 0)
        continue;
}

static void wild_calls(void)
{
    pid_t pids[3];
    for (int i = 0; i < 3; i++) {
        pids[i] = start(call_wildly, NULL);
        CHECK_IS(setpgid(pids[i], pids[i]), 0);
    }
    for (int i = 0; i < 3; i++) {
        int status = status_of(pids[i]);
        CHECK(status == 0 || WIFSIGNALED(status));
        kill(-pids[i], SIGKILL);
    }
}

/* A half-made process can be given all memory that there is; then it is what goes. */
static int full[2];

static void touch_until_it_is_gone(void *handle)
{
    enum { CHUNK = 64 };
    char byte;
    capability_t process = *(capability_t *)handle;
    close(full[1]);
    CHECK_IS(read(full[0], &byte, 1), 0);
    while (how_is(process).state == 'C') {
        char *chunk = mmap(NULL, CHUNK * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        CHECK(chunk != MAP_FAILED);
        for (int i = 0; i < CHUNK; i++)
            chunk[i * PAGE] = 1;
    }
}

static void the_greediest(void)
{
    static char source[256 * PAGE] __attribute__((aligned(PAGE)));
    capability_t process = empty();
    capability_t lent = capability_derive(process, PROCESS_WAIT | RIGHT_DELEGATE, CAPABILITY_INHERITABLE);
    size_t length = sizeof(source);
    memset(source, 1, length);
    CHECK_IS(pipe(full), 0);
    pid_t pid = start(touch_until_it_is_gone, &lent);
    while (length >= PAGE)
        if (memory_map_into(process, 0, length, RW | MEMORY_COPIED, (uint64_t)source, 0) < 0) {
            if (errno == ESRCH)     /* somebody wanted a page just now */
                break;
            CHECK_IS(errno, ENOMEM);
            length = length / 16 / PAGE * PAGE;
        }
    close(full[1]);
    ends_well(pid);
    CHECK_IS(end_of(process), SIGKILL);
}

const struct test parts_tests[] = {
    TEST(a_page_of_code), TEST(a_function), TEST(a_descriptor), TEST(nothing_by_default),
    TEST(each_right_missing), TEST(each_right_alone), TEST(rights_of_others), TEST(handles_of_parts), TEST(numbers_of_parts),
    TEST(crossed_threads), TEST(too_late), TEST(one_thread), TEST(frames), TEST(dropped_at_each_step), TEST(dropped_by_revocation),
    TEST(makers_go_at_each_step), TEST(no_rings), TEST(kill_while_created), TEST(signals_while_created),
    TEST(not_waited_for), TEST(adoption), TEST(no_parent), TEST(wait_for_several_processes), TEST(many_wait),
    TEST(directories_and_files), TEST(kinds_of_memory), TEST(break_and_stack), TEST(a_copy_of_a_file), TEST(half_a_copy), TEST(bad_entries),
    TEST(seen_in_proc), TEST(crowds), TEST(many_makers_of_one), TEST(threads_of_the_unmade), TEST(wild_calls), LONG_TEST(the_greediest, 20),
    { NULL, NULL, 0 },
};

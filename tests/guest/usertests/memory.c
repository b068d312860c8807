/* Heap, stack, copy on write, and what happens when memory runs out. */
#include "usertests.h"
#include <sys/mman.h>

static void break_moves(void)
{
    char *old = sbrk(0);
    CHECK(sbrk(10 * PAGE) == old);
    for (int i = 0; i < 10 * PAGE; i++)
        if (i >= PAGE)                  /* the rest of the old last page may hold anything */
            CHECK_IS(old[i], 0);
    memset(old, 'x', 10 * PAGE);
    CHECK(sbrk(-10 * PAGE) == old + 10 * PAGE);
    CHECK(sbrk(0) == old);
    CHECK(sbrk(10 * PAGE) == old);
    for (int i = PAGE; i < 10 * PAGE; i++)
        CHECK_IS(old[i], 0);            /* given back is forgotten */
    CHECK(sbrk(-10 * PAGE) != (void *)-1);
}

static void break_is_refused(void)
{
    uint64_t now = (uint64_t)by_syscall(SYS_BRK, 0, 0, 0);
    static const uint64_t bad[] = { 1, 0x1000, 0x400000, 0x7fffffffe000, 0x7ffffffff000,
                                    0x800000000000, 0xffff800000000000, UINT64_MAX,
                                    UINT64_MAX - PAGE, 0x7fffff900000 };
    for (size_t i = 0; i < sizeof(bad) / 8; i++)
        CHECK_IS(by_syscall(SYS_BRK, bad[i], 0, 0), now);
    *(volatile char *)(sbrk(PAGE)) = 1;
}

static void touch(void *address)
{
    *(volatile char *)address = 1;
}

static void break_has_an_end(void)
{
    char *edge = edge_of_memory();
    ends_well(start(touch, edge - 1));
    ends_by(start(touch, edge), SIGSEGV);
    sbrk(-PAGE);
    ends_by(start(touch, edge - 1), SIGSEGV);
}

/* Memory that nobody has touched costs next to nothing. */
static void memory_on_demand(void)
{
    enum { SIZE = 16 << 20 };
    char *memory = sbrk(SIZE);
    CHECK(memory != (void *)-1);
    struct process_info info = process_now(getpid());
    for (size_t at = 0; at < SIZE; at += 64 * PAGE)
        memory[at] = 1;
    uint64_t more = process_now(getpid()).memory_pages - info.memory_pages;
    CHECK(more >= SIZE / (64 * PAGE) && more < 2 * SIZE / (64 * PAGE));
    for (size_t at = 0; at < SIZE; at += 64 * PAGE)
        CHECK(memory[at] == 1 && memory[at + 100] == 0);
}

static int recurse(size_t bytes)
{
    volatile char page[PAGE];
    page[0] = 1;
    if (bytes <= PAGE)
        return page[0];
    int sum = recurse(bytes - PAGE);
    return sum + page[0];
}

static void recurse_to(void *bytes)
{
    recurse((size_t)bytes);
}

static void stack_grows(void)
{
    for (uint64_t size = 64 << 10; size <= 7 << 20; size *= 2)
        ends_well(start(recurse_to, (void *)size));
    ends_well(start(recurse_to, (void *)(uintptr_t)(7 << 20)));
    ends_by(start(recurse_to, (void *)(uintptr_t)(9 << 20)), SIGSEGV);
}

/* The stack need not be touched in order, and the kernel may be the first to touch it. */
static void stack_in_any_order(void)
{
    volatile char big[4 << 20];
    int fds[2];
    for (size_t at = 0; at < sizeof(big); at += 999 * 1000)
        big[at] = 1;
    CHECK_IS(big[0] + big[1], 1);
    CHECK_IS(pipe(fds), 0);
    CHECK_IS(write(fds[1], "bytes", 5), 5);
    CHECK_IS(read(fds[0], (char *)big + (2 << 20) + 12345, 5), 5);
    CHECK_IS(big[(2 << 20) + 12346], 'y');
}

static void touch_below_the_stack(void *distance)
{
    touch((void *)((uintptr_t)0x7ffffffff000 - (uintptr_t)distance));
}

static void stack_has_a_guard(void)
{
    ends_well(start(touch_below_the_stack, (void *)(uintptr_t)((8 << 20) - PAGE)));
    ends_by(start(touch_below_the_stack, (void *)(uintptr_t)((8 << 20) + 1)), SIGSEGV);
    ends_by(start(touch_below_the_stack, (void *)(uintptr_t)((8 << 20) + PAGE)), SIGSEGV);
    ends_by(start(touch_below_the_stack, (void *)(uintptr_t)(1 << 30)), SIGSEGV);
}

/* Parent, child and grandchild write the same pages; each sees its own. */
static void copy_on_write(void)
{
    enum { SIZE = 64 * PAGE };
    static uint64_t data[SIZE / 8];
    uint64_t *heap = sbrk(SIZE);
    CHECK(heap != (void *)-1);
    heap = (uint64_t *)(((uint64_t)heap + 7) & ~7UL);
    fill(data, SIZE, 1);
    fill(heap, SIZE - 8, 2);
    pid_t pid = fork();
    if (pid == 0) {
        CHECK(is_filled(data, SIZE, 1) && is_filled(heap, SIZE - 8, 2));
        fill(data, SIZE / 2, 3);
        pid_t grandchild = fork();
        if (grandchild == 0) {
            CHECK(is_filled(data, SIZE / 2, 3));
            fill(data, SIZE, 4);
            fill(heap, SIZE - 8, 5);
            for (int i = 0; i < 20; i++) {
                folio_yield();
                CHECK(is_filled(data, SIZE, 4) && is_filled(heap, SIZE - 8, 5));
            }
            _exit(0);
        }
        for (int i = 0; i < 20; i++) {
            folio_yield();
            CHECK(is_filled(data, SIZE / 2, 3) && is_filled(heap, SIZE - 8, 2));
        }
        ends_well(grandchild);
        CHECK(is_filled(data, SIZE / 2, 3) && is_filled(heap, SIZE - 8, 2));
        _exit(0);
    }
    for (int i = 0; i < 20; i++) {
        folio_yield();
        CHECK(is_filled(data, SIZE, 1));
    }
    fill(heap, SIZE - 8, 6);
    ends_well(pid);
    CHECK(is_filled(data, SIZE, 1) && is_filled(heap, SIZE - 8, 6));
}

/* The kernel writes for the child: into the child's copy only. */
static void copy_on_kernel_write(void)
{
    static char page[PAGE];
    int fds[2];
    memset(page, 'p', sizeof(page));
    CHECK_IS(pipe(fds), 0);
    CHECK_IS(write(fds[1], "child", 5), 5);
    pid_t pid = fork();
    if (pid == 0) {
        CHECK_IS(read(fds[0], page + 10, 5), 5);
        CHECK(memcmp(page + 9, "pchildp", 7) == 0);
        struct stat status;
        CHECK_IS(stat("/", (struct stat *)(page + 1024)), 0);
        CHECK_IS(stat("/", &status), 0);
        CHECK(memcmp(page + 1024, &status, sizeof(status)) == 0);
        _exit(0);
    }
    ends_well(pid);
    for (int i = 0; i < PAGE; i++)
        CHECK_IS(page[i], 'p');
}

/* The last owner of a shared page need not copy it. */
static void copies_are_not_made_in_vain(void)
{
    enum { SIZE = 128 * PAGE };
    static uint64_t data[SIZE / 8];
    fill(data, SIZE, 1);
    ends_well(start((void (*)(void *))folio_yield, NULL));
    uint64_t before = system_now().memory_free;
    fill(data, SIZE, 2);
    uint64_t after = system_now().memory_free;
    CHECK(before < after + 16 * PAGE);
}

static void eat_all(void *unused)
{
    (void)unused;
    for (;;) {
        char *memory = sbrk(1 << 20);
        if (memory == (void *)-1)
            _exit(3);
        for (size_t at = 0; at < 1 << 20; at += PAGE)
            memory[at] = 1;
    }
}

/* One that eats all memory gets an error or ends; others go on. */
static void memory_runs_out(void)
{
    for (int round = 0; round < 2; round++) {
        int status = status_of(start(eat_all, NULL));
        CHECK(status == 3 << 8 || WIFSIGNALED(status));
        ends_well(start((void (*)(void *))folio_yield, NULL));
    }
}

static void wait_and_write(void *pages)
{
    char *memory = sbrk((intptr_t)pages * PAGE);
    CHECK(memory != (void *)-1);
    pause_for(300 * MILLISECOND);
    for (size_t at = 0; at < (size_t)pages * PAGE; at += PAGE)
        memory[at] = 1;
}

/* The one with the most memory ends, and it alone: the small ones that need pages at the same time
 * get them. */
static void the_greediest_ends(void)
{
    enum { SMALL = 6 };
    pid_t small[SMALL];
    for (int i = 0; i < SMALL; i++)
        small[i] = start(wait_and_write, (void *)20);
    pid_t greedy = fork();
    if (greedy == 0) {
        for (;;) {
            char *page = sbrk(PAGE);
            if (page == (void *)-1)
                pause_for(MILLISECOND); /* all is promised: it holds it, and waits */
            else
                page[0] = 1;
        }
    }
    for (int i = 0; i < SMALL; i++)
        ends_well(small[i]);
    ends_by(greedy, SIGKILL);
}

/* A page in every 2 MiB: as many leaf tables as pages. */
static void write_far_apart(void *ready)
{
    enum { SPAN = 2 << 20 };
    uint64_t pages = system_now().memory_total / PAGE * 11 / 40;
    char *memory = mmap(NULL, pages * SPAN, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(memory != MAP_FAILED);
    for (uint64_t i = 0; i < pages; i++)
        memory[i * SPAN] = 1;
    CHECK_IS(write(*(int *)ready, "", 1), 1);
    block_forever(NULL);
}

/* Tables count like pages: who has fewer pages and more tables has more. It ends though it is
 * stopped. */
static void tables_are_memory(void)
{
    int ready[2], status;
    char byte;
    CHECK_IS(pipe(ready), 0);
    pid_t wide = start(write_far_apart, &ready[1]);
    CHECK_IS(read(ready[0], &byte, 1), 1);
    CHECK_IS(kill(wide, SIGSTOP), 0);
    CHECK_IS(waitpid(wide, &status, WUNTRACED), wide);
    pid_t dense = fork();
    if (dense == 0) {
        uint64_t free = system_now().memory_free;
        char *memory = mmap(NULL, 2 * free, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        CHECK(memory != MAP_FAILED);
        for (size_t at = 0; at < free + 100 * PAGE; at += PAGE)
            memory[at] = 1;
        _exit(0);
    }
    ends_by(wide, SIGKILL);
    ends_well(dense);
}

static void touch_more_than_there_is(void *unused)
{
    (void)unused;
    size_t size = 2 * system_now().memory_total;
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(memory != MAP_FAILED);
    for (size_t at = 0; at < size; at += PAGE)
        memory[at] = 1;
    _exit(5);
}

static unsigned count_in_log(const char *words)
{
    static char log[32768];
    unsigned count = 0;
    int64_t size = by_syscall(SYS_KERNEL_LOG, (uint64_t)log, sizeof(log) - 1, 0);
    CHECK(size > 0);
    log[size] = '\0';
    for (const char *at = log; (at = strstr(at, words)); at++)
        count++;
    return count;
}

/* However many are short at once, one ends after the other, and the log has a line for each. */
static void each_end_is_told_once(void)
{
    enum { COUNT = 4 };
    pid_t pids[COUNT];
    char words[64];
    for (int i = 0; i < COUNT; i++)
        pids[i] = start(touch_more_than_there_is, NULL);
    for (int i = 0; i < COUNT; i++)
        ends_by(pids[i], SIGKILL);
    for (int i = 0; i < COUNT; i++) {
        snprintf(words, sizeof(words), "(%ld) has the most", pids[i]);
        CHECK_IS(count_in_log(words), 1);
    }
}

static void two_eat_all_memory(void)
{
    pid_t one = start(eat_all, NULL), two = start(eat_all, NULL);
    int status = status_of(one);
    CHECK(status == 3 << 8 || WIFSIGNALED(status));
    status = status_of(two);
    CHECK(status == 3 << 8 || WIFSIGNALED(status));
}

/* Promised much more than there is, then touched. */
static void touch_what_was_promised(void *unused)
{
    (void)unused;
    uint64_t total = system_now().memory_total;
    char *memory = sbrk((intptr_t)(2 * total));
    if (memory == (void *)-1)
        _exit(0);
    for (size_t at = 0; at < 2 * total; at += PAGE)
        memory[at] = 1;
    _exit(5);
}

static void promises_run_out(void)
{
    int status = status_of(start(touch_what_was_promised, NULL));
    CHECK(status == 0 || WIFSIGNALED(status));
}

/* Holds all memory but as many bytes as the numbers say that come through the pipe, one after the
 * other; says each time when that is reached. */
static void hold_memory(int orders, int ready)
{
    for (uint64_t left; read(orders, &left, sizeof(left)) == sizeof(left);) {
        while (system_now().memory_free > left) {
            char *page = sbrk(PAGE);
            if (page == (void *)-1)
                break;
            page[PAGE - 1] = 1;
        }
        write(ready, "", 1);
    }
}

static void do_all_kinds_of_things(void)
{
    static char bytes[PAGE];
    int fds[2];
    for (int i = 0; i < 10; i++) {
        struct stat status;
        pid_t pid = fork();
        if (pid == 0) {
            execve("/bin/true", (char *[]){ "true", NULL }, environ);
            _exit(0);
        }
        if (pid > 0)
            waitpid(pid, NULL, 0);
        if (pipe(fds) == 0) {
            fcntl(fds[1], F_SETFL, O_NONBLOCK);
            for (int n = 0; n < 20; n++)
                write(fds[1], bytes, sizeof(bytes));
            close(fds[0]);
            close(fds[1]);
        }
        char name[32];
        snprintf(name, sizeof(name), "file%d", i);
        int fd = open(name, O_RDWR | O_CREAT, 0644);
        write(fd, bytes, sizeof(bytes));
        close(fd);
        snprintf(name, sizeof(name), "folder%d", i);
        mkdir(name, 0755);
        stat(name, &status);
        for (int n = 0; n < 40; n++)
            dup(0);
        char *page = sbrk(PAGE);
        if (page != (void *)-1)
            page[0] = 1;
    }
}

/* With a little memory left, every call either works or fails; nothing is lost, nothing breaks.
 * The workers are made while there is memory, and work one after the other while less and less is
 * left. The holder may be ended for its greed; then the rest work in plenty. */
static void calls_with_little_memory(void)
{
    enum { WORKERS = 24 };
    int orders[2], ready[2], begin[WORKERS][2];
    pid_t workers[WORKERS];
    char byte;
    CHECK_IS(pipe2(orders, O_CLOEXEC), 0);
    CHECK_IS(pipe2(ready, O_CLOEXEC), 0);
    for (int i = 0; i < WORKERS; i++) {
        CHECK_IS(pipe2(begin[i], O_CLOEXEC), 0);
        workers[i] = fork();
        CHECK(workers[i] >= 0);
        if (workers[i] == 0) {
            for (int j = 0; j <= i; j++)
                close(begin[j][1]);
            close(ready[1]);            /* so that the holder's end can be seen */
            read(begin[i][0], &byte, 1);
            do_all_kinds_of_things();
            _exit(0);
        }
    }
    pid_t holder = fork();
    CHECK(holder >= 0);
    if (holder == 0) {
        for (int i = 0; i < WORKERS; i++)
            close(begin[i][1]);
        close(orders[1]);
        close(ready[0]);
        hold_memory(orders[0], ready[1]);
        _exit(0);
    }
    close(ready[1]);                    /* not orders[0]: an order may come too late */
    errno = 0;                          /* a page of ours, before there are no more */
    for (uint64_t i = WORKERS; i-- > 0;) {
        uint64_t left = (i < 12 ? i : 12 + (i - 12) * 8) * PAGE;
        if (waitpid(holder, NULL, WNOHANG) == 0) {
            if (write(orders[1], &left, sizeof(left)) == sizeof(left))
                read(ready[0], &byte, 1);
        }
        close(begin[i][1]);
        int status = status_of(workers[i]);
        CHECK(status == 0 || WIFSIGNALED(status));
    }
    close(orders[1]);
    waitpid(holder, NULL, 0);
}

/* Many address spaces, one after the other and at once, each with a pattern of its own. */
static void show_pattern(void *seed)
{
    static uint64_t data[2 * PAGE / 8];
    fill(data, sizeof(data), (uint64_t)seed);
    for (int i = 0; i < 5; i++) {
        folio_yield();
        CHECK(is_filled(data, sizeof(data), (uint64_t)seed));
    }
}

static void many_spaces(void)
{
    enum { AT_ONCE = 20, ROUNDS = 15 };
    pid_t pids[AT_ONCE];
    for (uint64_t round = 0; round < ROUNDS; round++) {
        for (uint64_t i = 0; i < AT_ONCE; i++)
            pids[i] = start(show_pattern, (void *)(round * AT_ONCE + i));
        for (int i = 0; i < AT_ONCE; i++)
            ends_well(pids[i]);
    }
}

/* Frames that come back to another process are cleared before. */
static void memory_is_cleared(void)
{
    enum { SIZE = 2 << 20 };
    for (int round = 0; round < 4; round++) {
        pid_t pid = fork();
        if (pid == 0) {
            uint64_t *memory = sbrk(SIZE);
            CHECK(memory != (void *)-1);
            memory = (uint64_t *)(((uint64_t)memory + PAGE) & ~(uint64_t)(PAGE - 1));
            for (size_t i = 0; i < (SIZE - PAGE) / 8; i++) {
                CHECK_IS(memory[i], 0);
                memory[i] = 0x5ec7e75ec7e75ec7;
            }
            _exit(0);
        }
        ends_well(pid);
    }
}

/* Each faults all the time, at addresses that the others don't have. */
static void fault_at(void *start)
{
    enum { COUNT = 64 };
    uint64_t end = folio_clock() + 700 * MILLISECOND;
    while (folio_clock() < end) {
        char *pages = mmap(start, COUNT * PAGE, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        CHECK(pages == start);
        for (int i = 0; i < COUNT; i++)
            pages[i * PAGE + i] = (char)i;
        for (int i = 0; i < COUNT; i++)
            CHECK_IS(pages[i * PAGE + i], i);
        CHECK_IS(munmap(pages, COUNT * PAGE), 0);
    }
}

/* A fault that takes another one's address for its own has nothing there. */
static void faults_side_by_side(void)
{
    enum { AT_ONCE = 8 };
    pid_t pids[AT_ONCE];
    for (int i = 0; i < AT_ONCE; i++)
        pids[i] = start(fault_at, (void *)(0x100000000 + i * 0x10000000ull));
    for (int i = 0; i < AT_ONCE; i++)
        ends_well(pids[i]);
}

const struct test memory_tests[] = {
    TEST(break_moves), TEST(break_is_refused), TEST(break_has_an_end), TEST(memory_on_demand),
    TEST(stack_grows), TEST(stack_in_any_order), TEST(stack_has_a_guard), TEST(copy_on_write),
    TEST(copy_on_kernel_write), TEST(copies_are_not_made_in_vain), TEST(many_spaces),
    TEST(memory_is_cleared), TEST(faults_side_by_side), LONG_TEST(memory_runs_out, 20), LONG_TEST(two_eat_all_memory, 20),
    LONG_TEST(the_greediest_ends, 20), LONG_TEST(tables_are_memory, 20),
    LONG_TEST(each_end_is_told_once, 20),
    LONG_TEST(promises_run_out, 20), LONG_TEST(calls_with_little_memory, 30),
    { NULL, NULL, 0 },
};

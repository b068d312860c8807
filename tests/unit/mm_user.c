// sources: kernel/mm/user.c kernel/mm/space.c kernel/mm/fault.c kernel/mm/copy.c kernel/mm/lend.c kernel/mm/map.c kernel/mm/break.c kernel/mm/page_table.c kernel/mm/object.c kernel/mm/frame.c kernel/mm/failure.c kernel/arch/spinlock.c kernel/lib/check.c
// User copies refuse every bad pointer and bring in every good page; the break moves as it should.

#include "host.h"

#include <string.h>

#include <folio/errno.h>

#include "arch/cpu.h"
#include "arch/paging.h"
#include "arch/spinlock.h"
#include "arch/trap.h"
#include "arch/user_copy.h"
#include "mm/frame.h"
#include "mm/object.h"
#include "mm/space.h"
#include "mm/user.h"

enum { DATA = 0x400000, CODE = 0x500000, SPARE = 0x600000, PAGE = 4096 };

static struct space *space;
static struct space *current_space(void) { return space; }

// The copy routine of the kernel, byte by byte. Which side is the program's, the test says.
static bool to_program;

size_t user_copy_raw(void *to, const void *from, size_t size)
{
    uint64_t address = to_program ? (uint64_t)to : (uint64_t)from;
    CHECK(size == 0 || (address < USER_END && size <= USER_END - address), "the copy would touch the kernel");
    for (size_t i = 0; i < size; i++) {
        bool done = to_program ? host_store((uint64_t)to + i, ((const uint8_t *)from)[i])
                               : host_load((uint64_t)from + i, (uint8_t *)to + i);
        if (!done)
            return size - i;
    }
    return 0;
}

static int read_from(void *to, uint64_t from, size_t n)
{
    to_program = false;
    return user_read(to, from, n);
}

static int write_to(uint64_t to, const void *from, size_t n)
{
    to_program = true;
    return user_write(to, from, n);
}

static int64_t read_string(char *to, uint64_t from, size_t size)
{
    to_program = false;
    return user_read_string(to, from, size);
}

static void check_bad_pointers(void)
{
    static const struct {
        const char *name;
        uint64_t address;
        size_t n;
    } bad[] = {
        {"null", 0, 1},
        {"almost null", 8, 8},
        {"unmapped", 0x10000000, 1},
        {"into the unmapped", DATA + 4 * PAGE - 3, 4},
        {"from the unmapped", DATA - 1, 2},
        {"the kernel's image", KERNEL_BASE + 0x200000, 8},
        {"the direct map", KERNEL_HALF, 8},
        {"not canonical", 0x0000800000000000, 8},
        {"not canonical either", 0xdead00000000beef, 8},
        {"the last user page", USER_END, 1},
        {"across the end", USER_END - 1, 2},
        {"around to zero", UINT64_MAX - 3, 8},
        {"all of it", DATA, SIZE_MAX},
        {"almost all of it", DATA, SIZE_MAX - DATA},
        {"up to the end", DATA, USER_END - DATA},
    };
    static uint8_t buffer[16];
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        // Long ranges fail before the copy overruns the buffer: only four pages of them are mapped.
        static uint8_t large[8 * PAGE];
        void *here = bad[i].n > sizeof(buffer) ? (void *)large : (void *)buffer;
        CHECK(read_from(here, bad[i].address, bad[i].n) == -EFAULT, "read: %s", bad[i].name);
        CHECK(write_to(bad[i].address, here, bad[i].n) == -EFAULT, "write: %s", bad[i].name);
        if (bad[i].address != DATA && bad[i].address != DATA + 4 * PAGE - 3)
            CHECK(read_string((char *)here, bad[i].address, 16) == -EFAULT, "string: %s", bad[i].name);
    }
    CHECK(write_to(CODE, buffer, 1) == -EFAULT && read_from(buffer, CODE, 1) == 0);
    CHECK(read_from(buffer, 0, 0) == 0 && write_to(UINT64_MAX, buffer, 0) == 0);
}

static void check_good_pointers(void)
{
    char text[3 * PAGE];
    char back[3 * PAGE];
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (char)(1 + i % 251);
    CHECK(read_from(back, DATA + 100, sizeof(back)) == 0);
    for (size_t i = 0; i < sizeof(back); i++)
        CHECK(back[i] == 0, "new pages are zero");
    CHECK(write_to(DATA + 100, text, sizeof(text)) == 0 && read_from(back, DATA + 100, sizeof(back)) == 0);
    CHECK(memcmp(text, back, sizeof(text)) == 0);

    // A write to a page that is shared after fork must not reach the child.
    struct space *child = space_fork(space);
    CHECK(write_to(DATA + 100, "parent", 6) == 0);
    struct space *parent = space;
    space = child;
    space_activate(child);
    CHECK(read_from(back, DATA + 100, 6) == 0 && memcmp(back, text, 6) == 0);
    space = parent;
    space_activate(parent);
    space_put(child);
}

static void check_strings(void)
{
    char to[300];
    char long_text[256];
    memset(long_text, 'x', sizeof(long_text));
    long_text[255] = '\0';
    for (size_t length = 0; length < sizeof(long_text); length++) {
        const char *text = long_text + 255 - length;
        // Ending in the last byte before unmapped memory.
        uint64_t address = DATA + 4 * PAGE - (length + 1);
        CHECK(write_to(address, text, length + 1) == 0);
        memset(to, '?', sizeof(to));
        CHECK(read_string(to, address, sizeof(to)) == (int64_t)length && strcmp(to, text) == 0, "%zu", length);
        CHECK(read_string(to, address, length + 1) == (int64_t)length, "%zu", length);
        CHECK(read_string(to, address, length) == -ENAMETOOLONG, "%zu", length);
    }
    CHECK(write_to(DATA + 4 * PAGE - 1, "x", 1) == 0);
    CHECK(read_string(to, DATA + 4 * PAGE - 20, sizeof(to)) == -EFAULT);
}

static void check_break(void)
{
    const uint64_t start = 0x800000;
    CHECK(space_break(space, 0) == 0 && space_break(space, 0x5000) == 0);
    space_set_break_start(space, start - 5);
    CHECK(space_break(space, 0) == start && space_break(space, start - 1) == start);
    size_t frames = frame_count_free();
    CHECK(space_break(space, start + 10) == start + 10);
    CHECK(host_store(start + 4095, 7) && !host_store(start + 4096, 7));
    CHECK(space_break(space, start + 5000) == start + 5000);
    CHECK(host_store(start + 8191, 8) && !host_store(start + 8192, 7));
    CHECK(space_break(space, start + 4096) == start + 4096 && !host_store(start + 4096, 7));
    uint8_t value = 0;
    CHECK(space_break(space, start + 3 * PAGE) == start + 3 * PAGE && host_load(start + 8191, &value) && value == 0);
    // Refused: more than there is, beyond the limit, into another area, around to zero.
    CHECK(space_break(space, start + (frame_count_free() + 4) * PAGE) == start + 3 * PAGE);
    CHECK(space_break(space, start + SPACE_BREAK_SIZE + 1) == start + 3 * PAGE);
    CHECK(space_break(space, UINT64_MAX) == start + 3 * PAGE);
    CHECK(space_map(space, start + 8 * PAGE, PAGE, MAP_READ, 0, NULL, 0) == 0);
    CHECK(space_break(space, start + 9 * PAGE) == start + 3 * PAGE);
    CHECK(space_break(space, start + 8 * PAGE) == start + 8 * PAGE);
    CHECK(space_break(space, start) == start && !host_load(start, &value));
    CHECK(frame_count_free() == frames, "the break keeps frames");
}

// The kernel may touch a program's pages in a copy, and never run them.
static void check_fetch_by_kernel(void)
{
    struct trap_frame fetch = {.error = FAULT_FETCH, .cs = 0x08};
    CHECK(!trap_hooks.page_fault(&fetch, CODE));
    fetch.cs = 0x33;
    CHECK(trap_hooks.page_fault(&fetch, CODE));
}

static int ended;
static void end_process(void) { ended++; }

static void hold_a_lock_and_copy(void)
{
    static struct spinlock lock = SPINLOCK("test");
    char byte;
    spin_lock(&lock);
    read_from(&byte, DATA, 1);
}

// A fault without a frame ends the process; a copy without one just fails.
static void check_exhaustion(void)
{
    while (frame_alloc(0) != NULL)
        continue;
    CHECK(space_fault(space, SPARE, FAULT_WRITE) == -ENOMEM);
    CHECK(space_fork(space) == NULL && space_create() == NULL);
    struct trap_frame of_user = {.error = FAULT_USER, .cs = 0x33};
    struct trap_frame of_kernel = {.cs = 0x08};
    space_exhausted = end_process;
    CHECK(!trap_hooks.page_fault(&of_kernel, SPARE) && ended == 0);
    CHECK(trap_hooks.page_fault(&of_user, SPARE) && ended == 1);
    CHECK(!trap_hooks.page_fault(&of_user, 0) && ended == 1);
    space_exhausted = NULL;
    CHECK(write_to(SPARE, "x", 1) == -ENOMEM && user_prepare(SPARE, 1) == -ENOMEM);
    CHECK(write_to(CODE, "x", 1) == -EFAULT && user_prepare(CODE, 1) == -EFAULT);
}

int main(void)
{
    host_machine(8 << 20);
    frame_init();
    space_init();
    space_current = current_space;
    size_t frames = frame_count_free();
    space = space_create();
    space_activate(space);
    CHECK(space_map(space, DATA, 4 * PAGE, MAP_READ | MAP_WRITE, 0, NULL, 0) == 0);
    CHECK(space_map(space, CODE, PAGE, MAP_READ | MAP_EXECUTE, 0, NULL, 0) == 0);
    check_good_pointers();
    check_bad_pointers();
    check_strings();
    check_break();
    check_fetch_by_kernel();
    CHECK(host_cpu.lock_depth == 0 && host_cpu.interrupts_on);
    CHECK(host_breaks(hold_a_lock_and_copy));
    space_activate(NULL);
    space_put(space);
    CHECK(frame_count_free() == frames && object_count_live() == 0);

    space = space_create();
    space_activate(space);
    CHECK(space_map(space, SPARE, PAGE, MAP_READ | MAP_WRITE, 0, NULL, 0) == 0);
    check_exhaustion();
    return 0;
}

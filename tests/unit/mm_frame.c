// sources: kernel/mm/frame.c kernel/mm/failure.c kernel/arch/spinlock.c kernel/lib/check.c
// The buddy allocator against a table that says who owns each frame.

#include "host.h"

#include <string.h>

#include "arch/boot.h"
#include "mm/frame.h"

enum { MEMORY = 24 << 20, FRAMES = MEMORY / FRAME_SIZE, BLOCKS = 512, STEPS = 200000 };

static uint16_t owner[FRAMES]; // 0: free, or the number of a block and 1
static struct block {
    struct frame *frame;
    unsigned order;
    unsigned references;
} blocks[BLOCKS];

// A machine with holes, whose ranges begin and end at odd frames.
static void start(void)
{
    host_machine(MEMORY);
    boot_info.range_count = 4;
    boot_info.ranges[0] = (struct memory_range){0, 160 * 4096};
    boot_info.ranges[1] = (struct memory_range){256 * 4096, 1023 * 4096};
    boot_info.ranges[2] = (struct memory_range){1025 * 4096, 1026 * 4096};
    boot_info.ranges[3] = (struct memory_range){2048 * 4096, MEMORY};
    frame_init();
}

static bool in_a_range(uint64_t start, uint64_t end)
{
    for (size_t i = 0; i < boot_info.range_count; i++)
        if (boot_info.ranges[i].start <= start && end <= boot_info.ranges[i].end)
            return true;
    return false;
}

static void stamp(struct block *block, uint64_t value)
{
    for (unsigned i = 0; i < 1u << block->order; i++) {
        uint64_t *words = frame_memory(block->frame + i);
        words[0] = words[511] = value;
    }
}

static void check_stamp(struct block *block, uint64_t value)
{
    for (unsigned i = 0; i < 1u << block->order; i++) {
        uint64_t *words = frame_memory(block->frame + i);
        CHECK(words[0] == value && words[511] == value, "somebody wrote into a block in use");
    }
}

static size_t in_use;

static void take(size_t n)
{
    struct block *block = &blocks[n];
    block->order = host_random(4) == 0 ? (unsigned)host_random(FRAME_ORDERS) : (unsigned)host_random(3);
    block->frame = frame_alloc(block->order);
    if (block->frame == NULL)
        return;
    block->references = 1;
    uint64_t address = frame_address(block->frame);
    uint64_t size = (uint64_t)FRAME_SIZE << block->order;
    CHECK(address != 0 && address % size == 0, "order %u at %#lx", block->order, address);
    CHECK(in_a_range(address, address + size), "order %u at %#lx is not memory", block->order, address);
    CHECK(frame_at(address + 17) == block->frame && frame_references(block->frame) == 1);
    for (uint64_t f = address / FRAME_SIZE; f < (address + size) / FRAME_SIZE; f++) {
        CHECK(owner[f] == 0, "frame %lu handed out twice", f);
        owner[f] = (uint16_t)(n + 1);
    }
    in_use += 1u << block->order;
    stamp(block, n);
}

static void let_go(size_t n)
{
    struct block *block = &blocks[n];
    check_stamp(block, n);
    if (block->references < 4 && host_random(4) == 0) {
        CHECK(frame_get(block->frame) == block->frame);
        block->references++;
        return;
    }
    CHECK(frame_references(block->frame) == block->references);
    uint64_t first = frame_address(block->frame) / FRAME_SIZE;
    frame_put(block->frame);
    if (--block->references > 0)
        return;
    memset(&owner[first], 0, sizeof(owner[0]) << block->order);
    in_use -= 1u << block->order;
    block->frame = NULL;
}

// With everything free again, there must be as many of the largest blocks as the ranges can hold.
static void check_joined(void)
{
    size_t largest = 0;
    uint64_t step = (uint64_t)FRAME_SIZE << (FRAME_ORDERS - 1);
    for (uint64_t at = step; at < MEMORY; at += step)
        if (in_a_range(at, at + step))
            largest++;
    size_t found = 0;
    while (frame_alloc(FRAME_ORDERS - 1) != NULL)
        found++;
    CHECK(found == largest && found > 0, "%zu of %zu large blocks", found, largest);
}

static void put_twice(void)
{
    struct frame *frame = frame_alloc(0);
    frame_put(frame);
    frame_put(frame);
}

static void get_a_free_one(void)
{
    struct frame *frame = frame_alloc(0);
    frame_put(frame);
    frame_get(frame);
}

// Every frame, one by one, each of them empty; then all of them back.
static void take_all(void)
{
    static struct frame *taken[FRAMES];
    size_t total = frame_count_total();
    size_t count = 0;
    while ((taken[count] = frame_alloc_zeroed()) != NULL) {
        uint64_t *words = frame_memory(taken[count++]);
        for (int i = 0; i < 512; i++)
            CHECK(words[i] == 0);
        memset(words, 0xa5, FRAME_SIZE);
    }
    CHECK(count == total && frame_count_free() == 0, "%zu of %zu frames one by one", count, total);
    while (count > 0)
        frame_put(taken[--count]);
    CHECK(frame_count_free() == total);
}

int main(void)
{
    start();
    size_t total = frame_count_total();
    CHECK(total == frame_count_free() && total > FRAMES - 1200, "%zu frames", total);
    take_all();
    for (int step = 0; step < STEPS; step++) {
        size_t n = host_random(BLOCKS);
        if (blocks[n].frame == NULL)
            take(n);
        else
            let_go(n);
        CHECK(frame_count_free() == total - in_use);
    }
    for (size_t n = 0; n < BLOCKS; n++)
        while (blocks[n].frame != NULL)
            let_go(n);
    CHECK(frame_count_free() == total);
    CHECK(host_breaks(put_twice) && host_breaks(get_a_free_one));
    check_joined();
    return 0;
}

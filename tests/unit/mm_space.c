// sources: kernel/mm/space.c kernel/mm/fault.c kernel/mm/copy.c kernel/mm/lend.c kernel/mm/map.c kernel/mm/shared.c kernel/mm/page_table.c kernel/mm/object.c kernel/mm/frame.c kernel/mm/failure.c kernel/arch/spinlock.c kernel/lib/check.c
// flags: -Wl,--wrap=frame_put
// Address spaces that map, unmap, protect, move, discard, fork, read and write at random, each against an
// array of pages, on several processors. Accesses go through TLBs that forget nothing by themselves. Now and
// then memory is short.

#include "host.h"

#include <string.h>

#include <folio/errno.h>

#include "arch/cpu.h"
#include "arch/paging.h"
#include "mm/area.h"
#include "mm/frame.h"
#include "mm/object.h"
#include "mm/space.h"

enum { REGIONS = 3, REGION_PAGES = 24, PAGES = REGIONS * REGION_PAGES, SPACES = 6, OBJECTS = 3, STEPS = 200000 };

// Each region straddles a border between tables: of 2 MiB, of 1 GiB, of 512 GiB.
static const uint64_t borders[REGIONS] = {0x600000, 0x40000000, 0x8000000000};

static uint64_t page_address(size_t page)
{
    return borders[page / REGION_PAGES] + (page % REGION_PAGES - REGION_PAGES / 2) * 4096;
}

// A frame must not go back to the allocator while a processor may still reach it, by an old translation or as the
// root of its tables.

void __real_frame_put(struct frame *frame);
void __wrap_frame_put(struct frame *frame);

void __wrap_frame_put(struct frame *frame)
{
    CHECK(frame_references(frame) > 1 || !host_remembers(frame_address(frame)), "freed before it is forgotten");
    CHECK(frame_references(frame) > 1 || !host_has_loaded(frame_address(frame)), "freed while it is loaded");
    __real_frame_put(frame);
}

// Files of a few pages.

enum { OBJECT_PAGES = 16 };

static struct file {
    struct memory_object object;
    int references;
    struct frame *pages[OBJECT_PAGES];
} files[OBJECTS];

static void somebody_else(void);

static struct frame *file_frame(struct memory_object *object, uint64_t index, int *error)
{
    struct file *file = CONTAINER_OF(object, struct file, object);
    CHECK(host_cpu.lock_depth == 0 && file->references > 0 && *error == -ENXIO);
    if (host_random(4) == 0)
        somebody_else();
    return index < OBJECT_PAGES ? frame_get(file->pages[index]) : NULL;
}

static void file_get(struct memory_object *object) { CONTAINER_OF(object, struct file, object)->references++; }

static void file_put(struct memory_object *object)
{
    struct file *file = CONTAINER_OF(object, struct file, object);
    CHECK(host_cpu.lock_depth == 0 && file->references > 0);
    file->references--;
}

static const struct memory_object_operations file_operations = {file_frame, file_get, file_put};

static uint8_t file_byte(size_t file, uint64_t index) { return (uint8_t)(100 + 50 * file + index); }

// What each page of a file holds by now, in its first and its last byte: shared maps write to it.
static uint8_t file_values[OBJECTS][OBJECT_PAGES][2];

static void make_files(void)
{
    for (size_t f = 0; f < OBJECTS; f++) {
        files[f].object.operations = &file_operations;
        for (size_t i = 0; i < OBJECT_PAGES; i++) {
            files[f].pages[i] = frame_alloc(0);
            memset(frame_memory(files[f].pages[i]), file_byte(f, i), FRAME_SIZE);
            memset(file_values[f][i], file_byte(f, i), 2);
        }
    }
}

static void check_files(void)
{
    for (size_t f = 0; f < OBJECTS; f++)
        for (size_t i = 0; i < OBJECT_PAGES; i++) {
            uint8_t *bytes = frame_memory(files[f].pages[i]);
            CHECK(bytes[0] == file_values[f][i][0] && bytes[4095] == file_values[f][i][1], "a write reached a file");
            CHECK(bytes[1] == file_byte(f, i) && frame_references(files[f].pages[i]) == 1);
        }
}

// What each space should hold.

struct model {
    struct space *space; // NULL: unused
    struct page {
        bool mapped, there, shared;
        bool written; // a private page of its own, that shows the file no more
        unsigned protection;
        int file;       // -1: zeros
        uint64_t index; // in the file
        uint8_t values[2]; // of the first and the last byte
    } pages[PAGES];
};

// Where the values of a page are now: in the file, or its own.
static uint8_t *values_of(struct page *page)
{
    if (page->file < 0 || page->written || page->index >= OBJECT_PAGES)
        return page->values;
    return file_values[page->file][page->index];
}

static void write_value(struct page *page, size_t end, uint8_t value)
{
    if (!page->shared && !page->written) {
        memcpy(page->values, values_of(page), 2);
        page->written = true;
    }
    values_of(page)[end] = value;
    page->there = true;
}

static struct model models[SPACES];
static struct model *actives[HOST_CPUS];
#define active actives[host_cpu.number]
static struct model *faulting; // whose page is being brought in
static bool memory_is_short;

static struct space *current_space(void) { return active != NULL ? active->space : NULL; }

static void activate(struct model *model)
{
    active = model;
    space_activate(model != NULL ? model->space : NULL);
}

// A run of pages that stays within one region.
static void random_range(size_t *first, size_t *count)
{
    *first = host_random(PAGES);
    *count = 1 + host_random(REGION_PAGES - *first % REGION_PAGES);
}

static void map(struct model *model)
{
    size_t first, count;
    random_range(&first, &count);
    int file = (int)host_random(OBJECTS * 2) - OBJECTS;
    struct page page = {.mapped = true, .protection = (unsigned)host_random(8), .file = MAX(file, -1)};
    uint64_t offset = page.file >= 0 ? host_random(OBJECT_PAGES) : 0;
    page.shared = page.file >= 0 && host_random(2) == 0;
    bool free = true;
    for (size_t i = first; i < first + count; i++)
        free = free && !model->pages[i].mapped;
    int result = space_map(model->space, page_address(first), count * 4096, page.protection,
                           page.shared ? AREA_SHARED : 0,
                           page.file >= 0 ? &files[page.file].object : NULL, offset * 4096);
    if (memory_is_short && result == -ENOMEM)
        return;
    CHECK(result == (free ? 0 : -EEXIST), "%d", result);
    for (size_t i = first; result == 0 && i < first + count; i++) {
        page.index = offset + i - first;
        model->pages[i] = page;
    }
}

static void unmap(struct model *model)
{
    size_t first, count;
    random_range(&first, &count);
    int result = space_unmap(model->space, page_address(first), count * 4096);
    if (memory_is_short && result == -ENOMEM)
        return;
    CHECK(result == 0, "%d", result);
    memset(&model->pages[first], 0, count * sizeof(struct page));
}

static bool all_mapped(struct model *model, size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++)
        if (!model->pages[i].mapped)
            return false;
    return true;
}

static void protect(struct model *model)
{
    size_t first, count;
    random_range(&first, &count);
    unsigned protection = (unsigned)host_random(8);
    int result = space_protect(model->space, page_address(first), count * 4096, protection);
    if (memory_is_short && result == -ENOMEM)
        return;
    CHECK(result == (all_mapped(model, first, count) ? 0 : -ENOMEM), "%d", result);
    for (size_t i = first; result == 0 && i < first + count; i++)
        model->pages[i].protection = protection;
}

static void forget_page(struct page *page)
{
    page->there = page->written = false;
    page->values[0] = page->values[1] = 0;
}

static void discard(struct model *model)
{
    size_t first, count;
    random_range(&first, &count);
    int result = space_discard(model->space, page_address(first), count * 4096);
    if (memory_is_short && result == -ENOMEM)
        return;
    CHECK(result == (all_mapped(model, first, count) ? 0 : -ENOMEM), "%d", result);
    for (size_t i = first; result == 0 && i < first + count; i++)
        forget_page(&model->pages[i]);
}

// Pages that a range gets when it grows: like its last, but new.
static void grow_pages(struct page *pages, size_t count, size_t new_count)
{
    for (size_t i = count; i < new_count; i++) {
        pages[i] = pages[i - 1];
        pages[i].index++;
        forget_page(&pages[i]);
    }
}

static void move(struct model *model)
{
    static struct page moved[REGION_PAGES];
    size_t first, count, to, new_count;
    random_range(&first, &count);
    random_range(&to, &new_count);
    if (to < first + count && first < to + new_count)
        return;
    bool free = true;
    for (size_t i = to; i < to + new_count; i++)
        free = free && !model->pages[i].mapped;
    int64_t result = space_move(model->space, page_address(first), count * 4096, new_count * 4096, page_address(to));
    if (memory_is_short && result == -ENOMEM)
        return;
    CHECK(result == -EFAULT || result == (free ? (int64_t)page_address(to) : -EEXIST), "%ld", result);
    CHECK(result != -EFAULT || count > 1 || !model->pages[first].mapped);
    if (result < 0)
        return;
    CHECK(all_mapped(model, first, count));
    memcpy(moved, &model->pages[first], MIN(count, new_count) * sizeof(moved[0]));
    grow_pages(moved, count, new_count);
    memset(&model->pages[first], 0, count * sizeof(moved[0]));
    memcpy(&model->pages[to], moved, new_count * sizeof(moved[0]));
}

static void extend(struct model *model)
{
    size_t first, count;
    random_range(&first, &count);
    size_t most = REGION_PAGES - first % REGION_PAGES;
    size_t new_count = count + host_random(most - count + 1);
    int result = space_extend(model->space, page_address(first), count * 4096, new_count * 4096);
    if (result != 0)
        return;
    CHECK(all_mapped(model, first, count));
    for (size_t i = first + count; i < first + new_count; i++)
        CHECK(!model->pages[i].mapped);
    grow_pages(&model->pages[first], count, new_count);
}

// The entry in the space's tables.
static uint64_t entry_of(struct model *model, size_t page)
{
    uint64_t next;
    spin_lock(&model->space->lock);
    uint64_t *leaf = page_table_leaf(model->space->root, page_address(page), &next);
    uint64_t entry = leaf != NULL ? leaf[page_table_index(page_address(page))] : 0;
    spin_unlock(&model->space->lock);
    return entry;
}

// A space is mapped and unmapped while it waits for a file's page: by another thread.
static void somebody_else(void)
{
    struct model *model = faulting;
    faulting = NULL;
    for (int i = 0; model != NULL && i < 4; i++) {
        unmap(model);
        map(model);
        protect(model);
    }
}

static bool may(struct page *page, unsigned how)
{
    return page->mapped && (page->protection & how) != 0 && (page->file < 0 || page->index < OBJECT_PAGES);
}

static void access_page(struct model *model, size_t number, unsigned how)
{
    struct page *page = &model->pages[number];
    size_t end = host_random(2);
    uint64_t address = page_address(number) + end * 4095;
    uint8_t value = (uint8_t)host_random(256);
    activate(model);
    // What the processor can't forbid: a page that is there can be read.
    bool readable = (entry_of(model, number) & PTE_PRESENT) != 0;
    bool might = may(page, how);
    faulting = model;
    bool done = how == MAP_READ ? host_load(address, &value)
        : how == MAP_WRITE      ? host_store(address, value)
                                : host_fetch(address);
    faulting = NULL;
    bool expected = may(page, how) || (readable && how == MAP_READ);
    // Memory may be out, or the page that was there to be fetched when the access began may not exist.
    if (!done && expected && (memory_is_short || !might))
        return;
    CHECK(done == expected, "page %zu, access %u, protection %u", number, how, page->protection);
    if (!done)
        return;
    page->there = true;
    if (how == MAP_WRITE)
        write_value(page, end, value);
    if (how == MAP_READ)
        CHECK(value == values_of(page)[end], "page %zu holds %u and not %u", number, value, values_of(page)[end]);
}

// Makes many pages and translations, so that a flush has more to forget than it can list.
static void access_all(struct model *model, unsigned how)
{
    for (size_t number = 0; number < PAGES; number++)
        access_page(model, number, how);
}

static void fork_space(struct model *model)
{
    struct model *child = NULL;
    for (size_t i = 0; i < SPACES; i++)
        if (models[i].space == NULL)
            child = &models[i];
    if (child == NULL)
        return;
    // The parent runs, with its translations warm.
    activate(model);
    struct space *space = space_fork(model->space);
    if (space == NULL) {
        CHECK(memory_is_short);
        return;
    }
    *child = *model;
    child->space = space;
    if (!memory_is_short)
        CHECK(space_resident(space) == space_resident(model->space));
}

// No thread runs in it any more, but a processor may still have it loaded.
static void drop(struct model *model)
{
    unsigned self = host_cpu.number;
    for (unsigned i = 0; i < HOST_CPUS; i++) {
        host_processor(i);
        if (model == active) {
            if (host_random(2) == 0)
                activate(NULL);
            active = NULL;
            space_borrow();
        }
    }
    host_processor(self);
    space_put(model->space);
    memset(model, 0, sizeof(*model));
}

// Writes through the tables, as exec does.
static void write_from_outside(struct model *model)
{
    size_t number = host_random(PAGES);
    struct page *page = &model->pages[number];
    uint8_t value = (uint8_t)host_random(256);
    bool might = may(page, MAP_WRITE);
    faulting = model;
    int result = value == 0 ? space_zero(model->space, page_address(number), 1)
                            : space_write(model->space, page_address(number), &value, 1);
    faulting = NULL;
    if ((memory_is_short && result == -ENOMEM) || (result == -EFAULT && !might))
        return;
    CHECK(result == (may(page, MAP_WRITE) ? 0 : -EFAULT), "%d", result);
    if (result == 0)
        write_value(page, 0, value);
}

static void check_all(struct model *model)
{
    size_t there = 0;
    for (size_t i = 0; i < PAGES; i++) {
        struct page *page = &model->pages[i];
        uint64_t entry = entry_of(model, i);
        spin_lock(&model->space->lock);
        struct area *area = area_find(model->space, page_address(i));
        spin_unlock(&model->space->lock);
        CHECK((area != NULL) == page->mapped, "page %zu", i);
        if (entry != 0) {
            there++;
            uint8_t *bytes = phys_to_virt(entry & PTE_ADDRESS);
            CHECK(bytes[0] == values_of(page)[0] && bytes[4095] == values_of(page)[1], "page %zu", i);
            CHECK(((entry & PTE_PRESENT) != 0) == (page->protection != 0), "page %zu", i);
        } else {
            CHECK(!page->there, "page %zu has gone", i);
        }
    }
    CHECK(there == space_resident(model->space));
}

// Holds memory back so that only a few frames are left, or gives all of it back.
static void squeeze(bool on)
{
    static struct frame *held[16384];
    static size_t count;
    if (on) {
        size_t left = host_random(12);
        while (frame_count_free() > left)
            held[count++] = frame_alloc(0);
    } else {
        while (count > 0)
            frame_put(held[--count]);
    }
    memory_is_short = on;
}

static struct model *random_model(void)
{
    // Mostly the same one as before, so that its translations get old.
    struct model *model = active != NULL && host_random(32) != 0 ? active : &models[host_random(SPACES)];
    if (model->space == NULL && host_random(4) == 0)
        model->space = space_create();
    return model->space != NULL ? model : NULL;
}

static void step(void)
{
    if (host_random(8) == 0)
        host_processor((unsigned)host_random(HOST_CPUS));
    struct model *model = random_model();
    uint64_t what = host_random(1000);
    if (model == NULL)
        return;
    if (what < 100)
        map(model);
    else if (what < 130)
        unmap(model);
    else if (what < 160)
        protect(model);
    else if (what < 175)
        discard(model);
    else if (what < 190)
        move(model);
    else if (what < 200)
        extend(model);
    else if (what < 450)
        access_page(model, host_random(PAGES), MAP_READ);
    else if (what < 840)
        access_page(model, host_random(PAGES), MAP_WRITE);
    else if (what < 850)
        access_all(model, host_random(2) == 0 ? MAP_WRITE : MAP_READ);
    else if (what < 880)
        access_page(model, host_random(PAGES), MAP_EXECUTE);
    else if (what < 930)
        write_from_outside(model);
    else if (what < 960)
        fork_space(model);
    else if (what < 970)
        drop(model);
    else if (what < 995)
        check_all(model);
    else
        squeeze(!memory_is_short);
}

static void check_arguments(void)
{
    struct space *space = space_create();
    size_t frames = frame_count_free();
    struct {
        uint64_t start, length;
    } bad[] = {{0, 4096}, {0x1001, 4096}, {0x1000, 0}, {0x1000, 1}, {USER_END, 4096}, {USER_END - 4096, 8192},
               {0x1000, USER_END}, {0x2000, UINT64_MAX - 0xfff}, {KERNEL_HALF, 4096}, {0x0000800000000000, 4096}};
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        CHECK(space_map(space, bad[i].start, bad[i].length, 3, 0, NULL, 0) == -EINVAL, "range %zu", i);
        CHECK(space_unmap(space, bad[i].start, bad[i].length) == -EINVAL, "range %zu", i);
    }
    CHECK(space_map(space, 0x1000, 4096, 3, 0, NULL, 1) == -EINVAL);
    CHECK(frame_count_free() == frames);

    // A stack and its guard keep others away, and the guard itself can't be touched.
    uint64_t stack = USER_END - SPACE_STACK_SIZE;
    CHECK(space_map(space, stack, SPACE_STACK_SIZE, 3, AREA_STACK, NULL, 0) == 0);
    CHECK(space_map(space, stack - 4096, 4096, 3, 0, NULL, 0) == -EEXIST);
    CHECK(space_map(space, stack - SPACE_STACK_GUARD, 4096, 3, 0, NULL, 0) == -EEXIST);
    CHECK(space_map(space, stack - SPACE_STACK_GUARD - 4096, 4096, 3, 0, NULL, 0) == 0);
    CHECK(space_map(space, stack - 0x10000000, 4096, 3, AREA_STACK, NULL, 0) == 0);
    CHECK(space_map(space, stack - SPACE_STACK_GUARD, 4096, 3, AREA_STACK, NULL, 0) == -EEXIST);
    CHECK(space_fault(space, USER_END - 1, FAULT_WRITE) == 0 && space_fault(space, stack, FAULT_WRITE) == 0);
    CHECK(space_fault(space, stack - 1, FAULT_WRITE) == -EFAULT && space_fault(space, USER_END, 0) == -EFAULT);
    CHECK(space_fault(space, KERNEL_HALF, 0) == -EFAULT && space_fault(space, 0, 0) == -EFAULT);

    // The whole of a large sparse range goes at once.
    CHECK(space_map(space, 0x10000000, 64ull << 30, 3, 0, NULL, 0) == 0);
    for (uint64_t at = 0; at < 64ull << 30; at += 3ull << 30)
        CHECK(space_fault(space, 0x10000000 + at, FAULT_WRITE) == 0);
    CHECK(space_unmap(space, 0x1000, USER_END - 0x1000) == 0 && space_resident(space) == 0);
    CHECK(frame_at(space->root)->entries == 0, "tables stay behind");
    space_put(space);
}

// What fork takes, and what parting takes, to the frame.
static void check_tables(void)
{
    enum { START = 0x40000000, PAGES_HERE = 3 * 512, AREAS = 1 };
    struct space *space = space_create();
    CHECK(space_map(space, START, PAGES_HERE * 4096, 3, 0, NULL, 0) == 0);
    for (uint64_t i = 0; i < PAGES_HERE; i++)
        CHECK(space_fault(space, START + i * 4096, FAULT_WRITE) == 0);
    size_t before = frame_count_free();
    struct space *child = space_fork(space);
    CHECK(child != NULL && space_resident(child) == PAGES_HERE);
    CHECK(before - frame_count_free() <= 3 + AREAS, "a root and two upper tables, no leaf: %zu",
          before - frame_count_free());
    size_t forked = frame_count_free();
    CHECK(space_fault(child, START, FAULT_WRITE) == 0 && space_fault(child, START + 4096, FAULT_WRITE) == 0);
    CHECK(forked - frame_count_free() == 3, "one leaf table and two pages");
    // The parent takes its table back, and the pages that only it has by now.
    CHECK(space_fault(space, START, FAULT_WRITE) == 0 && forked - frame_count_free() == 3);
    // A page that both show still has to be copied; the parent's first table is its own again.
    CHECK(space_fault(space, START + 2 * 4096, FAULT_WRITE) == 0 && forked - frame_count_free() == 4);
    // The grandchild shows the child's tables, and the parent's through them.
    struct space *grandchild = space_fork(child);
    CHECK(grandchild != NULL && space_resident(grandchild) == PAGES_HERE);
    space_put(child);
    CHECK(space_unmap(grandchild, START + 512 * 4096, 512 * 4096) == 0);
    CHECK(space_resident(grandchild) == PAGES_HERE - 512);
    space_put(grandchild);
    CHECK(before - frame_count_free() == 0, "%zu", before - frame_count_free());
    space_put(space);
}

static void check_shared_memory(void)
{
    enum { START = 0x40000000, PAGES_HERE = 600 };
    size_t before = frame_count_free();
    struct memory_object *object = shared_memory_create(PAGES_HERE);
    struct space *space = space_create();
    int64_t place = space_place(space, 2 * PAGES_HERE * 4096, 3, AREA_SHARED, object, 0);
    CHECK(place == (int64_t)(USER_END - 2 * PAGES_HERE * 4096));
    CHECK(space_place(space, 4096, 3, 0, NULL, 0) == place - 4096 && space_place(space, 0, 3, 0, NULL, 0) == -EINVAL);
    CHECK(space_place(space, USER_END, 3, 0, NULL, 0) == -ENOMEM);
    CHECK(space_write(space, (uint64_t)place + 599 * 4096, "here", 4) == 0);
    CHECK(space_write(space, (uint64_t)place + 600 * 4096, "here", 4) == -EFAULT);
    struct space *child = space_fork(space);
    CHECK(space_write(child, (uint64_t)place + 599 * 4096, "THERE", 4) == 0);
    CHECK(space_write(child, (uint64_t)place + 5 * 4096, "five", 4) == 0);
    int error = 0;
    struct frame *frame = object->operations->frame(object, 599, &error);
    CHECK(memcmp(frame_memory(frame), "THER", 4) == 0 && frame_references(frame) == 4);
    frame_put(frame);
    CHECK(space_discard(child, (uint64_t)place, 4096 * 600) == 0);
    // A part that is read-only for good, and one that isn't.
    CHECK(space_map(space, START, 4096, 1, AREA_SHARED | AREA_READ_ONLY, object, 0) == 0);
    CHECK(space_protect(space, START, 4096, 3) == -EACCES && space_protect(space, START, 4096, 0) == 0);
    object->operations->put(object);
    space_put(space);
    space_put(child);
    CHECK(frame_count_free() == before, "%zu of %zu", frame_count_free(), before);
}

int main(void)
{
    host_machine(16 << 20);
    frame_init();
    make_files();
    space_init();
    size_t frames = frame_count_free();
    check_arguments();
    check_tables();
    check_shared_memory();
    CHECK(frame_count_free() == frames, "%zu of %zu", frame_count_free(), frames);
    space_current = current_space;
    for (int i = 0; i < STEPS; i++)
        step();
    squeeze(false);
    for (size_t i = 0; i < SPACES; i++)
        if (models[i].space != NULL) {
            check_all(&models[i]);
            drop(&models[i]);
        }
    check_files();
    for (size_t f = 0; f < OBJECTS; f++)
        CHECK(files[f].references == 0, "a file has %d references left", files[f].references);
    CHECK(frame_count_free() == frames, "%zu of %zu frames came back", frame_count_free(), frames);
    CHECK(object_count_live() == 0);
    return 0;
}

// sources:
// flags: -I build/lined -idirafter build/lined/user/include
// The heap: random requests in an arena, every byte watched, the row of blocks walked after each step.
#include "user.h"
#include <sys/mman.h>

enum { ARENA = 64 << 20, PIECES = 400, STEPS = 60000 };

static _Alignas(4096) char arena[ARENA];
static size_t arena_break, arena_limit = ARENA;
static int grown, shrunk;

static void *arena_sbrk(intptr_t increment)
{
    void *old = arena + arena_break;
    if ((intptr_t)arena_break + increment > (intptr_t)arena_limit || (intptr_t)arena_break + increment < 0)
        return (void *)-1;
    arena_break += (size_t)increment;
    grown += increment > 0;
    shrunk += increment < 0;
    return old;
}

// The maps of large blocks: how many bytes there are, and that each is given back as it was taken.
static size_t mapped, remapped;

static void *counted_mmap(void *hint, size_t length, int protection, int flags, int fd, off_t offset)
{
    mapped += length;
    return mmap(hint, length, protection, flags, fd, offset);
}

static int counted_munmap(void *map, size_t length)
{
    CHECK((uintptr_t)map % 4096 == 0 && length % 4096 == 0 && length <= mapped, "munmap of %zu", length);
    mapped -= length;
    return munmap(map, length);
}

static void *counted_mremap(void *map, size_t old_length, size_t length, int flags)
{
    CHECK((uintptr_t)map % 4096 == 0 && old_length <= mapped, "mremap of %zu", old_length);
    mapped += length - old_length;
    remapped++;
    return mremap(map, old_length, length, flags);
}

#define sbrk arena_sbrk
#define mmap counted_mmap
#define munmap counted_munmap
#define mremap counted_mremap
#include "user_names.h"
#undef memcpy
#undef memset
#include "user/lib/malloc.c"

#undef printf

// What the picture in the chapter says, for every block of the row that begins at `first`.
static size_t walk(struct block *first)
{
    size_t blocks = 0, free_bytes = 0, listed = 0;
    bool previous_in_use = true;
    struct block *block = first;
    for (; (char *)block < heap_end - HEADER; block = block_after(block)) {
        bool in_use = block->size_and_flags & IN_USE;
        CHECK(block_size(block) >= SMALLEST && block_size(block) % 16 == 0, "size %zu", block_size(block));
        CHECK(!(block->size_and_flags & PREVIOUS_IN_USE) == !previous_in_use, "block %zu", blocks);
        CHECK(in_use || previous_in_use, "two free blocks side by side");
        if (!in_use) {
            free_bytes += block_size(block);
            CHECK(block_before(block_after(block)) == block, "the tag at the end");
        }
        previous_in_use = in_use;
        blocks++;
    }
    CHECK((char *)block == heap_end - HEADER && block_size(block) == 0, "the end mark");
    for (unsigned list = 0; list < LISTS; list++) {
        CHECK(!lists[list] == !(filled[list / 64] >> list % 64 & 1), "list %u", list);
        for (struct block *member = lists[list]; member; member = member->next) {
            CHECK(!(member->size_and_flags & IN_USE) && list_of(block_size(member)) == list, "list %u", list);
            listed += block_size(member);
        }
    }
    CHECK(listed == free_bytes, "%zu bytes in lists, %zu free", listed, free_bytes);
    return blocks;
}

static struct piece {
    unsigned char *memory;
    size_t size;
    unsigned char byte;
} pieces[PIECES];

static void check_piece(const struct piece *piece, size_t size)
{
    for (size_t i = 0; i < size; i++)
        CHECK(piece->memory[i] == piece->byte, "byte %zu of %zu", i, piece->size);
}

static void fill(struct piece *piece, void *memory, size_t size)
{
    CHECK((uintptr_t)memory % 16 == 0, "alignment");
    bool large = block_at(memory, -HEADER)->size_and_flags & MAPPED;
    CHECK(large ? size + 32 >= LARGE : size < LARGE, "%zu bytes in the wrong place", size);
    CHECK(large || ((char *)memory >= arena && (char *)memory + size <= arena + arena_break), "outside of the arena");
    *piece = (struct piece){ memory, size, (unsigned char)pick(256) };
    memset(memory, piece->byte, size);
}

static size_t random_bytes(void)
{
    return pick(8) == 0 ? pick(400000) : pick(3) == 0 ? pick(3000) : pick(100);
}

static void one_step(void)
{
    struct piece *piece = &pieces[pick(PIECES)];
    size_t size = random_bytes();
    void *memory;
    if (piece->memory)
        check_piece(piece, piece->size);
    switch (pick(4)) {
    case 0:
        if (piece->memory)
            break;
        memory = calloc(size / 3 + 1, 3);
        for (size_t i = 0; memory && i < (size / 3 + 1) * 3; i++)
            CHECK(((char *)memory)[i] == 0, "calloc");
        if (memory)
            fill(piece, memory, size / 3 * 3);
        break;
    case 1:
        if (!piece->memory && (memory = malloc(size)))
            fill(piece, memory, size);
        break;
    case 2:
        memory = realloc(piece->memory, size);
        if (!memory)
            break;
        size_t kept = piece->size < size ? piece->size : size;
        if (piece->memory) {
            piece->memory = memory;
            check_piece(piece, kept);
        }
        fill(piece, memory, size);
        break;
    case 3:
        free(piece->memory);
        piece->memory = NULL;
    }
}

static void run(struct block **first)
{
    for (int step = 0; step < STEPS; step++) {
        one_step();
        if (heap_end && !*first)
            *first = block_at(arena, 16 - HEADER);
        if (*first && step % 16 == 0)
            walk(*first);
    }
    for (int i = 0; i < PIECES; i++) {
        free(pieces[i].memory);
        pieces[i].memory = NULL;
    }
    CHECK(walk(*first) == 1, "all is free, and one block");
    CHECK(mapped == 0, "%zu bytes are still mapped", mapped);
}

int main(void)
{
    struct block *first = NULL;
    CHECK(!malloc(SIZE_MAX) && errno == ENOMEM, "SIZE_MAX");
    CHECK(!malloc(SIZE_MAX - 40) && !malloc((size_t)PTRDIFF_MAX), "nearly SIZE_MAX");
    errno = 0;
    CHECK(!calloc(SIZE_MAX / 2, 3) && errno == ENOMEM, "a product that wraps");
    run(&first);
    CHECK(grown > 3 && shrunk > 3, "grown %d times, shrunk %d times", grown, shrunk);
    arena_limit = 3 << 20;
    run(&first);
    arena_break += 100;                 // somebody else moves the break: a second row begins
    arena_limit = ARENA;
    CHECK(remapped > 3, "remapped %zu times", remapped);
    void *far = malloc(100000);
    CHECK(far && (uintptr_t)far % 16 == 0, "after a foreign break");
    memset(far, 7, 100000);
    free(far);
    return 0;
}

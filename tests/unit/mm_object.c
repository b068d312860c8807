// sources: kernel/mm/object.c kernel/mm/frame.c kernel/mm/failure.c kernel/arch/spinlock.c kernel/lib/check.c
// Slabs: objects never overlap, come zeroed and aligned, and leave no frame behind.

#include "host.h"

#include <string.h>

#include "mm/frame.h"
#include "mm/object.h"

struct tiny { char bytes[3]; };
struct odd { char bytes[289]; };
struct line { char bytes[192]; };
struct big { char bytes[1500]; };
struct huge { char bytes[20000]; };

OBJECT_CACHE(tiny_cache, struct tiny);
OBJECT_CACHE(odd_cache, struct odd);
OBJECT_CACHE(line_cache, struct line);
OBJECT_CACHE(big_cache, struct big);
OBJECT_CACHE(huge_cache, struct huge);

static struct {
    struct object_cache *cache;
    size_t size;
} kinds[] = {
    {&tiny_cache, sizeof(struct tiny)}, {&odd_cache, sizeof(struct odd)}, {&line_cache, sizeof(struct line)},
    {&big_cache, sizeof(struct big)},   {&huge_cache, sizeof(struct huge)}, {NULL, 0},
};

enum { PIECES = 3000, STEPS = 150000 };

static struct piece {
    struct object_cache *cache; // NULL: from memory_alloc
    uint8_t *memory;
    size_t size;
    uint8_t stamp;
} pieces[PIECES];

static void take(struct piece *piece)
{
    size_t kind = host_random(ARRAY_LENGTH(kinds));
    piece->cache = kinds[kind].cache;
    piece->size = piece->cache != NULL ? kinds[kind].size : 1 + host_random(host_random(20) == 0 ? 60000 : 2200);
    piece->memory = piece->cache != NULL ? object_alloc(piece->cache) : memory_alloc(piece->size);
    if (piece->memory == NULL)
        return;
    size_t alignment = piece->cache == NULL && piece->size > 2048 ? FRAME_SIZE : 16;
    if (piece->cache == &line_cache)
        alignment = 64;
    CHECK((uintptr_t)piece->memory % alignment == 0, "a piece of %zu bytes", piece->size);
    for (size_t i = 0; i < piece->size; i++)
        CHECK(piece->memory[i] == 0, "byte %zu of %zu is not zero", i, piece->size);
    piece->stamp = (uint8_t)(1 + host_random(255));
    memset(piece->memory, piece->stamp, piece->size);
}

static void let_go(struct piece *piece)
{
    for (size_t i = 0; i < piece->size; i++)
        CHECK(piece->memory[i] == piece->stamp, "byte %zu of %zu was overwritten", i, piece->size);
    if (piece->cache != NULL)
        object_free(piece->cache, piece->memory);
    else
        memory_free(piece->memory);
    piece->memory = NULL;
}

static void free_to_another_cache(void)
{
    object_free(&odd_cache, object_alloc(&line_cache));
}

static void free_the_middle(void)
{
    object_free(&odd_cache, (char *)object_alloc(&odd_cache) + 16);
}

int main(void)
{
    host_machine(32 << 20);
    frame_init();
    size_t free_frames = frame_count_free();
    size_t live = 0;
    for (int step = 0; step < STEPS; step++) {
        struct piece *piece = &pieces[host_random(PIECES)];
        bool had = piece->memory != NULL;
        if (had)
            let_go(piece);
        else
            take(piece);
        live += (piece->memory != NULL) - had;
        CHECK(object_count_live() == live);
    }
    for (size_t i = 0; i < PIECES; i++)
        if (pieces[i].memory != NULL)
            let_go(&pieces[i]);
    CHECK(object_count_live() == 0);
    CHECK(frame_count_free() == free_frames, "%zu of %zu frames came back", frame_count_free(), free_frames);

    // Out of memory is an answer, and all of it comes back.
    void *first = NULL;
    for (void **object; (object = object_alloc(&odd_cache)) != NULL; first = object)
        *object = first;
    CHECK(frame_count_free() == 0 && object_alloc(&odd_cache) == NULL && memory_alloc(9000) == NULL);
    for (void *next; first != NULL; first = next) {
        next = *(void **)first;
        object_free(&odd_cache, first);
    }
    CHECK(frame_count_free() == free_frames && object_count_live() == 0);

    CHECK(memory_alloc(MEMORY_SIZE_MAX + 1) == NULL);
    void *largest = memory_alloc(MEMORY_SIZE_MAX);
    CHECK(largest != NULL);
    memory_free(largest);
    memory_free(NULL);
    CHECK(frame_count_free() == free_frames && object_count_live() == 0);
    CHECK(host_breaks(free_to_another_cache) && host_breaks(free_the_middle));
    return 0;
}

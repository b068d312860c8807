// sources: kernel/fs/cpio.c
// Archives: a good one is read entry by entry; one that was cut off anywhere, or has a damaged byte, is read
// or refused, but nothing outside of it is touched.

#include "host.h"

#include <string.h>

#include <folio/errno.h>

#include "fs/cpio.h"

static char archive[8192];
static size_t archive_size;

static void put(const char *bytes, size_t count)
{
    memcpy(archive + archive_size, bytes, count);
    archive_size += count;
}

static void pad(size_t start)
{
    while ((archive_size - start) % 4 != 0)
        archive[archive_size++] = '\0';
}

static void put_entry(size_t start, const char *name, unsigned mode, unsigned links, const char *content, size_t size)
{
    char header[200];
    snprintf(header, sizeof header, "070701%08X%08x%08X%08X%08X%08X%08zX%08X%08X%08X%08X%08zX%08X", 7u, mode, 0u,
             0u, links, 0u, size, 0u, 0u, 0u, 0u, strlen(name) + 1, 0u);
    put(header, 110);
    put(name, strlen(name) + 1);
    pad(start);
    put(content, size);
    pad(start);
}

static int next(struct cpio *cpio, struct cpio_entry *entry)
{
    return cpio_next(cpio, entry);
}

static void good(void)
{
    size_t second;
    archive_size = 0;
    put_entry(0, "bin", 040755, 2, "", 0);
    put_entry(0, "bin/x", 0100755, 1, "hello", 5);
    put_entry(0, "TRAILER!!!", 0, 1, "", 0);
    put("\0\0\0\0\0\0\0", 7); // the second archive begins where no multiple of four is
    second = archive_size;
    put_entry(second, "etc", 0100644, 1, "1", 1);
    put_entry(second, "TRAILER!!!", 0, 1, "", 0);
    put("\0", 1);
    struct cpio cpio = {.bytes = (uint8_t *)archive, .size = archive_size};
    struct cpio_entry entry;
    CHECK(next(&cpio, &entry) == 1 && strcmp(entry.name, "bin") == 0 && entry.mode == 040755 && entry.size == 0);
    CHECK(next(&cpio, &entry) == 1 && strcmp(entry.name, "bin/x") == 0 && entry.links == 1);
    CHECK(entry.size == 5 && memcmp(entry.content, "hello", 5) == 0);
    CHECK(next(&cpio, &entry) == 1 && strcmp(entry.name, "etc") == 0 && *entry.content == '1', "%s", cpio.complaint);
    CHECK(next(&cpio, &entry) == 0);
    cpio = (struct cpio){.bytes = (uint8_t *)"", .size = 0};
    CHECK(next(&cpio, &entry) == 0);
}

// Reads a copy that ends where its memory ends, so that the address sanitizer sees a step too far.
static int read_copy(const char *bytes, size_t size, const char **complaint)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    memcpy(copy, bytes, size);
    struct cpio cpio = {.bytes = copy, .size = size};
    struct cpio_entry entry;
    int result;
    while ((result = cpio_next(&cpio, &entry)) == 1) {
        volatile uint8_t sum = 0;
        for (size_t i = 0; i < entry.size; i++)
            sum += entry.content[i];
        sum += (uint8_t)strlen(entry.name);
    }
    *complaint = cpio.complaint;
    CHECK(cpio.at <= size && (result == 0 || (result == -EINVAL && *complaint != NULL)));
    free(copy);
    return result;
}

static void expect_refusal(size_t at, const char *bytes, const char *sentence)
{
    char copy[sizeof archive];
    const char *complaint;
    memcpy(copy, archive, archive_size);
    memcpy(copy + at, bytes, strlen(bytes));
    CHECK(read_copy(copy, archive_size, &complaint) == -EINVAL && strcmp(complaint, sentence) == 0,
          "\"%s\" at %zu: %s", bytes, at, complaint);
}

static void bad(void)
{
    archive_size = 0;
    put_entry(0, "file", 0100755, 1, "content", 7);
    put_entry(0, "TRAILER!!!", 0, 1, "", 0);
    expect_refusal(0, "070702", "an entry does not begin with 070701");
    expect_refusal(14, "g", "a header has a byte that is no hexadecimal digit");
    expect_refusal(14, " ", "a header has a byte that is no hexadecimal digit");
    expect_refusal(54, "FFFFFFFF", "a file's content goes beyond its end");
    expect_refusal(94, "FFFFFFFF", "a name goes beyond its end");
    expect_refusal(94, "00000004", "a name does not end where its header says");
    expect_refusal(94, "00000006", "a name does not end where its header says");
    expect_refusal(94, "00000000", "a name does not end where its header says");
    const char *why;
    CHECK(read_copy(archive, 124, &why) == -EINVAL && strcmp(why, "it ends without its trailer") == 0, "%s", why);
    CHECK(read_copy(archive, 200, &why) == -EINVAL && strcmp(why, "it ends in the middle of a header") == 0, "%s", why);
    for (size_t size = 1; size < archive_size; size++) {
        const char *complaint;
        int result = read_copy(archive, size, &complaint);
        CHECK(result == -EINVAL || size > archive_size - 4, "an archive of %zu bytes instead of %zu", size, archive_size);
    }
    for (int i = 0; i < 200000; i++) {
        char copy[sizeof archive];
        const char *complaint;
        memcpy(copy, archive, archive_size);
        for (uint64_t n = 1 + host_random(3); n > 0; n--)
            copy[host_random(archive_size)] = (char)(host_random(2) ? host_random(256) : '0' + host_random(10));
        read_copy(copy, archive_size - host_random(2) * host_random(archive_size), &complaint);
    }
}

int main(void)
{
    good();
    bad();
    return 0;
}

// sources: kernel/lib/check.c
// The lowest room: bytes, strings, lists and formatted print, against the host's library.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOST(name) static __typeof__(&name) host_##name = name;
HOST(memcpy) HOST(memmove) HOST(memset) HOST(memcmp) HOST(strnlen) HOST(strcmp) HOST(strncmp)

#define memcpy folio_memcpy
#define memmove folio_memmove
#define memset folio_memset
#define memcmp folio_memcmp
#define strlen folio_strlen
#define strnlen folio_strnlen
#define strcmp folio_strcmp
#define strncmp folio_strncmp
#define strlcpy folio_strlcpy
#include "../../build/lined/kernel/lib/string.c"
#include "../../build/lined/kernel/lib/print.c"
#include "../../build/lined/kernel/lib/list.h"

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            printf("line %d: %s\n", __LINE__, #condition); \
            exit(1); \
        } \
    } while (0)

enum { SIZE = 96, ROUNDS = 20000 };

static int sign(int number)
{
    return (number > 0) - (number < 0);
}

static void bytes_are_copied_and_filled(void)
{
    char ours[SIZE], theirs[SIZE];
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < SIZE; i++)
            ours[i] = theirs[i] = (char)rand();
        size_t from = (size_t)rand() % SIZE, to = (size_t)rand() % SIZE;
        size_t size = (size_t)rand() % (SIZE - (from > to ? from : to) + 1);
        CHECK(memmove(ours + to, ours + from, size) == ours + to);
        host_memmove(theirs + to, theirs + from, size);
        CHECK(host_memcmp(ours, theirs, SIZE) == 0);
        char apart[SIZE] = {0};
        CHECK(memcpy(apart, ours + from, size) == apart);
        CHECK(host_memcmp(apart, theirs + from, size) == 0);
        memset(ours + to, round, size);
        host_memset(theirs + to, round, size);
        CHECK(host_memcmp(ours, theirs, SIZE) == 0);
    }
}

static void strings_are_measured_and_compared(void)
{
    for (int round = 0; round < ROUNDS; round++) {
        char a[20], b[20];
        for (int i = 0; i < 20; i++) {
            a[i] = "\0ab\xff"[rand() % 4];
            b[i] = rand() % 4 == 0 ? "\0ab\xff"[rand() % 4] : a[i];
        }
        a[19] = b[19] = '\0';
        size_t size = (size_t)rand() % 20;
        CHECK(strnlen(a, size) == host_strnlen(a, size));
        CHECK(sign(strcmp(a, b)) == sign(host_strcmp(a, b)));
        CHECK(sign(strncmp(a, b, size)) == sign(host_strncmp(a, b, size)));
        CHECK(sign(memcmp(a, b, size)) == sign(host_memcmp(a, b, size)));
        char copy[20];
        host_memset(copy, '#', sizeof(copy));
        CHECK(strlcpy(copy, a, size) == strlen(a));
        CHECK(size == 0 ? copy[0] == '#' : strlen(copy) == (strlen(a) < size ? strlen(a) : size - 1));
    }
}

struct entry {
    int number;
    struct list link;
};

static void lists_keep_their_order(void)
{
    struct list head;
    struct entry entries[50], *entry, *after;
    int expected[50], count = 0;
    list_init(&head);
    for (int i = 0; i < 50; i++) {
        entries[i].number = i;
        list_init(&entries[i].link);
    }
    for (int round = 0; round < ROUNDS; round++) {
        struct entry *chosen = &entries[rand() % 50];
        int at = 0;
        while (at < count && expected[at] != chosen->number)
            at++;
        if (at < count) {
            list_remove(&chosen->link);
            host_memmove(expected + at, expected + at + 1, (size_t)(--count - at) * sizeof(int));
        } else if (rand() % 2 == 0) {
            list_push_back(&head, &chosen->link);
            expected[count++] = chosen->number;
        } else {
            list_push_front(&head, &chosen->link);
            host_memmove(expected + 1, expected, (size_t)count++ * sizeof(int));
            expected[0] = chosen->number;
        }
        at = 0;
        LIST_FOR_EACH(entry, &head, link)
            CHECK(at < count && entry->number == expected[at++]);
        CHECK(at == count && list_is_empty(&head) == (count == 0));
    }
    LIST_FOR_EACH_SAFE(entry, after, &head, link)
        list_remove(&entry->link);
    CHECK(list_is_empty(&head) && list_pop_front(&head) == NULL);
}

#define SAME(...) \
    do { \
        char ours[120], theirs[120]; \
        size_t size = (size_t)rand() % sizeof(ours); \
        host_memset(ours, '#', sizeof(ours)); \
        host_memset(theirs, '#', sizeof(theirs)); \
        size_t length = format_string(ours, size, __VA_ARGS__); \
        CHECK(length == (size_t)snprintf(theirs, size, __VA_ARGS__)); \
        CHECK(host_memcmp(ours, theirs, sizeof(ours)) == 0); \
    } while (0)

static void formats_are_the_hosts(void)
{
    for (int round = 0; round < ROUNDS; round++) {
        long number = (long)((unsigned long)rand() << 33 ^ (unsigned long)rand() << 5) >> rand() % 64;
        SAME("%d|%5d|%-7d|%05d|%i", (int)number, (int)number, (int)number, (int)number, -3);
        SAME("%ld|%lu|%lx|%zu|%3lu.%06lu", number, number, number, (size_t)number, 7ul, 42ul);
        SAME("%u|%x|%08x|%-8x|%c|%%", (unsigned)number, (unsigned)number, 0xabcu, 0xabcu, 'z');
        SAME("%s|%10s|%-10s|%.3s", "folio", "folio", "folio", "folio");
    }
    SAME("%ld %d", INT64_MIN, INT32_MIN);
    char pointer[40];
    format_string(pointer, sizeof(pointer), "%p %s", (void *)0x1234, (char *)NULL);
    CHECK(host_strcmp(pointer, "0000000000001234 (null)") == 0);
}

int main(void)
{
    (void)host_memcpy;
    bytes_are_copied_and_filled();
    strings_are_measured_and_compared();
    lists_keep_their_order();
    formats_are_the_hosts();
    return 0;
}

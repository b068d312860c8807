// sources:
// flags: -I build/lined -idirafter build/lined/user/include
// Strings, characters and numbers of the C library, each against the host's.
#include "user.h"

static size_t host_strlcpy(char *to, const char *from, size_t size)
{
    return (size_t)snprintf(to, size, "%s", from);
}

#define HOST(name) static __typeof__(&name) host_##name = name;
HOST(memcpy) HOST(memmove) HOST(memset) HOST(memcmp) HOST(strlen) HOST(strnlen) HOST(strncpy)
HOST(strncat) HOST(strcmp) HOST(strncmp) HOST(strcasecmp) HOST(strncasecmp) HOST(strspn)
HOST(strcspn) HOST(strtol) HOST(strtoul) HOST(strtok_r) HOST(qsort) HOST(stpcpy)
static const void *host_memchr(const void *m, int c, size_t n) { return memchr(m, c, n); }
static const void *host_memrchr(const void *m, int c, size_t n) { return memrchr(m, c, n); }
static const char *host_strchr(const char *s, int c) { return strchr(s, c); }
static const char *host_strrchr(const char *s, int c) { return strrchr(s, c); }
static const char *host_strpbrk(const char *s, const char *t) { return strpbrk(s, t); }
static const char *host_strstr(const char *s, const char *t) { return strstr(s, t); }

enum { CLASSES = 14 };
static int host_class(int which, int c)
{
    switch (which) {
    case 0: return isalnum(c) != 0;
    case 1: return isalpha(c) != 0;
    case 2: return isblank(c) != 0;
    case 3: return iscntrl(c) != 0;
    case 4: return isdigit(c) != 0;
    case 5: return isgraph(c) != 0;
    case 6: return islower(c) != 0;
    case 7: return isprint(c) != 0;
    case 8: return ispunct(c) != 0;
    case 9: return isspace(c) != 0;
    case 10: return isupper(c) != 0;
    case 11: return isxdigit(c) != 0;
    case 12: return tolower(c);
    default: return toupper(c);
    }
}

#include "user_names.h"

#include "user/lib/memory.c"
#include "user/lib/ctype.c"
#include "user/lib/string.c"
#include "user/lib/convert.c"
#include "user/lib/sort.c"

static int (*const folio_classes[CLASSES])(int) = {
    isalnum, isalpha, isblank, iscntrl, isdigit, isgraph, islower, isprint, ispunct, isspace,
    isupper, isxdigit, tolower, toupper,
};

#undef printf
#undef malloc
#undef free

static void test_classes(void)
{
    for (int c = -1; c < 256; c++)
        for (int which = 0; which < CLASSES; which++) {
            int ours = folio_classes[which](c);
            CHECK((which < 12 ? ours != 0 : ours) == host_class(which, c), "class %d of %d", which, c);
        }
}

// Memory functions, on pieces that lie anywhere in two buffers that must stay the same.
static void test_memory(void)
{
    static unsigned char ours[300], theirs[300];
    for (int step = 0; step < 200000; step++) {
        size_t from = pick(150), to = pick(150), size = pick(2) ? pick(20) : pick(150);
        unsigned char byte = (unsigned char)pick(4);
        switch (pick(4)) {
        case 0:
            CHECK(memmove(ours + to, ours + from, size) == ours + to, "result");
            host_memmove(theirs + to, theirs + from, size);
            break;
        case 1:
            memset(ours + to, byte + 256, size);
            host_memset(theirs + to, byte + 256, size);
            break;
        case 2:
            ours[to] = theirs[to] = byte;
            break;
        case 3:
            if (to + size <= from || from + size <= to) {
                memcpy(ours + to, ours + from, size);
                host_memcpy(theirs + to, theirs + from, size);
            }
        }
        CHECK(host_memcmp(ours, theirs, sizeof(ours)) == 0, "step %d: %zu to %zu, %zu bytes", step, from, to, size);
        CHECK(sign(memcmp(ours + to, theirs + from, size)) == sign(host_memcmp(ours + to, theirs + from, size)),
              "step %d", step);
        CHECK(memchr(ours + to, byte, size) == host_memchr(ours + to, byte, size), "step %d", step);
        CHECK(memrchr(ours + to, byte, size) == host_memrchr(ours + to, byte, size), "step %d", step);
    }
}

// A string in a piece of memory that ends right behind it, where the sanitizer watches.
static char *random_text(unsigned most, const char *alphabet)
{
    size_t length = pick(most), letters = host_strlen(alphabet);
    char *text = malloc(length + 1);
    for (size_t i = 0; i < length; i++)
        text[i] = alphabet[pick((unsigned)letters)];
    text[length] = 0;
    return text;
}

static void compare_functions(const char *a, const char *b, size_t limit)
{
    CHECK(strlen(a) == host_strlen(a), "\"%s\"", a);
    CHECK(strnlen(a, limit) == host_strnlen(a, limit), "\"%s\" %zu", a, limit);
    CHECK(sign(strcmp(a, b)) == sign(host_strcmp(a, b)), "\"%s\" \"%s\"", a, b);
    CHECK(sign(strncmp(a, b, limit)) == sign(host_strncmp(a, b, limit)), "\"%s\" \"%s\" %zu", a, b, limit);
    CHECK(sign(strcasecmp(a, b)) == sign(host_strcasecmp(a, b)), "\"%s\" \"%s\"", a, b);
    CHECK(sign(strncasecmp(a, b, limit)) == sign(host_strncasecmp(a, b, limit)), "\"%s\" \"%s\" %zu", a, b, limit);
}

static void search_functions(const char *a, const char *b)
{
    for (int c = 0; c < 256; c += 1 + (int)pick(40)) {
        CHECK(strchr(a, c) == host_strchr(a, c), "\"%s\" %d", a, c);
        CHECK(strrchr(a, c) == host_strrchr(a, c), "\"%s\" %d", a, c);
    }
    CHECK(strchr(a, 0) == a + host_strlen(a), "\"%s\"", a);
    CHECK(strspn(a, b) == host_strspn(a, b), "\"%s\" \"%s\"", a, b);
    CHECK(strcspn(a, b) == host_strcspn(a, b), "\"%s\" \"%s\"", a, b);
    CHECK(strpbrk(a, b) == host_strpbrk(a, b), "\"%s\" \"%s\"", a, b);
    CHECK(strstr(a, b) == host_strstr(a, b), "\"%s\" \"%s\"", a, b);
}

static void copy_functions(const char *a, const char *b, size_t limit)
{
    char ours[80], theirs[80];
    host_memset(ours, 'x', sizeof(ours));
    host_memset(theirs, 'x', sizeof(theirs));
    CHECK(strlcpy(ours, a, limit) == host_strlcpy(theirs, a, limit), "\"%s\" %zu", a, limit);
    CHECK(host_memcmp(ours, theirs, sizeof(ours)) == 0, "strlcpy \"%s\" %zu", a, limit);
    CHECK(stpcpy(ours, a) - ours == host_stpcpy(theirs, a) - theirs, "\"%s\"", a);
    strncat(ours, b, limit);
    host_strncat(theirs, b, limit);
    CHECK(host_memcmp(ours, theirs, sizeof(ours)) == 0, "strncat \"%s\" \"%s\" %zu", a, b, limit);
    strncpy(ours + 5, b, limit);
    host_strncpy(theirs + 5, b, limit);
    CHECK(host_memcmp(ours, theirs, sizeof(ours)) == 0, "strncpy \"%s\" %zu", b, limit);
    strcpy(ours, a);
    strcat(ours, b);
    CHECK(host_strncmp(ours, a, host_strlen(a)) == 0 && host_strcmp(ours + host_strlen(a), b) == 0, "strcat");
}

static void cut_into_words(const char *text, const char *separators)
{
    char ours[40], theirs[40], *our_rest, *their_rest, *our_word, *their_word;
    strcpy(ours, text);
    strcpy(theirs, text);
    our_word = strtok_r(ours, separators, &our_rest);
    their_word = host_strtok_r(theirs, separators, &their_rest);
    while (our_word && their_word) {
        CHECK(host_strcmp(our_word, their_word) == 0, "\"%s\" \"%s\"", text, separators);
        our_word = strtok_r(NULL, separators, &our_rest);
        their_word = host_strtok_r(NULL, separators, &their_rest);
    }
    CHECK(!our_word && !their_word, "\"%s\" \"%s\"", text, separators);
}

static void test_strings(void)
{
    for (int step = 0; step < 100000; step++) {
        const char *alphabet = step % 2 ? "ab" : "aAbB \xe4\xc4z";
        char *a = random_text(30, alphabet), *b = random_text(step % 3 ? 4 : 30, alphabet);
        compare_functions(a, b, pick(35));
        search_functions(a, b);
        copy_functions(a, b, pick(35));
        cut_into_words(a, b);
        free(a);
        free(b);
    }
}

static void compare_conversions(const char *text, int base)
{
    char *our_end, *their_end;
    errno = 0;
    long ours = strtol(text, &our_end, base);
    int our_error = errno;
    errno = 0;
    long theirs = host_strtol(text, &their_end, base);
    CHECK(ours == theirs && our_end == their_end && our_error == errno,
          "\"%s\" base %d: %ld %ld, ends %td %td, errors %d %d", text, base, ours, theirs,
          our_end - text, their_end - text, our_error, errno);
    errno = 0;
    unsigned long ours_unsigned = strtoul(text, &our_end, base);
    our_error = errno;
    errno = 0;
    unsigned long theirs_unsigned = host_strtoul(text, &their_end, base);
    CHECK(ours_unsigned == theirs_unsigned && our_end == their_end && our_error == errno,
          "\"%s\" base %d: %lu %lu", text, base, ours_unsigned, theirs_unsigned);
}

static void test_numbers(void)
{
    static const char *const limits[] = {
        "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809",
        "18446744073709551615", "18446744073709551616", "-18446744073709551615", "0x", "0xg", "-0x8000000000000000",
        "", "  ", "+", "-", "+-1", "08", " 0X1F",
    };
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        compare_conversions(limits[i], 0);
        compare_conversions(limits[i], 10);
        compare_conversions(limits[i], 16);
    }
    for (int step = 0; step < 300000; step++) {
        char *text = random_text(step % 2 ? 26 : 8, step % 3 ? "0123456789" : " \t-+0x1a9fzZ7");
        if (step % 5 == 0 && text[0])
            text[0] = '-';
        compare_conversions(text, pick(3) ? (int[]){ 0, 10, 16, 8 }[pick(4)] : (int)pick(35) + 2);
        free(text);
    }
}

struct element {
    int key;
    char rest[3];
};

static int compare_elements(const void *a, const void *b)
{
    int left = ((const struct element *)a)->key, right = ((const struct element *)b)->key;
    return (left > right) - (left < right);
}

static void test_sorting(void)
{
    static struct element ours[200], theirs[200];
    for (int step = 0; step < 3000; step++) {
        size_t count = pick(200);
        unsigned range = pick(2) ? 10 : 1000000;
        for (size_t i = 0; i < count; i++) {
            ours[i] = (struct element){ .key = (int)pick(range) };
            ours[i].rest[2] = (char)ours[i].key;
        }
        host_memcpy(theirs, ours, sizeof(ours));
        qsort(ours, count, sizeof(ours[0]), compare_elements);
        host_qsort(theirs, count, sizeof(theirs[0]), compare_elements);
        for (size_t i = 0; i < count; i++)
            CHECK(ours[i].key == theirs[i].key && ours[i].rest[2] == (char)ours[i].key, "element %zu of %zu", i, count);
        for (int i = 0; i < 20; i++) {
            struct element key = { .key = (int)pick(range) };
            const struct element *found = bsearch(&key, ours, count, sizeof(key), compare_elements);
            bool there = false;
            for (size_t j = 0; j < count; j++)
                there |= ours[j].key == key.key;
            CHECK(found ? found->key == key.key : !there, "%d among %zu", key.key, count);
        }
    }
}

int main(void)
{
    test_classes();
    test_memory();
    test_strings();
    test_numbers();
    test_sorting();
    return 0;
}

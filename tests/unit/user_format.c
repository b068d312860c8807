// sources:
// flags: -I build/lined -idirafter build/lined/user/include -Wno-format-security -Wno-format-nonliteral
// printf's language: random directives, formatted by Folio's library and by the host's.
#include "user.h"

#define HOST(name) static __typeof__(&name) host_##name = name;
HOST(vsnprintf) HOST(memcmp) HOST(strchr)

#include "user_names.h"

#include "user/lib/memory.c"
#include "user/lib/ctype.c"
#include "user/lib/string.c"
#include "user/lib/format.c"
#include "user/lib/snprintf.c"

#undef printf
#undef malloc
#undef free

static char format[200];

static void check(size_t size, ...)
{
    static char ours[3000], theirs[3000];
    va_list arguments, copy;
    va_start(arguments, size);
    va_copy(copy, arguments);
    memset(ours, 'x', sizeof(ours));
    memset(theirs, 'x', sizeof(theirs));
    int our_length = vsnprintf(ours, size, format, arguments);
    int their_length = host_vsnprintf(theirs, size, format, copy);
    CHECK(our_length == their_length && host_memcmp(ours, theirs, sizeof(ours)) == 0,
          "\"%s\", size %zu: \"%.200s\" and \"%.200s\", %d and %d", format, size, ours, theirs, our_length,
          their_length);
    va_end(arguments);
    va_end(copy);
}

// Appends a directive; returns how many stars it has.
static int add_directive(const char *conversions, const char *lengths[], unsigned length_count)
{
    char *end = format + strlen(format);
    int stars = 0;
    *end++ = '%';
    while (pick(2))
        *end++ = "-+ 0#"[pick(5)];
    unsigned width = pick(4);
    if (width == 1)
        end += sprintf(end, "%u", pick(40) + 1);
    if (width == 2)
        *end++ = '*', stars++;
    unsigned precision = pick(4);
    if (precision == 1)
        end += sprintf(end, ".%u", pick(30));
    if (precision == 2)
        *end++ = '.', *end++ = '*', stars++;
    if (precision == 3 && pick(3) == 0)
        *end++ = '.';
    end += sprintf(end, "%s", lengths[pick(length_count)]);
    *end++ = conversions[pick((unsigned)strlen(conversions))];
    *end = 0;
    return stars;
}

static uint64_t random_number(void)
{
    uint64_t number = (uint64_t)pick(UINT32_MAX) << 32 | pick(UINT32_MAX);
    switch (pick(4)) {
    case 0: return number;
    case 1: return pick(3) - 1;
    case 2: return number >> pick(64);
    default: return (uint64_t[]){ 0, INT_MAX, (uint64_t)INT_MIN, (uint64_t)INT64_MIN, UINT64_MAX, 128, 255, 32768 }[pick(8)];
    }
}

static size_t random_size(void)
{
    return pick(2) ? 3000 : pick(40);
}

static int star(void)
{
    return (int)pick(60) - 20;
}

static void test_numbers(void)
{
    static const char *lengths[] = { "", "", "hh", "h", "l", "ll", "z", "j", "t" };
    for (int step = 0; step < 400000; step++) {
        strcpy(format, pick(2) ? "" : "before ");
        int stars = add_directive("diuxXo", lengths, 9);
        if (pick(2))
            strcat(format, " 100%%");
        uint64_t value = random_number();
        if (stars == 0)
            check(random_size(), value);
        else if (stars == 1)
            check(random_size(), star(), value);
        else
            check(random_size(), star(), star(), value);
    }
}

// Strings end where the sanitizer watches; with a precision they need no zero.
static void test_strings(void)
{
    static const char *lengths[] = { "" };
    for (int step = 0; step < 100000; step++) {
        size_t length = pick(30);
        char *text = malloc(length + 1);
        memset(text, 'a' + (int)pick(26), length);
        text[length] = 0;
        format[0] = 0;
        int stars = add_directive(pick(3) ? "s" : "c", lengths, 1);
        bool is_char = host_strchr(format, 'c');
        // POSIX leaves these flags undefined here.
        if (strpbrk(format, "0#+ ") || (is_char && strchr(format, '.'))) {
            free(text);
            continue;
        }
        uint64_t value = is_char ? 'z' : (uint64_t)text;
        if (stars == 0)
            check(random_size(), value);
        else if (stars == 1)
            check(random_size(), star(), value);
        else
            check(random_size(), star(), star(), value);
        free(text);
    }
    strcpy(format, "%.3s|");
    check(100, "abcdef");
    strcpy(format, "%s and %5d, %-5d, %p");
    check(100, "several", 12, -12, (void *)0x1234);
    strcpy(format, "");
    check(0);
}

int main(void)
{
    test_numbers();
    test_strings();
    return 0;
}

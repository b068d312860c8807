// sources:
// flags: -I build/lined -idirafter build/lined/user/include
// Regular expressions, random ones in both dialects, against the host's regcomp and regexec.
#include "user.h"

#include <regex.h>

#include <pattern.h>

#include "user/lib/pattern.c"

static char text[400];

static void add(const char *piece)
{
    strncat(text, piece, sizeof(text) - strlen(text) - 1);
}

static void add_pattern(bool extended, int depth, bool outside);

static void add_repetition(bool extended)
{
    static const char *const extended_ones[] = { "*", "+", "?", "{2}", "{1,3}", "{0,2}", "{2,}" };
    static const char *const basic_ones[] = { "*", "\\+", "\\?", "\\{2\\}", "\\{1,3\\}", "\\{0,2\\}", "\\{2,\\}" };
    unsigned which = pick(3) ? pick(3) : pick(7);
    add(extended ? extended_ones[which] : basic_ones[which]);
}

static void add_piece(bool extended, int depth)
{
    static const char *const pieces[] = { "a", "b", "ab", "c", ".", "[ab]", "[^a]", "[a-c]", "[^b-d]", "[[:digit:]]",
                                          "1", "[]a]", "[[:alpha:]-]", "\\.", "_", "\\w", "\\W" };
    if (depth > 0 && pick(4) == 0) {
        add(extended ? "(" : "\\(");
        add_pattern(extended, depth - 1, false);
        add(extended ? ")" : "\\)");
    } else
        add(pieces[pick(sizeof(pieces) / sizeof(pieces[0]))]);
    if (pick(3) == 0)
        add_repetition(extended);
}

// Anchors stand outside of groups only: within repeated ones the host's matcher takes them for
// true where they are not.
static void add_pattern(bool extended, int depth, bool outside)
{
    if (outside && pick(6) == 0)
        add("^");
    for (unsigned count = pick(3) + 1; count > 0; count--)
        add_piece(extended, depth);
    if (outside && pick(8) == 0)
        add("$");
    if (depth > 0 && pick(4) == 0) {
        add(extended ? "|" : "\\|");
        add_pattern(extended, depth - 1, false);
    }
}

static void test_line(struct pattern *ours, const regex_t *theirs)
{
    size_t length = pick(pick(2) ? 4 : 14);
    char *line = malloc(length + 1);
    for (size_t i = 0; i < length; i++)
        line[i] = "aaabbbcd1. A_"[pick(13)];
    line[length] = 0;
    regmatch_t expected;
    struct match match = { 0 };
    bool should = regexec(theirs, line, 1, &expected, 0) == 0;
    // The sanitizer watches behind the line: it is passed without its zero.
    char *exact = malloc(length + (length == 0));
    memcpy(exact, line, length);
    bool found = pattern_find(ours, exact, length, 0, &match);
    CHECK(found == should, "\"%s\" in \"%s\": found %d", text, line, found);
    CHECK(!found || (match.start == (size_t)expected.rm_so && match.end == (size_t)expected.rm_eo),
          "\"%s\" in \"%s\": %zu to %zu, not %d to %d", text, line, match.start, match.end, expected.rm_so, expected.rm_eo);
    CHECK(pattern_find(ours, exact, length, 0, NULL) == should, "\"%s\" in \"%s\", yes or no", text, line);
    free(line);
    free(exact);
}

static void test_random(void)
{
    for (int step = 0; step < 20000; step++) {
        bool extended = pick(2), ignore_case = pick(4) == 0;
        const char *mistake = NULL;
        regex_t theirs;
        text[0] = 0;
        add_pattern(extended, 2, true);
        if (regcomp(&theirs, text, (extended ? REG_EXTENDED : 0) | (ignore_case ? REG_ICASE : 0)) != 0)
            continue;
        struct pattern *ours = pattern_compile(
            text, (extended ? PATTERN_EXTENDED : 0) | (ignore_case ? PATTERN_IGNORE_CASE : 0), &mistake);
        CHECK(ours, "\"%s\": %s", text, mistake);
        for (int line = 0; line < 20; line++)
            test_line(ours, &theirs);
        pattern_free(ours);
        regfree(&theirs);
    }
}

static void expect(const char *pattern, unsigned flags, const char *line, int start, int end)
{
    const char *mistake = "";
    struct match match = { 0 };
    struct pattern *compiled = pattern_compile(pattern, flags, &mistake);
    CHECK(compiled, "\"%s\": %s", pattern, mistake);
    bool found = pattern_find(compiled, line, strlen(line), 0, &match);
    CHECK(found == (start >= 0), "\"%s\" in \"%s\": found %d", pattern, line, found);
    CHECK(!found || (match.start == (size_t)start && match.end == (size_t)end), "\"%s\" in \"%s\": %zu to %zu", pattern,
          line, match.start, match.end);
    pattern_free(compiled);
}

static void refuse_pattern(const char *pattern, unsigned flags)
{
    const char *mistake = NULL;
    CHECK(!pattern_compile(pattern, flags, &mistake) && mistake, "\"%s\" was taken", pattern);
}

static void test_chosen(void)
{
    expect("*a", 0, "*a", 0, 2);
    expect("^*a", 0, "*a", 0, 2);
    expect("a\\|b*", 0, "bb", 0, 2);
    expect("a$b", 0, "a$b", 0, 3);
    expect("a^b", 0, "a^b", 0, 3);
    expect("a{", PATTERN_EXTENDED, "a{", 0, 2);
    expect("a{x}", PATTERN_EXTENDED, "a{x}", 0, 4);
    expect("", 0, "abc", 0, 0);
    expect("a.c*", PATTERN_LITERAL, "xa.c*x", 1, 5);
    expect("word", PATTERN_WHOLE_WORDS, "swords word", 7, 11);
    expect("a*", PATTERN_WHOLE_WORDS, "xaa aa", 4, 6);
    expect("ab", PATTERN_WHOLE_LINE, "abc", -1, 0);
    expect("a|ab", PATTERN_WHOLE_LINE | PATTERN_EXTENDED, "ab", 0, 2);
    expect("\\bab\\b", 0, "cab ab", 4, 6);
    expect("\\<a", 0, "ba a", 3, 4);
    expect("a\\>", 0, "ab a", 3, 4);
    expect("[[:upper:]]", PATTERN_IGNORE_CASE, "abc", 0, 1);
    expect("[a\\]", 0, "x\\", 1, 2);
    expect("[[.-.]]", 0, "x-", 1, 2);
    expect("x{0}y", PATTERN_EXTENDED, "xy", 1, 2);
    expect("(a*)*", PATTERN_EXTENDED, "aab", 0, 2);
    expect("(a|b|cd)*e", PATTERN_EXTENDED, "xabcde", 1, 6);
    refuse_pattern("\\(a", 0);
    refuse_pattern("a\\)", 0);
    refuse_pattern("[a", 0);
    refuse_pattern("a\\", 0);
    refuse_pattern("[z-a]", 0);
    refuse_pattern("[[:nothing:]]", 0);
    refuse_pattern("a{3,1}", PATTERN_EXTENDED);
    refuse_pattern("a{300}", PATTERN_EXTENDED);
    refuse_pattern("((x{250}){250}){250}", PATTERN_EXTENDED);
    refuse_pattern("\\(a\\)\\1", 0);
    refuse_pattern("*a", PATTERN_EXTENDED);
}

// 2 to the power of 60 ways, were they tried one by one.
static void test_hard(void)
{
    char line[100];
    memset(line, 'a', 61);
    strcpy(line + 61, "b");
    expect("^(a*)*$", PATTERN_EXTENDED, line, -1, 0);
    expect("(a|aa)*c", PATTERN_EXTENDED, line, -1, 0);
    memset(text, '(', 399);
    text[399] = 0;
    refuse_pattern(text, PATTERN_EXTENDED);
}

int main(void)
{
    test_chosen();
    test_hard();
    test_random();
    return 0;
}

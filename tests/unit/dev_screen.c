// sources: kernel/dev/screen.c kernel/dev/font.c
// The screen of a terminal: each sequence against what it must leave, then a million random bytes, in whole
// and in pieces.

#include "host.h"

#include <string.h>

#include "dev/font.h"
#include "dev/screen.h"

enum { ROWS = 5, COLUMNS = 10, USUAL = 0x07 };

static struct screen screen, other;
static struct cell memory[2 * ROWS * COLUMNS], other_memory[2 * ROWS * COLUMNS];

static void begin(void) { screen_init(&screen, ROWS, COLUMNS, memory); }
static void say(const char *text) { screen_write(&screen, text, strlen(text)); }

// The text of the screen: rows without the spaces at their ends, joined by slashes, without empty ones at the end.
static const char *seen(void)
{
    static char text[ROWS * (COLUMNS + 1) + 1];
    size_t count = 0, keep = 0;
    for (unsigned row = 0; row < ROWS; row++) {
        for (unsigned column = 0; column < COLUMNS; column++) {
            uint16_t character = screen.cells[row * COLUMNS + column].character;
            text[count++] = character < 128 ? (char)character : character == 0xe4 ? '$' : '?';
            if (character != ' ')
                keep = count;
        }
        count = keep > count - COLUMNS ? keep : count - COLUMNS;
        text[count++] = '/';
    }
    text[keep] = '\0';
    return text;
}

static void expect(const char *input, const char *text, unsigned row, unsigned column)
{
    begin();
    say(input);
    CHECK(strcmp(seen(), text) == 0, "\"%s\" shows \"%s\", not \"%s\"", input + 1, seen(), text);
    CHECK(screen.row == row && screen.column == column, "\"%s\": the cursor is at %u, %u", input + 1, screen.row,
          screen.column);
}

static void text(void)
{
    expect("hello", "hello", 0, 5);
    expect("a\r\nb", "a/b", 1, 1);
    expect("a\nb", "a/ b", 1, 2);
    expect("ab\b\bc", "cb", 0, 1);
    expect("\b\bx", "x", 0, 1);
    expect("a\tb", "a       b", 0, 9);
    expect("a\t\tb", "a        b", 0, 9);
    expect("\a\x7fx\x01", "x", 0, 1);
    expect("0123456789", "0123456789", 0, 9);
    expect("0123456789a", "0123456789/a", 1, 1);
    expect("0123456789\r\na", "0123456789/a", 1, 1);
    expect("0123456789\bx", "01234567x9", 0, 9);
    expect("\033[?7l0123456789abc", "012345678c", 0, 9);
    expect("1\r\n2\r\n3\r\n4\r\n5\r\n6", "2/3/4/5/6", 4, 1);
}

static void bytes_of_characters(void)
{
    expect("\xc3\xa4x", "$x", 0, 2);
    expect("\xe2\x82\xacx", "?x", 0, 2);
    expect("\xf0\x9f\x98\x80x", "?x", 0, 2);
    expect("\xc3x", "?x", 0, 2);
    expect("\xe2\x82x", "?x", 0, 2);
    expect("\xff\x80\xc0x", "???x", 0, 4);
    expect("\xc3\xc3\xa4", "?$", 0, 2);
}

static void moves(void)
{
    expect("\033[3;4Hx", "//   x", 2, 4);
    expect("\033[3;4fx", "//   x", 2, 4);
    expect("\033[Hx", "x", 0, 1);
    expect("\033[99;99Hx", "////         x", 4, 9);
    expect("\033[0;0Hx", "x", 0, 1);
    expect("\033[3;3H\033[A\033[2C\033[B\033[Dx", "//   x", 2, 4);
    expect("\033[99B\033[99C\033[99A\033[99Dx", "x", 0, 1);
    expect("ab\033[2Ex\033[Fy", "ab/y/x", 1, 1);
    expect("\033[5Gx\033[3dy", "    x//     y", 2, 6);
    expect("ab\0337\033[3;3Hx\0338y", "aby//  x", 0, 3);
    expect("ab\033[sx\033[uy", "aby", 0, 3);
    expect("a\033Db\033Ec", "a/ b/c", 2, 1);
    expect("\033[999999999999999999999Bx", "////x", 4, 1);
}

static void erasing(void)
{
    expect("abc\033[2D\033[K", "a", 0, 1);
    expect("abc\033[2D\033[1K", "  c", 0, 1);
    expect("abc\033[2D\033[2K", "", 0, 1);
    expect("a\r\nbcd\r\ne\033[2;2H\033[J", "a/b", 1, 1);
    expect("a\r\nbcd\r\ne\033[2;2H\033[1J", "/  d/e", 1, 1);
    expect("a\r\nbcd\r\ne\033[2J", "", 2, 1);
    expect("abcdef\033[3G\033[2X", "ab  ef", 0, 2);
    expect("abcdef\033[3G\033[99X", "ab", 0, 2);
    expect("abcdef\033[3G\033[2P", "abef", 0, 2);
    expect("abcdef\033[3G\033[2@", "ab  cdef", 0, 2);
    expect("abcdefghij\033[3G\033[99@", "ab", 0, 2);
    expect("ab\033cx", "x", 0, 1);
}

static void scrolling(void)
{
#define FIVE "1\r\n2\r\n3\r\n4\r\n5"
    expect(FIVE "\033[2;2H\033[L", "1//2/3/4", 1, 1);
    expect(FIVE "\033[2;2H\033[2M", "1/4/5", 1, 1);
    expect(FIVE "\033[2S", "3/4/5", 4, 1);
    expect(FIVE "\033[2T", "//1/2/3", 4, 1);
    expect(FIVE "\033[H\033M", "/1/2/3/4", 0, 0);
    expect(FIVE "\033[99S", "", 4, 1);
    expect(FIVE "\033[2;4r\033[4;1H\n", "1/3/4//5", 3, 0);
    expect(FIVE "\033[2;4r\033[2;1H\033M", "1//2/3/5", 1, 0);
    expect(FIVE "\033[2;4r\033[5;1H\nx", "1/2/3/4/x", 4, 1);
    expect(FIVE "\033[2;4r\033[1;1H\033[L", "1/2/3/4/5", 0, 0);
    expect(FIVE "\033[4;2r\n", "2/3/4/5", 4, 1);
    expect(FIVE "\033[2;4r\033[3;1H\033[9L", "1/2///5", 2, 0);
}

static void second_picture(void)
{
    expect("one\033[?1049htwo", "   two", 0, 6);
    expect("one\033[?1049h\033[3;1Htwo\033[?1049lx", "onex", 0, 4);
    expect("one\033[?1049l", "one", 0, 3);
    expect("one\033[?1049hx\033[?1049l\033[?1049h", "", 0, 3);
}

static void strange_ones(void)
{
    expect("\033]0;title\ax", "x", 0, 1);
    expect("\033]0;title\033\\x", "x", 0, 1);
    expect("\033Pq#0\033\\x", "x", 0, 1);
    expect("\033(Bx", "x", 0, 1);
    expect("\033=\033>x", "x", 0, 1);
    expect("\033[>cx\033[6nx\033[!px", "xxx", 0, 3);
    expect("\033[2 qx", "x", 0, 1);
    expect("ab\033[\r3Cx", "ab x", 0, 4);
}

static void look(unsigned column, unsigned colors, unsigned style)
{
    struct cell cell = screen_look(&screen, 0, column);
    CHECK(cell.colors == colors && cell.style == style, "column %u has colours %02x and style %u", column, cell.colors,
          cell.style);
}

static void pens(void)
{
    begin();
    say("a\033[31mb\033[44mc\033[1md\033[7me\033[27;22;4mf\033[39;49;24mg\033[m");
    look(0, 0x07, 0), look(1, 0x01, 0), look(2, 0x41, 0), look(3, 0x49, 0), look(4, 0x94, 0);
    look(5, 0x41, STYLE_UNDERLINE), look(6, 0x07, 0), look(7, 0x70, 0);
    say("\033[?25l");
    look(7, 0x07, 0);
    begin();
    say("\033[97;100ma\033[38;5;9;48;5;4mb\033[38;5;196mc\033[48;2;0;0;255md\033[0;38;5me\033[91;mf\033[?25l");
    look(0, 0x8f, 0), look(1, 0x49, 0), look(2, 0x49, 0), look(3, 0xc9, 0), look(4, 0x07, 0), look(5, 0x07, 0);
    begin();
    say("\033[42mx\033[K\033[?25l");
    look(0, 0x27, 0), look(9, 0x27, 0);
}

static void changes(void)
{
    begin();
    memset(screen.changed, 0, sizeof screen.changed);
    say("x\033[4;1Hy");
    for (unsigned row = 0; row < ROWS; row++)
        CHECK(screen.changed[row] == (row == 0 || row == 3), "row %u", row);
}

static void random_bytes(void)
{
    static const char often[] = "\033\033\033[[[[[0123456789;;?ABCDEFGHJKLMPSTX@dfhlmrsu\r\n\b\tab78DEMc(]\a";
    screen_init(&other, ROWS, COLUMNS, other_memory);
    begin();
    for (int round = 0; round < 50000; round++) {
        char bytes[20];
        size_t count = 1 + host_random(sizeof bytes);
        for (size_t i = 0; i < count; i++)
            bytes[i] = (char)(host_random(8) == 0 ? host_random(256) : (uint8_t)often[host_random(sizeof often - 1)]);
        screen_write(&screen, bytes, count);
        for (size_t i = 0; i < count; i++)
            screen_write(&other, bytes + i, 1);
        CHECK(screen.row < ROWS && screen.column < COLUMNS && screen.top < screen.bottom && screen.bottom <= ROWS, " ");
        CHECK(screen.row == other.row && screen.column == other.column, " ");
        for (unsigned at = 0; at < ROWS * COLUMNS; at++)
            CHECK(memcmp(&screen.cells[at], &other.cells[at], sizeof(struct cell)) == 0, "cell %u", at);
    }
}

// No two characters look alike, none is empty but the space, and rounding adds but never takes.
static void pictures(void)
{
    for (unsigned a = 0; a < FONT_COUNT; a++) {
        unsigned dots = 0;
        for (unsigned row = 0; row < FONT_HEIGHT; row++) {
            unsigned plain = font_plain_row(a, row);
            dots += plain != 0;
            for (unsigned x = 0; x < FONT_WIDTH; x++)
                for (unsigned y = 0; y < 2; y++) {
                    unsigned pair = font_rounded_row(a, 2 * row + y) >> (10 - 2 * x) & 3;
                    CHECK((plain >> (5 - x) & 1) == 0 || pair == 3, "picture %u", a);
                }
        }
        CHECK((dots == 0) == (a == 0), "picture %u", a);
        for (unsigned b = 0; b < a; b++) {
            bool differ = false;
            for (unsigned row = 0; row < FONT_HEIGHT; row++)
                differ |= font_plain_row(a, row) != font_plain_row(b, row);
            CHECK(differ, "pictures %u and %u are alike", a, b);
        }
    }
    CHECK(font_rounded_row('/' - ' ', 3) != font_rounded_row('/' - ' ', 2), "nothing was rounded");
}

int main(void)
{
    text();
    bytes_of_characters();
    moves();
    erasing();
    scrolling();
    second_picture();
    strange_ones();
    pens();
    changes();
    random_bytes();
    pictures();
    return 0;
}

// sources: kernel/fs/line.c
// The line discipline: what is typed, against what is read, shown and signalled; then a million random keys
// against a simple editor.

#include "host.h"

#include <string.h>

#include "fs/line.h"

static struct line line;
static char shown[1 << 16];
static size_t shown_count;
static int signals[64], signal_count;

static void show(const char *text, size_t count)
{
    if (shown_count + count <= sizeof shown) {
        memcpy(shown + shown_count, text, count);
        shown_count += count;
    }
}

static void receive_signal(int number) { signals[signal_count++ % 64] = number; }

static const struct line_host host = {.print = show, .signal = receive_signal};

static void begin(uint32_t local_off)
{
    line_init(&line, &host);
    struct termios settings = line.settings;
    settings.c_lflag &= ~local_off;
    line_set(&line, &settings, false);
    shown_count = 0;
    signal_count = 0;
}

static void type(const char *keys)
{
    for (; *keys != '\0'; keys++)
        line_receive(&line, (uint8_t)*keys);
}

static void expect_read(size_t size, const char *text, bool complete)
{
    char buffer[5000];
    bool was_complete;
    size_t count = line_take(&line, buffer, size, &was_complete);
    CHECK(count == strlen(text) && memcmp(buffer, text, count) == 0, "read \"%.*s\", not \"%s\"", (int)count, buffer, text);
    CHECK(was_complete == complete, "after \"%s\"", text);
}

static void expect_shown(const char *text)
{
    CHECK(shown_count == strlen(text) && memcmp(shown, text, shown_count) == 0, "shown \"%.*s\", not \"%s\"",
          (int)shown_count, shown, text);
    shown_count = 0;
}

static void lines(void)
{
    begin(0);
    type("ec");
    CHECK(line_ready(&line) == 0);
    expect_read(100, "", false);
    type("ho\r");
    CHECK(line_ready(&line) == 5);
    expect_read(100, "echo\n", true);
    expect_shown("echo\r\n");
    type("one\rtwo\r");
    expect_read(100, "one\n", true);
    expect_read(2, "tw", false);
    expect_read(2, "o\n", true);
}

static void erasing(void)
{
    begin(0);
    type("ab\x7f\x7f\x7f" "c\b" "d\n");
    expect_shown("ab\b \b\b \bc\b \bd\r\n");
    expect_read(100, "d\n", true);
    type("one two  \x17" "2\n");
    expect_read(100, "one 2\n", true);
    shown_count = 0;
    type("a\x01\x7f\x15x\n"); // a, Ctrl-A (shown as ^A), erased, killed
    expect_shown("a^A\b \b\b \b\b \bx\r\n");
    expect_read(100, "x\n", true);
    type("\xc3\xa4\xe2\x82\xac\x7f\n"); // two characters of several bytes, the second erased
    expect_shown("\xc3\xa4\xe2\x82\xac\b \b\r\n");
    expect_read(100, "\xc3\xa4\n", true);
    line_print(&line, "$ ", 2);
    shown_count = 0;
    type("a\t\x7f"); // from column 3 to column 8 and back
    expect_shown("a\t\b \b\b \b\b \b\b \b\b \b");
    type("\x15");
    expect_shown("\b \b");
    CHECK(line.column == 2);
}

static void file_ends(void)
{
    begin(0);
    type("\x04");
    CHECK(line_ready(&line) == 1);
    expect_read(100, "", true);
    expect_shown("");
    type("abc\x04");
    expect_read(100, "abc", true);
    type("abc\x04");
    expect_read(3, "abc", true); // the end belongs to the full buffer
    expect_read(3, "", false);
    type("abc\n\x04");
    expect_read(4, "abc\n", true); // but here it is one of its own
    expect_read(4, "", true);
}

static void signals_of_keys(void)
{
    begin(0);
    type("abc\n" "de\x03");
    CHECK(signal_count == 1 && signals[0] == 2);
    expect_shown("abc\r\nde^C");
    expect_read(100, "", false);
    type("\x1c\x1a");
    CHECK(signal_count == 3 && signals[1] == 3 && signals[2] == 20);
    begin(ISIG);
    type("\x03\n");
    CHECK(signal_count == 0);
    expect_read(100, "\x03\n", true);
    begin(0);
    struct termios settings = line.settings;
    settings.c_lflag |= NOFLSH;
    settings.c_cc[VQUIT] = 0;
    line_set(&line, &settings, false);
    type("abc\x03\x1c\n");
    expect_read(100, "abc\x1c\n", true);
    line_receive(&line, 0); // byte 0 is no key, though a disabled key is 0
    CHECK(signal_count == 1);
}

static void raw(void)
{
    begin(ICANON | ECHO | ISIG);
    type("a\x7f\x03");
    CHECK(line_ready(&line) == 3);
    expect_read(100, "a\x7f\x03", false);
    expect_shown("");
    struct termios settings = line.settings;
    settings.c_iflag &= ~(uint32_t)ICRNL;
    line_set(&line, &settings, false);
    type("x\r");
    expect_read(100, "x\r", false);
    settings.c_oflag = 0;
    line_set(&line, &settings, false);
    line_print(&line, "a\nb", 3);
    expect_shown("a\nb");
    settings.c_iflag |= INLCR;
    line_set(&line, &settings, false);
    type("\n");
    expect_read(100, "\r", false);
    settings.c_iflag = IGNCR;
    line_set(&line, &settings, false);
    type("\r\n");
    expect_read(100, "\n", false);
}

static void changes_of_rules(void)
{
    begin(0);
    struct termios usual = line.settings, bare = usual;
    bare.c_lflag = 0;
    bare.c_iflag = 0;
    type("half");
    line_set(&line, &bare, false); // what was being edited can be read
    expect_read(2, "ha", false);
    type("cat\rhellp\x7fo\r" "wor");
    shown_count = 0;
    line_set(&line, &usual, false); // what nobody has read comes in anew
    expect_shown("lfcat\r\nhellp\b \bo\r\nwor");
    expect_read(100, "lfcat\n", true);
    type("ld\r");
    expect_read(100, "hello\n", true);
    expect_read(100, "world\n", true);
    line_set(&line, &bare, false);
    type("ab\x03" "cd");
    line_set(&line, &usual, false); // a signal among it
    CHECK(signal_count == 1);
    type("e\n");
    expect_read(100, "e\n", true);
    type("\x04");
    line_set(&line, &bare, false); // an end of file means nothing without lines
    expect_read(100, "", false);
    type("xyz");
    line_set(&line, &bare, true);
    CHECK(line_ready(&line) == 0);
}

static void full(void)
{
    begin(0);
    for (int i = 0; i < 5000; i++)
        type("x");
    CHECK(line_ready(&line) == 0 && line.end - line.begin == LINE_SIZE - 1);
    CHECK(shown[shown_count - 1] == '\a');
    type("\n\n\x04");
    CHECK(line_ready(&line) == LINE_SIZE);
    char buffer[5000];
    bool complete;
    CHECK(line_take(&line, buffer, sizeof buffer, &complete) == LINE_SIZE && complete && buffer[LINE_SIZE - 1] == '\n');
    type("ok\n");
    expect_read(100, "ok\n", true);
}

// Who brings bytes waits while there is no room, and none is lost; but no key waits that could make room.
static void room(void)
{
    begin(0);
    CHECK(line_has_room(&line));
    for (int i = 0; i < LINE_SIZE; i++)
        type("x");
    CHECK(line_has_room(&line)); // nobody can read it before it ends: what is too long is dropped
    type("\n");
    CHECK(!line_has_room(&line));
    expect_read(2, "xx", false);
    CHECK(line_has_room(&line));
    begin(0);
    int count = 0;
    for (; line_has_room(&line); count++)
        type(count % 60 == 59 ? "\n" : "x");
    CHECK(count == LINE_SIZE - 1 && shown[shown_count - 1] != '\a');

    begin(ICANON | ECHO);
    struct termios bare = line.settings, usual = bare;
    usual.c_lflag |= ICANON;
    for (count = 0; line_has_room(&line); count++)
        type("y");
    line_set(&line, &usual, false); // received again, as a line that is edited
    CHECK(line.end - line.finished == (uint64_t)count && shown_count == 0, "of %d bytes %d are left", count,
          (int)(line.end - line.finished));
    CHECK(line_has_room(&line));
    line_set(&line, &bare, false);
    CHECK(!line_has_room(&line));
    expect_read(1, "y", false);
    CHECK(line_has_room(&line));
}

static void hurry(void)
{
    begin(0);
    CHECK(line_hurries(&line, 3) && line_hurries(&line, 0x1c) && line_hurries(&line, 0x1a));
    CHECK(!line_hurries(&line, 'c') && !line_hurries(&line, 4) && !line_hurries(&line, '\n') && !line_hurries(&line, 0));
    struct termios settings = line.settings;
    settings.c_lflag |= NOFLSH;
    line_set(&line, &settings, false);
    CHECK(!line_hurries(&line, 3));
    begin(ISIG);
    CHECK(!line_hurries(&line, 3));
}

// The simple editor: an array of lines, keys that append and erase.

static void random_keys(void)
{
    static char typed[8192], finished[1 << 16], got[1 << 16];
    size_t typed_count = 0, finished_count = 0, got_count = 0;
    begin(0);
    for (int i = 0; i < 1000000; i++) {
        static const char keys[] = "ab \x7f\x17\x15\n\x03";
        char key = keys[host_random(sizeof keys - 1)];
        type((char[]){key, '\0'});
        if (key == '\n') {
            memcpy(finished + finished_count, typed, typed_count);
            finished_count += typed_count;
            finished[finished_count++] = '\n';
            typed_count = 0;
        } else if (key == '\x7f') {
            typed_count -= typed_count > 0;
        } else if (key == '\x15') {
            typed_count = 0;
        } else if (key == '\x17') {
            while (typed_count > 0 && typed[typed_count - 1] == ' ')
                typed_count--;
            while (typed_count > 0 && typed[typed_count - 1] != ' ')
                typed_count--;
        } else if (key == '\x03') {
            typed_count = finished_count = got_count = 0;
        } else {
            typed[typed_count++] = key;
        }
        shown_count = 0;
        if (host_random(4) == 0) {
            bool complete;
            got_count += line_take(&line, got + got_count, 1 + host_random(9), &complete);
        }
        CHECK(got_count <= finished_count && memcmp(got, finished, got_count) == 0, "after %d keys", i);
        CHECK(line_ready(&line) == finished_count - got_count && line.end - line.finished == typed_count, "after %d keys", i);
        if (got_count == finished_count)
            got_count = finished_count = 0;
        if (finished_count > 2000) {
            bool complete;
            while (line_take(&line, got, sizeof got, &complete) > 0)
                continue;
            got_count = finished_count = 0;
        }
    }
}

int main(void)
{
    lines();
    erasing();
    file_ends();
    signals_of_keys();
    raw();
    changes_of_rules();
    full();
    room();
    hurry();
    random_keys();
    return 0;
}

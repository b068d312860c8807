// sources: kernel/dev/keys.c kernel/lib/print.c
// The keyboard's decoder: codes of set 1, against the bytes that a terminal sends.

#include "host.h"

#include <string.h>

#include "dev/keys.h"

static struct keys keys;

// Sends the codes, ended by 0, to a keyboard of which nothing is down; then all must send the text.
static void expect(const uint8_t *codes, const char *text, size_t length)
{
    char sent[64];
    size_t count = 0;
    memset(&keys, 0, sizeof keys);
    for (; *codes != 0; codes++)
        count += keys_decode(&keys, *codes, sent + count);
    CHECK(count == length && memcmp(sent, text, length) == 0, "%.*s instead of %s", (int)count, sent, text);
}

#define EXPECT(text, ...) expect((const uint8_t[]){__VA_ARGS__, 0}, text, sizeof(text) - 1)

enum {
    SHIFT = 0x2a, RIGHT_SHIFT = 0x36, CONTROL = 0x1d, ALT = 0x38, CAPS = 0x3a, NUM = 0x45, UP = 0x80, MORE = 0xe0,
    A = 0x1e, C = 0x2e, SLASH = 0x35, TAB = 0x0f, ENTER = 0x1c, ARROW = 0x48, FIVE = 0x4c, F1 = 0x3b, F5 = 0x3f,
};

int main(void)
{
    EXPECT("a", A, A | UP);
    EXPECT("aAa", A, A | UP, SHIFT, A, A | UP, SHIFT | UP, A);
    EXPECT("A", SHIFT, RIGHT_SHIFT, SHIFT | UP, A);
    EXPECT("AAa1", CAPS, CAPS | UP, A, A, SHIFT, A, SHIFT | UP, 0x02);
    EXPECT("Aa", CAPS, CAPS | UP, A, CAPS, CAPS | UP, A);
    EXPECT("\003", CONTROL, C);
    EXPECT("\003c", MORE, CONTROL, C, MORE, CONTROL | UP, C);
    EXPECT("\003", CONTROL, SHIFT, C);
    EXPECT("\0", CONTROL, 0x39);
    EXPECT("\033\033", 0x01, CONTROL, 0x1a);
    EXPECT("\037", CONTROL, SLASH);
    EXPECT("\033a", ALT, A);
    EXPECT("\033\001", MORE, ALT, CONTROL, A);
    EXPECT("\r\r/\t\033[Z\177", ENTER, MORE, ENTER, MORE, SLASH, TAB, SHIFT, TAB, SHIFT | UP, 0x0e);
    EXPECT("\033[A\033[D", MORE, ARROW, MORE, ARROW | UP, MORE, 0x4b);
    EXPECT("\033[1;5A\033[1;2A\033[1;8A", CONTROL, MORE, ARROW, CONTROL | UP, SHIFT, MORE, ARROW, ALT, CONTROL, MORE, ARROW);
    EXPECT("\033[H\033[F\033[2~\033[3~\033[5~\033[6~", MORE, 0x47, MORE, 0x4f, MORE, 0x52, MORE, 0x53, MORE, 0x49, MORE, 0x51);
    EXPECT("\033[A8\033[A", ARROW, NUM, NUM | UP, ARROW, MORE, ARROW);
    EXPECT("55-+", FIVE, NUM, FIVE, 0x4a, 0x4e);
    EXPECT("\033OP\033[15~\033[1;2P\033[24~", F1, F5, SHIFT, F1, SHIFT | UP, 0x58);
    EXPECT("\033[A", MORE, SHIFT, MORE, ARROW, MORE, ARROW | UP, MORE, SHIFT | UP);
    EXPECT("a", MORE, SHIFT, A);
    EXPECT("a\033[A", 0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5, A, ARROW);
    EXPECT("a", 0xfa, A);
    EXPECT("\\|", 0x2b, SHIFT, 0x56);

    for (int i = 0; i < 1000000; i++) {
        char bytes[KEY_BYTES];
        size_t count = keys_decode(&keys, (uint8_t)host_random(256), bytes);
        CHECK(count < KEY_BYTES, "%zu bytes", count);
    }
    return 0;
}

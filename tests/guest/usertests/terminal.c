/* What the console answers to requests. It is also where these results go: each test leaves its
 * settings as they were. */
#include <termios.h>
#include "usertests.h"

static int open_console(void)
{
    int fd = open("/dev/console", O_RDWR);
    if (fd < 0)
        fail("no console: %s", strerror(errno));
    return fd;
}

static void terminal_settings(void)
{
    int fd = open_console();
    struct termios before, raw, now;
    CHECK_IS(tcgetattr(fd, &before), 0);
    raw = before;
    cfmakeraw(&raw);
    CHECK_IS(tcsetattr(fd, TCSANOW, &raw), 0);
    CHECK_IS(tcgetattr(fd, &now), 0);
    CHECK_IS(tcsetattr(fd, TCSADRAIN, &before), 0);
    CHECK(memcmp(&raw, &now, sizeof(raw)) == 0);
    CHECK_IS(tcgetattr(fd, &now), 0);
    CHECK(memcmp(&before, &now, sizeof(before)) == 0);
    CHECK_IS(isatty(fd), 1);
}

static void terminal_group(void)
{
    int fd = open_console();
    pid_t before = tcgetpgrp(fd);
    CHECK(before >= 0);
    CHECK(tcsetpgrp(fd, getpid() + 100000) == -1);
    CHECK(tcsetpgrp(fd, -5) == -1);
    CHECK_IS(tcgetpgrp(fd), before);
    CHECK_IS(tcsetpgrp(fd, getpgrp()), 0);
    CHECK_IS(tcgetpgrp(fd), getpgrp());
    if (before > 0)
        CHECK_IS(tcsetpgrp(fd, before), 0);
}

static void terminal_size(void)
{
    struct winsize size = { 0 };
    int fd = open_console(), count = -1;
    CHECK_IS(ioctl(fd, TIOCGWINSZ, &size), 0);
    CHECK(size.ws_row >= 10 && size.ws_col >= 40);
    CHECK_IS(ioctl(fd, FIONREAD, &count), 0);
    CHECK(count >= 0);
}

static void not_a_terminal(void)
{
    static const uint64_t requests[] = { TCGETS, TCSETS, TIOCGPGRP, TIOCSPGRP, TIOCGWINSZ };
    struct termios settings = { 0 };
    int fds[3];
    write_file("file", "", 0, 0644);
    fds[0] = open("file", O_RDWR);
    CHECK_IS(pipe(fds + 1), 0);
    for (int i = 0; i < 3; i++) {
        for (int r = 0; r < 5; r++)
            CHECK_ERROR(ioctl(fds[i], requests[r], &settings), ENOTTY);
        CHECK_IS(isatty(fds[i]), 0);
    }
    CHECK_ERROR(lseek(open_console(), 0, SEEK_SET), ESPIPE);
}

const struct test terminal_tests[] = {
    TEST(terminal_settings), TEST(terminal_group), TEST(terminal_size), TEST(not_a_terminal),
    { NULL, NULL, 0 },
};

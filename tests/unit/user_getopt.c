// sources:
// flags: -I build/lined -idirafter build/lined/user/include
// getopt: random command lines, taken apart by Folio's library and by the host's.
#include "user.h"

static int host_getopt(int argc, char **argv, const char *letters)
{
    return getopt(argc, argv, letters);
}
static int *const host_optind = &optind, *const host_opterr = &opterr, *const host_optopt = &optopt;
static char **const host_optarg = &optarg;

#include "user_names.h"
#undef strchr
#undef strcmp
#undef printf
#undef warnx
#define warnx(...) ((void)0)
#include "user/lib/getopt.c"

static char words[8][8], *argv[10];

static int make_command_line(void)
{
    int argc = 1 + (int)pick(7);
    for (int i = 1; i < argc; i++) {
        size_t length = pick(5);
        for (size_t j = 0; j < length; j++)
            words[i][j] = "-abcx"[pick(5)];
        words[i][length] = 0;
        if (pick(2))
            words[i][0] = '-';
        argv[i] = words[i];
    }
    argv[0] = "tool";
    argv[argc] = NULL;
    return argc;
}

int main(void)
{
    setenv("POSIXLY_CORRECT", "1", 1);
    opterr = *host_opterr = 0;
    for (int step = 0; step < 100000; step++) {
        int argc = make_command_line(), letter;
        optind = 1;
        *host_optind = 0; // the GNU library's sign to begin anew
        do {
            letter = getopt(argc, argv, "ab:c");
            int expected = host_getopt(argc, argv, "ab:c");
            CHECK(letter == expected, "step %d: '%c' and '%c' before %d of \"%s %s %s %s\"", step, letter,
                  expected, optind, words[1], words[2], words[3], words[4]);
            CHECK(optind == *host_optind, "step %d: at %d, not %d", step, optind, *host_optind);
            CHECK(letter != 'b' || optarg == *host_optarg, "step %d: the value", step);
            CHECK(letter != '?' || optopt == *host_optopt, "step %d: '%c', not '%c'", step, optopt, *host_optopt);
        } while (letter != -1);
    }
    return 0;
}

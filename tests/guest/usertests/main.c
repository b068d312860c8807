/* usertests [-ltv] [-n SEED] [-r TIMES] [-s FACTOR] [NAME]...: tests the kernel from inside.
 *
 *   -l  lists the tests
 *   -n  begins the random numbers of each test with this one, as told by one that failed
 *   -r  runs all of it TIMES times
 *   -s  stretches the limits of time, for a machine that is disturbed
 *   -t  tells how long each test took
 *   -v  tells of each call how many of its allocations have failed, in the tests of failures
 *
 * Each test prints "ok NAME" or "FAILED NAME: why"; the last line is "N passed, N failed", the
 * exit status 1 if any failed. A test fails by a check, by running past its limit, by dying, and
 * if afterwards the machine has fewer free bytes, more processes or more kernel objects than
 * before. Memory that a first run takes and keeps is a cache and no leak, so what looks like one is
 * run again. */
#include <dirent.h>
#include <stdarg.h>
#include "usertests.h"

enum { USUAL_LIMIT = 10 };
static const char folder[] = "/tmp/usertests";
static bool tell_times;
bool tell_failures;
static unsigned stretch = 1;
static uint64_t seed;

static const struct test *const groups[] = {
    doors_tests, pointers_tests, exec_tests, process_tests, signal_tests, pipe_tests,
    file_tests, memory_tests, map_tests, fault_tests, time_tests, terminal_tests, smp_tests,
    link_tests, failure_tests, watch_tests, capability_tests, handle_tests, channel_tests, parts_tests, hostile_tests,
    system_tests, client_tests,
};
enum { GROUPS = sizeof(groups) / sizeof(groups[0]) };

/* The pipe by which a test, or a child of it, tells why it failed. */
static int report[2];

void fail(const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (size > (int)sizeof(text) - 1)
        size = sizeof(text) - 1;
    write(report[1], text, (size_t)size + 1);
    _exit(1);
}

/* Removes what is in the folder where we are, however deep. */
static void clear_here(void)
{
    for (bool again = true; again;) {
        char below[NAME_MAX + 1] = "";
        DIR *entries = opendir(".");
        if (!entries)
            return;
        again = false;
        for (struct dirent *entry; (entry = readdir(entries));) {
            if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                continue;
            if (unlink(entry->d_name) == 0 || rmdir(entry->d_name) == 0)
                again = true;
            else
                strcpy(below, entry->d_name);
        }
        closedir(entries);
        if (below[0] && chdir(below) == 0) {
            clear_here();
            chdir("..");
            again = again || rmdir(below) == 0;
        }
    }
}

static void enter_test(const struct test *test)
{
    setpgid(0, 0);
    close(report[0]);
    random_state = seed;
    if (chdir(folder) < 0)
        fail("no folder to work in: %s", strerror(errno));
    test->run();
    _exit(0);
}

/* Waits for the test's process under a limit, and ends what it left behind. */
static int watch(pid_t pid, const struct test *test, bool *too_long)
{
    unsigned limit = (test->seconds ? test->seconds : USUAL_LIMIT) * stretch;
    uint64_t end = folio_clock() + limit * 1000 * MILLISECOND, nap = MILLISECOND / 4;
    int status = -1;
    *too_long = false;
    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (folio_clock() > end && !*too_long) {
            *too_long = true;
            kill(-pid, SIGKILL);
            kill(pid, SIGKILL);
        }
        pause_for(nap);
        nap = nap < 5 * MILLISECOND ? nap * 2 : nap;
    }
    kill(-pid, SIGKILL);
    return status;
}

/* Nanoseconds to wait for the machine to have back what a test took. */
static uint64_t patience;

static void settle(const struct system_info *before, struct system_info *after)
{
    uint64_t end = folio_clock() + patience;
    for (;;) {
        *after = system_now();
        if (after->processes <= before->processes && after->threads <= before->threads &&
            after->objects <= before->objects && after->memory_free >= before->memory_free)
            return;
        if (folio_clock() > end)
            return;
        pause_for(2 * MILLISECOND);
    }
}

/* Runs a test once. Why it failed goes to text, which is empty if it did not. */
static void run_once(const struct test *test, char *text, size_t size, bool *leaks)
{
    struct system_info before = system_now(), after;
    char reason[256] = "";
    bool too_long;
    *text = '\0';
    *leaks = false;
    if (pipe(report) < 0 || mkdir(folder, 0755) < 0) {
        snprintf(text, size, "can't begin: %s", strerror(errno));
        return;
    }
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        enter_test(test);
    int status = watch(pid, test, &too_long);
    write(report[1], "", 1);            /* so that the read below never waits */
    read(report[0], reason, sizeof(reason) - 1);
    close(report[0]);
    close(report[1]);
    if (chdir(folder) == 0)
        clear_here();
    chdir("/");
    if (rmdir(folder) < 0)
        snprintf(text, size, "its folder can't be removed: %s", strerror(errno));
    if (too_long)
        snprintf(text, size, "ran past its limit; %s", reason);
    else if (WIFSIGNALED(status))
        snprintf(text, size, "%s; %s", strsignal(WTERMSIG(status)), reason);
    else if (status != 0)
        snprintf(text, size, "%s", reason[0] ? reason : "it ended with a status");
    settle(&before, &after);
    if (*text)
        return;
    *leaks = after.processes != before.processes || after.threads != before.threads ||
        after.objects > before.objects || after.memory_free < before.memory_free;
    if (*leaks)
        snprintf(text, size, "leaks %ld bytes, %ld objects, %ld processes, %ld threads",
                 (long)(before.memory_free - after.memory_free),
                 (long)(after.objects - before.objects),
                 (long)(after.processes - before.processes),
                 (long)(after.threads - before.threads));
}

static bool run_test(const struct test *test)
{
    char why[400];
    bool leaks;
    uint64_t begin = folio_clock();
    patience = 200 * MILLISECOND;
    run_once(test, why, sizeof(why), &leaks);
    if (leaks && tell_times)
        printf("again: %s %s\n", test->name, why);
    patience = 3000 * MILLISECOND;
    if (leaks)
        run_once(test, why, sizeof(why), &leaks);
    uint64_t took = (folio_clock() - begin) / MILLISECOND;
    if (*why)
        printf("FAILED %s: %s (seed %lu)\n", test->name, why, seed);
    else if (tell_times)
        printf("ok %s (%lu ms)\n", test->name, took);
    else
        printf("ok %s\n", test->name);
    fflush(stdout);
    return *why == '\0';
}

static void linger(void *unused)
{
    (void)unused;
    for (;;)
        pause_for(1000 * MILLISECOND);
}

/* The kernel keeps up to this many kernel stacks that nobody uses; here they come into being. */
enum { STACKS_KEPT = 8 };

/* The first test of all would pay for what this program and the kernel take once. */
static void nothing(void)
{
}

static void warm_up(void)
{
    static const struct test test = { "warm_up", nothing, 0 };
    char why[400];
    bool leaks;
    pid_t pids[2 * STACKS_KEPT];
    for (size_t i = 0; i < sizeof(pids) / sizeof(pids[0]); i++)
        pids[i] = start(linger, NULL);
    for (size_t i = 0; i < sizeof(pids) / sizeof(pids[0]); i++)
        stop(pids[i]);
    for (int i = 0; i < 3; i++)
        run_once(&test, why, sizeof(why), &leaks);
}

static bool is_chosen(const char *name, int count, char **names)
{
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return count == 0;
}

static bool is_known(const char *name)
{
    for (int i = 0; i < GROUPS; i++)
        for (const struct test *test = groups[i]; test->name; test++)
            if (strcmp(test->name, name) == 0)
                return true;
    return false;
}

static void list(void)
{
    for (int i = 0; i < GROUPS; i++)
        for (const struct test *test = groups[i]; test->name; test++)
            puts(test->name);
}

int main(int argc, char **argv)
{
    unsigned passed = 0, failed = 0, times = 1;
    self = argv[0];
    if (argc > 1 && argv[1][0] == ':')
        run_as_program(argc, argv);
    for (int option; (option = getopt(argc, argv, "ln:r:s:tv")) != -1;) {
        if (option == 'l') {
            list();
            return 0;
        } else if (option == 't') {
            tell_times = true;
        } else if (option == 'v') {
            tell_failures = true;
        } else if (option == 'r') {
            times = (unsigned)atoi(optarg);
        } else if (option == 'n') {
            seed = strtoul(optarg, NULL, 10);
        } else if (option == 's') {
            stretch = (unsigned)atoi(optarg);
        } else {
            fputs("usage: usertests [-ltv] [-n SEED] [-r TIMES] [-s FACTOR] [NAME]...\n", stderr);
            return 2;
        }
    }
    for (int i = optind; i < argc; i++) {
        if (!is_known(argv[i])) {
            fprintf(stderr, "usertests: there is no test \"%s\"\n", argv[i]);
            return 2;
        }
    }
    warm_up();
    bool given = seed != 0;
    for (unsigned time = 0; time < times; time++) {
        seed = given ? seed : folio_clock() | 1;
        for (int i = 0; i < GROUPS; i++)
            for (const struct test *test = groups[i]; test->name; test++)
                if (is_chosen(test->name, argc - optind, argv + optind))
                    ++*(run_test(test) ? &passed : &failed);
    }
    printf("%u passed, %u failed\n", passed, failed);
    return failed != 0;
}

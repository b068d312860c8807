/* soak KIND AMOUNT [WORKERS]: works the kernel for long, watches that it goes on, and looks whether
 * all was given back.
 *
 *   soak balls ROUNDS       two processes send a ball to and fro through two pipes, with delays
 *   soak forks COUNT        each worker forks, exits and waits COUNT times
 *   soak mix SECONDS        each worker does what comes: programs, pipes, maps, files, faults, signals
 *
 * There are as many workers as processors unless WORKERS says more. The last line is "soak: " and
 * what was done, and the exit status 0 if nothing was wrong: no process stood still for STILL
 * seconds, none failed, and no bytes, objects, processes or threads are missing at the end. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "soak.h"

enum { WORKERS_AT_MOST = 64, STILL = 120 };
const char *self;
uint64_t random_state = 88172645463325252u;
struct board *board;            /* shared by all processes of the soak */

uint64_t random64(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    printf("soak: process %d: ", (int)getpid());
    vprintf(format, arguments);
    printf(": %s\n", strerror(errno));
    fflush(stdout);
    _exit(1);
}

static struct system_info system_now(void)
{
    struct system_info info;
    if (folio_system_info(&info) < 0)
        fail("system_info");
    return info;
}

/* Starts the workers, waits for them, and looks at each second whether all of them go on. */
static bool watch(void (*work)(unsigned worker, uint64_t amount), uint64_t amount, unsigned workers)
{
    pid_t pids[WORKERS_AT_MOST];
    uint64_t seen[WORKERS_AT_MOST] = { 0 }, since[WORKERS_AT_MOST];
    unsigned left = workers;
    bool good = true;
    fflush(stdout);
    for (unsigned i = 0; i < workers; i++) {
        board->done[i] = 0;
        board->doing[i] = "its work";
        since[i] = folio_clock();
        pids[i] = fork();
        if (pids[i] < 0)
            fail("fork of worker %u", i);
        if (pids[i] == 0) {
            random_state ^= (uint64_t)getpid() << 32 ^ folio_clock();
            work(i, amount);
            _exit(0);
        }
    }
    while (left > 0) {
        pause_for(SECOND / 4);
        for (unsigned i = 0; i < workers; i++) {
            int status;
            if (pids[i] == 0)
                continue;
            if (waitpid(pids[i], &status, WNOHANG) == pids[i]) {
                good = good && status == 0;
                pids[i] = 0;
                left--;
            } else if (board->done[i] != seen[i]) {
                seen[i] = board->done[i];
                since[i] = folio_clock();
            } else if (folio_clock() - since[i] > STILL * SECOND) {
                printf("soak: worker %u stands still after %lu steps, doing %s\n", i, seen[i],
                       board->doing[i]);
                return false;
            }
        }
    }
    return good;
}

/* Compares with what there was before; gives the machine some seconds to become quiet. */
static bool is_all_back(const struct system_info *before)
{
    struct system_info now;
    for (int tries = 0; tries < 100; tries++) {
        now = system_now();
        if (now.memory_free >= before->memory_free && now.objects <= before->objects &&
            now.processes == before->processes && now.threads == before->threads)
            return true;
        pause_for(SECOND / 10);
    }
    printf("soak: missing %ld bytes, %ld objects, %ld processes, %ld threads\n",
           (long)(before->memory_free - now.memory_free), (long)(now.objects - before->objects),
           (long)(now.processes - before->processes), (long)(now.threads - before->threads));
    return false;
}

static const struct kind {
    const char *name;
    void (*work)(unsigned worker, uint64_t amount);
    uint64_t warm_up;           /* how much of it fills the kernel's caches */
    unsigned workers;           /* 0: as many as processors */
} kinds[] = {
    { "balls", play, 1000, 1 }, { "forks", make_children, 300, 0 }, { "mix", mix, 5, 0 },
    { NULL, NULL, 0, 0 },
};

int main(int argc, char **argv)
{
    const struct kind *kind = kinds;
    self = argv[0];
    if (argc > 1 && strcmp(argv[1], ":exit") == 0)
        return argc;
    while (argc > 1 && kind->name && strcmp(kind->name, argv[1]) != 0)
        kind++;
    if (argc < 3 || !kind->name) {
        fputs("usage: soak balls|forks|mix AMOUNT [WORKERS]\n", stderr);
        return 2;
    }
    board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (board == MAP_FAILED)
        fail("mmap");
    unsigned workers = kind->workers ? kind->workers : (unsigned)system_now().cpus;
    if (argc > 3)
        workers = (unsigned)atoi(argv[3]);
    if (workers < 1 || workers > WORKERS_AT_MOST)
        fail("%u workers", workers);
    bool good = watch(kind->work, kind->warm_up, workers);
    struct system_info before = system_now();
    uint64_t begin = folio_clock();
    good = good && watch(kind->work, strtoul(argv[2], NULL, 10), workers);
    uint64_t took = (folio_clock() - begin) / SECOND, steps = 0;
    for (unsigned i = 0; i < workers; i++)
        steps += board->done[i];
    good = is_all_back(&before) && good;
    printf("soak: %s: %lu steps of %u workers in %lu s%s\n", kind->name, steps, workers, took,
           good ? "" : ", FAILED");
    return !good;
}

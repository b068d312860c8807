// Prints the rate of this host's time-stamp counter in kHz, measured by the host's clock over a second. Each of the
// two ends is the narrowest of a thousand.
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

static uint64_t nanoseconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void read_both(uint64_t *ticks, uint64_t *time)
{
    uint64_t narrowest = UINT64_MAX;
    for (int i = 0; i < 1000; i++) {
        uint64_t before = __rdtsc(), now = nanoseconds(), width = __rdtsc() - before;
        if (width < narrowest) {
            narrowest = width;
            *ticks = before;
            *time = now;
        }
    }
}

int main(void)
{
    uint64_t ticks[2], time[2];
    read_both(&ticks[0], &time[0]);
    nanosleep(&(struct timespec){1, 0}, NULL);
    read_both(&ticks[1], &time[1]);
    printf("%llu\n", (unsigned long long)((ticks[1] - ticks[0]) * 1000000 / (time[1] - time[0])));
    return 0;
}

// sources: kernel/arch/rates.c
// The rates of two clocks, measured by a third on a machine whose processor is taken away: before each single access
// to a clock, at random for most of the time, for longer than the known clock counts, nearly always. What comes out must
// be right to a few thousandths. Then clocks that don't agree, are slow to read, stand still, or are not there.

#include "host.h"

#include "arch/rates.h"

enum { KNOWN_RATE = 1193182, TOP = 65535, US = 1000, MS = 1000 * US };

// The machine: all times in nanoseconds.
static uint64_t now, started;
static unsigned accesses;
static uint64_t access_time;                   // what one access costs
static double ticks_per_ns, counts_per_ns;
static bool present, counting;
static uint64_t (*taken_away)(void);           // for how long, before this access

static uint64_t never(void) { return 0; }

static unsigned first_bad, last_bad;
static uint64_t bad_for;
static uint64_t sometimes(void) { return accesses >= first_bad && accesses < last_bad ? bad_for : 0; }

// One processor in so many is ours: we run for some milliseconds, and are away for some.
static unsigned others;
static uint64_t left_of_slice;
static uint64_t busy_host(void)
{
    if (left_of_slice > access_time) {
        left_of_slice -= access_time;
        return 0;
    }
    left_of_slice = host_random(4 * MS);
    return others * host_random(4 * MS);
}

static uint64_t touch(void)
{
    now += taken_away() + access_time / 2;
    uint64_t then = now;
    now += access_time / 2;
    accesses++;
    return then;
}

static uint64_t ticks_at(uint64_t time) { return (uint64_t)((double)time * ticks_per_ns); }

static void start(void)
{
    started = touch();
}

static bool read_all(struct reading *reading)
{
    if (!present)
        return false;
    reading->ticks = ticks_at(touch());
    uint64_t known = counting ? (touch() - started) * KNOWN_RATE / 1000000000 : 0;
    reading->known = known;
    reading->counts = (uint64_t)((double)(touch() - started) * counts_per_ns);
    reading->doubt = ticks_at(touch()) - reading->ticks;
    now += 3 * access_time;
    return known < TOP;
}

static const struct clocks clocks = {KNOWN_RATE / 200, start, read_all};

static void machine(uint64_t (*host)(void))
{
    now = 1000 * MS;
    accesses = 0;
    access_time = US / 2;
    ticks_per_ns = 2.4;
    counts_per_ns = 0.0625;
    present = counting = true;
    taken_away = host;
}

static double error_of(double found, double truth) { return found > truth ? found / truth - 1 : 1 - found / truth; }

static double greatest;
static uint64_t longest;

static void measure_well(const char *where, unsigned number)
{
    struct span span;
    uint64_t begin = now;
    enum rates_verdict verdict = rates_measure(&clocks, &span);
    CHECK(verdict == RATES_AGREE, "%s %u: no two agree", where, number);
    double ns = (double)span.known / KNOWN_RATE * 1e9;
    double error = error_of((double)span.ticks / ns, ticks_per_ns);
    CHECK(error < 0.003, "%s %u: the counter's rate is wrong by %.2f %%", where, number, 100 * error);
    greatest = error > greatest ? error : greatest;
    error = error_of((double)span.counts / ns, counts_per_ns);
    CHECK(error < 0.003, "%s %u: the timer's rate is wrong by %.2f %%", where, number, 100 * error);
    longest = now - begin > longest ? now - begin : longest;
}

static void quiet(void)
{
    machine(never);
    measure_well("a quiet machine", 1);
    CHECK(longest < 11 * MS, "it takes %lu us", longest / US);
    CHECK(greatest < 0.0003, "it is wrong by %.3f %%", 100 * greatest);
}

// Away before any access, and before some that follow; for longer than the known clock counts, too. Once, for
// shorter, must not cost more than that time: what was measured before it stays good, or is begun anew at once.
static void away_at_each_moment(void)
{
    static const uint64_t lengths[] = {20 * US, 800 * US, 20 * MS, 54 * MS, 70 * MS, 300 * MS};
    for (unsigned length = 0; length < sizeof lengths / sizeof *lengths; length++)
        for (unsigned access = 0; access < 5000; access += access < 100 ? 1 : 13)
            for (unsigned often = 1; often <= 4; often++) {
                machine(sometimes);
                first_bad = access;
                last_bad = access + often;
                bad_for = lengths[length];
                longest = 0;
                measure_well("away before access", access);
                if (often == 1 && bad_for <= 20 * MS)
                    CHECK(longest <= 11 * MS + bad_for, "away before access %u: it takes %lu us", access, longest / US);
            }
}

// The old rule took the shortest of three: three ends that are all seen late.
static void away_at_every_end(void)
{
    for (unsigned phase = 0; phase < 100; phase++) {
        machine(busy_host);
        others = 8;
        left_of_slice = phase * 50 * US;
        measure_well("a loaded host", phase);
    }
    for (unsigned run = 0; run < 20000; run++) {
        machine(busy_host);
        others = 1 + host_random(12);
        left_of_slice = host_random(5 * MS);
        ticks_per_ns = 0.5 + host_random(4500) / 1000.0;
        measure_well("run", run);
    }
}

// Never ours for as long as a measurement should last, and away for longer than the known clock counts.
static uint64_t slice;
static uint64_t starving_host(void)
{
    if (left_of_slice > access_time) {
        left_of_slice -= access_time;
        return 0;
    }
    left_of_slice = slice;
    return 80 * MS;
}

static void never_for_long(void)
{
    for (slice = 500 * US; slice < 3 * MS; slice += 10 * US) {
        machine(starving_host);
        left_of_slice = host_random(slice);
        struct span span;
        CHECK(rates_measure(&clocks, &span) != RATES_NONE, "%lu us at a time: no clock counts", slice / US);
        double error = error_of((double)span.ticks / ((double)span.known / KNOWN_RATE * 1e9), ticks_per_ns);
        CHECK(error < 0.006, "%lu us at a time: wrong by %.2f %%", slice / US, 100 * error);
    }
}

static void slow_to_read(void)
{
    machine(never);
    access_time = 4 * US;
    measure_well("slow ports", 4);
    machine(never);
    access_time = 60 * US; // three accesses are more than a thousandth of all that the old timer can count
    struct span span;
    CHECK(rates_measure(&clocks, &span) == RATES_BEST);
    double error = error_of((double)span.ticks / ((double)span.known / KNOWN_RATE * 1e9), ticks_per_ns);
    CHECK(error < 0.005, "the best is wrong by %.2f %%", 100 * error);
    CHECK(span.known > TOP / 2);
}

// A counter that changes its rate from one measurement to the next.
static uint64_t speeding(void)
{
    ticks_per_ns *= 1.00001;
    return 0;
}

static void nothing_to_agree_on(void)
{
    machine(speeding);
    struct span span;
    CHECK(rates_measure(&clocks, &span) == RATES_BEST);
    machine(never);
    counting = false;
    CHECK(rates_measure(&clocks, &span) == RATES_NONE);
    machine(never);
    present = false;
    CHECK(rates_measure(&clocks, &span) == RATES_NONE);
}

int main(void)
{
    quiet();
    away_at_each_moment();
    away_at_every_end();
    never_for_long();
    slow_to_read();
    nothing_to_agree_on();
    return 0;
}

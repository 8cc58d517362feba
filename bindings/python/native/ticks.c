/*
 * ticks.c: how long something took, for the price of reading a register.
 *
 * Where the kernel itself keeps time by the processor's time stamp counter, CLOCK_MONOTONIC is that
 * counter times a rate, and more than half of what reading it costs (11 of 28 ns) is waiting for
 * the instructions before it, which a duration can do without. So durations are counted in ticks.
 *
 * The rate is not asked from anybody: it is measured against CLOCK_MONOTONIC, since the module was
 * loaded and again at least once a second. A duration that ends when this is due is taken from the
 * kernel's clock, so none that is longer than a second rests on the counter alone. When the two
 * clocks have come to differ by more than the kernel ever slews its own (a suspended machine, a
 * counter that was found unstable), the counter is not used again.
 *
 * All of it is kept for each interpreter, under its lock; builds without one use the kernel's clock.
 */
#include "native.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Until the rate is known: long enough that 100 ns of doubt in two readings are 10 in a million. */
#define FIRST_NS 20000000u
#define SECOND_NS 1000000000u
/* The kernel slews by at most 500 in a million. */
#define MOST_DRIFT 1e-3
/* Readings of the two clocks that are further apart than this belong to different times. */
#define MOST_APART 20000u
#define TRIES 4

#if TICKS
static bool kernel_counts_ticks(void)
{
    char name[16] = "";
    FILE *file = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "re");
    if (file == NULL) {
        return false;
    }
    bool read = fgets(name, sizeof name, file) != NULL;
    fclose(file);
    return read && strcmp(name, "tsc\n") == 0;
}

/* Both clocks at one time; false when something always came between. */
static bool read_both(uint64_t *ticks, uint64_t *ns)
{
    for (int i = 0; i < TRIES; i++) {
        uint64_t before = counter_now();
        *ns = monotonic_ns();
        uint64_t after = counter_now();
        *ticks = before + (after - before) / 2;
        if (after - before < MOST_APART) {
            return true;
        }
    }
    return false;
}

void ticks_init(Ticks *self)
{
    memset(self, 0, sizeof *self);
    self->unusable = !kernel_counts_ticks() || !read_both(&self->known_ticks, &self->known_ns);
}

/* Takes the rate from the time since the clocks were last compared, if there is enough of it. */
static void compare(Ticks *self)
{
    uint64_t ticks;
    uint64_t ns;
    if (self->unusable || !read_both(&ticks, &ns)) {
        return;
    }
    uint64_t passed_ns = ns - self->known_ns;
    if (passed_ns < FIRST_NS) {
        return;
    }
    double rate = (double)passed_ns * 1e-9 / (double)(int64_t)(ticks - self->known_ticks);
    if (!(rate > 0.0)
        || (self->limit != 0 && fabs(rate / self->seconds_per_tick - 1.0) > MOST_DRIFT)) {
        self->unusable = true;
        self->limit = 0;
        return;
    }
    self->seconds_per_tick = rate;
    self->limit = (uint64_t)(SECOND_NS * 1e-9 / rate);
    self->known_ticks = ticks;
    self->known_ns = ns;
}

uint64_t ticks_begin_slowly(Ticks *self)
{
    compare(self);
    return self->limit != 0 ? counter_now() | IN_TICKS : monotonic_ns();
}

double ticks_since_slowly(Ticks *self, uint64_t begun)
{
    uint64_t now_ns = monotonic_ns();
    uint64_t begun_ns = begun;
    if ((begun & IN_TICKS) != 0) {
        int64_t passed = (int64_t)(counter_now() - (begun & ~IN_TICKS));
        /* By the rate that was good when it began. */
        int64_t after = (int64_t)((begun & ~IN_TICKS) - self->known_ticks);
        begun_ns = self->known_ns + (uint64_t)(int64_t)((double)after * self->seconds_per_tick * 1e9);
        compare(self);
        if (passed >= 0 && (uint64_t)passed < self->limit) {
            return (double)passed * self->seconds_per_tick;
        }
    }
    return now_ns > begun_ns ? (double)(now_ns - begun_ns) * 1e-9 : 0.0;
}
#else
void ticks_init(Ticks *self)
{
    memset(self, 0, sizeof *self);
    self->unusable = true;
}

uint64_t ticks_begin_slowly(Ticks *self)
{
    (void)self;
    return monotonic_ns();
}

double ticks_since_slowly(Ticks *self, uint64_t begun)
{
    (void)self;
    uint64_t now_ns = monotonic_ns();
    return now_ns > begun ? (double)(now_ns - begun) * 1e-9 : 0.0;
}
#endif

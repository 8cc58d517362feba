/*
 * bench: what tidegate costs a C program, through the shared library.
 * How it is measured: table.h.
 */
#include "table.h"

#include <math.h>

enum {
    LATENCIES = 1 << 16,
    KEY_CALLS = 1 << 20,
    KEY_BYTES = 24,
    NAMES = 1000,
    WINDOW_CALLS = 1 << 21, /* at most 60 for each key */
    WINDOW_KEYS = WINDOW_CALLS / 60 + 1,
    MINUTE_CALLS = 1 << 20,
    MINUTE_KEYS = 3 * MOST_SAMPLES * (MINUTE_CALLS / 60 + 2)
};

static const char BUCKET[] =
    "{\"algorithm\": \"token_bucket\", \"rate_per_second\": 1000, \"burst\": 1000000000}";
static const uint32_t HALF = 500000000;

static tidegate_counter counter;
static tidegate_histogram histogram, samples;
static tidegate_limiter half, once, keyed_10k, keyed_1m, window, minute;
static double latencies[LATENCIES];
static uint16_t clients[LATENCIES];
static char names[NAMES][32];
static char (*zipf)[KEY_BYTES], (*uniform)[KEY_BYTES], (*in_turn)[KEY_BYTES];
static atomic_ulong *scattered;

#define LATENCY latencies[at % LATENCIES]
#define CHECK(limiter, key)                                                    \
    (void)!tidegate_limiter_check(engine, limiter, key, (key) ? KEY_BYTES - 7 : 0, 1, NULL)

static void store(unsigned long place)
{
    atomic_store_explicit(&scattered[place], coarse_clock(), memory_order_release);
}

static unsigned long number_of(const char *key)
{
    unsigned long number = 0;
    for (int at = 0; at < KEY_BYTES - 7; at++) {
        number = number * 10 + (unsigned char)key[at];
    }
    return number * 0x9e3779b97f4a7c15u;
}

/* Sixty calls for each key, none of which was there before. */
static void check_minute(unsigned long at)
{
    static _Thread_local unsigned long key[2];
    if (at % 60 == 0 || key[0] == 0) {
        key[0] = atomic_fetch_add_explicit(&shared->fresh, 1, memory_order_relaxed) + 1;
    }
    (void)!tidegate_limiter_check(engine, minute, (const char *)key, sizeof key, 1, NULL);
}

static void quantiles_of(double window_seconds)
{
    static const double asked[] = {0.5, 0.9, 0.95, 0.99, 0.999};
    double values[5];
    (void)!tidegate_histogram_quantiles(engine, samples, window_seconds, asked, 5, values);
}

ROW(empty_call, tidegate_abi_version())
ROW(bare_add, atomic_fetch_add_explicit(&shared->word, 1, memory_order_relaxed))
ROW(add_somewhere, atomic_fetch_add_explicit(&shared->words[(unsigned)(LATENCY * 50000) % 512], 1,
                                             memory_order_relaxed))
ROW(clock_alone, (void)coarse_clock())
ROW(clock_and_swap, swap(&shared->word, coarse_clock() & 1))
ROW(key_and_swap, swap(&scattered[number_of(zipf[at % KEY_CALLS]) % (10000 * 4)], 1))
ROW(far_key_and_swap, swap(&scattered[number_of(uniform[at % KEY_CALLS]) % (1000000 * 4)], 1))
ROW(scattered_add, atomic_fetch_add_explicit(&scattered[clients[at % LATENCIES] * 64], 1,
                                             memory_order_relaxed))
ROW(store_in_a_row, store(at % (WINDOW_CALLS / 2) / 30 * 64 + at % 30))
ROW(store_in_turn, store(at % WINDOW_KEYS * 64 + at / WINDOW_KEYS % 64))

ROW(counter_add, (void)!tidegate_counter_add(engine, counter, 1))
ROW(record, (void)!tidegate_histogram_record(engine, histogram, LATENCY))
ROW(record_64, (void)!tidegate_histogram_record_many(engine, histogram,
                                                     &latencies[at * 64 % LATENCIES], 64))
ROW(record_by_name, (void)!tidegate_record_metric(engine, names[clients[at % LATENCIES]], LATENCY))
ROW(quantiles_ever, (void)at; quantiles_of(0))
ROW(quantiles_60s, (void)at; quantiles_of(60))
ROW(admitted, CHECK(half, (const char *)NULL))
ROW(denied, CHECK(once, (const char *)NULL))
ROW(admitted_10k, CHECK(keyed_10k, zipf[at % KEY_CALLS]))
ROW(admitted_1m, CHECK(keyed_1m, uniform[at % KEY_CALLS]))
/* Thirty calls for each key, by each thread or twice by the only one. */
ROW(window_in_a_row, CHECK(window, in_turn[at % (WINDOW_CALLS / 2) / 30]))
ROW(minute_in_a_row, check_minute(at))
ROW(window_in_turn, CHECK(window, in_turn[at % WINDOW_KEYS]))

static const struct row rows[] = {
    {"floor: empty call (tidegate_abi_version)", empty_call, -1, 0, 0, 0},
    {"floor: locked add", bare_add, -1, 0, 0, 0},
    {"floor: locked add, 1 of 512", add_somewhere, -1, 0, 0, 0},
    {"floor: coarse clock", clock_alone, -1, 0, 0, 0},
    {"floor: coarse clock, compare and swap", clock_and_swap, -1, 0, 0, 0},
    {"floor: 10,000 keys: read, swap", key_and_swap, -1, 0, 0, 0},
    {"floor: 1,000,000 keys: read, swap", far_key_and_swap, -1, 0, 0, 0},
    {"floor: locked add, 1 of 1,000 lines", scattered_add, -1, 0, 0, 0},
    {"floor: clock and store, in a row", store_in_a_row, -1, 0, 0, 0},
    {"floor: clock and store, in turn", store_in_turn, -1, 0, 0, 0},
    {"counter_add", counter_add, 1, 5, 6, 0},
    {"histogram_record", record, 2, 9, 11, 0},
    {"histogram_record_many, 64 values", record_64, 2, 0, 0, 0},
    {"record_metric, 1,000 names", record_by_name, 7, 30, 40, 0},
    {"histogram_quantiles, 5 of 1e6, ever", quantiles_ever, 3, 1000, 1000, 0},
    {"histogram_quantiles, 5 of 1e6, 60 s", quantiles_60s, 3, 1000, 1000, 0},
    {"limiter_check, admitted", admitted, 4, 16, 80, 0},
    {"limiter_check, denied", denied, 3, 14, 16, 0},
    {"limiter_check, 10,000 keys, zipf", admitted_10k, 5, 40, 50, 0},
    {"limiter_check, 1,000,000 keys, uniform", admitted_1m, 6, 130, 150, 0},
    {"limiter_check, window 60 s, 60 a key in a row", minute_in_a_row, 3, 30, 80, MINUTE_CALLS},
    {"limiter_check, window 1 s, 60 a key in a row", window_in_a_row, 8, 0, 0, WINDOW_CALLS},
    {"limiter_check, window 1 s, keys in turn", window_in_turn, 9, 0, 0, WINDOW_CALLS},
};
enum { ROWS = sizeof rows / sizeof rows[0] };

/* Inputs, from a fixed seed. */

static uint64_t state = 88172645463325252u;

static uint64_t any(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static double fraction(void)
{
    return (double)(any() >> 11) / 9007199254740992.0;
}

static double latency(void)
{
    double radius = sqrt(-2 * log(fmax(fraction(), 1e-12)));
    return 0.005 * exp(radius * cos(6.283185307179586 * fraction()));
}

static char (*keys(unsigned long count))[KEY_BYTES]
{
    char(*made)[KEY_BYTES] = calloc(count, KEY_BYTES);
    if (made == NULL) {
        perror("bench: calloc");
        exit(1);
    }
    return made;
}

static void name_key(char *key, unsigned long number)
{
    snprintf(key, KEY_BYTES, "user:%012lu", number * 7919 % 1000000000000u);
}

static tidegate_limiter keyed(const char *name, unsigned long count)
{
    char config[256], key[KEY_BYTES];
    tidegate_limiter limiter;
    snprintf(config, sizeof config, "%.*s, \"keyed\": true, \"max_keys\": %lu}",
             (int)sizeof BUCKET - 2, BUCKET, count);
    must(tidegate_limiter_open(engine, name, config, &limiter));
    for (unsigned long at = 0; at < count; at++) {
        name_key(key, at);
        must(tidegate_limiter_check(engine, limiter, key, KEY_BYTES - 7, HALF, NULL));
    }
    return limiter;
}

static void prepare(void)
{
    scattered = mmap(NULL, sizeof *scattered * 4000000, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (scattered == MAP_FAILED) {
        perror("bench: mmap");
        exit(1);
    }
    for (int at = 0; at < LATENCIES; at++) {
        latencies[at] = latency();
        clients[at] = (uint16_t)(any() % NAMES);
    }
    for (int at = 0; at < NAMES; at++) {
        snprintf(names[at], sizeof names[at], "latency:client%04d", at);
    }
    zipf = keys(KEY_CALLS);
    uniform = keys(KEY_CALLS);
    in_turn = keys(WINDOW_KEYS);
    for (int at = 0; at < KEY_CALLS; at++) {
        name_key(zipf[at], (unsigned long)pow(10000, fraction()) - 1);
        name_key(uniform[at], any() % 1000000);
    }
    for (unsigned long at = 0; at < WINDOW_KEYS; at++) {
        name_key(in_turn[at], at);
    }

    must(tidegate_engine_open(NULL, &engine));
    must(tidegate_counter_open(engine, "calls", NULL, &counter));
    must(tidegate_histogram_open(engine, "seconds", NULL, &histogram));
    must(tidegate_histogram_open(engine, "samples", NULL, &samples));
    for (int at = 0; at < 1000000; at++) {
        must(tidegate_histogram_record(engine, samples, latency()));
    }
    must(tidegate_limiter_open(engine, "half", BUCKET, &half));
    must(tidegate_limiter_check(engine, half, NULL, 0, HALF, NULL));
    must(tidegate_limiter_open(
        engine, "once",
        "{\"algorithm\": \"token_bucket\", \"rate_per_second\": 0.01, \"burst\": 1}", &once));
    must(tidegate_limiter_check(engine, once, NULL, 0, 1, NULL));
    keyed_10k = keyed("keyed_10k", 10000);
    keyed_1m = keyed("keyed_1m", 1000000);
    char config[256];
    snprintf(config, sizeof config,
             "{\"algorithm\": \"sliding_window\", \"limit\": 60, \"window_seconds\": 1,"
             " \"keyed\": true, \"max_keys\": %d}",
             (int)WINDOW_KEYS);
    must(tidegate_limiter_open(engine, "window", config, &window));
    snprintf(config, sizeof config,
             "{\"preset\": \"standard\", \"keyed\": true, \"max_keys\": %d}", (int)MINUTE_KEYS);
    must(tidegate_limiter_open(engine, "minute", config, &minute));
    /* What the rows measure is not the kernel's first touch of a page. */
    if (mlockall(MCL_CURRENT) != 0) {
        perror("bench: mlockall, new keys will pay for new pages");
    }
}

int main(int count, char **arguments)
{
    return table(rows, ROWS, count, arguments, prepare);
}

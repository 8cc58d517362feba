/*
 * test_limiter_model.c: token bucket and sliding window against slow models that cannot be wrong,
 * on the manual clock with random waits and costs.
 */
#include "check.h"

static tidegate_engine *engine;

static tidegate_decision decision;

/** Asks for `cost`; the answer's numbers are in `decision`. */
static tidegate_status ask(tidegate_limiter limiter, uint32_t cost)
{
    memset(&decision, 0xee, sizeof decision);
    return tidegate_limiter_check(engine, limiter, NULL, 0, cost, &decision);
}

static void advance(uint64_t by_ns)
{
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, by_ns));
}

static tidegate_limiter window(const char *name, unsigned long long limit, const char *seconds)
{
    char config[200];
    snprintf(config, sizeof config,
             "{\"algorithm\":\"sliding_window\",\"limit\":%llu,\"window_seconds\":%s}", limit,
             seconds);
    return check_limiter(engine, name, config);
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/** Seed of a model; TIDEGATE_SEED runs one again. */
static uint64_t seed(void)
{
    const char *given = getenv("TIDEGATE_SEED");
    uint64_t chosen = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)getpid() * 2654435761u;
    fprintf(stderr, "    TIDEGATE_SEED=%llu\n", (unsigned long long)chosen);
    return chosen | 1;
}

/** The model: 7 units a second, 20 at most, counted in nanoseconds times seven. */
static void a_bucket_agrees_with_its_model(void)
{
    uint64_t random = seed();
    tidegate_limiter limiter = check_limiter(
        engine, "model_b", "{\"algorithm\":\"token_bucket\",\"rate_per_second\":7,\"burst\":20}");
    const uint64_t full = 20 * SECOND;
    uint64_t level = full;
    for (int step = 0; step < (check_is_slow() ? 3000 : 100000); step++) {
        uint64_t wait = next_random(&random) % (SECOND / 2), cost = 1 + next_random(&random) % 4;
        advance(wait);
        level = level + 7 * wait > full ? full : level + 7 * wait;
        bool fits = level >= cost * SECOND;
        STATUS(fits ? TIDEGATE_OK : TIDEGATE_DENIED, ask(limiter, (uint32_t)cost));
        uint64_t retry = fits ? 0 : (cost * SECOND - level + 6) / 7;
        level -= fits ? cost * SECOND : 0;
        EQUAL(level / SECOND, decision.remaining);
        EQUAL(retry, decision.retry_after_ns);
        EQUAL((full - level + 6) / 7, decision.reset_after_ns);
    }
}

/** The model: the times of all admitted units. */
static void a_window_agrees_with_the_log(uint64_t limit)
{
    static uint64_t times[400000];
    char name[40];
    snprintf(name, sizeof name, "model_w%llu", (unsigned long long)limit);
    uint64_t random = seed(), now = 0, count = 0, oldest = 0;
    tidegate_limiter limiter = window(name, limit, "1");
    for (int step = 0; step < (check_is_slow() ? 3000 : 100000); step++) {
        uint64_t wait = next_random(&random) % (3 * SECOND / limit);
        uint64_t cost = 1 + next_random(&random) % (limit < 3 ? limit : 3);
        advance(wait);
        now += wait;
        while (oldest < count && times[oldest] + SECOND <= now) {
            oldest++;
        }
        bool fits = count - oldest + cost <= limit;
        STATUS(fits ? TIDEGATE_OK : TIDEGATE_DENIED, ask(limiter, (uint32_t)cost));
        uint64_t retry = fits ? 0 : times[count + cost - limit - 1] + SECOND - now;
        for (uint64_t unit = 0; fits && unit < cost; unit++) {
            times[count++] = now;
        }
        EQUAL(limit - (count - oldest), decision.remaining);
        EQUAL(retry, decision.retry_after_ns);
        EQUAL(count == oldest ? 0 : times[count - 1] + SECOND - now, decision.reset_after_ns);
    }
}

static void a_window_up_to_64_is_exact(void)
{
    a_window_agrees_with_the_log(1);
    a_window_agrees_with_the_log(7);
    a_window_agrees_with_the_log(64);
}

static void a_window_above_64_never_exceeds_and_admits_95_percent(void)
{
    static uint64_t times[100000];
    uint64_t random = seed(), now = 0, count = 0, oldest = 0, denied = 0, wrongly = 0;
    tidegate_limiter limiter = window("thousand", 1000, "1");
    while (count < 50000) {
        uint64_t wait = next_random(&random) % (random % 2048 == 0 ? SECOND : SECOND / 800);
        advance(wait);
        now += wait;
        while (oldest < count && times[oldest] + SECOND <= now) {
            oldest++;
        }
        if (ask(limiter, 1) == TIDEGATE_OK) {
            times[count++] = now;
            CHECK(count - oldest <= 1000);
        } else {
            denied++;
            wrongly += count - oldest < 950;
            CHECK(decision.retry_after_ns > 0 && decision.retry_after_ns <= SECOND);
            advance(decision.retry_after_ns);
            now += decision.retry_after_ns;
            STATUS(TIDEGATE_OK, ask(limiter, 1));
            times[count++] = now;
        }
        if (check_is_slow() && count > 3000) {
            break;
        }
    }
    EQUAL(0, wrongly);
    CHECK(denied > 0);
}

int main(void)
{
    engine = check_open("{\"clock\":\"manual\"}");
    RUN(a_bucket_agrees_with_its_model);
    RUN(a_window_up_to_64_is_exact);
    RUN(a_window_above_64_never_exceeds_and_admits_95_percent);
    tidegate_engine_close(engine);
    return check_result();
}

/*
 * test_operation_view.c: successes of an operation are recorded with plain stores, as the header's
 * comment on tidegate_operation_view says and with nothing else known; they are the same calls as
 * those recorded by a function.
 */
#include "check.h"

static tidegate_engine *engine;
static uint32_t numbers;

static double number_of(uint64_t word)
{
    double number;
    memcpy(&number, &word, sizeof number);
    return number;
}

static uint64_t word_of(double number)
{
    uint64_t word;
    memcpy(&word, &number, sizeof word);
    return word;
}

static void count(uint64_t *word)
{
    *word = numbers == TIDEGATE_SHARD_INTEGERS ? *word + 1 : word_of(number_of(*word) + 1.0);
}

/** A success of so many seconds; false where the header says to record it through a call. */
static bool succeeded(const tidegate_operation_view *view, double value)
{
    const tidegate_shard_cells *cells = &view->cells;
    uint64_t bits = word_of(value);
    uint64_t i = (bits >> (52 - cells->fraction_bits)) -
                 ((uint64_t)cells->first_octave << cells->fraction_bits);
    if (i >= (uint64_t)cells->octaves << cells->fraction_bits || value > view->slow_seconds ||
        bits > __atomic_load_n(view->floor, __ATOMIC_RELAXED) ||
        (__atomic_load_n(view->split, __ATOMIC_RELAXED) >> (i & 63) & 1) != 0) {
        return false;
    }
    count(&cells->counts[i]);
    *cells->sum = word_of(number_of(*cells->sum) + value);
    if (value < number_of(cells->extremes[0])) {
        cells->extremes[0] = word_of(value);
    }
    if (value > number_of(cells->extremes[1])) {
        cells->extremes[1] = word_of(value);
    }
    count(view->successes);
    return true;
}

static tidegate_operation open_operation(const char *name, const char *options)
{
    tidegate_operation operation = {0};
    NEED(STATUS(TIDEGATE_OK, tidegate_operation_open(engine, name, options, &operation)));
    return operation;
}

static tidegate_shard open_shard(void)
{
    tidegate_shard shard = {0};
    NEED(STATUS(TIDEGATE_OK, tidegate_shard_open(engine, numbers, &shard)));
    return shard;
}

static tidegate_operation_view view_of(tidegate_shard shard, tidegate_operation operation)
{
    tidegate_operation_view view;
    memset(&view, 0xee, sizeof view);
    NEED(STATUS(TIDEGATE_OK, tidegate_shard_operation(engine, shard, operation, &view)));
    EQUAL(0, view.cells.reserved);
    return view;
}

static void by_call(tidegate_operation operation, double value, tidegate_outcome outcome)
{
    const char *code = outcome == TIDEGATE_OUTCOME_FAILURE ? "broken" : NULL;
    STATUS(TIDEGATE_OK, tidegate_operation_record(engine, operation, value, outcome, code));
}

static tidegate_operation_reading reading(tidegate_operation operation, double window)
{
    tidegate_operation_reading found;
    NEED(STATUS(TIDEGATE_OK, tidegate_operation_read(engine, operation, window, &found)));
    return found;
}

static void are_the_same(tidegate_operation one, tidegate_operation other, double window)
{
    tidegate_operation_reading a = reading(one, window), b = reading(other, window);
    EQUAL(a.count, b.count);
    EQUAL(a.successes, b.successes);
    EQUAL(a.failures, b.failures);
    EQUAL(a.ignored, b.ignored);
    EQUAL(a.slow, b.slow);
    CHECK(a.p50 == b.p50 && a.p90 == b.p90 && a.p95 == b.p95 && a.p99 == b.p99);
    CHECK(a.count == 0 || fabs(a.average - b.average) < 1e-12);
}

/** A number from 0 to 1, the next of a fixed row. */
static double draw(void)
{
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (double)(state >> 11) / 9007199254740992.0;
}

static void a_view_and_calls_record_the_same(void)
{
    static const char *const OPTIONS = "{\"slow_seconds\":0.9}";
    tidegate_operation called = open_operation("called", OPTIONS);
    tidegate_operation viewed = open_operation("viewed", OPTIONS);
    tidegate_operation_view view = view_of(open_shard(), viewed);
    CHECK(view.slow_seconds == 0.9);
    int at_once = 0;
    enum { SLOTS = 12, CALLS = 500 };
    for (int slot = 0; slot < SLOTS; slot++) {
        for (int call = 0; call < CALLS; call++) {
            double value = draw();
            tidegate_outcome outcome = draw() < 0.02   ? TIDEGATE_OUTCOME_FAILURE
                                       : draw() < 0.02 ? TIDEGATE_OUTCOME_IGNORED
                                                       : TIDEGATE_OUTCOME_SUCCESS;
            by_call(called, value, outcome);
            if (outcome == TIDEGATE_OUTCOME_SUCCESS && succeeded(&view, value)) {
                at_once++;
            } else {
                by_call(viewed, value, outcome);
            }
        }
        are_the_same(called, viewed, 60);
        are_the_same(called, viewed, 0);
        STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 10 * SECOND));
        STATUS(TIDEGATE_OK, tidegate_tick(engine));
        are_the_same(called, viewed, 60);
    }
    CHECK(at_once > SLOTS * CALLS / 2);
}

static void the_slowest_calls_are_all_there(void)
{
    tidegate_operation operation = open_operation("slowest", NULL);
    tidegate_operation_view view = view_of(open_shard(), operation);
    CHECK(isinf(view.slow_seconds));
    for (int slot = 0; slot < 3; slot++) {
        STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 60 * SECOND));
        STATUS(TIDEGATE_OK, tidegate_tick(engine));
        double longest = 0;
        int at_once = 0;
        for (int call = 0; call < 3000; call++) {
            double value = 2.0 + draw();
            longest = fmax(longest, value);
            if (succeeded(&view, value)) {
                at_once++;
            } else {
                by_call(operation, value, TIDEGATE_OUTCOME_SUCCESS);
            }
        }
        CHECK(at_once > 2000);
        CHECK(check_number(engine, "\"calls_window\"", "seconds") == longest);
    }
}

static void calls_beside_an_edge_are_exact(void)
{
    tidegate_operation operation = open_operation("edged", NULL);
    tidegate_operation_view view = view_of(open_shard(), operation);
    EQUAL(1, (uint64_t)__builtin_popcountll(*view.split));
    int good = 0, at_once = 0, all = 20000;
    /* Fill the list of the slowest, so that the floor is out of the way. */
    for (int call = 0; call < 200; call++) {
        by_call(operation, 10.0, TIDEGATE_OUTCOME_SUCCESS);
    }
    for (int call = 0; call < all; call++) {
        double value = 0.195 + 0.01 * draw();
        good += value <= 0.2;
        if (succeeded(&view, value)) {
            at_once++;
        } else {
            by_call(operation, value, TIDEGATE_OUTCOME_SUCCESS);
        }
    }
    CHECK(at_once > all / 4);
    EQUAL(good, check_number(engine, "\"edge\"", "good"));
    EQUAL(all + 200, check_number(engine, "\"edge\"", "total"));
}

static void misuse_is_refused(void)
{
    tidegate_operation operation = open_operation("misuse", NULL);
    tidegate_shard shard = open_shard();
    tidegate_operation_view view = view_of(shard, operation), untouched = view;
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_shard_operation(NULL, shard, operation, &view));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_shard_operation(engine, shard, operation, NULL));
    STATUS(TIDEGATE_E_STALE,
           tidegate_shard_operation(engine, shard, (tidegate_operation){shard.id}, &view));
    STATUS(TIDEGATE_E_STALE,
           tidegate_shard_operation(engine, (tidegate_shard){operation.id}, operation, &view));
    CHECK(memcmp(&view, &untouched, sizeof view) == 0);
    /* What is no time at all is not recorded at once. */
    CHECK(!succeeded(&view, -1.0) && !succeeded(&view, NAN) && !succeeded(&view, INFINITY));
    EQUAL(0, reading(operation, 0).count);
}

int main(void)
{
    for (numbers = TIDEGATE_SHARD_INTEGERS; numbers <= TIDEGATE_SHARD_DOUBLES; numbers++) {
        engine = check_open("{\"clock\":\"manual\",\"objectives\":[{\"name\":\"edge\","
                            "\"operation\":\"edged\",\"latency_seconds\":0.2,\"ratio\":0.95,"
                            "\"period_days\":30}]}");
        RUN(a_view_and_calls_record_the_same);
        RUN(the_slowest_calls_are_all_there);
        RUN(calls_beside_an_edge_are_exact);
        RUN(misuse_is_refused);
        tidegate_engine_close(engine);
    }
    return check_result();
}

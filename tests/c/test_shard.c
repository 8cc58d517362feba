/*
 * test_shard.c: a thread outside the library counts with plain stores, as the header's comment on
 * tidegate_shard_cells says and with nothing else known.
 */
#include "check.h"

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

/** Adds 1 to a count of a shard of this kind of numbers. */
static void count_one(uint64_t *word, uint32_t numbers)
{
    *word = numbers == TIDEGATE_SHARD_INTEGERS ? *word + 1 : word_of(number_of(*word) + 1.0);
}

/** Records as the header says; false where it says to call the library. */
static bool record(const tidegate_shard_cells *cells, uint32_t numbers, double value)
{
    uint64_t i = (word_of(value) >> (52 - cells->fraction_bits)) -
                 ((uint64_t)cells->first_octave << cells->fraction_bits);
    if (i >= (uint64_t)cells->octaves << cells->fraction_bits) {
        return false;
    }
    count_one(&cells->counts[i], numbers);
    *cells->sum = word_of(number_of(*cells->sum) + value);
    if (value < number_of(cells->extremes[0])) {
        cells->extremes[0] = word_of(value);
    }
    if (value > number_of(cells->extremes[1])) {
        cells->extremes[1] = word_of(value);
    }
    return true;
}

static tidegate_shard shard_of(tidegate_engine *engine, uint32_t numbers)
{
    tidegate_shard shard = {0};
    NEED(STATUS(TIDEGATE_OK, tidegate_shard_open(engine, numbers, &shard)));
    return shard;
}

static uint64_t *word_in(tidegate_engine *engine, tidegate_shard shard, tidegate_counter counter)
{
    uint64_t *word = NULL;
    NEED(STATUS(TIDEGATE_OK, tidegate_shard_counter(engine, shard, counter, &word)));
    return word;
}

static tidegate_shard_cells cells_in(tidegate_engine *engine, tidegate_shard shard,
                                     tidegate_histogram histogram)
{
    tidegate_shard_cells cells;
    memset(&cells, 0xee, sizeof cells);
    NEED(STATUS(TIDEGATE_OK, tidegate_shard_histogram(engine, shard, histogram, &cells)));
    EQUAL(0, cells.reserved);
    return cells;
}

static double quantile(tidegate_engine *engine, tidegate_histogram histogram, double window,
                       double at)
{
    double value = -1.0;
    STATUS(TIDEGATE_OK,
           tidegate_histogram_quantiles(engine, histogram, window, &at, 1, &value));
    return value;
}

static void a_shards_counter_is_part_of_the_total(uint32_t numbers)
{
    tidegate_engine *engine = check_open(NULL);
    tidegate_counter counter = check_counter(engine, "requests");
    uint64_t *word = word_in(engine, shard_of(engine, numbers), counter);
    STATUS(TIDEGATE_OK, tidegate_counter_add(engine, counter, 10));
    for (int round = 0; round < 1000; round++) {
        count_one(word, numbers);
    }
    EQUAL(1010, check_total(engine, counter));
    CHECK(check_number(engine, "\"requests\"", "value") == 1010);
    tidegate_engine_close(engine);
}

static void a_shards_values_count_as_recorded_ones(uint32_t numbers)
{
    tidegate_engine *engine = check_open(NULL);
    const char *options = "{\"relative_error\":0.004}";
    tidegate_histogram called, direct;
    STATUS(TIDEGATE_OK, tidegate_histogram_open(engine, "called", options, &called));
    STATUS(TIDEGATE_OK, tidegate_histogram_open(engine, "direct", options, &direct));
    tidegate_shard_cells cells = cells_in(engine, shard_of(engine, numbers), direct);
    CHECK(isinf(number_of(cells.extremes[0])) && number_of(cells.extremes[1]) == 0.0);
    const double outside[] = {0.0, 5e-324, 1e-300, 1e300};
    int inside = 0;
    for (int round = 0; round < 5000; round++) {
        double value = round < 4 ? outside[round] : 1e-6 * round * round;
        STATUS(TIDEGATE_OK, tidegate_histogram_record(engine, called, value));
        if (record(&cells, numbers, value)) {
            inside++;
        } else {
            STATUS(TIDEGATE_OK, tidegate_histogram_record(engine, direct, value));
        }
    }
    EQUAL(4996, inside);
    for (int percent = 0; percent <= 100; percent++) {
        CHECK(quantile(engine, called, 0, percent / 100.0) ==
              quantile(engine, direct, 0, percent / 100.0));
    }
    CHECK(check_number(engine, "\"direct\"", "count") == 5000);
    double sums[] = {check_number(engine, "\"called\"", "sum"),
                     check_number(engine, "\"direct\"", "sum")};
    CHECK(fabs(sums[0] - sums[1]) <= 1e-9 * sums[0]);
    tidegate_engine_close(engine);
}

static void integers_and_doubles_count_alike(void)
{
    a_shards_counter_is_part_of_the_total(TIDEGATE_SHARD_INTEGERS);
    a_shards_counter_is_part_of_the_total(TIDEGATE_SHARD_DOUBLES);
    a_shards_values_count_as_recorded_ones(TIDEGATE_SHARD_INTEGERS);
    a_shards_values_count_as_recorded_ones(TIDEGATE_SHARD_DOUBLES);
}

static void ticks_put_a_shards_values_into_their_slots(void)
{
    tidegate_engine *engine = check_open("{\"clock\":\"manual\"}");
    tidegate_histogram histogram = check_histogram(engine, "seconds");
    tidegate_shard_cells cells =
        cells_in(engine, shard_of(engine, TIDEGATE_SHARD_INTEGERS), histogram);
    for (int slot = 1; slot <= 12; slot++) {
        STATUS(TIDEGATE_OK, tidegate_tick(engine));
        CHECK(record(&cells, TIDEGATE_SHARD_INTEGERS, slot));
        double lowest = slot <= 6 ? 1 : slot - 5;
        CHECK(fabs(quantile(engine, histogram, 60, 0.0) - lowest) <= 0.008 * lowest);
        CHECK(fabs(quantile(engine, histogram, 10, 1.0) - slot) <= 0.008 * slot);
        STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 10 * SECOND));
    }
    STATUS(TIDEGATE_OK, tidegate_tick(engine));
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 60 * SECOND));
    CHECK(isnan(quantile(engine, histogram, 60, 0.5)));
    CHECK(quantile(engine, histogram, 0, 0.0) == 1.0);
    CHECK(quantile(engine, histogram, 0, 1.0) == 12.0);
    tidegate_engine_close(engine);
}

static void a_closed_shard_is_handed_on_with_its_numbers(void)
{
    uint64_t *word = NULL;
    tidegate_shard_cells cells;
    tidegate_engine *engine = check_open(NULL);
    tidegate_counter counter = check_counter(engine, "requests");
    tidegate_histogram histogram = check_histogram(engine, "seconds");
    tidegate_shard first = shard_of(engine, TIDEGATE_SHARD_INTEGERS);
    *word_in(engine, first, counter) += 41;
    cells = cells_in(engine, first, histogram);
    CHECK(record(&cells, TIDEGATE_SHARD_INTEGERS, 2.0));
    STATUS(TIDEGATE_OK, tidegate_shard_close(engine, first));
    EQUAL(41, check_total(engine, counter));
    STATUS(TIDEGATE_E_STALE, tidegate_shard_close(engine, first));
    STATUS(TIDEGATE_E_STALE, tidegate_shard_counter(engine, first, counter, &word));
    STATUS(TIDEGATE_E_STALE, tidegate_shard_histogram(engine, first, histogram, &cells));
    CHECK(word == NULL);

    tidegate_shard doubles = shard_of(engine, TIDEGATE_SHARD_DOUBLES);
    EQUAL(0, *word_in(engine, doubles, counter));
    tidegate_shard second = shard_of(engine, TIDEGATE_SHARD_INTEGERS);
    CHECK(second.id != first.id);
    EQUAL(41, *word_in(engine, second, counter));
    *word_in(engine, second, counter) += 1;
    cells = cells_in(engine, second, histogram);
    CHECK(record(&cells, TIDEGATE_SHARD_INTEGERS, 3.0));
    EQUAL(42, check_total(engine, counter));
    CHECK(check_number(engine, "\"seconds\"", "count") == 2);
    CHECK(check_number(engine, "\"seconds\"", "sum") == 5.0);
    tidegate_engine_close(engine);
}

static void a_killed_owners_shard_is_handed_on(void)
{
    tidegate_engine *engine = check_open(NULL);
    tidegate_counter counter = check_counter(engine, "requests");
    check_gate counted = check_gate_make();
    pid_t child = check_fork();
    if (child == 0) {
        *word_in(engine, shard_of(engine, TIDEGATE_SHARD_INTEGERS), counter) += 7;
        check_gate_pass(counted, 1);
        pause();
    }
    check_gate_wait(counted);
    tidegate_shard mine = shard_of(engine, TIDEGATE_SHARD_INTEGERS);
    EQUAL(0, *word_in(engine, mine, counter));
    check_kill(child);
    EQUAL(7, check_total(engine, counter));
    tidegate_shard dead = shard_of(engine, TIDEGATE_SHARD_INTEGERS);
    EQUAL(7, *word_in(engine, dead, counter));
    *word_in(engine, dead, counter) += 1;
    EQUAL(8, check_total(engine, counter));
    check_gate_close(counted);
    tidegate_engine_close(engine);
}

static void shards_end_and_come_back(void)
{
    tidegate_shard shards[256], one_more = {7};
    tidegate_engine *engine = check_open("{\"metrics\":{\"max_series\":16}}");
    for (int at = 0; at < 256; at++) {
        shards[at] = shard_of(engine, (uint32_t)(at % 2));
    }
    STATUS(TIDEGATE_E_CAPACITY, tidegate_shard_open(engine, 0, &one_more));
    EQUAL(7, one_more.id);
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_shard_open(engine, 2, &one_more));
    STATUS(TIDEGATE_OK, tidegate_shard_close(engine, shards[100]));
    STATUS(TIDEGATE_E_CAPACITY, tidegate_shard_open(engine, 1, &one_more));
    STATUS(TIDEGATE_OK, tidegate_shard_open(engine, 0, &one_more));
    tidegate_engine_close(engine);
}

int main(void)
{
    EQUAL(1, TIDEGATE_SHARD_LAYOUT_VERSION);
    RUN(integers_and_doubles_count_alike);
    RUN(ticks_put_a_shards_values_into_their_slots);
    RUN(a_closed_shard_is_handed_on_with_its_numbers);
    RUN(a_killed_owners_shard_is_handed_on);
    RUN(shards_end_and_come_back);
    return check_result();
}

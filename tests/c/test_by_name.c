/* test_by_name.c: recording and asking by name, for callers who keep no ids. */
#include "check.h"

static tidegate_engine *engine;

static double highest(const char *name)
{
    const double one = 1.0;
    double value = -1.0;
    STATUS(TIDEGATE_OK, tidegate_histogram_quantiles(engine, check_histogram(engine, name), 0,
                                                     &one, 1, &value));
    return value;
}

static void a_histogram_is_made_on_first_use(void)
{
    STATUS(TIDEGATE_OK, tidegate_record_metric(engine, "db.query-seconds/all", 0.25));
    STATUS(TIDEGATE_OK, tidegate_record_metric(engine, "db.query-seconds/all", 0.75));
    CHECK(highest("db.query-seconds/all") == 0.75);
    CHECK(check_number(engine, "\"db.query-seconds/all\"", "count") == 2);
}

static void it_is_the_histogram_of_that_name(void)
{
    tidegate_histogram labelled, histogram = check_histogram(engine, "by_id");
    STATUS(TIDEGATE_OK, tidegate_histogram_record(engine, histogram, 1.0));
    STATUS(TIDEGATE_OK, tidegate_record_metric(engine, "by_id", 2.0));
    CHECK(highest("by_id") == 2.0);
    STATUS(TIDEGATE_OK, tidegate_histogram_open(engine, "only_labelled",
                                                "{\"labels\":{\"a\":\"b\"}}", &labelled));
    STATUS(TIDEGATE_OK, tidegate_record_metric(engine, "only_labelled", 3.0));
    CHECK(highest("only_labelled") == 3.0);
}

static void what_is_no_histogram_is_left_alone(void)
{
    tidegate_gauge gauge;
    check_counter(engine, "a_counter");
    STATUS(TIDEGATE_OK, tidegate_gauge_open(engine, "a.gauge", NULL, &gauge));
    STATUS(TIDEGATE_E_CONFLICT, tidegate_record_metric(engine, "a_counter", 1.0));
    STATUS(TIDEGATE_E_CONFLICT, tidegate_record_metric(engine, "a.gauge", 1.0));
    STATUS(TIDEGATE_E_CONFLICT, tidegate_record_metric(engine, "a_gauge", 1.0));
}

static void names_and_values_are_checked(void)
{
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_record_metric(engine, "", 1.0));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_record_metric(engine, "no good", 1.0));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_record_metric(engine, "no\xff", 1.0));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_record_metric(engine, "never", NAN));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_record_metric(engine, "never", -1.0));
    char *json = check_json(engine);
    CHECK(strstr(json, "\"never\"") == NULL);
    free(json);
}

static void a_name_without_room_is_counted_as_dropped(void)
{
    tidegate_engine *small = check_open("{\"metrics\":{\"max_series\":2}}");
    STATUS(TIDEGATE_OK, tidegate_record_metric(small, "one", 1.0));
    STATUS(TIDEGATE_OK, tidegate_record_metric(small, "two", 1.0));
    STATUS(TIDEGATE_E_CAPACITY, tidegate_record_metric(small, "three", 1.0));
    STATUS(TIDEGATE_E_CAPACITY, tidegate_record_metric(small, "three", 1.0));
    STATUS(TIDEGATE_OK, tidegate_record_metric(small, "two", 1.0));
    CHECK(check_number(small, "\"engine\"", "dropped_for_lack_of_room") == 2);
    tidegate_engine_close(small);
}

static void a_limiter_is_asked_by_name(void)
{
    EQUAL(TIDEGATE_OK, tidegate_allow_request(engine, "two", NULL, 0));
    STATUS(TIDEGATE_OK, tidegate_limiter_check(engine, check_limiter(engine, "two", NULL), NULL, 0,
                                               1, NULL));
    STATUS(TIDEGATE_DENIED, tidegate_allow_request(engine, "two", NULL, 0));
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 60 * SECOND));
    STATUS(TIDEGATE_OK, tidegate_allow_request(engine, "two", NULL, 0));
}

static void a_limiter_is_asked_by_name_and_key(void)
{
    const char *keys[] = {"alice", "bob"};
    for (int at = 0; at < 2; at++) {
        for (int attempt = 0; attempt < 7; attempt++) {
            STATUS(attempt < 5 ? TIDEGATE_OK : TIDEGATE_DENIED,
                   tidegate_allow_request(engine, "login", keys[at], strlen(keys[at])));
        }
    }
    STATUS(TIDEGATE_OK, tidegate_allow_request(engine, "login", "", 0));
}

static void a_limiter_must_exist_and_get_the_key_it_wants(void)
{
    const char *none[] = {"", "three", "tw", "two ", "Two", "no\xff"};
    for (size_t at = 0; at < sizeof none / sizeof *none; at++) {
        STATUS(TIDEGATE_E_NOT_FOUND, tidegate_allow_request(engine, none[at], NULL, 0));
    }
    check_counter(engine, "only_a_counter");
    STATUS(TIDEGATE_E_NOT_FOUND, tidegate_allow_request(engine, "only_a_counter", NULL, 0));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_allow_request(engine, "two", "alice", 5));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_allow_request(engine, "login", NULL, 0));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_allow_request(engine, "login", NULL, 5));
}

int main(void)
{
    engine = check_open("{\"clock\":\"manual\",\"limiters\":{"
                        "\"two\":{\"algorithm\":\"sliding_window\",\"limit\":2,"
                        "\"window_seconds\":60},\"login\":{\"preset\":\"auth\",\"keyed\":true}}}");
    RUN(a_histogram_is_made_on_first_use);
    RUN(it_is_the_histogram_of_that_name);
    RUN(what_is_no_histogram_is_left_alone);
    RUN(names_and_values_are_checked);
    RUN(a_name_without_room_is_counted_as_dropped);
    RUN(a_limiter_is_asked_by_name);
    RUN(a_limiter_is_asked_by_name_and_key);
    RUN(a_limiter_must_exist_and_get_the_key_it_wants);
    tidegate_engine_close(engine);
    return check_result();
}

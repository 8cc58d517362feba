/* test_lifecycle.c: open, close, open again; what stays and what does not. */
#include "check.h"

#include <dirent.h>

static void the_defaults_have_three_spellings(void)
{
    const char *spellings[] = {NULL, "{}", " \n"};
    for (size_t at = 0; at < 3; at++) {
        tidegate_engine *engine = check_open(spellings[at]);
        tidegate_counter counter = check_counter(engine, "requests");
        STATUS(TIDEGATE_OK, tidegate_counter_add(engine, counter, 1));
        EQUAL(1, check_total(engine, counter));
        CHECK(check_number(engine, "", "window_seconds") == 60.0);
        tidegate_engine_close(engine);
    }
}

static void closing_nothing_does_nothing(void)
{
    tidegate_engine_close(NULL);
    tidegate_snapshot_free(NULL);
}

static void regions_without_a_path_are_strangers(void)
{
    tidegate_engine *one = check_open(NULL);
    tidegate_engine *other = check_open("{\"region\":{\"private\":true}}");
    tidegate_counter here = check_counter(one, "requests");
    tidegate_counter there = check_counter(other, "requests");
    STATUS(TIDEGATE_OK, tidegate_counter_add(one, here, 5));
    EQUAL(0, check_total(other, there));
    tidegate_engine_close(one);
    STATUS(TIDEGATE_OK, tidegate_counter_add(other, there, 2));
    EQUAL(2, check_total(other, there));
    tidegate_engine_close(other);
}

static void a_file_keeps_counts_and_limits_and_time(void)
{
    const char *config = ",\"clock\":\"manual\",\"limiters\":{\"two\":{\"algorithm\":"
                         "\"sliding_window\",\"limit\":2,\"window_seconds\":9}}";
    tidegate_engine *engine = check_open_path("kept.tidegate", config);
    tidegate_counter counter = check_counter(engine, "requests");
    STATUS(TIDEGATE_OK, tidegate_counter_add(engine, counter, 41));
    STATUS(TIDEGATE_OK, tidegate_allow_request(engine, "two", NULL, 0));
    STATUS(TIDEGATE_OK, tidegate_allow_request(engine, "two", NULL, 0));
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 5 * SECOND));
    tidegate_engine_close(engine);

    engine = check_open_path("kept.tidegate", config);
    tidegate_counter again = check_counter(engine, "requests");
    EQUAL(counter.id, again.id);
    EQUAL(41, check_total(engine, again));
    CHECK(check_number(engine, "", "age_seconds") == 5.0);
    tidegate_limiter two = check_limiter(engine, "two", NULL);
    tidegate_decision decision;
    STATUS(TIDEGATE_DENIED, tidegate_limiter_check(engine, two, NULL, 0, 1, &decision));
    EQUAL(4 * SECOND, decision.retry_after_ns);
    tidegate_engine_close(engine);
    unlink("kept.tidegate");
}

static void two_engines_over_one_path_are_one_region(void)
{
    tidegate_engine *one = check_open_path("twice.tidegate", "");
    tidegate_engine *other = check_open("{\"region\":{\"path\":\"twice.tidegate\"}}");
    tidegate_counter here = check_counter(one, "requests");
    tidegate_counter there = check_counter(other, "requests");
    EQUAL(here.id, there.id);
    STATUS(TIDEGATE_OK, tidegate_counter_add(one, here, 1));
    STATUS(TIDEGATE_OK, tidegate_counter_add(other, there, 1));
    EQUAL(2, check_total(one, here));
    tidegate_engine_close(one);
    EQUAL(2, check_total(other, there));
    tidegate_engine_close(other);
    unlink("twice.tidegate");
}

#ifndef _WIN32 /* which removes no file that is mapped */
static void a_removed_file_lives_on_until_it_is_closed(void)
{
    tidegate_engine *old = check_open_path("removed.tidegate", "");
    tidegate_counter counter = check_counter(old, "requests");
    NEED(unlink("removed.tidegate") == 0);
    STATUS(TIDEGATE_OK, tidegate_counter_add(old, counter, 1));
    tidegate_engine *new = check_open_path("removed.tidegate", "");
    EQUAL(0, check_total(new, check_counter(new, "requests")));
    EQUAL(1, check_total(old, counter));
    tidegate_engine_close(new);
    tidegate_engine_close(old);
    unlink("removed.tidegate");
}
#endif

static void a_region_is_not_opened_for_other_limits(void)
{
    const char *others[] = {
        "{\"region\":{\"path\":\"o.tidegate\",\"size_bytes\":16777216}}",
        "{\"region\":{\"path\":\"o.tidegate\"},\"metrics\":{\"max_series\":129}}",
        "{\"region\":{\"path\":\"o.tidegate\"},\"metrics\":{\"max_series_per_name\":7}}",
        "{\"region\":{\"path\":\"o.tidegate\"},\"window_seconds\":30}",
        "{\"region\":{\"path\":\"o.tidegate\"},\"clock\":\"real\"}",
        "{\"region\":{\"path\":\"o.tidegate\"},\"limiters\":{\"api\":{\"preset\":\"auth\"}}}",
    };
    tidegate_engine *engine = check_open_path(
        "o.tidegate", ",\"clock\":\"manual\",\"limiters\":{\"api\":{\"preset\":\"api\"}}");
    for (size_t at = 0; at < sizeof others / sizeof *others; at++) {
        tidegate_engine *untouched = engine;
        STATUS(TIDEGATE_E_CONFLICT, tidegate_engine_open(others[at], &untouched));
        CHECK(untouched == engine);
    }
    tidegate_engine_close(check_open("{\"region\":{\"path\":\"o.tidegate\"}}"));
    tidegate_engine_close(engine);
    unlink("o.tidegate");
}

static void a_manual_clock_moves_only_when_it_is_advanced(void)
{
    tidegate_engine *engine = check_open("{\"clock\":\"manual\"}");
    CHECK(check_number(engine, "", "age_seconds") == 0.0);
    CHECK(check_number(engine, "", "age_seconds") == 0.0);
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 1500 * MILLISECOND));
    CHECK(check_number(engine, "", "age_seconds") == 1.5);
    tidegate_engine_close(engine);
}

static void time_stops_at_the_end_of_its_range(void)
{
    tidegate_engine *engine = check_open("{\"clock\":\"manual\"}");
    tidegate_histogram histogram = check_histogram(engine, "seconds");
    tidegate_limiter bucket = check_limiter(
        engine, "b", "{\"algorithm\":\"token_bucket\",\"rate_per_second\":1,\"burst\":2}");
    tidegate_limiter window = check_limiter(
        engine, "w", "{\"algorithm\":\"sliding_window\",\"limit\":2,\"window_seconds\":1}");
    for (int round = 0; round < 4; round++) {
        STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, UINT64_MAX));
        STATUS(TIDEGATE_OK, tidegate_histogram_record(engine, histogram, 1.0));
    }
    double half = 0.5, value = 0.0;
    STATUS(TIDEGATE_OK, tidegate_histogram_quantiles(engine, histogram, 0, &half, 1, &value));
    CHECK(value == 1.0);
    int admitted[2] = {0, 0};
    for (int round = 0; round < 9; round++) {
        admitted[0] += tidegate_limiter_check(engine, bucket, NULL, 0, 1, NULL) == TIDEGATE_OK;
        admitted[1] += tidegate_limiter_check(engine, window, NULL, 0, 1, NULL) == TIDEGATE_OK;
    }
    EQUAL(2, admitted[0]);
    EQUAL(2, admitted[1]);
    tidegate_engine_close(engine);
}

static void a_document_is_checked_without_opening_anything(void)
{
    STATUS(TIDEGATE_OK, tidegate_config_check(
        "{\"service\":\"checkout\","
        "\"region\":{\"path\":\"never.tidegate\",\"size_bytes\":67108864},"
        "\"clock\":\"real\",\"window_seconds\":60,"
        "\"metrics\":{\"max_series\":4096,\"max_series_per_name\":512},"
        "\"limiters\":{\"login\":{\"preset\":\"auth\",\"keyed\":true},"
        "\"api\":{\"algorithm\":\"token_bucket\",\"rate_per_second\":100,\"burst\":200,"
        "\"keyed\":true,\"max_keys\":100000,\"when_full\":\"deny\"}}}"));
    CHECK(access("never.tidegate", F_OK) != 0);
    const char *wrong[] = {
        "", "null", "[]", "{", "{}x", "{\"a\":1}", "{\"clock\":1}", "{\"service\":[]}",
        "{\"region\":\"x\"}", "{\"region\":{\"path\":\"\"}}",
        "{\"region\":{\"path\":\"a\\u0000\"}}",
        "{\"region\":{\"path\":\"x\",\"private\":true}}", "{\"region\":{\"size_bytes\":-1}}",
        "{\"region\":{\"size_bytes\":1}}", "{\"region\":{\"size_bytes\":1e30}}",
        "{\"region\":{\"colour\":1}}", "{\"window_seconds\":0}", "{\"window_seconds\":1e9}",
        "{\"window_seconds\":\"60\"}", "{\"metrics\":{\"max_series\":0}}",
        "{\"metrics\":{\"max_series\":9223372036854775808}}", "{\"metrics\":{\"max\":1}}",
        "{\"limiters\":{\"\":{\"preset\":\"api\"}}}", "{\"limiters\":{\"a\":{\"preset\":\"x\"}}}",
        "{\"limiters\":{\"a\":{}}}", "{\"limiters\":{\"a\":7}}", "{\"limiters\":[]}",
    };
    for (size_t at = 0; at < sizeof wrong / sizeof *wrong; at++) {
        if (!STATUS(TIDEGATE_E_CONFIG, tidegate_config_check(wrong[at]))) {
            fprintf(stderr, "    for %s\n", wrong[at]);
        }
    }
}

static int open_files(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    NEED(folder != NULL);
    while (readdir(folder) != NULL) {
        count++;
    }
    closedir(folder);
    return count;
}

static void opening_and_closing_leaves_no_file_open(void)
{
    tidegate_engine_close(check_open_path("many.tidegate", ""));
    int before = open_files();
    for (int round = 0; round < 50; round++) {
        tidegate_engine *none = NULL;
        tidegate_engine_close(check_open_path("many.tidegate", ""));
        STATUS(TIDEGATE_E_CONFLICT,
               tidegate_engine_open("{\"region\":{\"path\":\"many.tidegate\"},"
                                    "\"metrics\":{\"max_series\":5}}", &none));
    }
    EQUAL(before, open_files());
    unlink("many.tidegate");
}

int main(void)
{
    RUN(the_defaults_have_three_spellings);
    RUN(closing_nothing_does_nothing);
    RUN(regions_without_a_path_are_strangers);
    RUN(a_file_keeps_counts_and_limits_and_time);
    RUN(two_engines_over_one_path_are_one_region);
#ifndef _WIN32
    RUN(a_removed_file_lives_on_until_it_is_closed);
#endif
    RUN(a_region_is_not_opened_for_other_limits);
    RUN(a_manual_clock_moves_only_when_it_is_advanced);
    RUN(time_stops_at_the_end_of_its_range);
    RUN(a_document_is_checked_without_opening_anything);
    RUN(opening_and_closing_leaves_no_file_open);
    return check_result();
}

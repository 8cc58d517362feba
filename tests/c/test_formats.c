/* test_formats.c: every format of a snapshot, whole and in part. */
#include "check.h"

static tidegate_snapshot *snapshot_of(tidegate_engine *engine)
{
    tidegate_snapshot *snapshot = NULL;
    NEED(STATUS(TIDEGATE_OK, tidegate_snapshot_take(engine, &snapshot)) && snapshot != NULL);
    return snapshot;
}

/** The snapshot as text with these options, NUL-terminated; free() it. */
static char *text_with(const tidegate_snapshot *snapshot, uint32_t format, const char *options)
{
    size_t length = 0, again = 0;
    NEED(STATUS(TIDEGATE_OK,
                tidegate_snapshot_render_with(snapshot, format, options, NULL, 0, &length)));
    char *text = malloc(length + 1);
    NEED(text != NULL);
    NEED(STATUS(TIDEGATE_OK, tidegate_snapshot_render_with(snapshot, format, options, text, length,
                                                           &again)));
    EQUAL(length, again);
    text[length] = '\0';
    return text;
}

static bool has(const tidegate_snapshot *snapshot, uint32_t format, const char *options,
                const char *part)
{
    char *text = text_with(snapshot, format, options);
    bool found = strstr(text, part) != NULL;
    free(text);
    return found;
}

static tidegate_engine *small_engine(void)
{
    tidegate_histogram wait;
    tidegate_engine *engine = check_open("{\"clock\":\"manual\",\"service\":\"shop\",\"limiters\":"
                                         "{\"api\":{\"preset\":\"api\"}}}");
    STATUS(TIDEGATE_OK, tidegate_counter_add(engine, check_counter(engine, "http.requests"), 3));
    STATUS(TIDEGATE_OK, tidegate_histogram_open(
        engine, "http.wait", "{\"unit\":\"seconds\",\"edges\":[0.2]}", &wait));
    STATUS(TIDEGATE_OK, tidegate_histogram_record(engine, wait, 0.2));
    STATUS(TIDEGATE_OK, tidegate_histogram_record(engine, wait, 0.2000001));
    return engine;
}

static void no_options_are_the_whole(void)
{
    tidegate_engine *engine = small_engine();
    tidegate_snapshot *snapshot = snapshot_of(engine);
    for (uint32_t format = 0; format <= TIDEGATE_FORMAT_HDR_LOG; format++) {
        size_t length = 0;
        char *one = text_with(snapshot, format, NULL), *other = text_with(snapshot, format, "{}");
        CHECK(strcmp(one, other) == 0);
        STATUS(TIDEGATE_OK, tidegate_snapshot_render(snapshot, format, NULL, 0, &length));
        EQUAL(strlen(one), length);
        free(one);
        free(other);
    }
    tidegate_snapshot_free(snapshot);
    tidegate_engine_close(engine);
}

static void openmetrics_has_its_own_rules(void)
{
    tidegate_engine *engine = small_engine();
    tidegate_snapshot *snapshot = snapshot_of(engine);
    char *text = text_with(snapshot, TIDEGATE_FORMAT_OPENMETRICS, NULL);
    CHECK(strstr(text, "# TYPE http_requests counter\nhttp_requests_total 3\n") != NULL);
    CHECK(strcmp(text + strlen(text) - 6, "# EOF\n") == 0);
    free(text);
    CHECK(has(snapshot, TIDEGATE_FORMAT_OPENMETRICS, "{\"created\":true}",
              "\nhttp_requests_created "));
    CHECK(!has(snapshot, TIDEGATE_FORMAT_OPENMETRICS, "{\"created\":false}", "_created "));
    tidegate_snapshot_free(snapshot);
    tidegate_engine_close(engine);
}

static void a_declared_edge_is_exact(void)
{
    tidegate_engine *engine = small_engine();
    tidegate_snapshot *snapshot = snapshot_of(engine);
    CHECK(has(snapshot, TIDEGATE_FORMAT_PROMETHEUS, NULL, "_bucket{le=\"0.2\"} 1\n"));
    CHECK(has(snapshot, TIDEGATE_FORMAT_PROMETHEUS, NULL, "_bucket{le=\"0.25\"} 2\n"));
    tidegate_snapshot_free(snapshot);
    tidegate_engine_close(engine);
}

static void other_tools_get_lines(void)
{
    size_t length = 0;
    tidegate_engine *engine = small_engine();
    tidegate_snapshot *snapshot = snapshot_of(engine);
    CHECK(has(snapshot, TIDEGATE_FORMAT_STATSD, NULL, "http.requests:3|g\nhttp.wait.count:2|g\n"));
    CHECK(has(snapshot, TIDEGATE_FORMAT_HDR_LOG, NULL, "#[StartTime: "));
    CHECK(has(snapshot, TIDEGATE_FORMAT_HDR_LOG, NULL, "Tag=http.wait,"));
    tidegate_status otlp =
        tidegate_snapshot_render(snapshot, TIDEGATE_FORMAT_OTLP, NULL, 0, &length);
    CHECK(otlp == TIDEGATE_OK || otlp == TIDEGATE_E_ARGUMENT);
    tidegate_snapshot_free(snapshot);
    tidegate_engine_close(engine);
}

static void names_are_chosen(void)
{
    tidegate_engine *engine = small_engine();
    tidegate_snapshot *snapshot = snapshot_of(engine);
    const char *only = "{\"names\":[\"http.w*\"]}";
    CHECK(has(snapshot, TIDEGATE_FORMAT_JSON, only, "\"http.wait\""));
    CHECK(!has(snapshot, TIDEGATE_FORMAT_JSON, only, "\"http.requests\""));
    CHECK(!has(snapshot, TIDEGATE_FORMAT_PROMETHEUS, only, "limiter=\"api\""));
    CHECK(has(snapshot, TIDEGATE_FORMAT_HEALTH_SIMPLE, only, "\"status\":\"healthy\""));
    tidegate_snapshot_free(snapshot);
    tidegate_engine_close(engine);
}

static void what_is_wrong_is_refused(void)
{
    size_t length = 7;
    char small[4] = "abc", sentence[100];
    tidegate_histogram histogram;
    tidegate_engine *engine = small_engine();
    tidegate_snapshot *snapshot = snapshot_of(engine);
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_snapshot_render_with(NULL, 0, NULL, NULL, 0, &length));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_snapshot_render_with(snapshot, 0, NULL, NULL, 0, NULL));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_snapshot_render_with(snapshot, 99, "{}", NULL, 0, &length));
    STATUS(TIDEGATE_E_ARGUMENT,
           tidegate_snapshot_render_with(snapshot, 0, "\xff", NULL, 0, &length));
    STATUS(TIDEGATE_E_CONFIG, tidegate_snapshot_render_with(snapshot, 0, "[", NULL, 0, &length));
    STATUS(TIDEGATE_E_CONFIG,
           tidegate_snapshot_render_with(snapshot, 0, "{\"name\":[]}", NULL, 0, &length));
    tidegate_last_error(sentence, sizeof sentence);
    CHECK(strstr(sentence, "name: unknown field") == sentence);
    EQUAL(7, length);
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_snapshot_render_with(snapshot, 0, NULL, NULL, 4, &length));
    STATUS(TIDEGATE_E_SPACE, tidegate_snapshot_render_with(snapshot, 0, NULL, small, 4, &length));
    CHECK(length > 100 && strcmp(small, "abc") == 0);
    STATUS(TIDEGATE_E_CONFIG,
           tidegate_histogram_open(engine, "h", "{\"edges\":[0]}", &histogram));
    STATUS(TIDEGATE_E_CONFIG,
           tidegate_histogram_open(engine, "h", "{\"edges\":0.2}", &histogram));
    STATUS(TIDEGATE_E_CAPACITY,
           tidegate_histogram_open(engine, "h", "{\"edges\":[1,2,3,4,5,6,7,8,9]}", &histogram));
    tidegate_snapshot_free(snapshot);
    tidegate_engine_close(engine);
}

int main(void)
{
    RUN(no_options_are_the_whole);
    RUN(openmetrics_has_its_own_rules);
    RUN(a_declared_edge_is_exact);
    RUN(other_tools_get_lines);
    RUN(names_are_chosen);
    RUN(what_is_wrong_is_refused);
    return check_result();
}

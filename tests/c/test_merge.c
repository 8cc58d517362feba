/* test_merge.c: differences, documents read back, merged snapshots, imported histograms. */
#include "check.h"

static tidegate_engine *small_engine(uint64_t requests)
{
    tidegate_histogram wait;
    tidegate_engine *engine = check_open("{\"clock\":\"manual\"}");
    STATUS(TIDEGATE_OK, tidegate_counter_add(engine, check_counter(engine, "requests"), requests));
    STATUS(TIDEGATE_OK, tidegate_histogram_open(engine, "wait", "{\"unit\":\"seconds\"}", &wait));
    STATUS(TIDEGATE_OK, tidegate_histogram_record(engine, wait, 0.25));
    return engine;
}

static tidegate_snapshot *snapshot_of(tidegate_engine *engine)
{
    tidegate_snapshot *snapshot = NULL;
    NEED(STATUS(TIDEGATE_OK, tidegate_snapshot_take(engine, &snapshot)) && snapshot != NULL);
    return snapshot;
}

/** The snapshot as text with these options, NUL-terminated; free() it. */
static char *text_with(const tidegate_snapshot *snapshot, uint32_t format, const char *options)
{
    size_t length = 0;
    NEED(STATUS(TIDEGATE_OK,
                tidegate_snapshot_render_with(snapshot, format, options, NULL, 0, &length)));
    char *text = malloc(length + 1);
    NEED(text != NULL);
    NEED(STATUS(TIDEGATE_OK, tidegate_snapshot_render_with(snapshot, format, options, text, length,
                                                           &length)));
    text[length] = '\0';
    return text;
}

static bool has(const tidegate_snapshot *snapshot, const char *part)
{
    char *text = text_with(snapshot, TIDEGATE_FORMAT_JSON, NULL);
    bool found = strstr(text, part) != NULL;
    free(text);
    return found;
}

static void a_difference_is_later_minus_earlier(void)
{
    tidegate_engine *engine = small_engine(3);
    tidegate_snapshot *earlier = snapshot_of(engine), *difference = NULL, *read = NULL;
    STATUS(TIDEGATE_OK, tidegate_counter_add(engine, check_counter(engine, "requests"), 4));
    tidegate_snapshot *later = snapshot_of(engine);
    NEED(STATUS(TIDEGATE_OK, tidegate_snapshot_delta(earlier, later, &difference)));
    CHECK(has(difference, "\"name\":\"requests\",\"labels\":{},\"value\":4}"));
    CHECK(has(difference, "\"interval\":{\"count\":0,"));
    size_t length = 0;
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_snapshot_render(difference, TIDEGATE_FORMAT_PROMETHEUS,
                                                         NULL, 0, &length));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_snapshot_render(difference, TIDEGATE_FORMAT_HEALTH_JSON,
                                                         NULL, 0, &length));

    /* The same with a document as the cursor, which survives the process. */
    char *document = text_with(earlier, TIDEGATE_FORMAT_JSON, "{\"buckets\":true}");
    char *options = malloc(strlen(document) + 16);
    NEED(options != NULL);
    sprintf(options, "{\"since\":%s}", document);
    char *since = text_with(later, TIDEGATE_FORMAT_JSON, options);
    CHECK(strstr(since, "\"name\":\"requests\",\"labels\":{},\"value\":4}") != NULL);
    CHECK(strstr(since, "\"reset\":false") != NULL);
    STATUS(TIDEGATE_OK, tidegate_snapshot_parse(document, strlen(document), &read));
    CHECK(has(read, "\"name\":\"requests\",\"labels\":{},\"value\":3}"));
    free(since);
    free(options);
    free(document);

    tidegate_snapshot *none = NULL;
    STATUS(TIDEGATE_E_CONFLICT, tidegate_snapshot_delta(difference, later, &none));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_snapshot_delta(NULL, later, &none));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_snapshot_delta(earlier, NULL, &none));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_snapshot_delta(earlier, later, NULL));
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 1));
    tidegate_snapshot *last = snapshot_of(engine);
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_snapshot_delta(last, later, &none));
    CHECK(none == NULL);
    tidegate_snapshot_free(last);
    tidegate_snapshot_free(read);
    tidegate_snapshot_free(difference);
    tidegate_snapshot_free(later);
    tidegate_snapshot_free(earlier);
    tidegate_engine_close(engine);
}

static void two_hosts_are_one_document(void)
{
    tidegate_engine *one = small_engine(3), *other = small_engine(4);
    tidegate_snapshot *left = snapshot_of(one), *right = snapshot_of(other), *both = NULL;
    NEED(STATUS(TIDEGATE_OK, tidegate_snapshot_merge(left, right, &both)));
    CHECK(has(both, "\"name\":\"requests\",\"labels\":{},\"value\":7}"));
    CHECK(has(both, "\"lifetime\":{\"count\":2,"));
    char *text = text_with(both, TIDEGATE_FORMAT_PROMETHEUS, NULL);
    CHECK(strstr(text, "requests_total 7\n") != NULL);
    free(text);

    tidegate_snapshot *none = NULL;
    STATUS(TIDEGATE_E_CONFLICT, tidegate_snapshot_merge(left, left, &none));
    STATUS(TIDEGATE_E_CONFLICT, tidegate_snapshot_merge(both, right, &none));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_snapshot_merge(NULL, right, &none));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_snapshot_merge(left, NULL, &none));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_snapshot_merge(left, right, NULL));
    STATUS(TIDEGATE_E_FORMAT, tidegate_snapshot_parse("{}", 2, &none));
    STATUS(TIDEGATE_E_FORMAT, tidegate_snapshot_parse("", 0, &none));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_snapshot_parse(NULL, 2, &none));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_snapshot_parse("{}", 2, NULL));
    CHECK(none == NULL);
    tidegate_snapshot_free(both);
    tidegate_snapshot_free(left);
    tidegate_snapshot_free(right);
    tidegate_engine_close(one);
    tidegate_engine_close(other);
}

static void a_log_is_imported(void)
{
    tidegate_engine *engine = small_engine(0);
    tidegate_histogram wait, again;
    STATUS(TIDEGATE_OK, tidegate_histogram_open(engine, "wait", "{\"unit\":\"seconds\"}", &wait));
    for (int at = 1; at < 1000; at++)
        STATUS(TIDEGATE_OK, tidegate_histogram_record(engine, wait, at * 1e-3));
    tidegate_snapshot *snapshot = snapshot_of(engine);
    char *log = text_with(snapshot, TIDEGATE_FORMAT_HDR_LOG, NULL);
    STATUS(TIDEGATE_OK, tidegate_histogram_open(engine, "again", "{\"unit\":\"seconds\"}", &again));
    uint64_t count = 0;
    STATUS(TIDEGATE_OK,
           tidegate_histogram_import(engine, again, log, strlen(log), 1e9, &count));
    EQUAL(1000, count);
    const double half[] = {0.5};
    double found[2];
    STATUS(TIDEGATE_OK, tidegate_histogram_quantiles(engine, wait, 0, half, 1, &found[0]));
    STATUS(TIDEGATE_OK, tidegate_histogram_quantiles(engine, again, 0, half, 1, &found[1]));
    CHECK(found[1] > found[0] * 0.98 && found[1] < found[0] * 1.02);

    /* One histogram of it alone, and what is none. */
    char *blob = strstr(log, "HIST");
    NEED(blob != NULL);
    STATUS(TIDEGATE_OK, tidegate_histogram_import(engine, again, blob, strlen(blob), 1e9, &count));
    EQUAL(1000, count);
    STATUS(TIDEGATE_OK, tidegate_histogram_import(engine, again, blob, strlen(blob), 1e-308, NULL));
    for (size_t length = 0; length + 2 < strlen(blob); length += 7)
        STATUS(length == 0 ? TIDEGATE_OK : TIDEGATE_E_FORMAT,
               tidegate_histogram_import(engine, again, blob, length, 1e9, NULL));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_histogram_import(engine, again, NULL, 3, 1e9, NULL));
    const double wrong[] = {0, -1, NAN, INFINITY};
    for (size_t at = 0; at < 4; at++)
        STATUS(TIDEGATE_E_ARGUMENT,
               tidegate_histogram_import(engine, again, blob, strlen(blob), wrong[at], NULL));
    tidegate_histogram none = {0};
    STATUS(TIDEGATE_E_STALE,
           tidegate_histogram_import(engine, none, blob, strlen(blob), 1e9, NULL));
    free(log);
    tidegate_snapshot_free(snapshot);
    tidegate_engine_close(engine);
}

int main(void)
{
    RUN(a_difference_is_later_minus_earlier);
    RUN(two_hosts_are_one_document);
    RUN(a_log_is_imported);
    return check_result();
}

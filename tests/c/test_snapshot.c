/* test_snapshot.c: a picture that never changes, and its text. */
#include "check.h"

static tidegate_snapshot *snapshot_of(tidegate_engine *engine)
{
    tidegate_snapshot *snapshot = NULL;
    NEED(STATUS(TIDEGATE_OK, tidegate_snapshot_take(engine, &snapshot)) && snapshot != NULL);
    return snapshot;
}

/** The snapshot as text, NUL-terminated; free() it. */
static char *text_of(const tidegate_snapshot *snapshot, uint32_t format)
{
    size_t length = 0, again = 0;
    NEED(STATUS(TIDEGATE_OK, tidegate_snapshot_render(snapshot, format, NULL, 0, &length)));
    char *text = malloc(length + 1);
    NEED(text != NULL);
    memset(text, '#', length + 1);
    NEED(STATUS(TIDEGATE_OK, tidegate_snapshot_render(snapshot, format, text, length, &again)));
    EQUAL(length, again);
    CHECK(text[length] == '#');
    text[length] = '\0';
    EQUAL(length, strlen(text));
    return text;
}

/** An engine with something of everything. */
static tidegate_engine *rich_engine(void)
{
    tidegate_counter counter;
    tidegate_gauge gauge;
    tidegate_engine *engine = check_open(
        "{\"service\":\"che\\\"ckout \xf0\x9f\x8c\x8a\",\"clock\":\"manual\",\"limiters\":{"
        "\"login\":{\"preset\":\"auth\",\"keyed\":true},\"api\":{\"preset\":\"api\"}}}");
    STATUS(TIDEGATE_OK, tidegate_counter_open(
        engine, "requests",
        "{\"labels\":{\"path\":\"/a\\\\b\\\"c\\nd\\u0001\"},\"help\":\"All\\nof \\\\ them\"}",
        &counter));
    STATUS(TIDEGATE_OK, tidegate_counter_add(engine, counter, UINT64_MAX));
    STATUS(TIDEGATE_OK, tidegate_gauge_open(engine, "depth", NULL, &gauge));
    STATUS(TIDEGATE_OK, tidegate_gauge_set(engine, gauge, -INFINITY));
    STATUS(TIDEGATE_OK, tidegate_record_metric(engine, "seconds", 0.25));
    STATUS(TIDEGATE_OK, tidegate_record_metric(engine, "seconds", 5e-324));
    STATUS(TIDEGATE_OK, tidegate_record_metric(engine, "seconds", 1.7e308));
    check_histogram(engine, "empty");
    STATUS(TIDEGATE_OK, tidegate_allow_request(engine, "login", "alice", 5));
    return engine;
}

static const char *skip_value(const char *at);

static const char *skip_space(const char *at)
{
    return at + strspn(at, " \t\n\r");
}

static const char *skip_string(const char *at)
{
    if (*at++ != '"') {
        return NULL;
    }
    for (; *at != '"'; at++) {
        if ((unsigned char)*at < 0x20) {
            return NULL;
        }
        if (*at == '\\' && strchr("\"\\/bfnrtu", *++at) == NULL) {
            return NULL;
        }
    }
    return at + 1;
}

static const char *skip_number(const char *at)
{
    const char *digits = at + (*at == '-');
    size_t whole = strspn(digits, "0123456789");
    if (whole == 0 || (whole > 1 && *digits == '0')) {
        return NULL;
    }
    at = digits + whole;
    if (*at == '.') {
        size_t fraction = strspn(++at, "0123456789");
        at = fraction > 0 ? at + fraction : NULL;
    }
    if (at != NULL && (*at == 'e' || *at == 'E')) {
        at += 1 + (at[1] == '+' || at[1] == '-');
        size_t exponent = strspn(at, "0123456789");
        at = exponent > 0 ? at + exponent : NULL;
    }
    return at;
}

static const char *skip_parts(const char *at, char end)
{
    at = skip_space(at + 1);
    if (*at == end) {
        return at + 1;
    }
    for (;;) {
        if (end == '}') {
            at = skip_string(at);
            if (at == NULL || *(at = skip_space(at)) != ':') {
                return NULL;
            }
            at = skip_space(at + 1);
        }
        at = skip_value(at);
        if (at == NULL) {
            return NULL;
        }
        at = skip_space(at);
        if (*at == end) {
            return at + 1;
        }
        if (*at != ',') {
            return NULL;
        }
        at = skip_space(at + 1);
    }
}

/** What follows the JSON value at `at`; NULL when there is none. */
static const char *skip_value(const char *at)
{
    static const char *const words[] = {"true", "false", "null"};
    for (int word = 0; word < 3; word++) {
        if (strncmp(at, words[word], strlen(words[word])) == 0) {
            return at + strlen(words[word]);
        }
    }
    return *at == '{'   ? skip_parts(at, '}')
           : *at == '[' ? skip_parts(at, ']')
           : *at == '"' ? skip_string(at)
                        : skip_number(at);
}

static bool is_json(const char *text)
{
    const char *end = skip_value(skip_space(text));
    return end != NULL && *skip_space(end) == '\0';
}

static void the_document_is_json(void)
{
    CHECK(is_json("{\"a\":[1,-2.5e3,null,\"\\\"\"]}") && !is_json("{\"a\":[1,]}"));
    CHECK(!is_json("{\"a\":01}") && !is_json("{\"a\" 1}") && !is_json("[1] 2"));
    tidegate_engine *engine = rich_engine();
    char *text = check_json(engine);
    CHECK(is_json(text));
    CHECK(strstr(text, "18446744073709551615") != NULL);
    CHECK(strstr(text, "\"service\":\"che\\\"ckout \xf0\x9f\x8c\x8a\"") != NULL);
    free(text);
    tidegate_engine_close(engine);
    engine = check_open(NULL);
    text = check_json(engine);
    CHECK(is_json(text));
    free(text);
    tidegate_engine_close(engine);
}

static void prometheus_gets_lines(void)
{
    tidegate_engine *engine = rich_engine();
    tidegate_snapshot *snapshot = snapshot_of(engine);
    char *text = text_of(snapshot, TIDEGATE_FORMAT_PROMETHEUS);
    CHECK(text[strlen(text) - 1] == '\n');
    CHECK(strstr(text, "# HELP requests") != NULL && strstr(text, "All\\nof \\\\ them") != NULL);
    CHECK(strstr(text, "path=\"/a\\\\b\\\"c\\nd") != NULL);
    CHECK(strstr(text, "depth -Inf\n") != NULL);
    free(text);
    tidegate_snapshot_free(snapshot);
    tidegate_engine_close(engine);
}

static void a_snapshot_never_changes_and_outlives_its_engine(void)
{
    for (uint32_t format = 0; format < 2; format++) {
        tidegate_engine *engine = rich_engine();
        tidegate_snapshot *snapshot = snapshot_of(engine);
        char *first = text_of(snapshot, format);
        STATUS(TIDEGATE_OK, tidegate_record_metric(engine, "seconds", 1.0));
        STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, SECOND));
        char *second = text_of(snapshot, format);
        tidegate_engine_close(engine);
        char *third = text_of(snapshot, format);
        CHECK(strcmp(first, second) == 0 && strcmp(first, third) == 0);
        free(first);
        free(second);
        free(third);
        tidegate_snapshot_free(snapshot);
    }
}

static void a_buffer_that_is_too_small_stays_untouched(void)
{
    tidegate_engine *engine = rich_engine();
    tidegate_snapshot *snapshot = snapshot_of(engine);
    for (uint32_t format = 0; format < 2; format++) {
        size_t length = 0, needed = 0;
        STATUS(TIDEGATE_OK, tidegate_snapshot_render(snapshot, format, NULL, 0, &length));
        char *buffer = malloc(length + 10);
        NEED(buffer != NULL && length > 100);
        const size_t capacities[] = {1, length / 2, length - 1};
        for (int at = 0; at < 3; at++) {
            memset(buffer, '#', length + 10);
            needed = 0;
            STATUS(TIDEGATE_E_SPACE,
                   tidegate_snapshot_render(snapshot, format, buffer, capacities[at], &needed));
            EQUAL(length, needed);
            CHECK(buffer[0] == '#' && memcmp(buffer, buffer + 1, length + 9) == 0);
        }
        STATUS(TIDEGATE_OK,
               tidegate_snapshot_render(snapshot, format, buffer, length + 10, &needed));
        CHECK(buffer[length - 1] != '#' && buffer[length] == '#');
        free(buffer);
    }
    tidegate_snapshot_free(snapshot);
    tidegate_engine_close(engine);
}

static void unknown_formats_are_refused(void)
{
    size_t length = 7;
    tidegate_engine *engine = check_open(NULL);
    tidegate_snapshot *snapshot = snapshot_of(engine);
    const uint32_t formats[] = {9, 1000, 1u << 31, UINT32_MAX};
    for (int at = 0; at < 4; at++) {
        STATUS(TIDEGATE_E_ARGUMENT,
               tidegate_snapshot_render(snapshot, formats[at], NULL, 0, &length));
    }
    EQUAL(7, length);
    tidegate_snapshot_free(snapshot);
    tidegate_engine_close(engine);
}

int main(void)
{
    RUN(the_document_is_json);
    RUN(prometheus_gets_lines);
    RUN(a_snapshot_never_changes_and_outlives_its_engine);
    RUN(a_buffer_that_is_too_small_stays_untouched);
    RUN(unknown_formats_are_refused);
    return check_result();
}

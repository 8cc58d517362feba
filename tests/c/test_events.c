/*
 * test_events.c: what happened is read once by each reader, whole lines at a time, and who comes too
 * late is told how many it lost.
 */
#include "check.h"

static tidegate_engine *engine;

static tidegate_bulkhead bulkhead;

static char buffer[1 << 20];

/** A denial, in a second of its own: an event each. */
static void deny(void)
{
    uint64_t permit;
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, SECOND));
    struct timespec rest = {0, 20 * 1000 * 1000};
    nanosleep(&rest, NULL);
    STATUS(TIDEGATE_DENIED, tidegate_bulkhead_enter(engine, bulkhead, &permit));
}

static size_t lines(const char *text, size_t length)
{
    size_t count = 0;
    for (size_t i = 0; i < length; i++) {
        count += text[i] == '\n';
    }
    return count;
}

static void each_event_is_read_once_by_each_reader(void)
{
    size_t length = 0, needed = 0;
    uint64_t one = 0, other = 0, lost = 77;
    STATUS(TIDEGATE_OK, tidegate_events_read(engine, &one, NULL, 0, &needed, NULL));
    EQUAL(0, one);
    STATUS(TIDEGATE_OK,
           tidegate_events_read(engine, &one, buffer, sizeof buffer, &length, &lost));
    EQUAL(needed, length);
    EQUAL(0, lost);
    EQUAL(3, lines(buffer, length));
    CHECK(one == 3);
    buffer[length] = '\0';
    CHECK(buffer[length - 1] == '\n');
    CHECK(strstr(buffer, "\"event\":\"denial\",\"cause\":\"limit\",\"kind\":\"bulkhead\","
                         "\"name\":\"door\",\"pid\":") != NULL);
    CHECK(strstr(buffer, "\"denied\":3,\"limit\":1}") != NULL);
    STATUS(TIDEGATE_OK, tidegate_events_read(engine, &one, buffer, sizeof buffer, &length, &lost));
    EQUAL(0, length);
    EQUAL(3, one);
    /* Line by line. */
    for (uint64_t number = 1; number <= 3; number++) {
        STATUS(TIDEGATE_OK, tidegate_events_read(engine, &other, buffer, 256, &length, &lost));
        EQUAL(1, lines(buffer, length));
        EQUAL(number, other);
    }
}

static void a_line_that_does_not_fit_is_not_cut(void)
{
    uint64_t cursor = 0;
    size_t length = 0;
    STATUS(TIDEGATE_E_SPACE, tidegate_events_read(engine, &cursor, buffer, 10, &length, NULL));
    EQUAL(0, cursor);
    CHECK(length > 10);
    STATUS(TIDEGATE_OK, tidegate_events_read(engine, &cursor, buffer, length, &length, NULL));
    EQUAL(1, cursor);
}

static void a_late_reader_is_told_how_many_it_lost(void)
{
    uint64_t cursor = 1, lost = 0, total = 0;
    size_t length = 0;
    /* Permits that time out: an event each, as many as the ring does not hold. */
    tidegate_bulkhead late = {0};
    STATUS(TIDEGATE_OK,
           tidegate_bulkhead_open(engine, "late",
                                  "{\"max_concurrent\":1,\"permit_timeout_seconds\":1}", &late));
    uint64_t permit;
    for (int i = 0; i < 5001; i++) {
        STATUS(TIDEGATE_OK, tidegate_bulkhead_enter(engine, late, &permit));
        STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, SECOND));
    }
    uint64_t seen = 0;
    do {
        STATUS(TIDEGATE_OK,
               tidegate_events_read(engine, &cursor, buffer, sizeof buffer, &length, &lost));
        total += lost;
        seen += lines(buffer, length);
    } while (length > 0);
    EQUAL(5002, total + seen);
    EQUAL(5003, cursor);
    CHECK(total > 0 && seen > 0);
    buffer[0] = '\0';
    cursor = 5002;
    STATUS(TIDEGATE_OK,
           tidegate_events_read(engine, &cursor, buffer, sizeof buffer, &length, &lost));
    buffer[length] = '\0';
    CHECK(strstr(buffer, "\"event\":\"return\",\"cause\":\"late\"") != NULL);
    CHECK(strstr(buffer, "\"returned\":1,\"in_all\":5000}") != NULL);
}

static void misuse(void)
{
    uint64_t cursor = 0;
    size_t length = 0;
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_events_read(NULL, &cursor, buffer, 1, &length, NULL));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_events_read(engine, NULL, buffer, 1, &length, NULL));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_events_read(engine, &cursor, NULL, 1, &length, NULL));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_events_read(engine, &cursor, buffer, 1, NULL, NULL));
    cursor = UINT64_MAX;
    STATUS(TIDEGATE_OK,
           tidegate_events_read(engine, &cursor, buffer, sizeof buffer, &length, NULL));
    EQUAL(0, length);
    EQUAL(UINT64_MAX, cursor);
}

int main(void)
{
    engine = check_open("{\"clock\":\"manual\"}");
    STATUS(TIDEGATE_OK, tidegate_bulkhead_open(engine, "door", "{\"max_concurrent\":1}", &bulkhead));
    uint64_t permit;
    STATUS(TIDEGATE_OK, tidegate_bulkhead_enter(engine, bulkhead, &permit));
    for (int i = 0; i < 3; i++) {
        deny();
    }
    RUN(each_event_is_read_once_by_each_reader);
    RUN(a_line_that_does_not_fit_is_not_cut);
    RUN(a_late_reader_is_told_how_many_it_lost);
    RUN(misuse);
    tidegate_engine_close(engine);
    return check_result();
}

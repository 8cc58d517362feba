/*
 * test_fork.c: children of a process use its region, whatever happens to them.
 *
 * A child that ends by itself closes its view first: valgrind would read the whole region to look
 * for pointers in it, and so make the system provide every page.
 */
#include "check.h"

#include <sched.h>

enum { CHILDREN = 4 };

static void four_children_count_and_share_one_limit_exactly(void)
{
    const int rounds = check_is_slow() ? 500 : 50000;
    tidegate_engine *engine = check_open(
        "{\"clock\":\"manual\",\"limiters\":{"
        "\"b\":{\"algorithm\":\"token_bucket\",\"rate_per_second\":1,\"burst\":777},"
        "\"w\":{\"algorithm\":\"sliding_window\",\"limit\":61,\"window_seconds\":60},"
        "\"k\":{\"algorithm\":\"sliding_window\",\"limit\":7,\"window_seconds\":60,"
        "\"keyed\":true}}}");
    tidegate_counter requests = check_counter(engine, "requests");
    tidegate_counter admitted[3] = {check_counter(engine, "b"), check_counter(engine, "w"),
                                    check_counter(engine, "k")};
    tidegate_histogram seconds = check_histogram(engine, "seconds");
    tidegate_gauge balance;
    STATUS(TIDEGATE_OK, tidegate_gauge_open(engine, "balance", NULL, &balance));
    check_gate start = check_gate_make();
    pid_t children[CHILDREN];
    for (int child = 0; child < CHILDREN; child++) {
        if ((children[child] = check_fork()) != 0) {
            continue;
        }
        check_gate_wait(start);
        for (int round = 0; round < rounds; round++) {
            STATUS(TIDEGATE_OK, tidegate_counter_add(engine, requests, 3));
            STATUS(TIDEGATE_OK, tidegate_histogram_record(engine, seconds, child + 1));
            STATUS(TIDEGATE_OK, tidegate_record_metric(engine, "by.name", 1.0));
            STATUS(TIDEGATE_OK, tidegate_gauge_add(engine, balance, round % 2 == 0 ? 1 : -1));
            if (tidegate_allow_request(engine, "b", NULL, 0) == TIDEGATE_OK) {
                STATUS(TIDEGATE_OK, tidegate_counter_add(engine, admitted[0], 1));
            }
            if (tidegate_allow_request(engine, "w", NULL, 0) == TIDEGATE_OK) {
                STATUS(TIDEGATE_OK, tidegate_counter_add(engine, admitted[1], 1));
            }
            if (tidegate_allow_request(engine, "k", (char *)&(char){(char)(round % 50)}, 1) ==
                TIDEGATE_OK) {
                STATUS(TIDEGATE_OK, tidegate_counter_add(engine, admitted[2], 1));
            }
        }
        tidegate_engine_close(engine);
        check_leave();
    }
    check_gate_pass(start, CHILDREN);
    for (int child = 0; child < CHILDREN; child++) {
        check_reap(children[child]);
    }
    EQUAL(CHILDREN * rounds * 3, check_total(engine, requests));
    EQUAL(777 < CHILDREN * rounds ? 777 : CHILDREN * rounds, check_total(engine, admitted[0]));
    EQUAL(61, check_total(engine, admitted[1]));
    EQUAL(50 * 7, check_total(engine, admitted[2]));
    CHECK(check_number(engine, "\"name\":\"seconds\"", "count") == CHILDREN * rounds);
    CHECK(check_number(engine, "\"name\":\"seconds\"", "sum") == 10.0 * rounds);
    CHECK(check_number(engine, "\"name\":\"by.name\"", "count") == CHILDREN * rounds);
    CHECK(check_number(engine, "\"name\":\"balance\"", "value") == 0);
    CHECK(check_number(engine, "\"engine\"", "workers_attached") == CHILDREN + 1);
    CHECK(check_number(engine, "\"engine\"", "workers_alive") == 1);
    CHECK(check_number(engine, "\"engine\"", "workers_died") == 0);
    check_gate_close(start);
    tidegate_engine_close(engine);
}

static void what_a_child_opens_its_parent_finds(void)
{
    tidegate_engine *engine = check_open("{\"clock\":\"manual\"}");
    pid_t child = check_fork();
    if (child == 0) {
        tidegate_counter counter = check_counter(engine, "made_by_the_child");
        STATUS(TIDEGATE_OK, tidegate_counter_add(engine, counter, 9));
        check_limiter(engine, "late", "{\"preset\":\"auth\"}");
        STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 7 * SECOND));
        tidegate_engine_close(engine);
        check_leave();
    }
    check_reap(child);
    EQUAL(9, check_total(engine, check_counter(engine, "made_by_the_child")));
    STATUS(TIDEGATE_OK, tidegate_allow_request(engine, "late", NULL, 0));
    CHECK(check_number(engine, "", "age_seconds") == 7);
    tidegate_engine_close(engine);
}

static void a_private_region_is_not_shared(void)
{
    tidegate_engine *engine = check_open("{\"region\":{\"private\":true}}");
    tidegate_counter counter = check_counter(engine, "requests");
    STATUS(TIDEGATE_OK, tidegate_counter_add(engine, counter, 1));
    pid_t child = check_fork();
    if (child == 0) {
        STATUS(TIDEGATE_OK, tidegate_counter_add(engine, counter, 100));
        EQUAL(101, check_total(engine, counter));
        tidegate_engine_close(engine);
        check_leave();
    }
    check_reap(child);
    EQUAL(1, check_total(engine, counter));
    tidegate_engine_close(engine);
}

/** Adds without end; tells after each add how many there were. */
static void count_until_killed(tidegate_engine *engine, tidegate_counter counter,
                               tidegate_histogram seconds, _Atomic uint64_t *done)
{
    for (;;) {
        STATUS(TIDEGATE_OK, tidegate_counter_add(engine, counter, 1));
        STATUS(TIDEGATE_OK, tidegate_histogram_record(engine, seconds, 1.0));
        (void)tidegate_allow_request(engine, "k", (const char *)done, sizeof *done);
        atomic_fetch_add(done, 1);
    }
}

static void a_killed_child_loses_nothing_and_blocks_nobody(void)
{
    tidegate_engine *engine =
        check_open("{\"limiters\":{\"k\":{\"preset\":\"auth\",\"keyed\":true}}}");
    tidegate_counter counter = check_counter(engine, "requests");
    tidegate_histogram seconds = check_histogram(engine, "seconds");
    _Atomic uint64_t *done = check_shared(sizeof *done);
    const int kills = check_is_slow() ? 3 : 25;
    for (int round = 0; round < kills; round++) {
        uint64_t before = atomic_load(done);
        pid_t child = check_fork();
        if (child == 0) {
            count_until_killed(engine, counter, seconds, done);
        }
        while (atomic_load(done) < before + 20 + (uint64_t)round * 37) {
            sched_yield();
        }
        check_kill(child);
        uint64_t total = check_total(engine, counter), told = atomic_load(done);
        CHECK(total >= told && total <= told + (uint64_t)round + 1);
        double count = check_number(engine, "\"name\":\"seconds\"", "count");
        CHECK(count >= (double)told && count <= (double)told + round + 1);
    }
    CHECK(check_number(engine, "\"engine\"", "workers_died") == kills);
    munmap((void *)done, sizeof *done);
    tidegate_engine_close(engine);
}

static tidegate_engine *busy;
static tidegate_counter busy_counter;
static atomic_bool busy_ends;

static void *record_until_told(void *recorded)
{
    uint64_t count = 0;
    while (!atomic_load(&busy_ends) || count < 1000) {
        STATUS(TIDEGATE_OK, tidegate_counter_add(busy, busy_counter, 1));
        STATUS(TIDEGATE_OK, tidegate_record_metric(busy, "busy", 1.0));
        count++;
    }
    *(uint64_t *)recorded = count;
    return NULL;
}

static void forking_while_threads_record_loses_nothing(void)
{
    pthread_t threads[2];
    uint64_t recorded[2] = {0, 0};
    busy = check_open(NULL);
    busy_counter = check_counter(busy, "requests");
    for (int at = 0; at < 2; at++) {
        NEED(pthread_create(&threads[at], NULL, record_until_told, &recorded[at]) == 0);
    }
    const int forks = check_is_slow() ? 3 : 30;
    for (int round = 0; round < forks; round++) {
        pid_t child = check_fork();
        if (child == 0) {
            for (int add = 0; add < 100; add++) {
                STATUS(TIDEGATE_OK, tidegate_counter_add(busy, busy_counter, 1));
                STATUS(TIDEGATE_OK, tidegate_record_metric(busy, "busy", 1.0));
            }
            tidegate_engine_close(busy);
            check_leave();
        }
        check_reap(child);
    }
    atomic_store(&busy_ends, true);
    uint64_t wanted = (uint64_t)forks * 100;
    for (int at = 0; at < 2; at++) {
        pthread_join(threads[at], NULL);
        wanted += recorded[at];
    }
    EQUAL(wanted, check_total(busy, busy_counter));
    CHECK(check_number(busy, "\"name\":\"busy\"", "count") == (double)wanted);
    tidegate_engine_close(busy);
}

int main(void)
{
    RUN(four_children_count_and_share_one_limit_exactly);
    RUN(what_a_child_opens_its_parent_finds);
    RUN(a_private_region_is_not_shared);
    RUN(a_killed_child_loses_nothing_and_blocks_nobody);
    RUN(forking_while_threads_record_loses_nothing);
    return check_result();
}

/*
 * test_file.c: regions with a path: two processes, observers, killed writers, and files that are
 * none or not ours.
 */
#include "check.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

static tidegate_engine *attach(const char *path)
{
    tidegate_engine *observer = NULL;
    NEED(STATUS(TIDEGATE_OK, tidegate_engine_attach(path, &observer)) && observer != NULL);
    return observer;
}

/** Neither a writer nor an observer gets this file; both say `expected`. */
static void nobody_opens(const char *path, tidegate_status expected)
{
    char config[200];
    tidegate_engine *none = NULL;
    snprintf(config, sizeof config, "{\"region\":{\"path\":\"%s\"}}", path);
    STATUS(expected, tidegate_engine_open(config, &none));
    STATUS(expected, tidegate_engine_attach(path, &none));
    CHECK(none == NULL);
}

static void strangers_that_open_one_path_are_one(void)
{
    enum { PROCESSES = 4, ADDS = 1000 };
    check_gate start = check_gate_make();
    pid_t children[PROCESSES];
    for (int child = 0; child < PROCESSES; child++) {
        if ((children[child] = check_fork()) != 0) {
            continue;
        }
        check_gate_wait(start);
        tidegate_engine *engine = check_open_path("race.tidegate", "");
        tidegate_counter counter = check_counter(engine, "requests");
        tidegate_counter admitted = check_counter(engine, "admitted");
        tidegate_limiter limiter = check_limiter(engine, "api", "{\"preset\":\"standard\"}");
        for (int add = 0; add < ADDS; add++) {
            STATUS(TIDEGATE_OK, tidegate_counter_add(engine, counter, 1));
            if (tidegate_limiter_check(engine, limiter, NULL, 0, 1, NULL) == TIDEGATE_OK) {
                STATUS(TIDEGATE_OK, tidegate_counter_add(engine, admitted, 1));
            }
        }
        tidegate_engine_close(engine);
        check_leave();
    }
    check_gate_pass(start, PROCESSES);
    for (int child = 0; child < PROCESSES; child++) {
        check_reap(children[child]);
    }
    tidegate_engine *observer = attach("race.tidegate");
    CHECK(check_number(observer, "\"name\":\"requests\"", "value") == PROCESSES * ADDS);
    CHECK(check_number(observer, "\"name\":\"admitted\"", "value") == 60);
    CHECK(check_number(observer, "\"name\":\"api\"", "admitted") == 60);
    CHECK(check_number(observer, "\"engine\"", "workers_attached") == PROCESSES);
    tidegate_engine_close(observer);
    check_gate_close(start);
    unlink("race.tidegate");
}

static void an_observer_reads_and_cannot_write(void)
{
    const double half = 0.5;
    double value = 1.0;
    uint64_t *word = NULL;
    tidegate_gauge gauge;
    tidegate_shard shard, other_shard;
    tidegate_shard_cells cells;
    tidegate_engine *writer = check_open_path("seen.tidegate", ",\"clock\":\"manual\"");
    tidegate_counter counter = check_counter(writer, "c");
    tidegate_histogram histogram = check_histogram(writer, "h");
    tidegate_limiter limiter = check_limiter(writer, "l", "{\"preset\":\"api\"}");
    STATUS(TIDEGATE_OK, tidegate_gauge_open(writer, "g", NULL, &gauge));
    STATUS(TIDEGATE_OK, tidegate_shard_open(writer, 0, &shard));
    STATUS(TIDEGATE_OK, tidegate_counter_add(writer, counter, 9));
    STATUS(TIDEGATE_OK, tidegate_gauge_set(writer, gauge, 2.5));
    STATUS(TIDEGATE_OK, tidegate_histogram_record(writer, histogram, 4.0));

    tidegate_engine *observer = attach("seen.tidegate");
    EQUAL(9, check_total(observer, counter));
    STATUS(TIDEGATE_OK, tidegate_gauge_value(observer, gauge, &value));
    CHECK(value == 2.5);
    STATUS(TIDEGATE_OK, tidegate_histogram_quantiles(observer, histogram, 0, &half, 1, &value));
    CHECK(value == 4.0);
#define FORBIDDEN(call) STATUS(TIDEGATE_E_STATE, call)
    FORBIDDEN(tidegate_clock_advance(observer, 1));
    FORBIDDEN(tidegate_counter_open(observer, "c", NULL, &counter));
    FORBIDDEN(tidegate_counter_add(observer, counter, 1));
    FORBIDDEN(tidegate_counter_cell(observer, counter, &word));
    FORBIDDEN(tidegate_gauge_open(observer, "g", NULL, &gauge));
    FORBIDDEN(tidegate_gauge_set(observer, gauge, 1));
    FORBIDDEN(tidegate_gauge_add(observer, gauge, 1));
    FORBIDDEN(tidegate_histogram_open(observer, "h", NULL, &histogram));
    FORBIDDEN(tidegate_histogram_record(observer, histogram, 1));
    FORBIDDEN(tidegate_histogram_record_many(observer, histogram, &half, 1));
    FORBIDDEN(tidegate_record_metric(observer, "h", 1));
    FORBIDDEN(tidegate_limiter_open(observer, "l", "{\"preset\":\"api\"}", &limiter));
    FORBIDDEN(tidegate_limiter_check(observer, limiter, NULL, 0, 1, NULL));
    FORBIDDEN(tidegate_allow_request(observer, "l", NULL, 0));
    FORBIDDEN(tidegate_shard_open(observer, 0, &other_shard));
    FORBIDDEN(tidegate_shard_close(observer, shard));
    FORBIDDEN(tidegate_shard_counter(observer, shard, counter, &word));
    FORBIDDEN(tidegate_shard_histogram(observer, shard, histogram, &cells));
    FORBIDDEN(tidegate_tick(observer));

    STATUS(TIDEGATE_OK, tidegate_counter_add(writer, counter, 1));
    CHECK(check_number(observer, "\"engine\"", "workers_attached") == 1);
    tidegate_engine_close(writer);
    EQUAL(10, check_total(observer, counter));
    tidegate_engine_close(observer);
    unlink("seen.tidegate");
}

static void an_observer_tells_what_a_killed_process_did(void)
{
    check_gate counted = check_gate_make();
    pid_t child = check_fork();
    if (child == 0) {
        tidegate_engine *engine = check_open_path("dead.tidegate", "");
        tidegate_counter counter = check_counter(engine, "requests");
        STATUS(TIDEGATE_OK, tidegate_counter_add(engine, counter, 123));
        STATUS(TIDEGATE_OK, tidegate_record_metric(engine, "seconds", 0.5));
        check_gate_pass(counted, 1);
        pause();
    }
    check_gate_wait(counted);
    check_kill(child);
    tidegate_engine *observer = attach("dead.tidegate");
    CHECK(check_number(observer, "\"name\":\"requests\"", "value") == 123);
    CHECK(check_number(observer, "\"name\":\"seconds\"", "max") == 0.5);
    CHECK(check_number(observer, "\"engine\"", "workers_died") == 1);
    tidegate_engine_close(observer);
    tidegate_engine *next = check_open_path("dead.tidegate", "");
    EQUAL(123, check_total(next, check_counter(next, "requests")));
    tidegate_engine_close(next);
    check_gate_close(counted);
    unlink("dead.tidegate");
}

static void files_that_are_no_region_are_refused(void)
{
    static unsigned char noise[100000];
    const size_t sizes[] = {0, 1, 7, 8, 4095, 4096, sizeof noise};
    for (size_t at = 0; at < sizeof noise; at++) {
        noise[at] = (unsigned char)rand();
    }
    for (size_t at = 0; at < 2 * sizeof sizes / sizeof *sizes; at++) {
        FILE *file = fopen("none.tidegate", "w");
        if (at % 2 == 0) {
            fwrite(noise, 1, sizes[at / 2], file);
        } else {
            NEED(ftruncate(fileno(file), (off_t)sizes[at / 2]) == 0);
        }
        fclose(file);
        nobody_opens("none.tidegate", TIDEGATE_E_FORMAT);
    }
    unlink("none.tidegate");
}

/** Makes a region, changes one of its words, and tells what opening it says. */
static void damage(off_t word, uint64_t value)
{
    tidegate_engine_close(check_open_path("hurt.tidegate", ""));
    int file = open("hurt.tidegate", O_RDWR);
    uint64_t before = 0;
    NEED(pread(file, &before, 8, word * 8) == 8 && before != value);
    NEED(pwrite(file, &value, 8, word * 8) == 8);
    close(file);
    nobody_opens("hurt.tidegate", TIDEGATE_E_FORMAT);
    unlink("hurt.tidegate");
}

static void a_region_of_another_version_or_order_or_damaged_is_refused(void)
{
    char sentence[300];
    damage(0, 0x1122334455667788u);
    damage(1, 2);
    tidegate_last_error(sentence, sizeof sentence);
    CHECK(strstr(sentence, "version 2") != NULL);
    damage(2, 0x0807060504030201u);
    tidegate_last_error(sentence, sizeof sentence);
    CHECK(strstr(sentence, "byte order") != NULL);
    for (off_t word = 3; word < 12; word++) {
        damage(word, UINT64_MAX);
    }
}

static void a_region_cut_short_is_refused(void)
{
    tidegate_engine_close(check_open_path("cut.tidegate", ""));
    for (off_t size = 8388608 - 8; size > 0; size /= 4) {
        NEED(truncate("cut.tidegate", size) == 0);
        nobody_opens("cut.tidegate", TIDEGATE_E_FORMAT);
    }
    unlink("cut.tidegate");
}

static void links_and_other_peoples_files_are_refused(void)
{
    tidegate_engine *none = NULL;
    tidegate_engine_close(check_open_path("real.tidegate", ""));
    NEED(symlink("real.tidegate", "link.tidegate") == 0);
    nobody_opens("link.tidegate", TIDEGATE_E_SYSTEM);
    unlink("link.tidegate");
    STATUS(TIDEGATE_E_NOT_FOUND, tidegate_engine_attach("link.tidegate", &none));
    if (geteuid() == 0) {
        /* Root may look at anybody's region, but joins none. */
        NEED(chown("real.tidegate", 12345, 12345) == 0);
        STATUS(TIDEGATE_E_SYSTEM,
               tidegate_engine_open("{\"region\":{\"path\":\"real.tidegate\"}}", &none));
        tidegate_engine_close(attach("real.tidegate"));
    }
    unlink("real.tidegate");
}

static void a_region_that_does_not_fit_leaves_no_file(void)
{
    struct statvfs found;
    tidegate_engine *none = NULL;
    char path[80], config[200], sentence[300];
    if (statvfs("/dev/shm", &found) != 0 || found.f_blocks == 0) {
        return;
    }
    snprintf(path, sizeof path, "/dev/shm/tidegate-test-%d", (int)getpid());
    snprintf(config, sizeof config, "{\"region\":{\"path\":\"%s\",\"size_bytes\":4398046511104}}",
             path);
    STATUS(TIDEGATE_E_SYSTEM, tidegate_engine_open(config, &none));
    tidegate_last_error(sentence, sizeof sentence);
    CHECK(strstr(sentence, "space") != NULL);
    CHECK(none == NULL && access(path, F_OK) != 0);
}

int main(void)
{
    RUN(strangers_that_open_one_path_are_one);
    RUN(an_observer_reads_and_cannot_write);
    RUN(an_observer_tells_what_a_killed_process_did);
    RUN(files_that_are_no_region_are_refused);
    RUN(a_region_of_another_version_or_order_or_damaged_is_refused);
    RUN(a_region_cut_short_is_refused);
    RUN(links_and_other_peoples_files_are_refused);
    RUN(a_region_that_does_not_fit_leaves_no_file);
    return check_result();
}

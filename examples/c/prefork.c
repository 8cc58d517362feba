/*
 * prefork.c: a parent, eight workers, one total, one limit.
 *
 * The engine is opened before the fork, with no configuration at all: its region is anonymous
 * shared memory, which every child inherits. The workers send nothing to the parent, and yet the
 * parent reads one exact total, and the eight of them together stay under one limit.
 */
#include "exposition.h"

#include <inttypes.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORKERS = 8, JOBS_EACH = 100000, LIMIT = 1000 };

/* One unit comes back in three hours, so none does while the example runs: the answer is exact. */
static const char *const LIMIT_JSON =
    "{\"algorithm\":\"token_bucket\",\"rate_per_second\":0.0001,\"burst\":1000}";

static void work(tidegate_engine *engine, tidegate_counter jobs, tidegate_counter admitted,
                 tidegate_limiter limiter)
{
    for (int job = 0; job < JOBS_EACH; job++) {
        must(tidegate_counter_add(engine, jobs, 1), "count a job");
        if (must(tidegate_limiter_check(engine, limiter, NULL, 0, 1, NULL), "ask the limiter") ==
            TIDEGATE_OK) {
            must(tidegate_counter_add(engine, admitted, 1), "count an admission");
        }
    }
}

/* Waits for every child; true if all of them ended well. */
static bool all_ended_well(void)
{
    bool well = true;
    int how = 0;
    while (wait(&how) > 0) {
        well = well && WIFEXITED(how) && WEXITSTATUS(how) == EXIT_SUCCESS;
    }
    return well;
}

int main(void)
{
    tidegate_engine *engine = NULL;
    tidegate_counter jobs, admitted;
    tidegate_limiter limiter;
    must(tidegate_engine_open(NULL, &engine), "open an engine");
    must(tidegate_counter_open(engine, "jobs_total", NULL, &jobs), "open jobs_total");
    must(tidegate_counter_open(engine, "admitted_total", NULL, &admitted), "open admitted_total");
    must(tidegate_limiter_open(engine, "jobs", LIMIT_JSON, &limiter), "open the limiter");

    for (int worker = 0; worker < WORKERS; worker++) {
        pid_t child = fork();
        if (child < 0) {
            perror("fork");
            return EXIT_FAILURE;
        }
        if (child == 0) {
            work(engine, jobs, admitted, limiter);
            tidegate_engine_close(engine);
            return EXIT_SUCCESS;
        }
    }
    bool ended_well = all_ended_well();

    char *text = exposition_render(engine, TIDEGATE_FORMAT_PROMETHEUS, NULL);
    uint64_t total = (uint64_t)exposition_sum(text, "jobs_total", NULL, NULL);
    uint64_t passed = (uint64_t)exposition_sum(text, "admitted_total", NULL, NULL);
    free(text);
    tidegate_engine_close(engine);

    uint64_t expected = (uint64_t)WORKERS * JOBS_EACH;
    bool counted = total == expected;
    bool limited = passed == LIMIT;
    printf("jobs counted by %d workers: %" PRIu64 " of %" PRIu64 ", %s\n", WORKERS, total, expected,
           counted ? "none lost" : "WRONG");
    printf("admitted by one limit of %d: %" PRIu64 ", %s\n", LIMIT, passed,
           limited ? "exact" : "WRONG");
    return ended_well && counted && limited ? EXIT_SUCCESS : EXIT_FAILURE;
}

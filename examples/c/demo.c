/*
 * demo.c: several worker processes, one set of metrics, one rate limit.
 *
 * 1. The parent opens an engine whose region is a file in memory, and makes a SQLite database.
 * 2. It forks workers, which query the database as fast as one shared limit lets them.
 * 3. It shows once a second what they do. All of that it reads from the region: nobody sends it.
 * 4. At the end it checks limit and counts, and says what separate limiters would have done.
 *
 * The one pipe serves the checks: a worker's last act is to send its own tally through it, and its
 * end-of-file tells that all workers are gone, however they went.
 */
#include "demo_database.h"
#include "demo_table.h"
#include "exposition.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

static const uint64_t SECOND_NS = 1000000000u;

/* How long after their deadline, or after being asked to stop, workers are waited for. */
static const uint64_t GRACE_NS = 3000000000u;

static volatile sig_atomic_t stop_signal;

/* What has to be undone whichever way the parent ends. */
static struct {
    pid_t owner;
    pid_t workers[DEMO_WORKERS_MAX];
    char directory[256];
    char database[280];
    const char *region; /* NULL: not ours to remove */
} cleanup;

static void on_signal(int number)
{
    stop_signal = number;
}

static void signal_workers(int number)
{
    for (unsigned i = 0; i < DEMO_WORKERS_MAX; i++) {
        if (cleanup.workers[i] > 0) {
            kill(cleanup.workers[i], number);
        }
    }
}

static void clean_up(void)
{
    /* Workers inherit this handler, but not what it cleans up. */
    if (getpid() != cleanup.owner) {
        return;
    }
    signal_workers(SIGKILL);
    if (cleanup.directory[0] != '\0') {
        unlink(cleanup.database);
        rmdir(cleanup.directory);
    }
    if (cleanup.region != NULL) {
        unlink(cleanup.region);
    }
}

static _Noreturn void fail(const char *step)
{
    fprintf(stderr, "demo: cannot %s: %s\n", step, strerror(errno));
    exit(EXIT_FAILURE);
}

static void prepare_to_end_well(void)
{
    cleanup.owner = getpid();
    atexit(clean_up);
    /* No SA_RESTART: a signal shall end the waits. Workers inherit this, and end after a query. */
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        sigaction(numbers[i], &action, NULL);
    }
}

static void make_database(void)
{
    const char *place = getenv("TMPDIR");
    char directory[sizeof cleanup.directory];
    int length = snprintf(directory, sizeof directory, "%s/tidegate-demo-XXXXXX",
                          place == NULL ? "/tmp" : place);
    if (length >= (int)sizeof directory) {
        errno = ENAMETOOLONG;
        fail("make a temporary directory");
    }
    if (mkdtemp(directory) == NULL) {
        fail("make a temporary directory");
    }
    snprintf(cleanup.database, sizeof cleanup.database, "%s/shop.sqlite", directory);
    memcpy(cleanup.directory, directory, sizeof directory);
    demo_database_create(cleanup.database);
}

static _Noreturn void be_worker(tidegate_engine *engine, const demo_config *config, unsigned worker,
                                uint64_t deadline_ns, int reports)
{
    demo_report report =
        demo_work(engine, config, cleanup.database, worker, deadline_ns, &stop_signal);
    /* Less than PIPE_BUF, so the reports of two workers cannot mix. */
    if (write(reports, &report, sizeof report) != (ssize_t)sizeof report) {
        fail("send the report");
    }
    tidegate_engine_close(engine);
    exit(EXIT_SUCCESS);
}

/* Forks the workers; returns the end of the pipe that their reports come out of. */
static int fork_workers(tidegate_engine *engine, const demo_config *config, uint64_t deadline_ns)
{
    int ends[2];
    if (pipe(ends) != 0) {
        fail("make a pipe");
    }
    fflush(NULL);
    for (unsigned worker = 1; worker <= config->workers; worker++) {
        pid_t child = fork();
        if (child < 0) {
            fail("fork a worker");
        }
        if (child == 0) {
            close(ends[0]);
            be_worker(engine, config, worker, deadline_ns, ends[1]);
        }
        cleanup.workers[worker - 1] = child;
    }
    close(ends[1]);
    return ends[0];
}

/* Waits until something can be read from the pipe, or for so long, or for a signal. */
static bool is_readable(int reports, uint64_t until_ns)
{
    uint64_t now_ns = demo_now_ns();
    int wait_ms = now_ns >= until_ns ? 0 : (int)((until_ns - now_ns) / 1000000u) + 1;
    struct pollfd pipe_end = {.fd = reports, .events = POLLIN};
    return poll(&pipe_end, 1, wait_ms) > 0;
}

/*
 * Shows the table once a second, and gathers the reports, until the last worker is gone. True if
 * there is a table on the terminal that the final one can be drawn over.
 */
static bool watch(const demo_reader *reader, uint64_t started_ns, uint64_t deadline_ns, int reports,
                  demo_report *gathered)
{
    bool redraw = isatty(STDOUT_FILENO);
    bool drawn = false;
    int next_signal = SIGTERM;
    uint64_t give_up_ns = deadline_ns + GRACE_NS;
    uint64_t tick_ns = started_ns;
    uint64_t read_ns = started_ns;
    uint64_t admitted_before = 0;
    for (;;) {
        tick_ns += SECOND_NS;
        while (demo_now_ns() < tick_ns) {
            if (is_readable(reports, tick_ns)) {
                demo_report report;
                ssize_t length = read(reports, &report, sizeof report);
                if (length == 0) {
                    return redraw && drawn;
                }
                if (length == (ssize_t)sizeof report) {
                    gathered[report.worker - 1] = report;
                }
            }
            bool asked_to_stop = stop_signal != 0 && next_signal == SIGTERM;
            if (asked_to_stop || demo_now_ns() > give_up_ns) {
                signal_workers(next_signal);
                next_signal = SIGKILL;
                give_up_ns = demo_now_ns() + GRACE_NS;
            }
        }
        demo_reading reading;
        demo_reading_take(&reading, reader);
        uint64_t now_ns = demo_now_ns();
        uint64_t admitted = reading.together.answers[DEMO_ADMITTED];
        double per_second = (double)(admitted - admitted_before) * 1e9 / (double)(now_ns - read_ns);
        double seconds = (double)(now_ns - started_ns) / 1e9;
        if (redraw) {
            demo_table_draw(&reading, reader->workers, seconds, per_second, drawn);
        } else {
            demo_table_print_line(&reading, seconds, per_second);
        }
        drawn = true;
        admitted_before = admitted;
        read_ns = now_ns;
    }
}

/* Buries the workers; returns how many did not end by themselves, and says how they ended. */
static unsigned bury_workers(unsigned workers)
{
    unsigned ended_badly = 0;
    for (unsigned worker = 1; worker <= workers; worker++) {
        int how = 0;
        while (waitpid(cleanup.workers[worker - 1], &how, 0) < 0 && errno == EINTR) {
        }
        cleanup.workers[worker - 1] = 0;
        if (WIFSIGNALED(how)) {
            printf("worker %u was killed by signal %d: what it recorded is still here\n", worker,
                   WTERMSIG(how));
            ended_badly++;
        } else if (WEXITSTATUS(how) != EXIT_SUCCESS) {
            printf("worker %u stopped with an error\n", worker);
            ended_badly++;
        }
    }
    return ended_badly;
}

/* The promise of a token bucket: never more than burst + rate * time, whoever asked. */
static bool check_limit(const demo_config *config, const demo_reading *reading, double seconds)
{
    uint64_t admitted = reading->together.answers[DEMO_ADMITTED];
    uint64_t most = (uint64_t)floor(config->burst + config->rate_per_second * seconds);
    bool held = admitted <= most;
    char admitted_text[32], most_text[32];
    printf("limit     %s admitted <= %g + %g/s * %.3f s = %s: %s\n",
           demo_grouped(admitted, admitted_text), config->burst, config->rate_per_second, seconds,
           demo_grouped(most, most_text), held ? "held" : "BROKEN");
    return held;
}

/* Holds the tallies that the workers kept for themselves against what the region says. */
static bool check_counts(const demo_reading *reading, const demo_report *reports, unsigned workers)
{
    bool same = true;
    unsigned compared = 0;
    uint64_t counted = 0;
    for (unsigned i = 0; i < workers; i++) {
        if (reports[i].worker == 0) {
            continue; /* killed before it could report */
        }
        const demo_row *row = &reading->workers[i];
        for (int answer = 0; answer < DEMO_ANSWERS; answer++) {
            same = same && row->answers[answer] == reports[i].answers[answer];
            counted += reports[i].answers[answer];
        }
        same = same && row->admitted_alone == reports[i].admitted_alone;
        compared++;
    }
    char text[32];
    printf("counts    %u workers counted %s answers for themselves: the region %s\n", compared,
           demo_grouped(counted, text), same ? "has every one" : "says OTHERWISE");
    return same;
}

static void tell_separate_limiters(const demo_reading *reading, unsigned workers)
{
    uint64_t admitted = reading->together.answers[DEMO_ADMITTED];
    uint64_t alone = reading->together.admitted_alone;
    char text[32];
    printf("separate  %u limiters, one in each worker, asked along with the shared one and not"
           " obeyed,\n          would have let through %s: %.1f times as many\n",
           workers, demo_grouped(alone, text),
           admitted == 0 ? 0.0 : (double)alone / (double)admitted);
}

static void write_snapshot(tidegate_engine *engine, const char *path)
{
    size_t length = 0;
    char *text = exposition_render(engine, TIDEGATE_FORMAT_JSON, &length);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(text, 1, length, file) != length || fclose(file) != 0) {
        fprintf(stderr, "demo: cannot write %s: %s\n", path, strerror(errno));
        exit(EXIT_FAILURE);
    }
    free(text);
    printf("snapshot  %s, %zu bytes of JSON\n", path, length);
}

int main(int argc, char **argv)
{
    static demo_config config;
    static demo_reader reader;
    static demo_reading reading;
    static demo_report reports[DEMO_WORKERS_MAX];
    demo_config_read(&config, argc, argv);
    prepare_to_end_well();
    make_database();

    tidegate_engine *engine = NULL;
    must(tidegate_engine_open(config.document, &engine), "open the engine");
    cleanup.region = config.keep_region ? NULL : config.region_path;
    reader.engine = engine;
    reader.workers = config.workers;
    demo_shared_open(&reader.shared, engine, &config);
    for (unsigned worker = 1; worker <= config.workers; worker++) {
        demo_series_open(&reader.series[worker - 1], engine, &config, worker);
    }

    printf("%u workers query SQLite for %g s under one limit: %g/s, burst %g\n"
           "to see it from outside: target/release/tidegate watch %s\n\n",
           config.workers, config.seconds, config.rate_per_second, config.burst,
           config.region_path);
    uint64_t started_ns = demo_now_ns();
    uint64_t deadline_ns = started_ns + (uint64_t)(config.seconds * 1e9);
    int pipe_end = fork_workers(engine, &config, deadline_ns);
    bool over_the_last = watch(&reader, started_ns, deadline_ns, pipe_end, reports);
    double seconds = (double)(demo_now_ns() - started_ns) / 1e9;
    close(pipe_end);

    demo_reading_take(&reading, &reader);
    double per_second = (double)reading.together.answers[DEMO_ADMITTED] / seconds;
    if (!over_the_last) {
        putchar('\n');
    }
    demo_table_draw(&reading, config.workers, seconds, per_second, over_the_last);
    puts(stop_signal == 0 ? "" : "\nstopped by a signal");
    unsigned ended_badly = bury_workers(config.workers);
    bool held = check_limit(&config, &reading, seconds);
    bool counted = check_counts(&reading, reports, config.workers);
    tell_separate_limiters(&reading, config.workers);
    write_snapshot(engine, config.snapshot_path);
    if (config.keep_region) {
        printf("region    %s, kept: tidegate snapshot %s\n", config.region_path,
               config.region_path);
    }
    tidegate_engine_close(engine);
    demo_config_free(&config);
    if (stop_signal != 0) {
        return 128 + stop_signal;
    }
    return held && counted && ended_badly == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

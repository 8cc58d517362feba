/*
 * How the benches in C are measured.
 *
 * Every row is measured with one thread, with two threads and with two
 * processes on the same objects, each on a CPU of its own: nanoseconds a call
 * and thread, least and median of at least 11 samples of at least 50 ms. Floors
 * come first, in the same run; /floor is the median against the row's floor.
 * With `--smoke` a bench only shows that everything runs; with other arguments
 * it measures the floors and the rows whose names contain one of them.
 */
#define _GNU_SOURCE

#include <tidegate.h>

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    MOST_ROWS = 64,
    MOST_SAMPLES = 11
};

/* What both processes see. */
struct shared {
    _Alignas(128) atomic_ulong word;
    _Alignas(128) atomic_ulong words[512];
    _Alignas(128) atomic_ulong fresh;   /* keys that no call had before */
    _Alignas(128) atomic_ulong asked;   /* how often the child was called */
    _Alignas(128) atomic_ulong done;    /* how often it was done */
    _Alignas(128) atomic_int ready;     /* threads or processes at the line */
    int row;
    int how_many;
    unsigned long each, first;
    double taken;
};
static struct shared *shared;

/* A row of the table. */
struct row {
    const char *name;
    void (*run)(unsigned long first, unsigned long count);
    int floor;             /* which row it is compared with; -1: it is a floor */
    double one, two;       /* targets, ns; 0: none */
    unsigned long calls;   /* of one sample, all threads together; 0: by time */
};
static const struct row *measured;

static tidegate_engine *engine;

static void must(tidegate_status status)
{
    if (status != TIDEGATE_OK) {
        char sentence[256];
        tidegate_last_error(sentence, sizeof sentence);
        fprintf(stderr, "bench: %s: %s\n", tidegate_status_name(status), sentence);
        exit(1);
    }
}

/* Rows: each makes `count` calls, numbered from `first`. */

#define ROW(name, call)                                                        \
    static void name(unsigned long first, unsigned long count)                 \
    {                                                                          \
        for (unsigned long at = first; at < first + count; at++) {             \
            call;                                                              \
        }                                                                      \
    }

static uint64_t coarse_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void swap(atomic_ulong *word, unsigned long add)
{
    unsigned long old = atomic_load_explicit(word, memory_order_acquire);
    while (!atomic_compare_exchange_weak_explicit(word, &old, old + add, memory_order_acq_rel,
                                                  memory_order_acquire)) {
    }
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void pin(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    sched_setaffinity(0, sizeof set, &set);
}

/* Waits until all have arrived, makes the calls, and says how long they took. */
static double timed(int which)
{
    atomic_fetch_add(&shared->ready, 1);
    while (atomic_load(&shared->ready) < shared->how_many) {
        sched_yield();
    }
    double begun = seconds();
    measured[shared->row].run(shared->first + (unsigned long)which * shared->each, shared->each);
    return seconds() - begun;
}

static void *thread(void *taken)
{
    pin(1);
    *(double *)taken = timed(1);
    return NULL;
}

static void child(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pin(1);
    for (unsigned long turn = 1;; turn++) {
        while (atomic_load(&shared->asked) < turn) {
            usleep(200);
        }
        shared->taken = timed(1);
        atomic_store(&shared->done, turn);
    }
}

enum how { ONE, TWO_THREADS, TWO_PROCESSES, HOWS };

/* One sample: seconds that `each` calls took, the mean of all who made them. */
static double sample(int row, enum how how, unsigned long each, unsigned long first)
{
    shared->row = row;
    shared->how_many = how == ONE ? 1 : 2;
    shared->each = each;
    shared->first = first;
    atomic_store(&shared->ready, 0);
    double other = 0, mine;
    if (how == TWO_PROCESSES) {
        unsigned long turn = atomic_fetch_add(&shared->asked, 1) + 1;
        mine = timed(0);
        while (atomic_load(&shared->done) < turn) {
            usleep(200);
        }
        other = shared->taken;
    } else if (how == TWO_THREADS) {
        pthread_t second;
        if (pthread_create(&second, NULL, thread, &other) != 0) {
            perror("bench: pthread_create");
            exit(1);
        }
        mine = timed(0);
        pthread_join(second, NULL);
    } else {
        return timed(0);
    }
    return (mine + other) / 2;
}

static int ascending(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double medians[MOST_ROWS][HOWS];

/* Measures one cell of the table; prints it. */
static void cell(int row, enum how how, int count, double length)
{
    double each_ns[MOST_SAMPLES];
    unsigned long each = measured[row].calls / (how == ONE ? 1 : 2);
    if (each == 0) {
        double taken = 0;
        for (each = 1024; (taken = sample(row, how, each, 0)) < length / 4; each *= 4) {
        }
        each = (unsigned long)((double)each * (length * 1.2 > taken ? length * 1.2 / taken : 1));
    }
    for (int at = 0; at < count; at++) {
        if (measured[row].calls != 0 && length >= 0.05) {
            usleep(1100000); /* all windows are empty again */
        }
        unsigned long first = measured[row].calls != 0 ? 0 : (unsigned long)at * each * 2;
        each_ns[at] = sample(row, how, each, first) * 1e9 / (double)each;
    }
    qsort(each_ns, (size_t)count, sizeof each_ns[0], ascending);
    medians[row][how] = each_ns[count / 2];
    printf("%9.1f %7.1f", each_ns[0], each_ns[count / 2]);
    if (measured[row].floor >= 0) {
        printf(" %6.2f", each_ns[count / 2] / medians[measured[row].floor][how]);
    } else {
        printf(" %6s", "");
    }
    fflush(stdout);
}

/* True when one of the texts, or none, is in the row's name, or it is a floor. */
static bool is_wanted(const struct row *row, char **texts)
{
    bool wanted = texts[0] == NULL || row->floor < 0;
    for (; *texts != NULL; texts++) {
        wanted |= strstr(row->name, *texts) != NULL;
    }
    return wanted;
}

/* Prints the table of `rows`; `prepare` opens the engine and what they need. */
static int table(const struct row *rows, int how_many_rows, int count, char **arguments,
                 void (*prepare)(void))
{
    bool smoke = count > 1 && strcmp(arguments[1], "--smoke") == 0;
    int how_many = smoke ? 3 : MOST_SAMPLES;
    double length = smoke ? 0.002 : 0.05;
    int hows = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? HOWS : 1;

    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        perror("bench: mmap");
        return 1;
    }
    measured = rows;
    prepare();
    pid_t second = fork();
    if (second == 0) {
        child();
    }
    pin(0);
    printf("tidegate %s, %d samples of at least %.0f ms\n", tidegate_version(), how_many,
           length * 1e3);
    printf("%-42s%-24s%-24s%-24s  must, 1T / 2T\n", "ns a call and thread, /floor",
           "       1T min    med", "       2T min    med", "       2P min    med");
    char **texts = arguments + (count > 0) + smoke;
    for (int row = 0; row < how_many_rows; row++) {
        if (!is_wanted(&rows[row], texts)) {
            continue;
        }
        printf("%-42s", rows[row].name);
        for (int how = 0; how < hows; how++) {
            cell(row, (enum how)how, how_many, length);
        }
        if (rows[row].one > 0) {
            printf("   %4.0f / %.0f", rows[row].one, rows[row].two);
        }
        printf("\n");
    }
    kill(second, SIGKILL);
    waitpid(second, NULL, 0);
    tidegate_engine_close(engine);
    return 0;
}

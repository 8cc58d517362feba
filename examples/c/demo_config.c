/*
 * demo_config.c: the command line, and the document it points to.
 *
 * C has no JSON of its own, but SQLite does, and the demo links it anyway: the document is edited
 * and read with json_set() and json_extract().
 */
#include "demo_config.h"

#include "demo_database.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char HELP[] =
    "usage: demo [OPTIONS]\n"
    "\n"
    "Forks workers that query a SQLite database under one shared rate limit, and shows a live\n"
    "table of what they do, read from the memory region that all of them share.\n"
    "\n"
    "  --seconds N      how long the workers run (default 5)\n"
    "  --workers N      how many to fork, 1 to 64 (default 4)\n"
    "  --rate N         queries a second that the shared limit lets through, with a burst of N/2\n"
    "                   (default: as the document says)\n"
    "  --path PATH      where the region goes (default: /dev/shm/tidegate-demo-PID)\n"
    "  --keep           leave the region there at the end, for `tidegate snapshot PATH`\n"
    "  --config FILE    the configuration document (default examples/demo.json)\n"
    "  --snapshot FILE  where the last snapshot goes (default target/demo/snapshot.json)\n"
    "  --help           this text\n";

/* ?1 the document, ?2 the region's path, ?3 the rate or NULL, ?4 its burst. */
static const char EDIT_SQL[] =
    "WITH given(document) AS ("
    "  SELECT CASE WHEN ?3 IS NULL THEN json(?1) ELSE json_set(?1,"
    "    '$.limiters.api.rate_per_second', ?3, '$.limiters.api.burst', ?4) END)"
    "SELECT json_set(document, '$.region.path', ?2),"
    "       json_extract(document, '$.limiters.api'),"
    "       json_extract(document, '$.limiters.api.rate_per_second'),"
    "       json_extract(document, '$.limiters.api.burst') FROM given";

static char *copy(const char *text)
{
    char *copied = strdup(text);
    if (copied == NULL) {
        perror("demo");
        exit(EXIT_FAILURE);
    }
    return copied;
}

static char *read_file(const char *path)
{
    enum { CAPACITY = 1 << 20 };
    FILE *file = fopen(path, "rb");
    char *text = malloc(CAPACITY);
    if (file == NULL || text == NULL) {
        fprintf(stderr, "demo: cannot read %s: %s\n", path, strerror(errno));
        exit(EXIT_FAILURE);
    }
    size_t length = fread(text, 1, CAPACITY, file);
    if (ferror(file) || length == CAPACITY) {
        fprintf(stderr, "demo: cannot read %s: %s\n", path,
                ferror(file) ? strerror(errno) : "more than a megabyte");
        exit(EXIT_FAILURE);
    }
    fclose(file);
    text[length] = '\0';
    return text;
}

/* The number that follows `option`, if it lies in the range; else the end of the program. */
static double number(const char *option, const char *text, double least, double most)
{
    char *end = NULL;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || !(value >= least && value <= most)) {
        fprintf(stderr, "demo: --%s wants a number from %g to %g, not '%s'\n", option, least, most,
                text);
        exit(2);
    }
    return value;
}

/* Memory where there is such a place: on a disk, page writeback would stall the writers. */
static const char *default_region_path(void)
{
    static char path[64];
    const char *place = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(path, sizeof path, "%s/tidegate-demo-%ld", place, (long)getpid());
    return path;
}

static void read_document(demo_config *config, double rate)
{
    char *given = read_file(config->document_path);
    sqlite3 *database = demo_sqlite_open(":memory:", SQLITE_OPEN_READWRITE);
    sqlite3_stmt *edit = demo_sqlite_prepare(database, EDIT_SQL);
    sqlite3_bind_text(edit, 1, given, -1, SQLITE_STATIC);
    sqlite3_bind_text(edit, 2, config->region_path, -1, SQLITE_STATIC);
    if (rate > 0) {
        sqlite3_bind_double(edit, 3, rate);
        sqlite3_bind_int64(edit, 4, (sqlite3_int64)ceil(rate / 2));
    }
    if (sqlite3_step(edit) != SQLITE_ROW) {
        fprintf(stderr, "demo: %s: %s\n", config->document_path, sqlite3_errmsg(database));
        exit(EXIT_FAILURE);
    }
    config->rate_per_second = sqlite3_column_double(edit, 2);
    config->burst = sqlite3_column_double(edit, 3);
    if (!(config->rate_per_second > 0 && config->burst > 0)) {
        fprintf(stderr, "demo: %s: limiters.api wants a rate_per_second and a burst above 0\n",
                config->document_path);
        exit(EXIT_FAILURE);
    }
    config->document = copy((const char *)sqlite3_column_text(edit, 0));
    config->limit_document = copy((const char *)sqlite3_column_text(edit, 1));
    sqlite3_finalize(edit);
    sqlite3_close(database);
    free(given);
}

void demo_config_read(demo_config *config, int argc, char **argv)
{
    static const struct option OPTIONS[] = {
        {"seconds", required_argument, NULL, 's'},  {"workers", required_argument, NULL, 'w'},
        {"rate", required_argument, NULL, 'r'},     {"path", required_argument, NULL, 'p'},
        {"keep", no_argument, NULL, 'k'},           {"config", required_argument, NULL, 'c'},
        {"snapshot", required_argument, NULL, 'o'}, {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    *config = (demo_config){
        .document_path = "examples/demo.json",
        .snapshot_path = "target/demo/snapshot.json",
        .region_path = default_region_path(),
        .seconds = 5.0,
        .workers = 4,
    };
    double rate = 0.0;
    int option;
    while ((option = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1) {
        switch (option) {
        case 's': config->seconds = number("seconds", optarg, 0.1, 3600); break;
        case 'w': config->workers = (unsigned)number("workers", optarg, 1, DEMO_WORKERS_MAX); break;
        case 'r': rate = number("rate", optarg, 1, 1e6); break;
        case 'p': config->region_path = optarg; break;
        case 'k': config->keep_region = true; break;
        case 'c': config->document_path = optarg; break;
        case 'o': config->snapshot_path = optarg; break;
        case 'h': fputs(HELP, stdout); exit(EXIT_SUCCESS);
        default: fputs(HELP, stderr); exit(2);
        }
    }
    if (optind < argc) {
        fprintf(stderr, "demo: '%s' is no option\n%s", argv[optind], HELP);
        exit(2);
    }
    /* The counts of an earlier run would be in the totals of this one. */
    if (access(config->region_path, F_OK) == 0) {
        fprintf(stderr, "demo: %s is there already: remove it, or give another --path\n",
                config->region_path);
        exit(EXIT_FAILURE);
    }
    read_document(config, rate);
}

void demo_config_free(demo_config *config)
{
    free(config->document);
    free(config->limit_document);
}

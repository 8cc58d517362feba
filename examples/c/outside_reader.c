/*
 * outside_reader.c: watch a region from outside, without touching it.
 *
 *     outside_reader PATH [SECONDS]
 *
 * Attaches read-only to the region at PATH, and once a second prints the samples that changed since
 * the last look. It makes no difference whether the writers are alive: a region whose processes
 * are all gone still tells what they did.
 */
#include "exposition.h"

#include <unistd.h>

/* True if `earlier` has exactly this line. */
static bool has_line(const char *earlier, const char *line, size_t length)
{
    for (const char *at = earlier; *at != '\0';) {
        size_t its_length = strcspn(at, "\n");
        if (its_length == length && memcmp(at, line, length) == 0) {
            return true;
        }
        at += its_length + (at[its_length] == '\n');
    }
    return false;
}

static void print_changes(const char *earlier, const char *text)
{
    for (const char *line = text; *line != '\0';) {
        size_t length = strcspn(line, "\n");
        bool is_sample = length > 0 && line[0] != '#';
        if (is_sample && !has_line(earlier, line, length)) {
            printf("  %.*s\n", (int)length, line);
        }
        line += length + (line[length] == '\n');
    }
}

int main(int argc, char **argv)
{
    char *end = NULL;
    long seconds = argc == 3 ? strtol(argv[2], &end, 10) : 5;
    if (argc < 2 || argc > 3 || (end != NULL && *end != '\0') || seconds < 0) {
        fprintf(stderr, "usage: outside_reader PATH [SECONDS]\n");
        return 2;
    }

    tidegate_engine *observer = NULL;
    must(tidegate_engine_attach(argv[1], &observer), "attach to the region");

    char *earlier = NULL;
    for (long second = 0; second <= seconds; second++) {
        if (second > 0) {
            sleep(1);
        }
        char *text = exposition_render(observer, TIDEGATE_FORMAT_PROMETHEUS, NULL);
        printf("%s after %ld s\n", argv[1], second);
        print_changes(earlier == NULL ? "" : earlier, text);
        fflush(stdout);
        free(earlier);
        earlier = text;
    }
    free(earlier);
    tidegate_engine_close(observer);
    return EXIT_SUCCESS;
}

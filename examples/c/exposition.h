/*
 * exposition.h: read numbers back out of a snapshot rendered as Prometheus text.
 *
 * The text has one sample a line, `name{label="value",…} number`, so a program that wants a few
 * totals needs no parser: it looks for the line.
 */
#ifndef TIDEGATE_EXAMPLES_EXPOSITION_H
#define TIDEGATE_EXAMPLES_EXPOSITION_H

#include "must.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Renders a new snapshot of everything in `engine`, ended by a NUL. Give the text to free(). */
static inline char *exposition_render(tidegate_engine *engine, uint32_t format, size_t *out_length)
{
    tidegate_snapshot *snapshot = NULL;
    must(tidegate_snapshot_take(engine, &snapshot), "take a snapshot");

    /* With no room at all the call only tells the length, which it reports as "too small". */
    size_t length = 0;
    tidegate_status status = tidegate_snapshot_render(snapshot, format, NULL, 0, &length);
    if (status != TIDEGATE_E_SPACE) {
        must(status, "measure the snapshot");
    }
    char *text = malloc(length + 1);
    if (text == NULL) {
        fprintf(stderr, "no memory for a snapshot of %zu bytes\n", length);
        exit(EXIT_FAILURE);
    }
    must(tidegate_snapshot_render(snapshot, format, text, length, &length), "render the snapshot");
    text[length] = '\0';
    tidegate_snapshot_free(snapshot);
    if (out_length != NULL) {
        *out_length = length;
    }
    return text;
}

/* True if `line`, which ends at `end`, holds the text `part`. NULL is in every line. */
static inline bool exposition_holds(const char *line, const char *end, const char *part)
{
    if (part == NULL) {
        return true;
    }
    const char *found = strstr(line, part);
    return found != NULL && found + strlen(part) <= end;
}

/*
 * The sum of all samples called `name` whose labels include `label` and `other_label`, each written
 * as in the text: `worker="3"`. NULL asks for no label. 0 if there is no such sample.
 */
static inline double exposition_sum(const char *text, const char *name, const char *label,
                                    const char *other_label)
{
    double sum = 0.0;
    size_t name_length = strlen(name);
    for (const char *line = text; *line != '\0';) {
        const char *end = line + strcspn(line, "\n");
        bool named = strncmp(line, name, name_length) == 0 &&
                     (line[name_length] == '{' || line[name_length] == ' ');
        if (named && exposition_holds(line, end, label) &&
            exposition_holds(line, end, other_label)) {
            /* Label values may hold blanks, so the number starts after the closing brace. */
            const char *number = line + name_length;
            for (const char *at = number; at < end; at++) {
                if (*at == '}') {
                    number = at + 1;
                }
            }
            sum += strtod(number, NULL);
        }
        line = *end == '\0' ? end : end + 1;
    }
    return sum;
}

#endif

/*
 * must.h: go on, or stop with the library's own sentence.
 *
 * An example has nobody to hand an error to, so it stops at the first one. A denial is an answer
 * and not an error: it is above zero, and comes back to the caller like TIDEGATE_OK.
 */
#ifndef TIDEGATE_EXAMPLES_MUST_H
#define TIDEGATE_EXAMPLES_MUST_H

#include <stdio.h>
#include <stdlib.h>
#include <tidegate.h>

static inline tidegate_status must(tidegate_status status, const char *step)
{
    if (status >= 0) {
        return status;
    }
    char sentence[1024] = {0};
    tidegate_last_error(sentence, sizeof sentence - 1);
    fprintf(stderr, "cannot %s: %s (%s)\n", step, sentence, tidegate_status_name(status));
    exit(EXIT_FAILURE);
}

#endif

/*
 * demo_config.h: what one run of the demo is asked to do.
 *
 * The limits come from a configuration document, the same one that services in other languages
 * would load. The command line says where the region lives and how long to run.
 */
#ifndef TIDEGATE_DEMO_CONFIG_H
#define TIDEGATE_DEMO_CONFIG_H

#include <stdbool.h>

enum { DEMO_WORKERS_MAX = 64 };

typedef struct demo_config {
    const char *document_path;
    const char *snapshot_path;
    const char *region_path;
    bool keep_region;
    double seconds;
    unsigned workers;

    char *document;       /* the whole document, with region and rate as the command line asks */
    char *limit_document; /* `limiters.api` alone: what one limiter is opened with */
    double rate_per_second;
    double burst;
} demo_config;

/* Reads the command line and the document. Wrong ones end the program with a sentence. */
void demo_config_read(demo_config *config, int argc, char **argv);

void demo_config_free(demo_config *config);

#endif

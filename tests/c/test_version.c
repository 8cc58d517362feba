/* test_version.c: the library, its header and Cargo.toml agree on what they are. */
#include "check.h"

static void the_text_is_that_of_the_header(void)
{
    CHECK(strcmp(TIDEGATE_VERSION, tidegate_version()) == 0);
}

static void the_number_is_that_of_the_header(void)
{
    EQUAL(TIDEGATE_ABI_VERSION, tidegate_abi_version());
}

static void the_number_is_made_of_its_parts(void)
{
    EQUAL(TIDEGATE_VERSION_MAJOR << 16 | TIDEGATE_VERSION_MINOR << 8 | TIDEGATE_VERSION_PATCH,
          tidegate_abi_version());
}

static void the_text_is_made_of_its_parts(void)
{
    char text[40];
    snprintf(text, sizeof text, "%d.%d.%d", TIDEGATE_VERSION_MAJOR, TIDEGATE_VERSION_MINOR,
             TIDEGATE_VERSION_PATCH);
    CHECK(strcmp(text, TIDEGATE_VERSION) == 0);
}

/** The value of the first `version = "…"` of Cargo.toml. */
static void read_cargo_version(char *version, size_t capacity)
{
    char path[4096];
    const char *root = getenv("TIDEGATE_ROOT");
    NEED(root != NULL);
    snprintf(path, sizeof path, "%s/Cargo.toml", root);
    FILE *file = fopen(path, "r");
    NEED(file != NULL);
    char line[400];
    version[0] = '\0';
    while (version[0] == '\0' && fgets(line, sizeof line, file) != NULL) {
        char found[200];
        if (sscanf(line, "version = \"%199[^\"]\"", found) == 1) {
            snprintf(version, capacity, "%s", found);
        }
    }
    fclose(file);
}

static void cargo_names_the_same_version(void)
{
    char version[200];
    read_cargo_version(version, sizeof version);
    CHECK(strcmp(version, tidegate_version()) == 0);
}

static void a_snapshot_names_the_same_version(void)
{
    char wanted[200];
    tidegate_engine *engine = check_open(NULL);
    char *json = check_json(engine);
    snprintf(wanted, sizeof wanted, "\"version\":\"%s\"", tidegate_version());
    CHECK(strstr(json, wanted) != NULL);
    free(json);
    tidegate_engine_close(engine);
}

int main(void)
{
    RUN(the_text_is_that_of_the_header);
    RUN(the_number_is_that_of_the_header);
    RUN(the_number_is_made_of_its_parts);
    RUN(the_text_is_made_of_its_parts);
    RUN(cargo_names_the_same_version);
    RUN(a_snapshot_names_the_same_version);
    return check_result();
}

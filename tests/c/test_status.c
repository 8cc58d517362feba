/*
 * test_status.c: every status, provoked; its name; and the sentence behind it.
 *
 * All but TIDEGATE_E_BUG: no call from C is known to make the library panic. That a panic becomes
 * that status is tested where one can be made, in src/ffi/edge.rs.
 */
#include "check.h"

static tidegate_engine *engine;

/** The call returned `expected`, named `name`, and the sentence says `word`. */
static void provoked(int line, tidegate_status found, tidegate_status expected, const char *name,
                     const char *word)
{
    char sentence[400];
    size_t length = tidegate_last_error(sentence, sizeof sentence);
    check_status(__FILE__, line, name, expected, found);
    if (strcmp(tidegate_status_name(found), name) != 0) {
        check_failed(__FILE__, line, tidegate_status_name(found));
    }
    if (length == 0 || length != strlen(sentence) || strstr(sentence, word) == NULL) {
        check_failed(__FILE__, line, word);
        fprintf(stderr, "    not in: %s\n", sentence);
    }
}
#define PROVOKED(status, word, call) provoked(__LINE__, (call), (status), #status, (word))

static void good_answers_have_names_and_leave_the_last_error(void)
{
    char before[200], after[200];
    tidegate_limiter one = check_limiter(
        engine, "one", "{\"algorithm\":\"sliding_window\",\"limit\":1,\"window_seconds\":60}");
    STATUS(TIDEGATE_E_STALE, tidegate_counter_add(engine, (tidegate_counter){0}, 1));
    tidegate_last_error(before, sizeof before);
    STATUS(TIDEGATE_OK, tidegate_limiter_check(engine, one, NULL, 0, 1, NULL));
    STATUS(TIDEGATE_DENIED, tidegate_limiter_check(engine, one, NULL, 0, 1, NULL));
    tidegate_last_error(after, sizeof after);
    CHECK(strcmp(before, after) == 0);
    CHECK(strcmp(tidegate_status_name(TIDEGATE_OK), "TIDEGATE_OK") == 0);
    CHECK(strcmp(tidegate_status_name(TIDEGATE_DENIED), "TIDEGATE_DENIED") == 0);
}

static void arguments_and_documents_are_refused(void)
{
    tidegate_counter counter;
    tidegate_engine *none = NULL;
    PROVOKED(TIDEGATE_E_ARGUMENT, "name", tidegate_counter_open(engine, NULL, NULL, &counter));
    PROVOKED(TIDEGATE_E_ARGUMENT, "UTF-8", tidegate_engine_open("{\"\xff\":1}", &none));
    PROVOKED(TIDEGATE_E_CONFIG, "clock", tidegate_engine_open("{\"clock\":\"sundial\"}", &none));
    PROVOKED(TIDEGATE_E_CONFIG, "JSON", tidegate_config_check("{"));
    PROVOKED(TIDEGATE_E_CONFIG, "colour",
             tidegate_counter_open(engine, "requests", "{\"colour\":\"red\"}", &counter));
    CHECK(none == NULL);
}

static void names_are_missed_and_taken(void)
{
    tidegate_gauge gauge;
    tidegate_limiter limiter;
    tidegate_engine *none = NULL;
    check_counter(engine, "taken");
    PROVOKED(TIDEGATE_E_NOT_FOUND, "login", tidegate_limiter_open(engine, "login", NULL, &limiter));
    PROVOKED(TIDEGATE_E_NOT_FOUND, "login", tidegate_allow_request(engine, "login", NULL, 0));
    PROVOKED(TIDEGATE_E_NOT_FOUND, "no/region", tidegate_engine_attach("no/region", &none));
    PROVOKED(TIDEGATE_E_CONFLICT, "taken", tidegate_gauge_open(engine, "taken", NULL, &gauge));
}

static void room_ends(void)
{
    tidegate_counter counter;
    tidegate_engine *small = check_open("{\"metrics\":{\"max_series\":1}}");
    check_counter(small, "only");
    PROVOKED(TIDEGATE_E_CAPACITY, "max_series",
             tidegate_counter_open(small, "second", NULL, &counter));
    tidegate_engine_close(small);

    tidegate_snapshot *snapshot = NULL;
    char letter;
    size_t length = 0;
    STATUS(TIDEGATE_OK, tidegate_snapshot_take(engine, &snapshot));
    PROVOKED(TIDEGATE_E_SPACE, "bytes",
             tidegate_snapshot_render(snapshot, TIDEGATE_FORMAT_JSON, &letter, 1, &length));
    CHECK(length > 1);
    tidegate_snapshot_free(snapshot);
}

static void files_are_refused(void)
{
    tidegate_engine *none = NULL;
    FILE *file = fopen("letter.txt", "w");
    NEED(file != NULL);
    for (int line = 0; line < 1000; line++) {
        fputs("Dear reader, this is no region.\n", file);
    }
    fclose(file);
    PROVOKED(TIDEGATE_E_FORMAT, "region", tidegate_engine_attach("letter.txt", &none));
    PROVOKED(TIDEGATE_E_FORMAT, "region",
             tidegate_engine_open("{\"region\":{\"path\":\"letter.txt\"}}", &none));
    PROVOKED(TIDEGATE_E_SYSTEM, "no/folder",
             tidegate_engine_open("{\"region\":{\"path\":\"no/folder/region\"}}", &none));
    CHECK(none == NULL);
    unlink("letter.txt");
}

static void ids_costs_and_times_are_refused(void)
{
    tidegate_limiter ten = check_limiter(
        engine, "ten", "{\"algorithm\":\"token_bucket\",\"rate_per_second\":1,\"burst\":10}");
    PROVOKED(TIDEGATE_E_STALE, "counter", tidegate_counter_add(engine, (tidegate_counter){0}, 1));
    PROVOKED(TIDEGATE_E_RANGE, "11", tidegate_limiter_check(engine, ten, NULL, 0, 11, NULL));
    PROVOKED(TIDEGATE_E_STATE, "clock", tidegate_clock_advance(engine, 1));
}

static void every_number_has_a_name(void)
{
    const int32_t numbers[] = {INT32_MIN, -100, -98, -12, 2, INT32_MAX};
    for (size_t at = 0; at < sizeof numbers / sizeof *numbers; at++) {
        CHECK(strlen(tidegate_status_name(numbers[at])) > 0);
        CHECK(strncmp(tidegate_status_name(numbers[at]), "TIDEGATE_", 9) != 0);
    }
    CHECK(strcmp(tidegate_status_name(TIDEGATE_E_BUG), "TIDEGATE_E_BUG") == 0);
}

static void *fail_in_another_thread(void *unused)
{
    char sentence[200] = "?";
    EQUAL(0, tidegate_last_error(sentence, sizeof sentence));
    EQUAL(0, strlen(sentence));
    PROVOKED(TIDEGATE_E_ARGUMENT, "config_json", tidegate_config_check(NULL));
    return unused;
}

static void the_last_error_is_of_this_thread(void)
{
    pthread_t thread;
    char sentence[200];
    STATUS(TIDEGATE_E_STATE, tidegate_clock_advance(engine, 1));
    NEED(pthread_create(&thread, NULL, fail_in_another_thread, NULL) == 0);
    pthread_join(thread, NULL);
    tidegate_last_error(sentence, sizeof sentence);
    CHECK(strstr(sentence, "clock") != NULL);
}

/** True when `text` ends between two characters of UTF-8. */
static bool ends_whole(const char *text, size_t length)
{
    size_t start = length;
    while (start > 0 && ((unsigned char)text[start - 1] & 0xc0) == 0x80) {
        start--;
    }
    if (start == 0) {
        return length == 0;
    }
    unsigned char lead = (unsigned char)text[start - 1];
    size_t wanted = lead < 0x80 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    return length - start == wanted;
}

static void a_short_buffer_gets_whole_characters_and_a_nul(void)
{
    char whole[400], buffer[400];
    STATUS(TIDEGATE_E_CONFIG, tidegate_config_check("{\"größe_€_\xf0\x9f\x8c\x8a\":1}"));
    size_t length = tidegate_last_error(whole, sizeof whole);
    EQUAL(strlen(whole), length);
    CHECK(strstr(whole, "größe_€_\xf0\x9f\x8c\x8a") != NULL);
    EQUAL(length, tidegate_last_error(NULL, 0));
    EQUAL(length, tidegate_last_error(NULL, 100));
    for (size_t capacity = 0; capacity <= length + 2; capacity++) {
        memset(buffer, '#', sizeof buffer);
        EQUAL(length, tidegate_last_error(buffer, capacity));
        CHECK(buffer[capacity] == '#');
        if (capacity > 0) {
            size_t given = strlen(buffer);
            CHECK(given < capacity && given <= length);
            CHECK(given + 4 >= capacity || given == length);
            CHECK(memcmp(buffer, whole, given) == 0 && ends_whole(buffer, given));
        }
    }
}

int main(void)
{
    EQUAL(0, tidegate_last_error(NULL, 0));
    engine = check_open(NULL);
    RUN(good_answers_have_names_and_leave_the_last_error);
    RUN(arguments_and_documents_are_refused);
    RUN(names_are_missed_and_taken);
    RUN(room_ends);
    RUN(files_are_refused);
    RUN(ids_costs_and_times_are_refused);
    RUN(every_number_has_a_name);
    RUN(the_last_error_is_of_this_thread);
    RUN(a_short_buffer_gets_whole_characters_and_a_nul);
    tidegate_engine_close(engine);
    return check_result();
}

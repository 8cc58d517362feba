/*
 * Error codes with messages, the slowest calls, the log of distinct errors.
 */
#include "check.h"

static tidegate_engine *engine;

static char *json(void)
{
    tidegate_snapshot *snapshot = NULL;
    size_t length = 0;
    char *text;
    STATUS(TIDEGATE_OK, tidegate_snapshot_take(engine, &snapshot));
    STATUS(TIDEGATE_OK, tidegate_snapshot_render(snapshot, TIDEGATE_FORMAT_JSON, NULL, 0, &length));
    text = calloc(1, length + 1);
    STATUS(TIDEGATE_OK,
           tidegate_snapshot_render(snapshot, TIDEGATE_FORMAT_JSON, text, length, &length));
    tidegate_snapshot_free(snapshot);
    return text;
}

static void holds(const char *part)
{
    char *text = json();
    if (strstr(text, part) == NULL) {
        check_failed(__FILE__, __LINE__, part);
        fprintf(stderr, "%s\n", text);
    }
    free(text);
}

static void a_failed_call_is_kept_with_all_that_was_said(void)
{
    tidegate_operation query = {0};
    STATUS(TIDEGATE_OK, tidegate_operation_open(engine, "db.query", NULL, &query));
    STATUS(TIDEGATE_OK,
           tidegate_operation_record_detail(engine, query, 1.5, TIDEGATE_OUTCOME_FAILURE, "timeout",
                                            "no \"answer\"", "select 1", "4bf92f3577b34da6"));
    STATUS(TIDEGATE_OK, tidegate_operation_record_detail(engine, query, 0.5,
                                                         TIDEGATE_OUTCOME_SUCCESS, NULL, NULL, NULL,
                                                         NULL));
    holds("\"code\":\"timeout\",\"count\":1,");
    holds("\"message\":\"no \\\"answer\\\"\"");
    holds("\"detail\":\"select 1\",\"trace_id\":\"4bf92f3577b34da6\"");
    holds("\"exemplars\":[{\"trace_id\":\"4bf92f3577b34da6\",\"value\":1.5,");
}

static void mistakes_in_a_detailed_record_have_their_status(void)
{
    tidegate_operation query = {0}, zero = {0};
    STATUS(TIDEGATE_OK, tidegate_operation_open(engine, "db.query", NULL, &query));
    STATUS(TIDEGATE_E_ARGUMENT,
           tidegate_operation_record_detail(NULL, query, 1.0, 0, NULL, NULL, NULL, NULL));
    STATUS(TIDEGATE_E_ARGUMENT,
           tidegate_operation_record_detail(engine, query, -1.0, 0, NULL, NULL, NULL, NULL));
    STATUS(TIDEGATE_E_ARGUMENT,
           tidegate_operation_record_detail(engine, query, 1.0, 7, NULL, NULL, NULL, NULL));
    STATUS(TIDEGATE_E_ARGUMENT,
           tidegate_operation_record_detail(engine, query, 1.0, 0, "code", NULL, NULL, NULL));
    STATUS(TIDEGATE_E_ARGUMENT,
           tidegate_operation_record_detail(engine, query, 1.0, 1, NULL, "\xff", NULL, NULL));
    STATUS(TIDEGATE_E_ARGUMENT,
           tidegate_operation_record_detail(engine, query, 1.0, 1, NULL, NULL, "\xff", NULL));
    STATUS(TIDEGATE_E_ARGUMENT,
           tidegate_operation_record_detail(engine, query, 1.0, 1, NULL, NULL, NULL, "\xff"));
    STATUS(TIDEGATE_E_STALE,
           tidegate_operation_record_detail(engine, zero, 1.0, 0, NULL, NULL, NULL, NULL));
}

static void reported_errors_are_told_apart_by_code_and_text(void)
{
    int report;
    for (report = 0; report < 3; report++) {
        STATUS(TIDEGATE_OK, tidegate_error_report(engine, "E1", "disk full"));
    }
    STATUS(TIDEGATE_OK, tidegate_error_report(engine, "E1", NULL));
    holds("\"code\":\"E1\",\"text\":\"disk full\",\"count\":3,");
    holds("\"code\":\"E1\",\"text\":\"\",\"count\":1,");
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_error_report(NULL, "E1", NULL));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_error_report(engine, NULL, "text"));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_error_report(engine, "", "text"));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_error_report(engine, "\xff", "text"));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_error_report(engine, "E1", "\xff"));
}

int main(void)
{
    engine = check_open("{\"clock\":\"manual\"}");
    RUN(a_failed_call_is_kept_with_all_that_was_said);
    RUN(mistakes_in_a_detailed_record_have_their_status);
    RUN(reported_errors_are_told_apart_by_code_and_text);
    tidegate_engine_close(engine);
    return check_result();
}

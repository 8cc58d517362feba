/* quickstart.c: open an engine, count, guard, print. Build: make -C examples/c quickstart */
#include <stdio.h>
#include <stdlib.h>
#include <tidegate.h>

/* Negative is an error, and the library has a sentence for it. A denial is above zero. */
static tidegate_status must(tidegate_status status)
{
    if (status < 0) {
        char sentence[512] = {0};
        tidegate_last_error(sentence, sizeof sentence - 1);
        fprintf(stderr, "%s: %s\n", tidegate_status_name(status), sentence);
        exit(EXIT_FAILURE);
    }
    return status;
}

int main(void)
{
    tidegate_engine *engine = NULL;
    tidegate_counter requests;
    tidegate_histogram seconds;
    tidegate_limiter login;
    must(tidegate_engine_open(NULL, &engine));
    must(tidegate_counter_open(engine, "requests_total", NULL, &requests));
    must(tidegate_histogram_open(engine, "request_seconds", "{\"unit\":\"seconds\"}", &seconds));
    must(tidegate_limiter_open(engine, "login", "{\"preset\":\"auth\",\"keyed\":true}", &login));

    for (int attempt = 1; attempt <= 7; attempt++) {
        tidegate_decision decision;
        must(tidegate_counter_add(engine, requests, 1));
        must(tidegate_histogram_record(engine, seconds, 0.001 * attempt));
        if (must(tidegate_limiter_check(engine, login, "ada", 3, 1, &decision)) == TIDEGATE_DENIED)
            printf("attempt %d: denied, try again in %.0f s\n", attempt,
                   (double)decision.retry_after_ns / 1e9);
        else
            printf("attempt %d: admitted, %llu left\n", attempt,
                   (unsigned long long)decision.remaining);
    }

    const double quantiles[] = {0.5, 1.0};
    double values[2];
    must(tidegate_histogram_quantiles(engine, seconds, 0.0, quantiles, 2, values));
    printf("request_seconds: median %.4f, longest %.4f\n", values[0], values[1]);
    tidegate_engine_close(engine);
    return EXIT_SUCCESS;
}

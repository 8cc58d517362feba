/*
 * test_bulkhead.c: never one too many inside, permits that are good once, and permits that come
 * back from a process that was killed.
 */
#include "check.h"

static tidegate_engine *engine;

static tidegate_bulkhead open_bulkhead(const char *name, const char *config)
{
    tidegate_bulkhead bulkhead = {0};
    STATUS(TIDEGATE_OK, tidegate_bulkhead_open(engine, name, config, &bulkhead));
    return bulkhead;
}

static uint64_t enter(tidegate_bulkhead bulkhead)
{
    uint64_t permit = 0;
    STATUS(TIDEGATE_OK, tidegate_bulkhead_enter(engine, bulkhead, &permit));
    CHECK(permit != 0);
    return permit;
}

static void refuse(tidegate_bulkhead bulkhead)
{
    uint64_t permit = 77;
    STATUS(TIDEGATE_DENIED, tidegate_bulkhead_enter(engine, bulkhead, &permit));
    EQUAL(77, permit);
}

static void as_many_as_there_is_room_for(void)
{
    tidegate_bulkhead three = open_bulkhead("three", "{\"max_concurrent\":3}");
    uint64_t permits[3];
    for (int i = 0; i < 3; i++) {
        permits[i] = enter(three);
        for (int j = 0; j < i; j++) {
            CHECK(permits[i] != permits[j]);
        }
    }
    for (int i = 0; i < 100; i++) {
        refuse(three);
    }
    STATUS(TIDEGATE_OK, tidegate_bulkhead_leave(engine, three, permits[1]));
    permits[1] = enter(three);
    refuse(three);
    for (int i = 0; i < 3; i++) {
        STATUS(TIDEGATE_OK, tidegate_bulkhead_leave(engine, three, permits[i]));
    }
    for (int i = 0; i < 1000; i++) {
        STATUS(TIDEGATE_OK, tidegate_bulkhead_leave(engine, three, enter(three)));
    }
}

static void a_permit_is_good_once(void)
{
    tidegate_bulkhead one = open_bulkhead("one", "{\"max_concurrent\":1}");
    tidegate_bulkhead other = open_bulkhead("other", "{\"max_concurrent\":1}");
    uint64_t permit = enter(one);
    STATUS(TIDEGATE_E_STALE, tidegate_bulkhead_leave(engine, other, permit));
    STATUS(TIDEGATE_E_STALE, tidegate_bulkhead_leave(engine, one, permit ^ 1));
    STATUS(TIDEGATE_E_STALE, tidegate_bulkhead_leave(engine, one, 0));
    STATUS(TIDEGATE_E_STALE, tidegate_bulkhead_leave(engine, one, 12345));
    refuse(one);
    STATUS(TIDEGATE_OK, tidegate_bulkhead_leave(engine, one, permit));
    STATUS(TIDEGATE_E_STATE, tidegate_bulkhead_leave(engine, one, permit));
    uint64_t next = enter(one);
    STATUS(TIDEGATE_E_STATE, tidegate_bulkhead_leave(engine, one, permit));
    refuse(one);
    STATUS(TIDEGATE_OK, tidegate_bulkhead_leave(engine, one, next));
}

static void a_late_permit_is_taken_back(void)
{
    tidegate_bulkhead late =
        open_bulkhead("late", "{\"max_concurrent\":1,\"permit_timeout_seconds\":5}");
    uint64_t permit = enter(late);
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 5 * SECOND - 1));
    for (int i = 0; i < 100; i++) {
        refuse(late);
    }
    STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, 1));
    uint64_t next = enter(late);
    refuse(late);
    STATUS(TIDEGATE_E_STATE, tidegate_bulkhead_leave(engine, late, permit));
    refuse(late);
    STATUS(TIDEGATE_OK, tidegate_bulkhead_leave(engine, late, next));
}

static void a_bulkhead_in_shadow_denies_nothing(void)
{
    tidegate_bulkhead shadow = open_bulkhead("shadow", "{\"max_concurrent\":1,\"shadow\":true}");
    uint64_t first = enter(shadow);
    uint64_t second = enter(shadow);
    STATUS(TIDEGATE_OK, tidegate_bulkhead_leave(engine, shadow, second));
    STATUS(TIDEGATE_OK, tidegate_bulkhead_leave(engine, shadow, first));
}

static void the_permits_of_a_killed_process_come_back(void)
{
    tidegate_bulkhead two = open_bulkhead("two", "{\"max_concurrent\":2}");
    int inside[2];
    CHECK(pipe(inside) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        enter(two);
        enter(two);
        CHECK(write(inside[1], "x", 1) == 1);
        for (;;) {
            pause();
        }
    }
    char byte;
    CHECK(read(inside[0], &byte, 1) == 1);
    refuse(two);
    refuse(two);
    CHECK(kill(child, SIGKILL) == 0);
    CHECK(waitpid(child, NULL, 0) == child);
    uint64_t permits[2] = {enter(two), enter(two)};
    refuse(two);
    tidegate_bulkhead_reading reading;
    STATUS(TIDEGATE_OK, tidegate_bulkhead_read(engine, two, &reading));
    EQUAL(2, reading.in_use);
    EQUAL(2, reading.returned_from_dead);
    STATUS(TIDEGATE_OK, tidegate_bulkhead_leave(engine, two, permits[0]));
    STATUS(TIDEGATE_OK, tidegate_bulkhead_leave(engine, two, permits[1]));
    close(inside[0]);
    close(inside[1]);
}

static void each_key_has_its_own_room(void)
{
    tidegate_bulkhead keyed =
        open_bulkhead("keyed", "{\"max_concurrent\":2,\"keyed\":true,\"max_keys\":50}");
    uint64_t permits[50][2], none = 77;
    for (int round = 0; round < 3; round++) {
        for (unsigned char key = 0; key < 50; key++) {
            for (int i = 0; i < 2; i++) {
                STATUS(TIDEGATE_OK, tidegate_bulkhead_enter_key(engine, keyed, (char *)&key, 1,
                                                                &permits[key][i]));
            }
            STATUS(TIDEGATE_DENIED,
                   tidegate_bulkhead_enter_key(engine, keyed, (char *)&key, 1, &none));
        }
        tidegate_bulkhead_reading reading;
        STATUS(TIDEGATE_OK, tidegate_bulkhead_read(engine, keyed, &reading));
        EQUAL(2, reading.limit);
        EQUAL(100, reading.in_use);
        for (int key = 0; key < 50; key++) {
            STATUS(TIDEGATE_OK, tidegate_bulkhead_leave(engine, keyed, permits[key][1]));
            STATUS(TIDEGATE_E_STATE, tidegate_bulkhead_leave(engine, keyed, permits[key][1]));
            STATUS(TIDEGATE_OK, tidegate_bulkhead_leave(engine, keyed, permits[key][0]));
        }
    }
    EQUAL(77, none);
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_bulkhead_enter(engine, keyed, &none));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_bulkhead_enter_key(engine, keyed, NULL, 0, &none));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_bulkhead_enter_key(engine, keyed, NULL, 3, &none));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_bulkhead_enter_key(engine, keyed, "a", 1, NULL));
    STATUS(TIDEGATE_OK, tidegate_bulkhead_enter_key(engine, keyed, "", 0, &none));
    STATUS(TIDEGATE_OK, tidegate_bulkhead_leave_with(engine, keyed, none,
                                                     TIDEGATE_OUTCOME_FAILURE, 1.0));
    tidegate_bulkhead plain = open_bulkhead("plain", "{\"max_concurrent\":2}");
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_bulkhead_enter_key(engine, plain, "a", 1, &none));
}

static uint64_t limit_of(tidegate_bulkhead bulkhead)
{
    tidegate_bulkhead_reading reading = {0};
    STATUS(TIDEGATE_OK, tidegate_bulkhead_read(engine, bulkhead, &reading));
    return reading.limit;
}

static void aimd_learns_from_each_call(void)
{
    tidegate_bulkhead aimd =
        open_bulkhead("aimd", "{\"adaptive\":{\"algorithm\":\"aimd\",\"initial\":4,\"min\":2,"
                              "\"max\":8}}");
    uint64_t permits[8];
    for (int i = 0; i < 4; i++) {
        permits[i] = enter(aimd);
    }
    refuse(aimd);
    EQUAL(4, limit_of(aimd));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_bulkhead_leave_with(engine, aimd, permits[3], 9, 0.1));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_bulkhead_leave_with(engine, aimd, permits[3],
                                                             TIDEGATE_OUTCOME_SUCCESS, -0.1));
    STATUS(TIDEGATE_OK, tidegate_bulkhead_leave_with(engine, aimd, permits[3],
                                                     TIDEGATE_OUTCOME_SUCCESS, 0.1));
    EQUAL(5, limit_of(aimd));
    permits[3] = enter(aimd);
    permits[4] = enter(aimd);
    refuse(aimd);
    STATUS(TIDEGATE_OK, tidegate_bulkhead_leave_with(engine, aimd, permits[0],
                                                     TIDEGATE_OUTCOME_IGNORED, 0.1));
    EQUAL(5, limit_of(aimd));
    STATUS(TIDEGATE_OK, tidegate_bulkhead_leave_with(engine, aimd, permits[1],
                                                     TIDEGATE_OUTCOME_FAILURE, 0.1));
    EQUAL(4, limit_of(aimd));
    STATUS(TIDEGATE_OK, tidegate_bulkhead_leave_with(engine, aimd, permits[2],
                                                     TIDEGATE_OUTCOME_SUCCESS, 6.0));
    EQUAL(3, limit_of(aimd));
    /* Two are inside above the limit's place: only one may enter. */
    permits[0] = enter(aimd);
    refuse(aimd);
    STATUS(TIDEGATE_E_STATE, tidegate_bulkhead_leave_with(engine, aimd, permits[2],
                                                          TIDEGATE_OUTCOME_FAILURE, 0.1));
    EQUAL(3, limit_of(aimd));
    STATUS(TIDEGATE_OK, tidegate_bulkhead_leave(engine, aimd, permits[0]));
    STATUS(TIDEGATE_OK, tidegate_bulkhead_leave(engine, aimd, permits[3]));
    STATUS(TIDEGATE_OK, tidegate_bulkhead_leave(engine, aimd, permits[4]));
    for (int i = 0; i < 3; i++) {
        permits[i] = enter(aimd);
    }
    refuse(aimd);
}

static void a_gradient_learns_from_windows(void)
{
    tidegate_bulkhead gradient = open_bulkhead(
        "gradient", "{\"adaptive\":{\"algorithm\":\"gradient\",\"initial\":4,\"min\":2}}");
    uint64_t permits[4];
    for (int window = 0; window < 60; window++) {
        for (int call = 0; call < 10; call++) {
            for (int i = 0; i < 4; i++) {
                permits[i] = enter(gradient);
            }
            for (int i = 0; i < 4; i++) {
                STATUS(TIDEGATE_OK, tidegate_bulkhead_leave_with(engine, gradient, permits[i],
                                                                 TIDEGATE_OUTCOME_SUCCESS, 0.01));
            }
        }
        STATUS(TIDEGATE_OK, tidegate_clock_advance(engine, SECOND));
    }
    /* It grows for as long as more than half of it is used. */
    CHECK(limit_of(gradient) >= 8 && limit_of(gradient) <= 9);
}

static void opening(void)
{
    tidegate_bulkhead bulkhead = {0};
    const char *ten = "{\"max_concurrent\":10}";
    STATUS(TIDEGATE_OK, tidegate_bulkhead_open(engine, "ten", ten, &bulkhead));
    uint64_t id = bulkhead.id;
    STATUS(TIDEGATE_OK, tidegate_bulkhead_open(engine, "ten", ten, &bulkhead));
    EQUAL(id, bulkhead.id);
    STATUS(TIDEGATE_OK, tidegate_bulkhead_open(engine, "ten", NULL, &bulkhead));
    EQUAL(id, bulkhead.id);
    STATUS(TIDEGATE_E_CONFLICT,
           tidegate_bulkhead_open(engine, "ten", "{\"max_concurrent\":11}", &bulkhead));
    STATUS(TIDEGATE_E_NOT_FOUND, tidegate_bulkhead_open(engine, "none", NULL, &bulkhead));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_bulkhead_open(engine, "no name", ten, &bulkhead));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_bulkhead_open(engine, NULL, ten, &bulkhead));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_bulkhead_open(engine, "ten", ten, NULL));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_bulkhead_open(NULL, "ten", ten, &bulkhead));
    const char *wrong[] = {
        "",
        "[]",
        "{}",
        "{\"max_concurrent\":0}",
        "{\"max_concurrent\":-1}",
        "{\"max_concurrent\":\"20\"}",
        "{\"max_concurrent\":2000000}",
        "{\"max_concurrent\":20,\"permit_timeout_seconds\":0}",
        "{\"max_concurrent\":20,\"shadow\":1}",
        "{\"max_concurrent\":20,\"max_wait\":1}",
        "{\"max_concurrent\":20,\"max_keys\":5}",
        "{\"max_concurrent\":1000,\"keyed\":true}",
        "{\"max_concurrent\":100,\"keyed\":true,\"max_keys\":100000}",
        "{\"max_concurrent\":20,\"adaptive\":{\"algorithm\":\"aimd\"}}",
        "{\"adaptive\":{\"algorithm\":\"aimd\"},\"keyed\":true}",
        "{\"adaptive\":{\"algorithm\":\"best\"}}",
        "{\"adaptive\":{}}",
        "{\"adaptive\":{\"algorithm\":\"aimd\",\"smoothing\":1}}",
        "{\"adaptive\":{\"algorithm\":\"vegas\",\"min\":30,\"max\":20}}",
        "{\"adaptive\":{\"algorithm\":\"vegas\",\"initial\":2000}}",
        "{\"adaptive\":{\"algorithm\":\"gradient\",\"rtt_tolerance\":0.5}}",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        STATUS(TIDEGATE_E_CONFIG, tidegate_bulkhead_open(engine, "wrong", wrong[i], &bulkhead));
    }
    STATUS(TIDEGATE_E_CAPACITY,
           tidegate_bulkhead_open(engine, "large", "{\"max_concurrent\":1000000}", &bulkhead));
    EQUAL(id, bulkhead.id);
}

static void misuse(void)
{
    tidegate_bulkhead bulkhead = open_bulkhead("misused", "{\"max_concurrent\":1}");
    uint64_t permit = 0;
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_bulkhead_enter(engine, bulkhead, NULL));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_bulkhead_enter(NULL, bulkhead, &permit));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_bulkhead_leave(NULL, bulkhead, 1));
    tidegate_bulkhead none = {0};
    tidegate_bulkhead strange = {bulkhead.id ^ 1u << 30};
    STATUS(TIDEGATE_E_STALE, tidegate_bulkhead_enter(engine, none, &permit));
    STATUS(TIDEGATE_E_STALE, tidegate_bulkhead_enter(engine, strange, &permit));
    STATUS(TIDEGATE_E_STALE, tidegate_bulkhead_leave(engine, none, 1));
    EQUAL(0, permit);
    tidegate_bulkhead_reading reading;
    STATUS(TIDEGATE_E_STALE, tidegate_bulkhead_read(engine, none, &reading));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_bulkhead_read(engine, bulkhead, NULL));
    STATUS(TIDEGATE_E_ARGUMENT, tidegate_bulkhead_read(NULL, bulkhead, &reading));
}

int main(void)
{
    STATUS(TIDEGATE_OK,
           tidegate_engine_open("{\"clock\":\"manual\",\"region\":{\"size_bytes\":4194304},"
                                "\"bulkheads\":{\"db\":{\"max_concurrent\":20}}}",
                                &engine));
    tidegate_bulkhead db = open_bulkhead("db", NULL);
    STATUS(TIDEGATE_OK, tidegate_bulkhead_leave(engine, db, enter(db)));
    RUN(as_many_as_there_is_room_for);
    RUN(a_permit_is_good_once);
    RUN(a_late_permit_is_taken_back);
    RUN(a_bulkhead_in_shadow_denies_nothing);
    RUN(the_permits_of_a_killed_process_come_back);
    RUN(each_key_has_its_own_room);
    RUN(aimd_learns_from_each_call);
    RUN(a_gradient_learns_from_windows);
    RUN(opening);
    RUN(misuse);
    tidegate_engine_close(engine);
    return check_result();
}

/*
 * native.h: what the files of this extension share. Together they are the only place of the
 * Python package that knows C; everything they call is in tidegate.h.
 *
 * One object type for each kind of handle, all with the same memory (Handle): an engine and an
 * id. Objects point to the State of their module, so no call has to look it up, and
 * subinterpreters each have their own.
 */
#ifndef TIDEGATE_PYTHON_NATIVE_H
#define TIDEGATE_PYTHON_NATIVE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include <tidegate.h>

/* Kinds of handles; the numbers are also those of Engine._open() in Python. */
typedef enum {
    KIND_COUNTER,
    KIND_GAUGE,
    KIND_HISTOGRAM,
    KIND_LIMITER,
    KIND_OPERATION,
    KIND_BREAKER,
    KIND_BULKHEAD,
    KIND_RETRY,
    KIND_THROTTLE,
    KIND_GUARD,
    KIND_RATIO,
    KIND_ENUM,
    KINDS
} Kind;

typedef struct State State;

/* What several threads may write at once, where the interpreter has no lock. */
#ifdef Py_GIL_DISABLED
#define SHARED(type) _Atomic(type)
#else
#define SHARED(type) type
#endif

/* This process's view of a region. `raw` is NULL once it is closed. */
typedef struct {
    PyObject_HEAD
    State *state;
    SHARED(tidegate_engine *) raw;
#ifdef Py_GIL_DISABLED
    /* What `raw` was before close(). */
    tidegate_engine *closed;
#endif
    /* Whether its clock is a manual one. */
    bool manual;
    /* Calls that gave the interpreter's lock up; the last one closes, if asked to. */
    Py_ssize_t busy;
    bool closing;
} Engine;

typedef struct Series Series;
typedef struct Decision Decision;

/* A metric or guard. Keeps its engine object alive, not the engine open. */
typedef struct {
    PyObject_HEAD
    State *state;
    Engine *engine;
    PyObject *name;
    uint64_t id;
    Kind kind;
    /* The JSON that it was opened with; NULL for none. */
    PyObject *options;
    /* The series with more labels that it was asked for; NULL before the first. */
    Series *series;
    /* A limiter's latest, kept for the next check if nobody else keeps it. */
    Decision *decision;
} Handle;

/* What a limiter said; truthy when admitted. */
struct Decision {
    PyObject_HEAD
    /* The limiter's; a reference of its own once the limiter keeps it no longer. */
    Engine *engine;
    uint64_t limiter;
    tidegate_decision said;
    bool admitted;
    bool is_kept;
};

/* Spare memory is kept under the interpreter's lock only. */
#ifdef Py_GIL_DISABLED
#define KEEP_SPARES 0
#else
#define KEEP_SPARES 1
#endif
#define FORMATS 16
#define SPARE_TIMERS 32

/* ticks.c: durations */

#if defined(__x86_64__) && defined(__linux__) && !defined(Py_GIL_DISABLED)
#define TICKS 1
#else
#define TICKS 0
#endif

typedef struct {
    /* When the two clocks were compared, and what a tick is since; limit is 0 before it is known. */
    uint64_t known_ticks;
    uint64_t known_ns;
    double seconds_per_tick;
    /* So many ticks after known_ticks they are to be compared again. */
    uint64_t limit;
    bool unusable;
} Ticks;

struct State {
    Ticks ticks;
    PyTypeObject *engine;
    PyTypeObject *snapshot;
    PyTypeObject *handle[KINDS];
    PyTypeObject *decision;
    PyTypeObject *timer;
    PyTypeObject *permit;
    PyTypeObject *guarded;
    /* Of Python: tidegate.decorate.decorate(), tidegate.errors.denied(), time.sleep(),
     * types.MethodType; tidegate.documents.guard_of(), with_labels(); json.loads(). */
    PyObject *decorate;
    PyObject *denied;
    PyObject *sleep;
    PyObject *method;
    PyObject *guard_of;
    PyObject *with_labels;
    PyObject *loads;
    /* tidegate.errors.from_status(code, sentence), and the class of a closed engine. */
    PyObject *from_status;
    PyObject *closed_error;
    /* Memory of timers that were given back, so that a block allocates nothing. */
    PyObject *spare_timers[SPARE_TIMERS];
    int spare_timer_count;
    /* How long the last snapshots were, by format: so much memory is tried first. */
    SHARED(size_t) lengths[FORMATS];
};

/* errors.c */

/* Raises the exception of `status` with this thread's last sentence. Always NULL. */
PyObject *raise_status(State *state, tidegate_status status);
/* Raises the exception of `status` with a sentence of ours. Always NULL. */
PyObject *raise_sentence(State *state, tidegate_status status, const char *sentence);
/* Raises ClosedError. Always NULL. */
PyObject *raise_closed(State *state);
/* None for TIDEGATE_OK, else as raise_status(). */
static inline PyObject *none_or_raise(State *state, tidegate_status status)
{
    if (status != TIDEGATE_OK) {
        return raise_status(state, status);
    }
    Py_RETURN_NONE;
}
/* Refuses pickling, with what to do instead. */
PyObject *refuse_pickling(PyObject *self, PyObject *ignored);
/* copy.copy() and copy.deepcopy() of what is a plain value. */
PyObject *copy_self(PyObject *self, PyObject *ignored);

/* What an open engine is to C, or NULL with ClosedError. */
static inline tidegate_engine *engine_or_raise(Engine *self)
{
    tidegate_engine *raw = self->raw;
    if (raw == NULL) {
        raise_closed(self->state);
    }
    return raw;
}

/* The same of the engine that a handle works on. */
static inline tidegate_engine *open_engine(Handle *self)
{
    return engine_or_raise(self->engine);
}

/* Between the two the interpreter's lock may be released: close() waits for the second. */
tidegate_engine *engine_enter(Engine *self);
void engine_leave(Engine *self);

/* Always NULL. */
PyObject *raise_unloaded(void);

/* Before PyObject_New() and PyObject_Init() for a type of the state, which is NULL once the
 * interpreter has taken the module apart: then an exception says so. */
static inline bool type_is_gone(const PyTypeObject *type)
{
    if (type == NULL) {
        raise_unloaded();
    }
    return type == NULL;
}

/* handle.c */

void handle_dealloc(PyObject *self);
PyObject *handle_new(State *state, Engine *engine, Kind kind, PyObject *name, PyObject *options,
                     uint64_t id);
/* Text or None, as C has it: NULL without an exception for None. -1 with an exception. */
int text_or_none(PyObject *object, const char *what, const char **out);
/* engine.c: opens the `kind` of this name; options are JSON or None. */
PyObject *handle_open(Engine *engine, Kind kind, PyObject *name, PyObject *options);
/* The keywords of a function that takes the parts of a key; ends with a name NULL. */
typedef struct {
    const char *name;
    PyObject *value;
} Keyword;
int keywords_of(PyObject *const *args, Py_ssize_t count, PyObject *given, Keyword *known);
PyObject *handle_repr(PyObject *self);
/* True when `found` is the keyword `name`. */
bool keyword_is(PyObject *found, const char *name);
/* A whole number from 0 to `most`, or -1 with an exception that names it `what`. */
int whole_number(PyObject *object, const char *what, uint64_t most, uint64_t *out);
extern PyMemberDef handle_members[];

/* Keys */

#define KEY_LOCAL 256

/* The bytes of a key made of parts; give it back with key_free(). */
typedef struct {
    const char *bytes;
    size_t length;
    char *heap;
    char local[KEY_LOCAL];
} Key;

/* As key_join() below, whatever the parts are. */
int key_join_parts(Key *key, PyObject *const *parts, Py_ssize_t count);

/* Joins the parts: str, bytes or int. No parts: no key. -1 with an exception. */
static inline int key_join(Key *key, PyObject *const *parts, Py_ssize_t count)
{
    key->heap = NULL;
    if (count == 0) {
        key->bytes = NULL;
        key->length = 0;
        return 0;
    }
    if (count == 1 && PyUnicode_Check(parts[0])) {
        Py_ssize_t length = 0;
        key->bytes = PyUnicode_AsUTF8AndSize(parts[0], &length);
        key->length = (size_t)length;
        return key->bytes == NULL ? -1 : 0;
    }
    return key_join_parts(key, parts, count);
}

static inline void key_free(Key *key)
{
    if (key->heap != NULL) {
        PyMem_Free(key->heap);
        key->heap = NULL;
    }
}

/* text.c */

/* Texts that C writes into a buffer of ours, as long as they fit. */
typedef tidegate_status (*Render)(const void *object, const void *more, char *buffer,
                                  size_t capacity, size_t *out_length);
/* The text as str. `guess` is how long it may be, and is told how long it was. */
PyObject *text_from(State *state, Render render, const void *object, const void *more,
                    size_t *guess, bool without_lock);
/* The same as bytes. */
PyObject *bytes_from(State *state, Render render, const void *object, const void *more,
                     size_t *guess, bool without_lock);

/* clock.c */

static inline uint64_t monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* How often this process was forked off, counted along its line of ancestors. */
extern uint32_t fork_generation;
int watch_forks(void);
/* Seconds as Python gives them to nanoseconds; -1 with an exception that names them `what`. */
int nanoseconds_of(PyObject *seconds, const char *what, uint64_t *out);
/* What Python has no better name for: float seconds. */
PyObject *seconds_from(uint64_t ns);

/* ticks.c */

/* Set in a time that is the processor's counter; otherwise it is CLOCK_MONOTONIC. */
#define IN_TICKS (UINT64_C(1) << 63)

void ticks_init(Ticks *self);
uint64_t ticks_begin_slowly(Ticks *self);
double ticks_since_slowly(Ticks *self, uint64_t begun);

#if TICKS
static inline uint64_t counter_now(void)
{
    return __builtin_ia32_rdtsc() & ~IN_TICKS;
}
#endif

/* Now, for ticks_since() of the same interpreter; never 0. */
static inline uint64_t ticks_begin(Ticks *self)
{
#if TICKS
    uint64_t now = counter_now();
    if (now - self->known_ticks < self->limit) {
        return now | IN_TICKS;
    }
#endif
    return ticks_begin_slowly(self);
}

/* Seconds since then, never below 0. */
static inline double ticks_since(Ticks *self, uint64_t begun)
{
#if TICKS
    uint64_t now = counter_now();
    if ((begun & IN_TICKS) != 0 && now - self->known_ticks < self->limit) {
        int64_t passed = (int64_t)(now - (begun & ~IN_TICKS));
        return passed > 0 ? (double)passed * self->seconds_per_tick : 0.0;
    }
#endif
    return ticks_since_slowly(self, begun);
}

/* call.c: one call under a guard, or one that is measured */

/* What the library gave when the call began, to be given back when it ends. */
typedef struct {
    uint64_t first;
    uint64_t second;
    /* From ticks_begin(). */
    uint64_t begun;
    uint32_t generation;
    SHARED(bool) open;
    /* Whether the engine's clock is a manual one. */
    bool manual;
} Call;

/* Why a call may not begin. */
typedef struct {
    Kind by;
    uint64_t retry_after_ns;
} Refusal;

/* How calls under one kind of handle begin and end. */
typedef struct {
    /* TIDEGATE_OK, TIDEGATE_DENIED with a refusal, or an error. */
    tidegate_status (*begin)(tidegate_engine *engine, uint64_t id, const Key *key, uint32_t cost,
                             uint32_t attempt, Call *call, Refusal *refusal);
    /* NULL where nothing is given back. */
    tidegate_status (*end)(tidegate_engine *engine, uint64_t id, const Call *call,
                           tidegate_outcome outcome, double seconds, const char *error_code);
    /* How long a refused call should wait, where that is not known at once; or NULL. */
    uint64_t (*wait)(tidegate_engine *engine, uint64_t id);
    /* Whether the time is measured here; otherwise `seconds` is below 0 unless somebody said it. */
    bool timed;
    /* Not on a manual clock: the engine measures then. */
    bool but_manual;
} Guarding;

/* NULL for kinds that guard nothing. */
extern const Guarding *const guardings[KINDS];

/* 0, or -1 with an exception; `refusal` says why not when nothing is raised. */
int call_begin(Handle *self, const Key *key, uint32_t cost, uint32_t attempt, Call *call,
               Refusal *refusal, bool *admitted);
/* Ends a call that may have raised, which is what the exception that is set tells. Leaves it set,
 * and raises nothing in its place. -1 when an exception is set. */
int call_end(Handle *self, Call *call, PyObject *ignore, bool failed);
/* Gives back what a call holds and says nothing of how it went. Never raises. */
void call_drop(Handle *self, Call *call);
/* Raises the subclass of Denied for what refused. Always NULL. */
PyObject *raise_denied(Handle *self, const Refusal *refusal);
/* What a kind of guard is called in words, for `refused_by`; NULL for what is no guard. */
const char *kind_word(Kind kind);
/* acquire(*key_parts, cost=1, attempt=1, ignore=()) of every guard. */
PyObject *handle_acquire(PyObject *self, PyObject *const *args, Py_ssize_t count,
                         PyObject *keywords);
/* A class of exceptions, a tuple of them, or None; gives a new reference or NULL, raising. */
PyObject *ignored_classes(PyObject *object);
/* handle(function, ...) of every guard: a decorator. */
PyObject *handle_decorate(PyObject *self, PyObject *args, PyObject *keywords);

/* The specifications of the types, each in the file that is called so. */
extern PyType_Spec engine_spec;
extern PyType_Spec snapshot_spec;
extern PyType_Spec counter_spec;
extern PyType_Spec gauge_spec;
extern PyType_Spec histogram_spec;
extern PyType_Spec timer_spec;
extern PyType_Spec limiter_spec;
extern PyType_Spec decision_spec;
extern PyType_Spec permit_spec;
extern PyType_Spec operation_spec;
extern PyType_Spec breaker_spec;
extern PyType_Spec throttle_spec;
extern PyType_Spec guard_spec;
extern PyType_Spec ratio_spec;
extern PyType_Spec enum_spec;
extern PyType_Spec bulkhead_spec;
extern PyType_Spec retry_spec;

/* Engine._snapshot(), snapshot_parse() of the module */
PyObject *engine_snapshot(PyObject *engine, PyObject *ignored);
PyObject *snapshot_parse(PyObject *module, PyObject *document);

/* Nobody makes them but the engine, nobody changes or subclasses them. */
#define FINAL_FLAGS                                                                               \
    (Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE)

/* A METH_FASTCALL function in a table of methods. */
#define FAST(function) ((PyCFunction)(void (*)(void))(function))

/* What every handle has. */
#define HANDLE_METHODS                                                                            \
    {"__reduce__", refuse_pickling, METH_NOARGS, NULL},                                           \
    {"__reduce_ex__", refuse_pickling, METH_O, NULL},                                             \
    {"__copy__", copy_self, METH_NOARGS, NULL},                                                   \
    {"__deepcopy__", copy_self, METH_O, NULL}

/* The specification of one handle type; its methods are in `noun_methods`. */
#define HANDLE_TYPE(noun, called, about, ...)                                                     \
    static PyType_Slot noun##_slots[] = {                                                         \
        {Py_tp_doc, about},                                                                       \
        {Py_tp_dealloc, handle_dealloc},                                                          \
        {Py_tp_repr, handle_repr},                                                                \
        {Py_tp_members, handle_members},                                                          \
        {Py_tp_methods, noun##_methods},                                                          \
        __VA_ARGS__{0, NULL},                                                                                \
    };                                                                                            \
    PyType_Spec noun##_spec = {                                                                   \
        .name = "tidegate._native." called,                                                       \
        .basicsize = sizeof(Handle),                                                              \
        .flags = FINAL_FLAGS,                                                                     \
        .slots = noun##_slots,                                                                    \
    }

/* timer.c */

/* A context manager that records the time of its block in a histogram. */
PyObject *timer_new(Handle *histogram);

/* guarded.c: its type, which is made to fit the interpreter. */
PyTypeObject *guarded_type(PyObject *module);

/* limiter.c, limits.c */

/* A decision to be filled in, or NULL with an exception. */
Decision *decision_new(Handle *limiter);
static inline Decision *decision_of(Handle *limiter)
{
    Decision *kept = limiter->decision;
    if (kept != NULL && Py_REFCNT((PyObject *)kept) == 1) {
        Py_INCREF(kept);
        return kept;
    }
    return decision_new(limiter);
}
/* The decision with the verdict of `status`, or in its place the exception of another one. */
PyObject *decision_with(Decision *decision, tidegate_status status);
/* Before the limiter goes. */
void decision_let_go(Handle *limiter);
PyObject *decision_headers(PyObject *decision, PyObject *args, PyObject *keywords);
PyObject *decision_problem(PyObject *decision, PyObject *ignored);
PyObject *engine_check_all(PyObject *engine, PyObject *requests);
#define LIMITER_FUNCTION(name)                                                                    \
    PyObject *name(PyObject *limiter, PyObject *const *args, Py_ssize_t count, PyObject *keywords)
LIMITER_FUNCTION(limiter_peek);
LIMITER_FUNCTION(limiter_reserve);
LIMITER_FUNCTION(limiter_refund);
LIMITER_FUNCTION(limiter_penalize);
LIMITER_FUNCTION(limiter_block);
LIMITER_FUNCTION(limiter_set_list);
LIMITER_FUNCTION(limiter_set_plan);
PyObject *limiter_top(PyObject *limiter, PyObject *args, PyObject *keywords);
PyObject *limiter_reconfigure(PyObject *limiter, PyObject *args, PyObject *keywords);

/* labels.c */

PyObject *handle_labels(PyObject *handle, PyObject *const *args, Py_ssize_t count,
                        PyObject *names);
void series_free(Series *table);

/* What the handles of metrics have. */
#define LABELS_METHOD                                                                             \
    {"labels", FAST(handle_labels), METH_FASTCALL | METH_KEYWORDS,                                \
     "labels(**labels)\n--\n\nThe series of this metric with these labels beside its own:\n"      \
     "`labels(method=\"GET\").inc()`. Values are str or int. A few thousand are kept at hand."}

/* reading.c */

typedef enum { AS_WHOLE, AS_REAL, AS_SECONDS } As;

/* A field of a struct of 64-bit numbers; AS_SECONDS are nanoseconds there. */
typedef struct {
    const char *name;
    size_t offset;
    As as;
} Field;

/* The fields, up to one without a name, as a dict. */
PyObject *dict_of(const void *reading, const Field *fields);

/* described.c */
PyObject *engine_set_info(PyObject *engine, PyObject *args);
PyObject *engine_report_error(PyObject *engine, PyObject *args);
PyObject *histogram_record_exemplar(PyObject *histogram, PyObject *args);
PyObject *histogram_import_hdr(PyObject *histogram, PyObject *args, PyObject *keywords);
PyObject *operation_record_detail(PyObject *operation, PyObject *args, PyObject *keywords);

/* events.c */
PyObject *engine_events(PyObject *engine, PyObject *cursor);

/* health.c */
extern const char *const health_words[];
PyObject *engine_health(PyObject *engine, PyObject *probe);
PyObject *engine_report_health(PyObject *engine, PyObject *args, PyObject *keywords);
PyObject *engine_heartbeat(PyObject *engine, PyObject *ignored);
PyObject *engine_startup_done(PyObject *engine, PyObject *ignored);

void timers_clear(State *state);

#endif

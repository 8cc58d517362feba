/* limiter.c: a limiter, and the decision that it gives. */
#include "native.h"

#include <stddef.h>

/* Decision */

/* Most decisions are forgotten at the next line. So a limiter keeps its latest, and when the next
 * check finds that nobody else does, that decision is filled in again: no memory, no type to count. */
Decision *decision_new(Handle *limiter)
{
    PyTypeObject *type = limiter->state->decision;
    if (type_is_gone(type)) {
        return NULL;
    }
    Decision *self = PyObject_New(Decision, type);
    if (self == NULL) {
        return NULL;
    }
    self->engine = limiter->engine;
    self->limiter = limiter->id;
    self->is_kept = KEEP_SPARES;
    if (KEEP_SPARES) {
        decision_let_go(limiter);
        limiter->decision = self;
        Py_INCREF(self);
    } else {
        Py_INCREF(self->engine);
    }
    return self;
}

void decision_let_go(Handle *limiter)
{
    Decision *decision = limiter->decision;
    if (decision != NULL) {
        limiter->decision = NULL;
        decision->is_kept = false;
        Py_INCREF(decision->engine);
        Py_DECREF(decision);
    }
}

PyObject *decision_with(Decision *self, tidegate_status status)
{
    if (status < 0) {
        State *state = self->engine->state;
        Py_DECREF(self);
        return raise_status(state, status);
    }
    self->admitted = status == TIDEGATE_OK;
    return (PyObject *)self;
}

static void decision_dealloc(PyObject *object)
{
    Decision *self = (Decision *)object;
    PyTypeObject *type = Py_TYPE(object);
    if (!self->is_kept) {
        Py_DECREF(self->engine);
    }
    PyObject_Free(object);
    Py_DECREF(type);
}

static int decision_bool(PyObject *self)
{
    return ((Decision *)self)->admitted;
}

static PyObject *decision_retry_after(PyObject *self, void *ignored)
{
    (void)ignored;
    return seconds_from(((Decision *)self)->said.retry_after_ns);
}

static PyObject *decision_reset_after(PyObject *self, void *ignored)
{
    (void)ignored;
    return seconds_from(((Decision *)self)->said.reset_after_ns);
}

static PyObject *decision_number(PyObject *self, void *offset)
{
    const char *said = (const char *)&((Decision *)self)->said;
    return PyLong_FromUnsignedLongLong(*(const uint64_t *)(said + (uintptr_t)offset));
}

static PyObject *decision_admitted(PyObject *self, void *ignored)
{
    (void)ignored;
    return PyBool_FromLong(((Decision *)self)->admitted);
}

static PyObject *decision_repr(PyObject *object)
{
    Decision *self = (Decision *)object;
    return PyUnicode_FromFormat("<tidegate.Decision %s: %llu of %llu left>",
                                self->admitted ? "admitted" : "denied",
                                (unsigned long long)self->said.remaining,
                                (unsigned long long)self->said.limit);
}

static PyGetSetDef decision_getset[] = {
    {"admitted", decision_admitted, NULL, "Whether the call may go on; so is the truth value.",
     NULL},
    {"limit", decision_number, NULL, "The burst or limit that decided, in units.",
     (void *)offsetof(tidegate_decision, limit)},
    {"remaining", decision_number, NULL, "Whole units left.",
     (void *)offsetof(tidegate_decision, remaining)},
    {"retry_after", decision_retry_after, NULL,
     "0 when admitted, else the shortest wait in seconds after which the same call could pass.",
     NULL},
    {"retry_after_ns", decision_number, NULL, "The same in nanoseconds.",
     (void *)offsetof(tidegate_decision, retry_after_ns)},
    {"reset_after", decision_reset_after, NULL,
     "Seconds until the limiter is full again if nobody calls.", NULL},
    {"reset_after_ns", decision_number, NULL, "The same in nanoseconds.",
     (void *)offsetof(tidegate_decision, reset_after_ns)},
    {NULL, NULL, NULL, NULL, NULL},
};

PyDoc_STRVAR(headers_doc, "headers(style=\"current\")\n--\n\n"
"HTTP fields as a list of names and values: RateLimit-Policy, RateLimit, and Retry-After when\n"
"denied. style=\"draft_06\" or \"legacy\" for the older names.");

PyDoc_STRVAR(problem_doc, "problem()\n--\n\nThe body of application/problem+json for a denial.");

static PyMethodDef decision_methods[] = {
    {"headers", FAST(decision_headers), METH_VARARGS | METH_KEYWORDS, headers_doc},
    {"problem", decision_problem, METH_NOARGS, problem_doc},
    HANDLE_METHODS,
    {NULL, NULL, 0, NULL},
};

static PyType_Slot decision_slots[] = {
    {Py_tp_doc, "What a limiter said; truthy when admitted."},
    {Py_tp_dealloc, decision_dealloc},
    {Py_tp_repr, decision_repr},
    {Py_nb_bool, decision_bool},
    {Py_tp_getset, decision_getset},
    {Py_tp_methods, decision_methods},
    {0, NULL},
};

PyType_Spec decision_spec = {
    .name = "tidegate._native.Decision",
    .basicsize = sizeof(Decision),
    .flags = FINAL_FLAGS,
    .slots = decision_slots,
};

/* Limiter */

/* `cost=` is the only keyword of the functions that take the parts of a key. */
static int cost_of(const char *function, PyObject *const *args, Py_ssize_t count,
                   PyObject *keywords, uint32_t *out)
{
    for (Py_ssize_t i = 0; i < PyTuple_Size(keywords); i++) {
        PyObject *name = PyTuple_GetItem(keywords, i);
        uint64_t cost;
        if (!keyword_is(name, "cost")) {
            PyErr_Format(PyExc_TypeError, "%s takes the parts of a key, and cost; not %U", function,
                         name);
            return -1;
        }
        if (whole_number(args[count + i], "cost", UINT32_MAX, &cost) < 0) {
            return -1;
        }
        *out = (uint32_t)cost;
    }
    return 0;
}

PyDoc_STRVAR(check_doc, "check(*key_parts, cost=1)\n--\n\n"
"Takes `cost` units for the key that the parts make, or takes none. Never waits. The Decision is\n"
"truthy when admitted. Parts are str, bytes or int; a limiter without keys takes none.");

static PyObject *limiter_check(PyObject *object, PyObject *const *args, Py_ssize_t count,
                               PyObject *keywords)
{
    Handle *self = (Handle *)object;
    uint32_t cost = 1;
    Key key;
    if ((keywords != NULL && cost_of("check", args, count, keywords, &cost) < 0)
        || key_join(&key, args, count) < 0) {
        return NULL;
    }
    tidegate_engine *engine = open_engine(self);
    if (engine == NULL) {
        key_free(&key);
        return NULL;
    }
    Decision *decision = decision_of(self);
    if (decision == NULL) {
        key_free(&key);
        return NULL;
    }
    tidegate_limiter limiter = {self->id};
    tidegate_status status =
        tidegate_limiter_check(engine, limiter, key.bytes, key.length, cost, &decision->said);
    key_free(&key);
    return decision_with(decision, status);
}

static tidegate_status limiter_begin(tidegate_engine *engine, uint64_t id, const Key *key,
                                     uint32_t cost, uint32_t attempt, Call *call,
                                     Refusal *refusal)
{
    (void)attempt;
    (void)call;
    tidegate_limiter limiter = {id};
    tidegate_decision said;
    tidegate_status status =
        tidegate_limiter_check(engine, limiter, key->bytes, key->length, cost, &said);
    if (status == TIDEGATE_DENIED) {
        refusal->retry_after_ns = said.retry_after_ns;
    }
    return status;
}

const Guarding limiter_guarding = {limiter_begin, NULL, NULL, false, false};

PyDoc_STRVAR(admit_doc, "admit(*key_parts, cost=1)\n--\n\n"
"As check(), for a block: `with limiter.admit(user):` raises LimitExceeded when denied.");

PyDoc_STRVAR(limit_doc, "limit(*, key=None, cost=1)\n--\n\n"
"A decorator: calls beyond the limit raise LimitExceeded. `key` is called with the function's\n"
"arguments and gives a part of a key, or a tuple of parts.");

PyDoc_STRVAR(peek_doc, "peek(*key_parts, cost=1)\n--\n\nWhat check() would say; changes nothing.");

PyDoc_STRVAR(reserve_doc, "reserve(*key_parts, cost=1, max_wait=None)\n--\n\n"
"Takes the units now, to be used after the seconds that it gives; None when that is more than\n"
"`max_wait`. Sleeping is the caller's.");

PyDoc_STRVAR(refund_doc, "refund(*key_parts, cost=1)\n--\n\n"
"Gives units back, of a reservation or of a call that was not made.");

PyDoc_STRVAR(penalize_doc, "penalize(*key_parts, cost=1)\n--\n\n"
"Takes units, whether or not they are there.");

PyDoc_STRVAR(block_doc, "block(*key_parts, seconds)\n--\n\n"
"Denies the key for so long; 0 unblocks it.");

PyDoc_STRVAR(set_list_doc, "set_list(*key_parts, to)\n--\n\n"
"Always admits the key (\"allow\"), never (\"deny\"), or by its limit again (\"none\").");

PyDoc_STRVAR(set_plan_doc, "set_plan(*key_parts, plan)\n--\n\n"
"Puts the key on a plan of the limiter's configuration: it begins with the plan's whole limit. None\n"
"for the limiter's own limit again.");

PyDoc_STRVAR(top_doc, "top(count=10, by=\"used\")\n--\n\n"
"The keys that use most, or by=\"denied\", as dicts with key, used, denied and error_bound. Only of\n"
"limiters with `record_keys`, which says what is written down of a key.");

PyDoc_STRVAR(reconfigure_doc, "reconfigure(config=None, /, **fields)\n--\n\n"
"Gives the limiter new numbers, in all processes at once; units that were taken stay taken.");

static PyMethodDef limiter_methods[] = {
    {"set_plan", FAST(limiter_set_plan), METH_FASTCALL | METH_KEYWORDS, set_plan_doc},
    {"top", FAST(limiter_top), METH_VARARGS | METH_KEYWORDS, top_doc},
    {"reconfigure", FAST(limiter_reconfigure), METH_VARARGS | METH_KEYWORDS, reconfigure_doc},
    {"admit", FAST(handle_acquire), METH_FASTCALL | METH_KEYWORDS, admit_doc},
    {"peek", FAST(limiter_peek), METH_FASTCALL | METH_KEYWORDS, peek_doc},
    {"reserve", FAST(limiter_reserve), METH_FASTCALL | METH_KEYWORDS, reserve_doc},
    {"refund", FAST(limiter_refund), METH_FASTCALL | METH_KEYWORDS, refund_doc},
    {"penalize", FAST(limiter_penalize), METH_FASTCALL | METH_KEYWORDS, penalize_doc},
    {"block", FAST(limiter_block), METH_FASTCALL | METH_KEYWORDS, block_doc},
    {"set_list", FAST(limiter_set_list), METH_FASTCALL | METH_KEYWORDS, set_list_doc},
    {"_begin", FAST(handle_acquire), METH_FASTCALL | METH_KEYWORDS, NULL},
    {"limit", FAST(handle_decorate), METH_VARARGS | METH_KEYWORDS, limit_doc},
    {"check", FAST(limiter_check), METH_FASTCALL | METH_KEYWORDS, check_doc},
    HANDLE_METHODS,
    {NULL, NULL, 0, NULL},
};

HANDLE_TYPE(limiter, "Limiter", "A rate limit, for all processes of the region together.");

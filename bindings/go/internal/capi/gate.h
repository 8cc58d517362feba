/*
 * gate.h: lets calls into an engine, and closes it when none is inside any more.
 *
 * Each thread that makes a call has a visitor, which says in which engine the thread is. Two plain
 * stores for a call; no word that threads fight for, and nothing for Go to count.
 *
 *   a call: 1. inside = gate            closing: 1. closed = 1
 *           2. light barrier                     2. heavy barrier
 *           3. closed? then out                  3. wait until no visitor is inside the gate
 *           4. … inside = NULL
 *
 * Of a call and a closing at the same time, at least one sees the other: the heavy barrier makes
 * every thread of the process pass a full barrier (membarrier), so the light one only has to hold
 * the compiler. Where the kernel has no membarrier, both are full barriers.
 *
 * A gate outlives its engine and is never freed, some bytes for each engine that the process ever
 * opens: so a call through a handle of long ago finds the gate closed, whatever Go has collected.
 */
#ifndef TIDEGATE_GO_GATE_H
#define TIDEGATE_GO_GATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <tidegate.h>

typedef struct capi_gate {
    tidegate_engine *engine;
    _Atomic bool closed;
    struct capi_gate *next; /* all gates, so that none looks lost */
} capi_gate;

typedef struct capi_visitor {
    _Atomic(capi_gate *) inside; /* written by the visitor's thread, read by who closes */
    _Atomic bool taken;          /* a thread has it; free ones are given to new threads */
    struct capi_visitor *next;   /* never changes, and none is ever freed */
} capi_visitor;

/** The visitor of this thread; NULL before its first call. */
extern _Thread_local capi_visitor *capi_here;

/** Whether membarrier works; decided before the first visitor enters. */
extern bool capi_has_membarrier;

/** Makes a gate; NULL when there is no memory. */
capi_gate *capi_gate_make(tidegate_engine *engine);

/** Lets nobody in any more, and waits until nobody is inside. */
void capi_gate_lock(uintptr_t gate);

/** Gives this thread a visitor; NULL when there is no memory. */
capi_visitor *capi_visit(void);

/** Goes in, and gives the engine; NULL when it is closed. The gate comes as a number, which Go hands
 * over without a look at it. */
static inline tidegate_engine *capi_enter(uintptr_t number)
{
    capi_gate *gate = (capi_gate *)number;
    capi_visitor *here = capi_here;
    if (__builtin_expect(here == NULL, 0) && (here = capi_visit()) == NULL) {
        return NULL;
    }
    atomic_store_explicit(&here->inside, gate, memory_order_relaxed);
    if (__builtin_expect(capi_has_membarrier, 1)) {
        atomic_signal_fence(memory_order_seq_cst);
    } else {
        atomic_thread_fence(memory_order_seq_cst);
    }
    if (__builtin_expect(atomic_load_explicit(&gate->closed, memory_order_acquire), 0)) {
        atomic_store_explicit(&here->inside, NULL, memory_order_release);
        return NULL;
    }
    return gate->engine;
}

/** Goes out. */
static inline void capi_leave(void)
{
    atomic_store_explicit(&capi_here->inside, NULL, memory_order_release);
}

#endif

#define _GNU_SOURCE /* syscall() */
#include "gate.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#ifdef __linux__
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

_Thread_local capi_visitor *capi_here;
bool capi_has_membarrier;

static _Atomic(capi_visitor *) visitors;
static _Atomic(capi_gate *) gates;
static pthread_key_t ending;

/* Whether this process may ask for barriers of all its threads. */
static bool register_barriers(void)
{
#ifdef __linux__
    return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
#else
    return false;
#endif
}

/* A barrier in every thread of the process. */
static void barrier_everywhere(void)
{
#ifdef __linux__
    syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
#endif
}

/* One that nobody else has, of two cache lines of its own: processors fetch them in pairs. */
static capi_visitor *new_visitor(void)
{
    enum { LINES = 128 };
    char *room = malloc(2 * LINES);
    return room == NULL ? NULL : (capi_visitor *)(room + (LINES - (uintptr_t)room % LINES) % LINES);
}

/* A thread that ends leaves its visitor to the next one. */
static void let_go(void *visitor)
{
    atomic_store_explicit(&((capi_visitor *)visitor)->taken, false, memory_order_release);
}

__attribute__((constructor)) static void prepare(void)
{
    capi_has_membarrier = register_barriers();
    pthread_key_create(&ending, let_go);
}

capi_visitor *capi_visit(void)
{
    capi_visitor *visitor = atomic_load_explicit(&visitors, memory_order_acquire);
    for (; visitor != NULL; visitor = visitor->next) {
        bool taken = false;
        if (atomic_compare_exchange_strong(&visitor->taken, &taken, true)) {
            break;
        }
    }
    if (visitor == NULL) {
        visitor = new_visitor();
        if (visitor == NULL) {
            return NULL;
        }
        atomic_init(&visitor->inside, NULL);
        atomic_init(&visitor->taken, true);
        visitor->next = atomic_load_explicit(&visitors, memory_order_relaxed);
        /* Releases what was written above to whoever walks the list. */
        while (!atomic_compare_exchange_weak_explicit(&visitors, &visitor->next, visitor,
                                                      memory_order_seq_cst, memory_order_relaxed)) {
        }
    }
    pthread_setspecific(ending, visitor);
    capi_here = visitor;
    return visitor;
}

capi_gate *capi_gate_make(tidegate_engine *engine)
{
    capi_gate *gate = malloc(sizeof *gate);
    if (gate != NULL) {
        gate->engine = engine;
        atomic_init(&gate->closed, false);
        gate->next = atomic_load_explicit(&gates, memory_order_relaxed);
        while (!atomic_compare_exchange_weak(&gates, &gate->next, gate)) {
        }
    }
    return gate;
}

void capi_gate_lock(uintptr_t number)
{
    capi_gate *gate = (capi_gate *)number;
    atomic_store(&gate->closed, true);
    atomic_thread_fence(memory_order_seq_cst);
    if (capi_has_membarrier) {
        barrier_everywhere();
    }
    capi_visitor *visitor = atomic_load_explicit(&visitors, memory_order_acquire);
    for (; visitor != NULL; visitor = visitor->next) {
        while (atomic_load_explicit(&visitor->inside, memory_order_acquire) == gate) {
            nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
        }
    }
}

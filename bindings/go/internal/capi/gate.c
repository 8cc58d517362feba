#define _GNU_SOURCE /* syscall() */
#include "gate.h"

#include <linux/membarrier.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

_Thread_local capi_visitor *capi_here;
bool capi_has_membarrier;

static _Atomic(capi_visitor *) visitors;
static _Atomic(capi_gate *) gates;
static pthread_key_t ending;

static long membarrier(int command)
{
    return syscall(SYS_membarrier, command, 0, 0);
}

/* A thread that ends leaves its visitor to the next one. */
static void let_go(void *visitor)
{
    atomic_store_explicit(&((capi_visitor *)visitor)->taken, false, memory_order_release);
}

__attribute__((constructor)) static void prepare(void)
{
    capi_has_membarrier = membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0;
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
        /* Two cache lines of its own: processors fetch them in pairs. */
        visitor = aligned_alloc(128, 128);
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
        membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
    }
    capi_visitor *visitor = atomic_load_explicit(&visitors, memory_order_acquire);
    for (; visitor != NULL; visitor = visitor->next) {
        while (atomic_load_explicit(&visitor->inside, memory_order_acquire) == gate) {
            nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
        }
    }
}

//go:build cgo && (((linux || darwin) && (amd64 || arm64)) || (windows && amd64))

package capi

/*
#include "shim.h"

typedef struct capi_request {
    uint64_t limiter;
    uint64_t length;
    uint32_t cost;
    uint32_t has_key;
} capi_request;

enum { CAPI_MOST_REQUESTS = 16 };

// The keys come one behind the other, so that nothing that Go gives points to anything of Go's.
static capi_result limiter_check_all(tidegate_engine *e, const capi_request *requests, size_t count,
                                     const char *keys, size_t *out_refused, tidegate_decision *out)
{
    tidegate_limiter_request list[CAPI_MOST_REQUESTS];
    for (size_t i = 0; i < count && i < CAPI_MOST_REQUESTS; i++) {
        list[i] = (tidegate_limiter_request){
            .limiter = {requests[i].limiter},
            .key = requests[i].has_key ? keys : NULL,
            .key_length = requests[i].length,
            .cost = requests[i].cost,
        };
        keys += requests[i].length;
    }
    return capi_done(tidegate_limiter_check_all(e, list, count, out_refused, out));
}

// Stops at the first error; `answers` then has the answers before it.
static capi_result limiter_check_keys(tidegate_engine *e, uint64_t id, const char *keys,
                                      const uint32_t *lengths, size_t count, uint32_t cost, _Bool *answers)
{
    for (size_t i = 0; i < count; i++) {
        tidegate_status status =
            tidegate_limiter_check(e, (tidegate_limiter){id}, keys, lengths[i], cost, NULL);
        if (status < 0) {
            return capi_done(status);
        }
        answers[i] = status == TIDEGATE_OK;
        keys += lengths[i];
    }
    return (capi_result){TIDEGATE_OK, NULL};
}

static capi_result operation_record_many(tidegate_engine *e, uint64_t id, const double *seconds,
                                         const int32_t *outcomes, size_t count)
{
    capi_result first = {TIDEGATE_OK, NULL};
    for (size_t i = 0; i < count; i++) {
        tidegate_status status =
            tidegate_operation_record(e, (tidegate_operation){id}, seconds[i], outcomes[i], NULL);
        if (status < 0 && first.status == TIDEGATE_OK) {
            first = capi_done(status);
        }
    }
    return first;
}
*/
import "C"

import (
	"fmt"
	"unsafe"
)

// MostRequests is how many limits LimiterCheckAll asks at most.
const MostRequests = C.CAPI_MOST_REQUESTS

// Request is one limit of several.
type Request struct {
	Limiter uint64
	length  uint64
	Cost    uint32
	has     uint32
}

var _ [unsafe.Sizeof(C.capi_request{})]byte = [unsafe.Sizeof(Request{})]byte{}

// LimiterCheckAll takes the units of several limits, or none. keys[i] is that of requests[i] where
// has[i] says so.
func LimiterCheckAll(e Engine, requests []Request, keys []string, has []bool) (refused int, d Decision, r Result) {
	if len(requests) == 0 || len(requests) > MostRequests {
		return 0, d, Result{EArgument, fmt.Sprintf("count: expected 1 to %d limits, found %d", MostRequests, len(requests))}
	}
	text := make([]byte, 0, 256)
	for i := range requests {
		requests[i].length, requests[i].has = uint64(len(keys[i])), 0
		if has[i] {
			requests[i].has = 1
		}
		text = append(text, keys[i]...)
	}
	text = append(text, 0) // so that there is an address
	var out C.size_t
	r = result(C.limiter_check_all(e.c, (*C.capi_request)(unsafe.Pointer(&requests[0])), C.size_t(len(requests)),
		(*C.char)(unsafe.Pointer(&text[0])), &out, (*C.tidegate_decision)(unsafe.Pointer(&d))))
	return int(out), d, r
}

// LimiterCheckKeys takes cost units for each of several keys, in one call.
func LimiterCheckKeys(e Engine, id uint64, keys []string, cost uint32) (admitted []bool, r Result) {
	admitted = make([]bool, len(keys))
	if len(keys) == 0 {
		return admitted, r
	}
	size := 1
	for _, key := range keys {
		size += len(key)
	}
	text, lengths := make([]byte, 0, size), make([]uint32, len(keys))
	for i, key := range keys {
		text = append(text, key...)
		lengths[i] = uint32(len(key))
	}
	text = append(text, 0)
	r = result(C.limiter_check_keys(e.c, C.uint64_t(id), (*C.char)(unsafe.Pointer(&text[0])),
		(*C.uint32_t)(unsafe.Pointer(&lengths[0])), C.size_t(len(keys)), C.uint32_t(cost),
		(*C._Bool)(unsafe.Pointer(&admitted[0]))))
	return admitted, r
}

// OperationRecordMany records calls without error codes; outcomes is as long as seconds. Those that are
// refused are left out, and the first of them is the result.
func OperationRecordMany(e Engine, id uint64, seconds []float64, outcomes []int32) Result {
	if len(seconds) == 0 {
		return Result{}
	}
	return result(C.operation_record_many(e.c, C.uint64_t(id), (*C.double)(unsafe.SliceData(seconds)),
		(*C.int32_t)(unsafe.SliceData(outcomes)), C.size_t(len(seconds))))
}

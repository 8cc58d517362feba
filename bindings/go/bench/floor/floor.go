// Package floor has what the least operations of their kind cost: calls into C that do nothing.
package floor

/*
#include <stdint.h>

static void empty(void) {}
static int32_t with_key(uintptr_t engine, uint64_t id, const char *key, size_t length, uint32_t cost)
{
    (void)engine, (void)id, (void)key, (void)length;
    return (int32_t)cost;
}
#cgo noescape with_key
#cgo nocallback with_key
*/
import "C"

import "unsafe"

// Call calls a C function without arguments.
func Call() { C.empty() }

// CallWithKey calls a C function with what a limiter is given.
func CallWithKey(key string) int32 {
	return int32(C.with_key(1, 2, (*C.char)(unsafe.Pointer(unsafe.StringData(key))), C.size_t(len(key)), 1))
}

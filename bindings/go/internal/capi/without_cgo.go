//go:build !cgo

package capi

// tidegate's core is a C library. There is no build without cgo: set CGO_ENABLED=1 and install a C
// compiler (and name it in CC when you build for another platform).
var _ = tidegate_needs_CGO_ENABLED_1_and_a_C_compiler

//go:build cgo && linux && (amd64 || arm64) && !tidegate_dynamic

package capi

// The archive and the header are in this module when it is published. In a checkout,
// `go generate ./...` in bindings/go builds them with cargo.

/*
#cgo CFLAGS: -I${SRCDIR}/include
#cgo amd64,!tidegate_musl LDFLAGS: ${SRCDIR}/lib/linux_amd64/libtidegate.a
#cgo arm64,!tidegate_musl LDFLAGS: ${SRCDIR}/lib/linux_arm64/libtidegate.a
#cgo amd64,tidegate_musl LDFLAGS: ${SRCDIR}/lib/linux_amd64_musl/libtidegate.a
#cgo arm64,tidegate_musl LDFLAGS: ${SRCDIR}/lib/linux_arm64_musl/libtidegate.a
#cgo LDFLAGS: -lm -ldl -lpthread
*/
import "C"

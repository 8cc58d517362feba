//go:build cgo && (((linux || darwin) && (amd64 || arm64)) || (windows && amd64)) && !tidegate_dynamic

package capi

// The archive and the header are in this module when it is published. In a checkout,
// `go generate ./...` in bindings/go builds them with cargo. What stands behind an archive is what
// Rust's standard library wants on that system (`rustc --print native-static-libs`).

/*
#cgo CFLAGS: -I${SRCDIR}/include
#cgo linux,amd64,!tidegate_musl LDFLAGS: ${SRCDIR}/lib/linux_amd64/libtidegate.a
#cgo linux,arm64,!tidegate_musl LDFLAGS: ${SRCDIR}/lib/linux_arm64/libtidegate.a
#cgo linux,amd64,tidegate_musl LDFLAGS: ${SRCDIR}/lib/linux_amd64_musl/libtidegate.a
#cgo linux,arm64,tidegate_musl LDFLAGS: ${SRCDIR}/lib/linux_arm64_musl/libtidegate.a
#cgo linux LDFLAGS: -lm -ldl -lpthread
#cgo darwin,amd64 LDFLAGS: ${SRCDIR}/lib/darwin_amd64/libtidegate.a
#cgo darwin,arm64 LDFLAGS: ${SRCDIR}/lib/darwin_arm64/libtidegate.a
#cgo darwin LDFLAGS: -liconv -lm
#cgo windows,amd64 LDFLAGS: ${SRCDIR}/lib/windows_amd64/libtidegate.a
#cgo windows LDFLAGS: -Wl,-Bstatic -lpthread -Wl,-Bdynamic -lkernel32 -lntdll -luserenv -lws2_32 -ldbghelp
*/
import "C"

//go:build cgo && !(linux && (amd64 || arm64))

package capi

// The core runs on Linux, on x86-64 and aarch64.
var _ = tidegate_supports_linux_on_amd64_and_arm64_only

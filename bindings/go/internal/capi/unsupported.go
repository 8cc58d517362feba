//go:build cgo && !(((linux || darwin) && (amd64 || arm64)) || (windows && amd64))

package capi

// The core runs on Linux and macOS, on x86-64 and aarch64, and on Windows on x86-64.
var _ = tidegate_supports_linux_and_macos_on_amd64_and_arm64_and_windows_on_amd64_only

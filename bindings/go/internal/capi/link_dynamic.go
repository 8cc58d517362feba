//go:build cgo && linux && (amd64 || arm64) && tidegate_dynamic

package capi

/*
#cgo pkg-config: tidegate
*/
import "C"

//go:build cgo && (((linux || darwin) && (amd64 || arm64)) || (windows && amd64)) && tidegate_dynamic

package capi

/*
#cgo pkg-config: tidegate
*/
import "C"

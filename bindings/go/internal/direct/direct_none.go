//go:build !linux || tidegate_nolinkname || go1.27

package direct

import "unsafe"

// Available says whether Call may be used.
const Available = false

// Call is never called here.
func Call(_, _ unsafe.Pointer) int32 { return 0 }

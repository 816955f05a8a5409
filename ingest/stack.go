//go:build !goexperiment.runtimesecret

package ingest

import (
	"time"

	"github.com/tempogate/tempogate/ingest/wire"
)

// inferPrivately is infer, and leaves nothing of it on the stack or in registers:
// what functions held while they ran, readings among it, lies there until others
// are called as deep.
//
// A build with GOEXPERIMENT=runtimesecret has the runtime do it (stack_secret.go).
func (s *session) inferPrivately(w *workspace, binary bool, payload []byte, now time.Time) (wire.Control, error) {
	control, err := s.infer(w, binary, payload, now)
	clearStack()
	clearInterrupts()
	return control, err
}

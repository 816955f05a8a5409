//go:build goexperiment.runtimesecret

package ingest

import (
	"runtime/secret"
	"time"

	"github.com/tempogate/tempogate/ingest/wire"
)

// inferPrivately is infer, and leaves nothing of it on the stack or in registers.
// The runtime also sees to what it does itself meanwhile: a stack that it moves,
// registers that it saves.
func (s *session) inferPrivately(w *workspace, binary bool, payload []byte, now time.Time) (control wire.Control, err error) {
	secret.Do(func() { control, err = s.infer(w, binary, payload, now) })
	clearInterrupts()
	return control, err
}

package ingest

import (
	"errors"
	"io"
	"sync"

	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/ingest/wire"
)

// A frame is what the body of a push is read into.
type frame struct {
	data []byte
}

const frameBytesInitial = 4 << 10

// errFrameTooLarge is returned by read for a message beyond the limit.
var errFrameTooLarge = errors.New("ingest: frame too large")

// read reads a message whole. It never holds more than limit+1 bytes, whatever
// length the peer announces.
func (f *frame) read(r io.Reader, limit int) error {
	for {
		if len(f.data) == cap(f.data) {
			f.grow(limit + 1)
		}
		n, err := r.Read(f.data[len(f.data):cap(f.data)])
		f.data = f.data[:len(f.data)+n]
		switch {
		case len(f.data) > limit:
			return errFrameTooLarge
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// grow doubles the buffer, up to a most, and clears the one it leaves.
func (f *frame) grow(most int) {
	larger := make([]byte, len(f.data), min(2*cap(f.data), most))
	copy(larger, f.data)
	clear(f.data)
	f.data = larger
}

// A workspace is what one frame's way through decoder and classifier needs.
// Sessions share them: there are about as many as processors.
type workspace struct {
	batch      wire.Batch
	scratch    wire.Scratch
	classifier *classifier.Workspace
	estimates  []classifier.Estimate
	answer     []byte

	permit          consent.Permit
	refusedLocation bool // tell the client that its fixes were dropped
	grown           bool // by an unusual frame, or left half way: do not keep
	holds           bool // something raw, perhaps
}

const estimatesKept = 64

var workspaces = sync.Pool{New: func() any {
	// Room for estimates is made now, and not in the middle of a frame: wire.Scratch
	// says why.
	return &workspace{classifier: classifier.NewWorkspace(), estimates: make([]classifier.Estimate, 0, estimatesKept)}
}}

// clearSamples removes everything raw.
func (w *workspace) clearSamples() {
	if !w.holds {
		return
	}
	w.holds = false
	if !clears {
		w.batch = wire.Batch{Samples: w.batch.Samples[:0], Fixes: w.batch.Fixes[:0]}
		return
	}
	w.batch.Clear()
	w.scratch.Clear()
	w.classifier.Clear()
}

// erase overwrites what has served.
func erase[T any](s []T) {
	if clears {
		clear(s)
	}
}

// release clears a workspace and gives it back. One with room for unusually many
// estimates, or that failed half way, is not kept. Room for readings is: a frame of
// fifty bytes can ask for all that there can be, and clearing costs by what is used.
func (w *workspace) release() {
	w.clearSamples()
	w.grown = w.grown || cap(w.estimates) > estimatesKept
	erase(w.estimates)
	erase(w.answer)
	w.estimates, w.answer = w.estimates[:0], w.answer[:0]
	w.permit, w.refusedLocation = consent.Permit{}, false
	if !w.grown {
		workspaces.Put(w)
	}
}

//go:build wasip1

// Command wasm is the classifier for a browser: the code of the server from a
// frame to the lines that answer it, and nothing else.
//
// It is built as a WASI reactor (go generate ./ingest/web) and called by
// client/classifier.js. One instance serves one person. What it holds of them
// ends with the worker that it runs in; frame and batch are overwritten as soon
// as they are classified, as on the server.
package main

import (
	"unsafe"

	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/ingest/wire"
)

// maxFrame is the longest frame that a server takes by default.
const maxFrame = 256 << 10

var (
	stream    = classifier.NewStream(classifier.Config{})
	workspace = classifier.NewWorkspace()
	decoder   wire.Decoder
	batch     wire.Batch
	scratch   wire.Scratch
	estimates []classifier.Estimate
	frame     = make([]byte, maxFrame)
	lines     []byte
)

// room returns where a frame of so many bytes is to be written.
//
//go:wasmexport room
func room(n int32) unsafe.Pointer {
	if int(n) > len(frame) {
		return nil // take refuses it
	}
	return unsafe.Pointer(&frame[0])
}

// take takes the frame of n bytes that was written to room. It returns the
// length of the answer: lines of JSON, each with its line end. For a frame that
// is refused it returns the negative length of a sentence that says why.
//
//go:wasmexport take
func take(n int32) int32 {
	lines = lines[:0]
	if n < 0 || int(n) > len(frame) {
		return refuse("frame too large")
	}
	payload := frame[:n]
	defer clear(payload)
	defer workspace.Clear()
	defer scratch.Clear()
	defer batch.Clear()
	everything := wire.Allowed{Acceleration: true, Location: true} // it is the person's own phone
	if err := decoder.Decode(&batch, &scratch, true, payload, everything); err != nil {
		return refuse(err.Error())
	}
	var err error
	if estimates, err = stream.Push(estimates[:0], workspace, batch.Samples, batch.Fixes); err != nil {
		return refuse(err.Error())
	}
	for i := range estimates {
		e := &estimates[i]
		lines = wire.AppendEstimate(lines, e, float64(e.SensorTime)/1e9)
		lines = append(lines, '\n')
	}
	return int32(len(lines))
}

func refuse(why string) int32 {
	lines = append(lines, why...)
	return -int32(len(lines))
}

// answer returns where the answer to the last take stands.
//
//go:wasmexport answer
func answer() unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(lines)) }

func main() {} // never called: a reactor has exports

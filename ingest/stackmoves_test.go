package ingest

import (
	"fmt"
	"runtime"
	"testing"
	"time"
	"unsafe"

	"github.com/tempogate/tempogate/classifier/tempo"
	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/ingest/client"
)

// belowStep stands for the functions between a session's first and infer.
//
//go:noinline
func belowStep(f func()) (moved bool) {
	var frame [32]uint64
	before := placeOf(&frame)
	f()
	return placeOf(&frame) != before
}

//go:noinline
func placeOf(frame *[32]uint64) uintptr { return uintptr(unsafe.Pointer(frame)) }

// A stack that has to grow in the middle of a frame is moved, and leaves a copy of
// what was on it. So all that a frame needs has to be there before, for frames of
// every form, good and bad, and for a workspace that is new. Only numbers that no
// sensor gives, of more than 19 digits or beyond 1e±27, need more: a session's stack
// moves once for the first of them.
func TestStackDoesNotMoveWithinAFrame(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector has larger frames")
	}
	n := startNode(t, func(c *Config) { c.Limits = unlimited })
	n.person("anna", consent.Acceleration, consent.Location)
	frames := map[string][][]byte{}
	for _, form := range []client.Form{client.JSON, client.JSONS2, client.Packed, client.PackedS2} {
		frames[form.String()] = encoded(t, form, noon, 10)
		whole := encoded(t, form, noon, 1)[0]
		frames[form.String()+" cut short"] = [][]byte{whole[:len(whole)-5]}
	}
	split := func(sensors ...string) (text []byte) {
		text = append(text, `{"payload":[`...)
		for i := range 100 {
			for _, sensor := range sensors {
				text = fmt.Appendf(text, `{"name":"%s","time":%d,"values":{"x":0.1,"y":0.2,"z":9.8}},`, sensor, noon+int64(i)*10_000_000)
			}
		}
		return append(text[:len(text)-1], "]}"...)
	}
	frames["JSON of two sensors"] = [][]byte{split("accelerometer", "gravity"), split("gravity", "accelerometer")}
	frames["JSON of one sensor without gravity"] = [][]byte{split("accelerometer")}
	frames["JSON of many sensors"] = [][]byte{split("totalacceleration", "accelerometer", "gravity", "gyroscope", "magnetometer")}
	frames["JSON beyond the range"] = [][]byte{jsonBatch("1700000000000000000", "1e12")}
	frames["JSON backwards in time"] = [][]byte{jsonBatch("1700000000000000000", "1"), jsonBatch("1600000000000000000", "1")}
	for name, sent := range frames {
		binary := name[0] == 'p' || len(name) > 4 && name[:5] == "json-"
		for range 20 {
			s := newSession(n.server, n.principal("anna"), tempo.Range{})
			s.location = true
			moved := make(chan bool)
			go func() {
				growStack(lineStack)
				moved <- belowStep(func() {
					for _, payload := range sent {
						w := workspaces.New().(*workspace)
						s.infer(w, binary, append([]byte(nil), payload...), time.Now()) // whether it is taken is for other tests
					}
				})
			}()
			if <-moved {
				t.Errorf("%s: the stack has moved", name)
				break
			}
			runtime.GC()
		}
	}
}

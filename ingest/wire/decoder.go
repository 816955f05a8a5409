package wire

// A Decoder turns frames into samples and fixes. One belongs to each session,
// because a displacement needs the position before: that last position is all
// it keeps. The zero value is ready.
type Decoder struct {
	last lastPosition
}

// Clear forgets the last position. The next fix has no displacement.
func (d *Decoder) Clear() { d.last = lastPosition{} }

// Decode appends what a frame holds to dst. binary says whether it came as a
// binary WebSocket message (packed, packed with S2, JSON with S2) or as a text
// message (a JSON batch or a control frame).
//
// Readings of a category that is not allowed are skipped unparsed and counted
// in dst. A frame that breaks the format or a limit gives an *Error; dst then
// holds what it held before.
//
// payload is read in place and nothing of it is kept. scratch may be shared
// by every session of one goroutine at a time; clear it after each frame.
//
// 0 allocs once dst and scratch have grown to the size of the traffic.
func (d *Decoder) Decode(dst *Batch, scratch *Scratch, binary bool, payload []byte, allowed Allowed) error {
	return &Error{Code: CodeUnsupported, Detail: "not written yet"}
}

// lastPosition is where the phone was at the last fix.
type lastPosition struct {
	known               bool
	sensorTime          int64
	latitude, longitude float64
}

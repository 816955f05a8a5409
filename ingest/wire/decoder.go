package wire

// A Decoder turns frames into samples and fixes. One belongs to each session: a
// displacement needs the position before, and a packed frame of version 2 the
// clock of the one before. That is all it keeps, the position for 10 s of sensor
// time at most. The zero value is ready.
type Decoder struct {
	last    lastPosition
	passage passage
}

// Clear forgets the last position. The next fix has no displacement. The clock
// goes on: it says when a reading is due, and nothing of one.
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
	samples, fixes := len(dst.Samples), len(dst.Fixes)
	before, kept := *dst, *d
	if !allowed.Location {
		d.Clear() // where somebody is, is not ours to keep any longer
	}
	err := d.decode(dst, scratch, binary, payload, allowed)
	if err == nil {
		if n := len(dst.Samples); n > samples {
			d.last.expire(dst.Samples[n-1].SensorTime)
		}
		return nil // as an untyped nil, not a nil *Error
	}
	before.Samples = cut(dst.Samples, samples)
	before.Fixes = cut(dst.Fixes, fixes)
	*dst, *d = before, kept
	return err
}

// decode is Decode without the way back.
func (d *Decoder) decode(dst *Batch, scratch *Scratch, binary bool, payload []byte, allowed Allowed) *Error {
	if !binary {
		return d.decodeJSON(dst, scratch, payload, allowed)
	}
	if len(payload) == 0 {
		return malformed("an empty binary frame")
	}
	form, body := payload[0], payload[1:]
	if form&formS2 != 0 {
		block, err := scratch.unfold(body)
		if err != nil {
			return err
		}
		form, body = form&^formS2, block
	}
	if flags, count, ok := split2(form); ok {
		return d.decodePacked(dst, packedHead{version: 2, flags: flags, count: count}, body, allowed)
	}
	switch form {
	case formPacked:
		return d.decodePacked(dst, packedHead{version: 1, flags: withFixes}, body, allowed)
	case formJSON:
		return d.decodeJSON(dst, scratch, body, allowed)
	}
	return &Error{Code: CodeUnsupported, Detail: "unknown first byte of a binary frame: this server knows 01, 02, 10 to 4f, and with S2 80 more"}
}

// decodeJSON reads a JSON batch or control frame.
func (d *Decoder) decodeJSON(dst *Batch, scratch *Scratch, text []byte, allowed Allowed) *Error {
	scratch.reserve(dst, text)
	r := batchReader{data: text, dst: dst, scratch: scratch, track: &d.last, allowed: allowed}
	where, f := r.read()
	if f == faultNone {
		return nil
	}
	return f.in(text, where)
}

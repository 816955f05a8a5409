package ingest

import (
	"fmt"
	"sync"
	"time"
)

// Limits bound what one session, one person and all of them together can ask
// of a node. A zero field takes the default.
type Limits struct {
	Sessions          int // live sessions on this node; 20 000
	SessionsPerPerson int // live sessions of one person, on all nodes that share the ledger; 4

	// AdmissionsPerSecond bounds how many sessions are let in a second, with as
	// many ahead of that. A handshake costs as much as a dozen frames, and when a
	// network comes back everybody knocks at once. 500.
	AdmissionsPerSecond int

	// ConnectionsPerAddress bounds the connections of one address (IPv6: one /64)
	// that are no session: handshakes, calls, and those kept for the next call.
	// Config.Proxies may have any number. 4096: whoever shares an address shares it.
	ConnectionsPerAddress int

	FrameBytes int // bytes of one message; 256 KiB

	// SamplesPerSecond and SampleBurst bound the readings that a session
	// sends: so many a second on average (1000), and so many ahead of that
	// (120 000: 13 minutes at 100 Hz, for a phone that was offline). An
	// estimate costs about as much as 50 readings and counts as such.
	SamplesPerSecond int
	SampleBurst      int

	// BytesPerSecond and ByteBurst bound the bytes of messages in the same way.
	// 128 KiB and 120 times that: JSON with a dozen sensors that serve nothing.
	BytesPerSecond int
	ByteBurst      int

	// FramesPerSecond and FrameBurst bound messages, pings included, in the
	// same way. 50 and 3000.
	FramesPerSecond int
	FrameBurst      int

	// PersonMultiple is how many times what one session may send all sessions of
	// a person may send together. 2.
	PersonMultiple int
}

// estimateCost is what an estimate counts in readings against the limit of
// samples. Without it, readings a second apart would buy an inference each.
const estimateCost = 50

func (l *Limits) withDefaults() {
	orInt(&l.Sessions, 20_000)
	orInt(&l.SessionsPerPerson, 4)
	orInt(&l.AdmissionsPerSecond, 500)
	orInt(&l.ConnectionsPerAddress, 4096)
	orInt(&l.FrameBytes, 256<<10)
	orInt(&l.SamplesPerSecond, 1000)
	orInt(&l.SampleBurst, 120*l.SamplesPerSecond)
	orInt(&l.BytesPerSecond, 128<<10)
	orInt(&l.ByteBurst, 120*l.BytesPerSecond)
	orInt(&l.FramesPerSecond, 50)
	orInt(&l.FrameBurst, 60*l.FramesPerSecond)
	orInt(&l.PersonMultiple, 2)
}

// A pace is how much of something may come: on average, and ahead of that. Both
// are times: that which one of it takes, and that which the burst does.
type pace struct {
	each, ahead time.Duration
}

func newPace(perSecond, burst int) pace {
	each := time.Second / time.Duration(perSecond)
	return pace{each, each * time.Duration(burst)}
}

// A meter holds something against a pace. It is the generic cell rate algorithm
// (ITU-T I.371): all that it keeps is until when that which came would have
// taken, in Unix nanoseconds. The zero value has the whole burst ahead.
type meter int64

// take reports whether n more may come, and counts them if so.
func (m *meter) take(now int64, n int, p pace) bool {
	if p.each == 0 {
		return true // faster than can be counted
	}
	until := max(int64(*m), now) + int64(n)*int64(p.each)
	if until-now > int64(p.ahead) {
		return false
	}
	*m = meter(until)
	return true
}

// paces are those of a session, or of all sessions of a person.
type paces struct {
	frames, bytes, samples pace
}

func (l *Limits) paces(multiple int) paces {
	return paces{
		newPace(l.FramesPerSecond*multiple, l.FrameBurst*multiple),
		newPace(l.BytesPerSecond*multiple, l.ByteBurst*multiple),
		newPace(l.SamplesPerSecond*multiple, l.SampleBurst*multiple),
	}
}

// meters are what a session, or a person, has used.
type meters struct {
	frames, bytes, samples meter
}

// A person is what a node knows of somebody who has sessions on it.
type person struct {
	sessions int // under the registry's lock

	mu   sync.Mutex
	used meters // by all sessions together
}

// owes reports whether something has come that would still be on its way at the
// average pace.
func (p *person) owes(now int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return int64(max(p.used.frames, p.used.bytes, p.used.samples)) > now
}

// takeFrame counts a frame of so many bytes, for the session and for its person.
// It returns what there is too much of and what to do, "" where that is nothing.
func (s *session) takeFrame(now int64, bytes int) (excess string) {
	own, all := &s.server.ownPaces, &s.server.personPaces
	if !s.used.frames.take(now, 1, own.frames) {
		return "frames: send one a second, and pings seldom"
	}
	if !s.used.bytes.take(now, bytes, own.bytes) {
		return "bytes: send the packed form, and no sensors that serve nothing"
	}
	p := s.person
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.used.frames.take(now, 1, all.frames) || !p.used.bytes.take(now, bytes, all.bytes) {
		return "frames or bytes from all streams of this person: end those that are not needed"
	}
	return ""
}

// takeSamples is takeFrame for readings.
func (s *session) takeSamples(now int64, n int) (excess string) {
	if !s.used.samples.take(now, n, s.server.ownPaces.samples) {
		return fmt.Sprintf("readings: send at most %d a second on average, where each second of motion counts as %d more", s.server.config.Limits.SamplesPerSecond, estimateCost)
	}
	p := s.person
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.used.samples.take(now, n, s.server.personPaces.samples) {
		return "readings from all streams of this person: end those that are not needed"
	}
	return ""
}

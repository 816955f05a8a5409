package presence

import (
	"encoding/binary"
	"time"
)

// A message is, numbers big-endian:
//
//	1 byte   version, 1
//	1 byte   kind
//	8 bytes  number of the node that says it
//	1 byte   of kind part: which one
//	9 bytes  for each person: key (8), sessions (1); of kinds changed and part
type kind byte

const (
	kindChanged kind = 1 + iota // these people have so many sessions here
	kindPart                    // of this part of all people, these have sessions here, and nobody else
	kindHello                   // tell me everything
	kindGone                    // nobody has sessions here any more
)

const (
	messageVersion = 1
	headBytes      = 10
	personBytes    = 9

	// mostInMessage is how many people a message names: well below the megabyte
	// that a NATS server takes.
	mostInMessage = 10_000
)

// head begins a message.
func (t *Table) head(k kind) []byte {
	return binary.BigEndian.AppendUint64([]byte{messageVersion, byte(k)}, t.own)
}

func appendPerson(dst []byte, k key, sessions int) []byte {
	return append(binary.BigEndian.AppendUint64(dst, uint64(k)), clamp(sessions))
}

// sayChanged says what has changed since it was called last.
func (t *Table) sayChanged() {
	t.mu.Lock()
	var messages [][]byte
	for k := range t.changed {
		if len(messages) == 0 || len(messages[len(messages)-1]) >= headBytes+mostInMessage*personBytes {
			messages = append(messages, t.head(kindChanged))
		}
		last := &messages[len(messages)-1]
		*last = appendPerson(*last, k, t.here[k].sessions)
	}
	clear(t.changed)
	t.mu.Unlock()
	for _, m := range messages {
		t.say(m)
	}
}

// sayAll says everything.
func (t *Table) sayAll() {
	for n := range parts {
		t.sayPart(n)
	}
}

// sayPart says everything of one part. What does not fit is said as changes.
func (t *Table) sayPart(n int) {
	t.mu.Lock()
	message := append(t.head(kindPart), byte(n))
	named := 0
	for k, p := range t.here {
		if k.part() != n {
			continue
		}
		if named++; named > mostInMessage {
			t.changed[k] = struct{}{}
			continue
		}
		message = appendPerson(message, k, p.sessions)
	}
	t.mu.Unlock()
	t.say(message)
	if named > mostInMessage {
		t.sayChanged()
	}
}

// hear takes a message in. What is no message is passed over.
func (t *Table) hear(message []byte, now time.Time) {
	if len(message) < headBytes || message[0] != messageVersion {
		return
	}
	number := binary.BigEndian.Uint64(message[2:])
	if number == t.own {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.nodes[number]
	if n == nil {
		n = &node{people: map[key]uint8{}}
		t.nodes[number] = n
	}
	n.heard = now
	body := message[headBytes:]
	switch kind(message[1]) {
	case kindGone:
		t.forget(number, now)
	case kindHello:
		t.asked = true // at the next beat: not everybody at once
	case kindPart:
		if len(body) == 0 || body[0] >= parts {
			return
		}
		t.hearPart(n, int(body[0]), body[1:], now)
	case kindChanged:
		t.hearPeople(n, body, now)
	}
}

// hearPart takes in all people of a part. Who is not named has no sessions there.
func (t *Table) hearPart(n *node, which int, body []byte, now time.Time) {
	named := make(map[key]struct{}, len(body)/personBytes)
	for at := 0; at+personBytes <= len(body); at += personBytes {
		named[key(binary.BigEndian.Uint64(body[at:]))] = struct{}{}
	}
	for k, sessions := range n.people {
		if _, still := named[k]; !still && k.part() == which {
			delete(n.people, k)
			t.count(k, -int(sessions), now)
		}
	}
	t.hearPeople(n, body, now)
}

func (t *Table) hearPeople(n *node, body []byte, now time.Time) {
	for ; len(body) >= personBytes; body = body[personBytes:] {
		k, sessions := key(binary.BigEndian.Uint64(body)), body[8]
		before := n.people[k]
		if sessions == 0 {
			delete(n.people, k)
		} else {
			n.people[k] = sessions
		}
		t.count(k, int(sessions)-int(before), now)
	}
}

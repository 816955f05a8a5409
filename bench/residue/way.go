package residue

import (
	"fmt"
	"strings"

	"github.com/tempogate/tempogate/ingest/client"
)

// A sending is a way in which readings are sent.
type sending struct {
	name string
	form client.Form // of a stream's messages
	push bool        // over HTTP, as JSON
	gzip bool        // the body of the push
}

// sendings are all of them.
var sendings = []sending{
	{name: "json", form: client.JSON},
	{name: "packed", form: client.Packed},
	{name: "json-s2", form: client.JSONS2},
	{name: "packed-s2", form: client.PackedS2},
	{name: "push", push: true},
	{name: "push-gzip", push: true, gzip: true},
}

// packed reports whether readings are sent as integers.
func (s *sending) packed() bool {
	return !s.push && (s.form == client.Packed || s.form == client.PackedS2)
}

// text reports whether what is sent holds the readings' digits. S2 leaves most of
// them together, gzip none.
func (s *sending) text() bool { return !s.packed() && !s.gzip }

// An Ending is a way in which a session ends.
type Ending uint8

// The endings. A push has no goodbye: its End is a last push that closes its
// connection, and that nothing comes any more.
const (
	End        Ending = iota // the client says goodbye
	Withdrawal               // consent is taken back over HTTP, while more is on its way
	Malformed                // a message that breaks off within a reading
	Cut                      // the connection breaks within a message
	Timeout                  // nothing comes any more, within a message
	Drain                    // the server goes away, while more is on its way
	endings
)

var endingNames = [endings]string{"end", "withdrawal", "malformed", "cut", "timeout", "drain"}

// String returns the ending's name.
func (e Ending) String() string { return endingNames[e] }

// UnmarshalText is the inverse of String.
func (e *Ending) UnmarshalText(name []byte) error {
	for i, n := range endingNames {
		if n == string(name) {
			*e = Ending(i)
			return nil
		}
	}
	return fmt.Errorf("residue: no ending is called %q (known: %s)", name, strings.Join(endingNames[:], " "))
}

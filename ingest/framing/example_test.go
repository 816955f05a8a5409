package framing_test

import (
	"fmt"
	"net"

	"github.com/tempogate/tempogate/ingest/framing"
)

// One end sends a masked frame, as a client does, and the other reads it.
func ExampleReader() {
	client, server := net.Pipe()
	go client.Write(framing.AppendMasked(nil, framing.Text, []byte("hello"), [4]byte{1, 2, 3, 4}))

	r := framing.NewReader(framing.NewSocket(server), 1<<10, true)
	op, payload, err := r.Next()
	fmt.Println(op == framing.Text, string(payload), err)
	// Output: true hello <nil>
}

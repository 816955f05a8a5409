package residue

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/ingest/client"
	"github.com/tempogate/tempogate/ingest/framing"
	"github.com/tempogate/tempogate/ingest/wire"
)

// A control plants canaries in the server's memory, where a search has to find
// them: messages that are begun and not finished.
type control struct {
	run     *runner
	person  *subject // not searched for; says yes
	owner   int      // of the next needle
	planted []int    // owners of the needles that are to be found now
	conns   []net.Conn
	held    bool // the conns stay until the end
}

// newControl has a person say yes. owner is the first number that is free.
func (r *runner) newControl(ctx context.Context, owner int) (*control, error) {
	c := &control{run: r, owner: owner, person: &subject{run: r, how: &sendings[0]}}
	if err := r.prepareControl(c.person, owner); err != nil {
		return nil, err
	}
	notice, err := c.person.client.Notice(ctx)
	if err != nil {
		return nil, err
	}
	_, err = c.person.client.Grant(ctx, notice, []consent.Category{consent.Acceleration}, nil)
	return c, err
}

func (r *runner) prepareControl(s *subject, person int) (err error) {
	if s.token, err = r.config.Token(person); err != nil {
		return fmt.Errorf("residue: %w", err)
	}
	s.client, err = client.New(client.Config{URL: r.config.URL, TLS: r.config.TLS, Token: s.token})
	return err
}

// plant begins two messages of canaries, one of them masked with zeros, and
// returns the owners of the needles. What is held is planted already.
func (c *control) plant(ctx context.Context) ([]int, error) {
	if c.held {
		return c.planted, nil
	}
	c.planted = nil
	for _, key := range [][4]byte{{}, {0x5a, 0xc3, 0x96, 0x3c}} {
		conn, err := c.run.dialStream(ctx, c.person.token)
		if err != nil {
			return nil, err
		}
		c.conns = append(c.conns, conn)
		text := c.text(&key)
		message := framing.AppendMasked(nil, framing.Text, text, key)
		conn.SetDeadline(time.Now().Add(answerTimeout))
		if _, err := conn.Write(message[:len(message)-1]); err != nil {
			return nil, fmt.Errorf("residue: plant: %w", err)
		}
	}
	return c.planted, nil
}

// text makes a message of one canary, whose needle is that of a new owner.
func (c *control) text(key *[4]byte) []byte {
	samples := c.unsent()
	text, err := wire.NewEncoder(wire.EncoderConfig{}).AppendJSON(nil, samples, nil)
	if err != nil {
		panic(err) // canaries can be sent
	}
	if *key == ([4]byte{}) {
		c.run.needles.addMessage(c.owner, text, samples, true, nil)
	} else {
		n := c.run.needles
		var masked needles
		masked.addMessage(c.owner, text, samples, true, key)
		for _, m := range masked.all {
			if m.form == Masked {
				n.add(Masked, c.owner, m.pattern)
			}
		}
	}
	c.planted = append(c.planted, c.owner)
	c.owner++
	return text
}

// unsent returns a canary that no session sends. A round has 27,000 values out of
// 64 million, so one time in eight hundred one of three values is there already: its copy in
// what is planted would count as one that the session left.
func (c *control) unsent() []classifier.Sample {
	for {
		samples := canaries(c.run.rng, 1, firstTime)
		sent := false
		for _, v := range axes(&samples[0]) {
			sent = sent || c.run.needles.has([]byte(digits(v)))
		}
		if !sent {
			return samples
		}
	}
}

// drop has the server forget what was planted.
func (c *control) drop() {
	if c.held {
		return
	}
	c.close()
	c.conns, c.planted = nil, nil
}

func (c *control) close() {
	for _, conn := range c.conns {
		conn.Close()
	}
}

// hold plants a canary for a server that is about to go away: in a request that
// is not finished, for which it waits.
func (c *control) hold(context.Context) error {
	conn, err := c.run.dial()
	if err != nil {
		return err
	}
	c.conns, c.planted, c.held = []net.Conn{conn}, nil, true
	text := c.text(&[4]byte{})
	u, err := url.Parse(c.run.config.URL)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(conn, "PUT /v1/consent HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		u.Host, c.person.token, len(text)+1, text)
	return err
}

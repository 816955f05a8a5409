package load

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"
)

// A Config says what a run does. URL, Sessions, Duration, Token and Motions have
// to be there.
type Config struct {
	// URL is the address of the server, for example http://127.0.0.1:8080.
	// SecureURL, when set, is used by a share of Secure of the sessions.
	URL, SecureURL string
	TLS            *tls.Config // for https; the system's roots when nil

	// Remote allows a server that is not on this machine. A load test against
	// somebody else's server is an attack.
	Remote bool

	Sessions          int
	SessionsPerPerson int           // 1 when zero, and with Withdraw
	Duration          time.Duration // after the ramp
	Ramp              time.Duration // over which sessions are opened; 2 ms each when zero

	// Rate is how many frames a second each session sends; each holds a second
	// of motion. 1 when zero.
	Rate float64

	// Token returns the bearer token of a person, counted from 0. Each person
	// says yes to everything before the run. nil: no tokens and no consent, for
	// servers that have neither.
	Token func(person int) (string, error)

	Motions []*Motion // sessions take one each, by weight

	// Shares are from 0 to 1.
	JSON     float64 // of the sessions: batches as JSON, the others packed
	Secure   float64 // of the sessions: over SecureURL
	Slow     float64 // of the sessions: do not read their answers
	Withdraw float64 // of the sessions: withdraw once in mid-stream, consent anew, come back
	Bad      float64 // of the frames: malformed, which ends the session
	Verify   float64 // of the sessions: each answer checked byte by byte

	// Every StormEvery, a share of Storm of the sessions hangs up and comes back
	// at once.
	StormEvery time.Duration
	Storm      float64

	// PingEvery is how often each session pings; 0 for never.
	PingEvery time.Duration

	// Flood is how many connections beside the sessions send without pause, in
	// every other period of 5 s. What the sessions see then and in between is
	// recorded apart.
	Flood int

	// Sources is the number of source addresses, 127.0.0.2 onwards, over which
	// sessions to the loopback are spread; one for each 5000 sessions when zero. An
	// address has about 28 000 ports, and Linux hands out every other one first.
	// Once those are taken, also by who was refused within a minute, it looks
	// through all of them for each connection and has time for little else.
	Sources int

	Seed uint64

	// Part of Parts is this process's share of the sessions, of the persons and
	// of the ramp. Parts is 1 when zero.
	Part, Parts int

	// PIDs are processes on this machine whose processor time and memory are
	// reported: those of the server.
	PIDs []int

	// Plain servers answer each frame with a message of any content, in order.
	// Nothing is checked then. It is for comparisons.
	Plain bool

	// Prepared is called when people have consented, before the first session.
	// It may wait, for other processes.
	Prepared func(context.Context) error

	// Tell is called with each Interval as it ends, from one goroutine. It may be
	// nil.
	Tell func(Interval)

	// Setup is called with how many persons have consented so far. It may be nil.
	Setup func(done, of int)
}

const (
	connectTimeout = 15 * time.Second
	answerTimeout  = 10 * time.Second // after the last frame
	sessionsAnIP   = 5_000
)

// withDefaults checks a configuration and fills it in.
func (c Config) withDefaults() (Config, error) {
	if c.Sessions <= 0 || c.Duration <= 0 || len(c.Motions) == 0 {
		return c, errors.New("load: sessions, duration and motions must be there")
	}
	for _, share := range []struct {
		name  string
		value float64
	}{{"json", c.JSON}, {"secure", c.Secure}, {"slow", c.Slow}, {"withdraw", c.Withdraw}, {"bad", c.Bad}, {"verify", c.Verify}, {"storm", c.Storm}} {
		if !(share.value >= 0 && share.value <= 1) {
			return c, fmt.Errorf("load: the share %s is %g, not from 0 to 1", share.name, share.value)
		}
	}
	if c.PingEvery < 0 {
		return c, errors.New("load: the time between pings must not be negative")
	}
	if c.Flood < 0 || c.Flood > 0 && c.Token == nil {
		return c, errors.New("load: floods need tokens, and are not negative")
	}
	if c.Secure > 0 && c.SecureURL == "" {
		return c, errors.New("load: sessions over TLS need an https address of their own")
	}
	loopback := true
	for _, address := range []string{c.URL, c.SecureURL} {
		if address == "" && address != c.URL {
			continue
		}
		here, err := isLoopback(address)
		if err != nil {
			return c, err
		}
		loopback = loopback && here
	}
	if !loopback && !c.Remote {
		return c, errors.New("load: the server is not on this machine: load only what is yours, and say so (--remote)")
	}
	if c.SessionsPerPerson <= 0 || c.Withdraw > 0 { // a withdrawal ends all sessions of a person
		c.SessionsPerPerson = 1
	}
	if c.Ramp <= 0 {
		c.Ramp = time.Duration(c.Sessions) * 2 * time.Millisecond
	}
	if c.Rate <= 0 {
		c.Rate = 1
	}
	if c.Part > 0 {
		c.Flood = 0 // one part does it for all
	}
	if c.Parts <= 0 {
		c.Part, c.Parts = 0, 1
	}
	if c.Sources <= 0 {
		c.Sources = (c.Sessions + sessionsAnIP - 1) / sessionsAnIP
	}
	if !loopback {
		c.Sources = 1
	}
	return c, nil
}

// isLoopback reports whether an address is on this machine.
func isLoopback(address string) (bool, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return false, errors.New("load: the address must be http://host:port or https://host:port")
	}
	if u.Hostname() == "localhost" {
		return true, nil
	}
	ip := net.ParseIP(u.Hostname())
	return ip != nil && ip.IsLoopback(), nil
}

// interval is the time between two frames of a session.
func (c *Config) interval() time.Duration { return time.Duration(float64(time.Second) / c.Rate) }

// share returns a process's part of n things: which ones, as first and count.
func (c *Config) share(n int) (first, count int) {
	first = n * c.Part / c.Parts
	return first, n*(c.Part+1)/c.Parts - first
}

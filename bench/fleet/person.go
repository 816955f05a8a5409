package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/ingest/client"
	"github.com/tempogate/tempogate/ingest/wire"
)

// A person gives consent and takes it back, through any node, and sends motion all
// the time, whether or not they have consented: whether it is taken is what is
// looked at.
type person struct {
	number  int
	name    string
	checker *Checker
	now     func() time.Duration // the clock of the checker
	nodes   []*client.Client     // of this person
	lease   time.Duration
	plant   string // what to plant, "" for nothing
}

const (
	streamsEach   = 2                      // of one person, at the same time
	frameEvery    = 200 * time.Millisecond // each holds a second of motion
	changeTimeout = 8 * time.Second        // after that nobody knows what became of a change
	answerTimeout = 8 * time.Second        // after that a stream is given up
	leastPause    = 100 * time.Millisecond
)

// newPerson makes a person with a token, and a client for each node.
func (f *Fleet) newPerson(number int, checker *Checker, now func() time.Duration) (*person, error) {
	p := &person{number: number, name: fmt.Sprintf("person-%d", number), checker: checker, now: now, lease: f.config.Lease}
	var err error
	p.nodes, err = f.clients(p.name, answerTimeout, "")
	return p, err
}

// tokenTTL is longer than any run.
const tokenTTL = 48 * time.Hour

// clients returns a client of each node for one person, or one of what is in front
// of them.
func (f *Fleet) clients(name string, timeout time.Duration, through string) ([]*client.Client, error) {
	token, err := f.Issuer.Token(name, tokenTTL)
	if err != nil {
		return nil, err
	}
	var all []*client.Client
	urls := []string{through}
	if through == "" {
		urls = nil
		for _, n := range f.Nodes {
			urls = append(urls, n.URL)
		}
	}
	for _, url := range urls {
		dialer := net.Dialer{Timeout: timeout}
		c, err := client.New(client.Config{URL: url, Token: token, NetDial: dialer.DialContext,
			HTTPClient: &http.Client{Timeout: timeout, Transport: &http.Transport{DisableKeepAlives: true}}})
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

// live has the person live until ctx is done.
func (p *person) live(ctx context.Context, seed uint64) {
	var all sync.WaitGroup
	for i := range streamsEach {
		chance := rand.New(rand.NewPCG(seed, uint64(p.number)<<8+uint64(i)+1))
		all.Go(func() {
			for ctx.Err() == nil {
				p.stream(ctx, chance)
				sleep(ctx, leastPause+upTo(chance, 400*time.Millisecond))
			}
		})
	}
	chance := rand.New(rand.NewPCG(seed, uint64(p.number)<<8))
	notice := p.notice(ctx, chance)
	for ctx.Err() == nil {
		p.ask(ctx, chance, Grant, func(ctx context.Context, c *client.Client) (string, error) { return grant(ctx, c, notice) })
		if p.plant == "grant" { // as if it had been lost
			_ = p.pick(chance).Withdraw(ctx)
			sleep(ctx, 2*p.lease)
		}
		sleep(ctx, time.Second+upTo(chance, p.lease))
		if p.plant == "frame" { // as if it had not reached anybody
			p.checker.Began(p.number, Withdrawal, p.now())
			p.checker.Acknowledged(p.number, p.now(), "")
			sleep(ctx, 3*p.lease)
		}
		p.ask(ctx, chance, Withdrawal, func(ctx context.Context, c *client.Client) (string, error) { return "", c.Withdraw(ctx) })
		// Long enough for a node that goes on to be found out.
		sleep(ctx, p.lease+time.Second+upTo(chance, p.lease))
	}
}

func (p *person) pick(chance *rand.Rand) *client.Client { return p.nodes[chance.IntN(len(p.nodes))] }

// notice is what the person says yes to.
func (p *person) notice(ctx context.Context, chance *rand.Rand) *consent.Notice {
	for ctx.Err() == nil {
		if notice, err := p.pick(chance).Notice(ctx); err == nil {
			return notice
		}
		sleep(ctx, leastPause)
	}
	return &consent.Notice{}
}

// ask asks for a change until it is acknowledged, each time through another node.
func (p *person) ask(ctx context.Context, chance *rand.Rand, kind Change, change func(context.Context, *client.Client) (entry string, err error)) {
	for ctx.Err() == nil {
		asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), changeTimeout)
		p.checker.Began(p.number, kind, p.now())
		entry, err := change(asking, p.pick(chance))
		cancel()
		if err == nil {
			p.checker.Acknowledged(p.number, p.now(), entry)
			return
		}
		p.checker.Failed(p.number, p.now())
		sleep(ctx, leastPause+upTo(chance, time.Second))
	}
}

// grant says yes to acceleration and returns the digest of the entry.
func grant(ctx context.Context, c *client.Client, notice *consent.Notice) (entry string, err error) {
	answer, err := c.Grant(ctx, notice, []consent.Category{consent.Acceleration}, nil)
	if err != nil {
		return "", err
	}
	var receipt consent.Receipt
	if err := json.Unmarshal(answer, &receipt); err != nil {
		return "", err
	}
	return receipt.Ledger.SHA256, nil
}

// stream sends motion to some node for a while, and tells what is answered.
func (p *person) stream(ctx context.Context, chance *rand.Rand) {
	node := chance.IntN(len(p.nodes))
	asked := p.now()
	dialing, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	stream, err := p.nodes[node].Stream(dialing, client.StreamOptions{WriteTimeout: answerTimeout})
	if err != nil {
		var refused *client.Error
		if errors.As(err, &refused) && refused.Code == "no_grant" {
			p.checker.Denied(p.number, node, asked, p.now(), refused.Reason)
		}
		return
	}
	defer stream.Close()
	defer context.AfterFunc(ctx, func() { stream.Close() })()

	w := newWalk(chance.Uint64())
	var mu sync.Mutex
	var sentAt []time.Duration
	ended := make(chan error, 1)
	go func() {
		for {
			_ = stream.SetReceiveDeadline(time.Now().Add(answerTimeout))
			m, err := stream.Receive()
			if err != nil {
				ended <- err
				return
			}
			if m.Type != wire.TypeEstimate {
				continue
			}
			mu.Lock()
			// The frame that an estimate comes from is this one or a later one.
			sent := sentAt[min(max(w.frameOf(m.T), 0), len(sentAt)-1)]
			mu.Unlock()
			p.checker.Accepted(p.number, node, sent, p.now())
		}
	}()
	turns := time.NewTicker(frameEvery)
	defer turns.Stop()
	frames := 20 + chance.IntN(60)
	for n := range frames {
		samples := w.frame(n)
		mu.Lock()
		last := p.now()
		sentAt = append(sentAt, last)
		mu.Unlock()
		if err := stream.Send(samples, nil); err != nil {
			break
		}
		select {
		case <-turns.C:
		case err := <-ended:
			p.over(node, last, err)
			return
		}
	}
	_ = stream.End() // or it has ended by itself, which Receive says
	p.over(node, p.now(), <-ended)
}

// over takes note of how a stream ended.
func (p *person) over(node int, last time.Duration, err error) {
	var closed *client.Error
	if errors.As(err, &closed) && closed.Close == wire.CloseConsent {
		p.checker.Denied(p.number, node, last, p.now(), closed.Detail)
	}
}

// A walk is endless motion, a second a frame.
type walk struct {
	base    int64
	step    float64 // radians a second
	samples []classifier.Sample
}

const walkHz = 50

func newWalk(seed uint64) *walk {
	return &walk{base: 1_700_000_000_000_000_000, step: 2 * math.Pi * (1.6 + 0.8*float64(seed%100)/100)}
}

// frame returns second n, valid until the next call.
func (w *walk) frame(n int) []classifier.Sample {
	w.samples = w.samples[:0]
	for i := range walkHz {
		t := float64(n) + float64(i)/walkHz
		w.samples = append(w.samples, classifier.Sample{
			SensorTime: w.base + int64(n)*1_000_000_000 + int64(i)*1_000_000_000/walkHz,
			X:          0.4 * math.Sin(w.step/2*t), Y: 9.81 + 2.5*math.Sin(w.step*t), Z: 0.3 * math.Cos(w.step/2*t),
		})
	}
	return w.samples
}

// frameOf returns which frame holds a sensor time in seconds, which was rounded to
// a thousandth: rather the frame before.
func (w *walk) frameOf(t float64) int {
	return int(math.Floor(t - float64(w.base/1_000_000_000) - 1e-3))
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// upTo draws a time below d.
func upTo(chance *rand.Rand, d time.Duration) time.Duration {
	return time.Duration(chance.Int64N(int64(d)))
}

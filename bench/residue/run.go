package residue

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tempogate/tempogate/ingest/client"
)

// A Config says what to search. URL, PID and Token have to be there.
type Config struct {
	URL string      // of the server
	TLS *tls.Config // for https; the system's roots when nil
	PID int         // the server's process, on this machine

	// Token returns the bearer token of a person, counted from 0. Each says yes,
	// and takes it back when the round is over.
	Token func(person int) (string, error)

	// Persons is how many there are. With fewer than a round needs, a round takes
	// its sessions a few at a time; 2 are needed, one of them for the control. As
	// many as are needed when zero.
	Persons int

	Rounds int // 1 when zero

	// IdleTimeout is the server's: how long to wait for an ending by timeout. 60 s
	// when zero.
	IdleTimeout time.Duration

	// Endings are those to look at; all but Drain when nil. With Drain there are
	// no others, there is one round, and DrainServer has to be there.
	Endings     []Ending
	DrainServer func() error // tells the server to go away

	// Interrupt, where it is there, is called every millisecond while sessions send,
	// and not while they end: it sends the server's threads signals.
	Interrupt func()

	// Settle is how long to wait between an answer of the server and a search, so
	// that it can do what it does behind its answer. 500 ms when zero.
	Settle time.Duration

	// Tell is called after each search, from one goroutine. It may be nil.
	Tell func(Progress)

	Seed uint64
}

// A Progress says how far a run is.
type Progress struct {
	Transport     string // "plain" or "tls"
	Round, Rounds int
	When          string    // with respect to the canaries
	Copies        int       // in all searches so far
	Found         []Finding // by this search; at most 100 of a run
}

// MostPersons is how many persons a round has use for.
const MostPersons = (int(endings)-1)*6 + 1

func (c Config) withDefaults() (Config, error) {
	if c.URL == "" || c.PID <= 0 || c.Token == nil {
		return c, errors.New("residue: the address, the process and the tokens must be there")
	}
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return c, errors.New("residue: the address must be http://host:port or https://host:port")
	}
	c.URL = strings.TrimRight(c.URL, "/")
	if c.Rounds <= 0 {
		c.Rounds = 1
	}
	if c.IdleTimeout <= 0 {
		c.IdleTimeout = time.Minute
	}
	if c.Settle <= 0 {
		c.Settle = 500 * time.Millisecond
	}
	if c.Endings == nil {
		c.Endings = []Ending{End, Withdrawal, Malformed, Cut, Timeout}
	}
	if slices.Contains(c.Endings, Drain) && (len(c.Endings) > 1 || c.DrainServer == nil || c.Rounds > 1) {
		return c, errors.New("residue: a drain is one round of its own, and needs a server that may be drained")
	}
	if c.Persons == 0 {
		c.Persons = MostPersons
	}
	if c.Persons < 2 {
		return c, errors.New("residue: two persons are needed at least, one of them for the control: give more tokens")
	}
	return c, nil
}

// A runner does a run.
type runner struct {
	config   Config
	report   *Report
	rng      *rand.Rand
	subjects []*subject // of the group under way
	needles  *needles   // theirs
	round    int
	chart    *chart // of the server, once something was found
}

// Run searches a server and reports what was found. An error means that the
// search could not be done; copies are no error.
func Run(ctx context.Context, config Config) (*Report, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	if memory, _, err := openMemory(config.PID); err != nil { // before anybody is asked for anything
		return nil, err
	} else {
		memory.Close()
	}
	r := &runner{config: config, report: &Report{Findings: []Finding{}}, rng: rand.New(rand.NewPCG(config.Seed, 0x7265736964756521))}
	var all []*subject
	for _, ending := range config.Endings {
		for i := range sendings {
			all = append(all, &subject{run: r, how: &sendings[i], ending: ending})
		}
	}
	defer func() {
		if r.chart != nil {
			r.chart.Close()
		}
	}()
	for r.round = range config.Rounds {
		r.report.Rounds++
		for group := range slices.Chunk(all, config.Persons-1) {
			if err := r.group(ctx, group); err != nil {
				return r.report, err
			}
		}
	}
	return r.report, nil
}

// group takes some sessions from their beginning to their end.
func (r *runner) group(ctx context.Context, subjects []*subject) (err error) {
	r.subjects, r.needles = subjects, &needles{}
	defer func() {
		for _, s := range subjects {
			s.close()
			if !slices.Contains(r.config.Endings, Drain) && s.client != nil {
				err = errors.Join(err, s.withdraw(context.WithoutCancel(ctx)))
				s.client.Close()
			}
		}
	}()
	for i, s := range subjects {
		if err := r.prepare(s, i); err != nil {
			return err
		}
	}
	// A word that is found before it was sent is a constant of the program's.
	already, _, err := search(r.config.PID, r.needles)
	if err != nil {
		return err
	}
	for _, f := range already {
		f.usual = true
	}
	control, err := r.newControl(ctx, len(subjects))
	if err != nil {
		return err
	}
	defer control.close()
	if err := r.each(func(s *subject) error { return s.open(ctx) }); err != nil {
		return err
	}
	if err := r.each(func(s *subject) error { return s.send(ctx, s.first) }); err != nil {
		return err
	}
	if err := r.search(ctx, control, inWindow); err != nil {
		return err
	}
	if err := r.each(func(s *subject) error {
		for _, m := range s.ordinary {
			if err := s.send(ctx, m); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	if r.drains() { // nothing can be planted then
		if err := control.hold(ctx); err != nil {
			return err
		}
	}
	if err := r.search(ctx, control, afterWindow); err != nil {
		return err
	}
	if err := r.each(func(s *subject) error { return s.finish(ctx) }); err != nil {
		return err
	}
	if r.drains() {
		if err := r.config.DrainServer(); err != nil {
			return fmt.Errorf("residue: drain: %w", err)
		}
	}
	if err := r.all((*subject).over); err != nil {
		return err
	}
	return r.search(ctx, control, afterEnd)
}

func (r *runner) drains() bool { return r.config.Endings[0] == Drain }

// prepare makes a subject ready for a new session.
func (r *runner) prepare(s *subject, index int) error {
	token, err := r.config.Token(index)
	if err != nil {
		return fmt.Errorf("residue: %w", err)
	}
	*s = subject{
		run: r, index: index, how: s.how, ending: s.ending, token: token,
		rng: rand.New(rand.NewPCG(r.rng.Uint64(), r.rng.Uint64())),
	}
	if err := s.rehearse(fmt.Sprint("residue-", r.round, "-", index), firstTime+r.rng.Int64N(1e6)*periodNS); err != nil {
		return err
	}
	s.client, err = client.New(client.Config{URL: r.config.URL, TLS: r.config.TLS, Token: token})
	r.report.line(r.transport(), s).Sessions++
	return err
}

// firstTime is a sensor time like any other, in nanoseconds.
const firstTime = 1_700_000_000_000_000_000

// transport names what the sessions go over.
func (r *runner) transport() string {
	if strings.HasPrefix(r.config.URL, "https") {
		return "tls"
	}
	return "plain"
}

// interruptEvery is how often the server is interrupted.
const interruptEvery = time.Millisecond

// each is all, while the server is interrupted. What it was doing at the last one
// leaves registers, and what it does later does not take them away.
func (r *runner) each(do func(*subject) error) error {
	if r.config.Interrupt == nil {
		return r.all(do)
	}
	ticker := time.NewTicker(interruptEvery)
	defer ticker.Stop()
	ended := make(chan error, 1)
	go func() { ended <- r.all(do) }()
	for {
		select {
		case err := <-ended:
			return err
		case <-ticker.C:
			r.config.Interrupt()
		}
	}
}

// all calls a function for all subjects at once.
func (r *runner) all(do func(*subject) error) error {
	var all errgroup.Group
	for _, s := range r.subjects {
		all.Go(func() error { return do(s) })
	}
	return all.Wait()
}

// dial opens a connection to the server.
func (r *runner) dial() (net.Conn, error) {
	u, err := url.Parse(r.config.URL)
	if err != nil {
		return nil, err
	}
	address := u.Host
	if u.Port() == "" {
		address = net.JoinHostPort(u.Hostname(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
	}
	conn, err := net.DialTimeout("tcp", address, answerTimeout)
	if err != nil {
		return nil, err
	}
	if u.Scheme == "https" {
		config := &tls.Config{}
		if r.config.TLS != nil {
			config = r.config.TLS.Clone()
		}
		config.ServerName, config.NextProtos = u.Hostname(), []string{"http/1.1"}
		conn = tls.Client(conn, config)
	}
	conn.SetDeadline(time.Now().Add(answerTimeout))
	return conn, nil
}

// plantTries is how often the server is given time to take in what was planted,
// before the search counts as one that does not find it.
const plantTries = 4

// search searches, with the control planted.
func (r *runner) search(ctx context.Context, control *control, when moment) error {
	planted, err := control.plant(ctx)
	if err != nil {
		return err
	}
	defer control.drop()
	for try := 1; ; try++ {
		select {
		case <-time.After(r.config.Settle):
		case <-ctx.Done():
			return ctx.Err()
		}
		findings, looked, err := search(r.config.PID, r.needles)
		if err != nil {
			return err
		}
		if !allFound(planted, findings) && try < plantTries {
			continue // the machine is busy: nothing is planted yet
		}
		before := len(r.report.Findings)
		r.report.take(r, when, planted, findings, looked, r.place)
		if r.config.Tell != nil {
			r.config.Tell(Progress{r.transport(), r.round + 1, r.config.Rounds, momentNames[when], r.report.Copies, r.report.Findings[before:]})
		}
		break
	}
	return nil
}

// place says where in the server's memory something was found, as far as that can be
// known.
func (r *runner) place(f finding) Place {
	if r.chart == nil {
		var err error
		if r.chart, err = openChart(r.config.PID); err != nil {
			return Place{Kind: fmt.Sprintf("%s (%v)", Anonymous, err)}
		}
	}
	return r.chart.place(f.address, f.pattern)
}

// allFound reports whether there is a finding of each owner.
func allFound(owners []int, findings []finding) bool {
	for _, owner := range owners {
		if !slices.ContainsFunc(findings, func(f finding) bool { return f.owner == owner }) {
			return false
		}
	}
	return true
}

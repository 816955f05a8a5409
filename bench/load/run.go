package load

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/ingest/client"
)

// A runner is one process's share of a run.
type runner struct {
	config   Config
	interval time.Duration
	tally    *tally
	pacers   []*pacer
	sessions []*session
	buffers  sync.Pool
	life     context.Context // done when no session is to be opened any more
	steady   time.Time       // the end of the ramp
	flooding atomic.Bool

	firstPerson int
	tokens      []string
	http        *http.Client
	notices     map[string]*consent.Notice // by address

	mu    sync.Mutex
	notes map[string]int // what went wrong, and how often
}

// Run does a run, or this process's part of it, and returns its report. It fails
// when nothing could be run: the configuration, the consent of the people, or a
// server to which no session could be opened at all.
func Run(ctx context.Context, config Config) (*Report, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	r := &runner{
		config: config, interval: config.interval(), tally: newTally(),
		buffers: sync.Pool{New: func() any { return new([]byte) }},
		notices: make(map[string]*consent.Notice), notes: make(map[string]int),
	}
	for range runtime.GOMAXPROCS(0) {
		r.pacers = append(r.pacers, newPacer(r.interval))
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = config.TLS
	transport.MaxIdleConnsPerHost = setupParallel
	r.http = &http.Client{Transport: transport, Timeout: time.Minute}
	defer r.http.CloseIdleConnections()
	if err := r.people(); err != nil {
		return nil, err
	}
	if err := r.consentAll(ctx); err != nil {
		return nil, err
	}
	if err := r.makeSessions(); err != nil {
		return nil, err
	}
	if config.Prepared != nil {
		if err := config.Prepared(ctx); err != nil {
			return nil, err
		}
	}
	return r.loadAll(ctx)
}

// people gets the tokens of this process's people.
func (r *runner) people() error {
	first, count := r.config.share(r.config.Sessions)
	r.firstPerson = first / r.config.SessionsPerPerson
	if r.config.Token == nil {
		return nil
	}
	last := (first + count - 1 + r.config.Flood*r.config.SessionsPerPerson) / r.config.SessionsPerPerson
	for person := r.firstPerson; person <= last; person++ {
		token, err := r.config.Token(person)
		if err != nil {
			return err
		}
		r.tokens = append(r.tokens, token)
	}
	return nil
}

func (r *runner) token(person int) string {
	if r.tokens == nil {
		return ""
	}
	return r.tokens[person-r.firstPerson]
}

// secure reports whether a person's sessions go over TLS beside the others.
func (r *runner) secure(person int) bool {
	return rand.New(rand.NewPCG(r.config.Seed, uint64(person)+1<<32)).Float64() < r.config.Secure
}

func (r *runner) address(person int) string {
	if r.secure(person) {
		return r.config.SecureURL
	}
	return r.config.URL
}

// setupParallel is how many people consent at a time.
const setupParallel = 16

// consentAll has every person say yes.
func (r *runner) consentAll(ctx context.Context) error {
	if r.tokens == nil {
		return nil
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(setupParallel)
	var mu sync.Mutex
	done := 0
	for i := range r.tokens {
		group.Go(func() error {
			if err := r.consent(ctx, r.firstPerson+i); err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			if done++; r.config.Setup != nil {
				r.config.Setup(done, len(r.tokens))
			}
			return nil
		})
	}
	return group.Wait()
}

// consent has a person say yes to everything.
func (r *runner) consent(ctx context.Context, person int) error {
	address := r.address(person)
	c, err := client.New(client.Config{URL: address, Token: r.token(person), HTTPClient: r.http})
	if err != nil {
		return err
	}
	notice, err := r.notice(ctx, address, c)
	if err != nil {
		return err
	}
	categories := make([]consent.Category, 0, len(notice.Categories))
	for _, category := range notice.Categories {
		categories = append(categories, category.Name)
	}
	_, err = c.Grant(ctx, notice, categories, nil)
	return err
}

func (r *runner) notice(ctx context.Context, address string, c *client.Client) (*consent.Notice, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if notice := r.notices[address]; notice != nil {
		return notice, nil
	}
	notice, err := c.Notice(ctx)
	if err == nil {
		r.notices[address] = notice
	}
	return notice, err
}

// makeSessions draws what each session is like.
func (r *runner) makeSessions() error {
	c := &r.config
	plain, err := newDialer(c.URL, c.TLS, c.Sources)
	if err != nil {
		return err
	}
	secure := plain
	if c.Secure > 0 {
		if secure, err = newDialer(c.SecureURL, c.TLS, c.Sources); err != nil {
			return err
		}
	}
	weights := 0.0
	for _, m := range c.Motions {
		weights += m.Weight
	}
	first, count := c.share(c.Sessions)
	for number := first; number < first+count; number++ {
		rng := rand.New(rand.NewPCG(c.Seed, uint64(number)))
		s := &session{run: r, number: number, person: number / c.SessionsPerPerson, rng: rng, phase: rng.Float64(), dialer: plain}
		if r.secure(s.person) {
			s.dialer = secure
		}
		pick := rng.Float64() * weights
		i := slices.IndexFunc(c.Motions, func(m *Motion) bool { pick -= m.Weight; return pick < 0 })
		s.motion = c.Motions[max(i, 0)]
		s.turned = s.motion.turned[rng.IntN(orientations)]
		s.json = rng.Float64() < c.JSON
		s.slow = rng.Float64() < c.Slow
		s.verify = rng.Float64() < c.Verify && !s.slow
		if rng.Float64() < c.Withdraw {
			s.withdrawAt = time.Duration((0.1 + 0.8*rng.Float64()) * float64(c.Duration))
		}
		r.sessions = append(r.sessions, s)
	}
	return nil
}

func (r *runner) pacer(number int) *pacer { return r.pacers[number%len(r.pacers)] }

// since returns the time since the end of the ramp, negative before it.
func (r *runner) since() time.Duration { return time.Since(r.steady) }

// over reports whether the run is coming to its end.
func (r *runner) over() bool { return r.life.Err() != nil }

// note keeps what went wrong, for the report. Kinds of it, not each.
func (r *runner) note(err error) {
	text := err.Error()
	var closed *closeError
	if errors.As(err, &closed) {
		text = fmt.Sprintf("closed with %d: %s", closed.code, closed.reason)
	} else if op := addressless(err); op != "" {
		text = op
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.notes[text]; known || len(r.notes) < mostNotes {
		r.notes[text]++
	}
}

const mostNotes = 50

// loadAll opens the sessions, keeps them for the duration, and ends them.
func (r *runner) loadAll(ctx context.Context) (*Report, error) {
	c := &r.config
	began := time.Now()
	r.steady = began.Add(c.Ramp)
	life, enough := context.WithDeadline(ctx, r.steady.Add(c.Duration))
	defer enough()
	r.life = life

	var helpers sync.WaitGroup
	pacing, stopPacing := context.WithCancel(life)
	defer stopPacing()
	for _, p := range r.pacers {
		helpers.Go(func() { p.turn(pacing) })
	}
	if c.StormEvery > 0 && c.Storm > 0 {
		helpers.Go(func() { r.storms(life) })
	}
	if c.Flood > 0 {
		helpers.Go(func() { r.alternate(life) })
		for i := range c.Flood {
			helpers.Go(func() { r.flood(life, (len(r.tokens)-c.Flood+i+r.firstPerson)*c.SessionsPerPerson) })
		}
	}
	report := newReport(c, began)
	telling, stopTelling := context.WithCancel(context.Background())
	var teller sync.WaitGroup
	teller.Go(func() { r.tell(telling, began, report) })

	var live sync.WaitGroup
	perSession := c.Ramp / time.Duration(c.Sessions)
	for i, s := range r.sessions {
		live.Go(func() {
			sleep(life, time.Until(began.Add(time.Duration(i*c.Parts)*perSession)))
			s.live(life)
		})
	}
	<-life.Done()
	helpers.Wait()
	for _, s := range r.sessions {
		s.end()
	}
	ended := make(chan struct{})
	go func() { live.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(answerTimeout):
		for _, s := range r.sessions {
			s.cut()
		}
		<-ended
	}
	stopTelling()
	teller.Wait()
	report.Notes = r.notes
	if report.Total.Counts[Connects] == 0 && ctx.Err() == nil {
		return nil, fmt.Errorf("load: no session could be opened: %s", report.worstNote())
	}
	return report, nil
}

// storms has a share of the sessions hang up at intervals.
func (r *runner) storms(ctx context.Context) {
	for at := r.steady.Add(r.config.StormEvery); ; at = at.Add(r.config.StormEvery) {
		sleep(ctx, time.Until(at))
		if ctx.Err() != nil {
			return
		}
		rng := rand.New(rand.NewPCG(r.config.Seed, uint64(at.Sub(r.steady))))
		for _, s := range r.sessions {
			if rng.Float64() < r.config.Storm {
				s.hangUp()
			}
		}
	}
}

// tell takes the tally once a second.
func (r *runner) tell(ctx context.Context, began time.Time, report *Report) {
	usage := newUsage(r.config.PIDs)
	for second := 0; ; second++ {
		sleep(ctx, time.Until(began.Add(time.Duration(second+1)*time.Second)))
		// Asked before the tally is taken: what is counted until the end is in it.
		last := ctx.Err() != nil
		interval := r.tally.take(second)
		interval.CPU, interval.Memory, interval.OwnCPU = usage.now()
		report.add(interval)
		if r.config.Tell != nil {
			r.config.Tell(interval)
		}
		if last {
			return
		}
	}
}

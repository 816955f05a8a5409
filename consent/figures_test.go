package consent_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/consent/identity"
	"github.com/tempogate/tempogate/ingest"
	"github.com/tempogate/tempogate/ingest/client"
	"github.com/tempogate/tempogate/ingest/wire"
)

var (
	figures  = flag.Bool("figures", false, "measure and print the figures of make bench-consent")
	sessions = flag.Int("sessions", 5000, "live sessions of the figures; each takes two open files")
)

// TestFigures measures what consent costs, all in one run: a ledger of 100,000
// people is opened, audited and asked, and then serves live sessions over
// WebSockets, each of which is withdrawn from. It prints a name and a value a
// line. Times on other machines differ, so nothing but the allocations is held
// against a bound here.
func TestFigures(t *testing.T) {
	if !*figures {
		t.Skip("run with -figures, or make bench-consent")
	}
	dir := t.TempDir()
	consent.FillMany(t, dir, consent.ManyPeople, time.Now())

	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	began, beganCPU := time.Now(), processorTime(t)
	ledger, err := consent.OpenLedger(t.Context(), consent.LedgerConfig{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	load, loadCPU := time.Since(began), processorTime(t)-beganCPU
	defer ledger.Close()
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&after)

	began, beganCPU = time.Now(), processorTime(t)
	audit, err := ledger.Audit(t.Context())
	if err != nil || audit.People != consent.ManyPeople {
		t.Fatalf("audit of %d people: %v", audit.People, err)
	}
	audited, auditedCPU := time.Since(began), processorTime(t)-beganCPU
	began = time.Now()
	if files, err := consent.AuditFolder(dir); err != nil || files != audit {
		t.Fatalf("audit of the files: %+v, %v", files, err)
	}
	auditedFiles := time.Since(began)

	gate, allocs := decisions(t, ledger, 1000)
	cold, coldAllocs := decisions(t, ledger, consent.ManyPeople)
	if allocs+coldAllocs != 0 {
		t.Errorf("a decision allocates %v times", max(allocs, coldAllocs))
	}
	w := withdrawals(t, ledger, *sessions)
	if w.lateTaken != 0 {
		t.Errorf("%d frames were taken after the withdrawal had been acknowledged", w.lateTaken)
	}

	for _, f := range []struct {
		name  string
		value float64
	}{
		{"gate_ns", gate}, // asked for the people of 1000 sessions, as frames come in
		{"gate_allocs", allocs},
		{"gate_cold_ns", cold}, // asked for anybody in no order
		{"grant_bytes", float64(after.HeapAlloc-before.HeapAlloc) / consent.ManyPeople},
		{"load_100k_s", load.Seconds()},
		{"load_100k_cpu_s", loadCPU.Seconds()}, // of all processors; what a busy machine cannot take away
		{"audit_100k_s", audited.Seconds()},
		{"audit_100k_cpu_s", auditedCPU.Seconds()},
		{"audit_files_100k_s", auditedFiles.Seconds()},
		{"sessions", float64(*sessions)},
		{"withdraw_to_close_p50_ms", quantile(w.asked, 0.50)},
		{"withdraw_to_close_p99_ms", quantile(w.asked, 0.99)}, // from the DELETE being sent to the close code being read
		{"bare_request_p99_ms", quantile(w.bare, 0.99)},       // GET /v1/keys on the same connection right before
		{"withdraw_acknowledged_to_close_p99_ms", quantile(w.acknowledged, 0.99)},
		{"frames_sent_after_withdrawal", float64(w.lateSent)},
		{"frames_after_withdrawal", float64(w.lateTaken)}, // of those, taken
	} {
		fmt.Printf("%s %.4g\n", f.name, f.value)
	}
}

// processorTime returns what this process has used of all processors.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// decisions asks the gate about so many people in turn and returns nanoseconds
// and allocations each. It measures in short turns and takes the median of them:
// on a busy machine every long one is interrupted.
func decisions(t *testing.T, ledger *consent.Ledger, people int) (ns, allocs float64) {
	t.Helper()
	principals := make([]string, people)
	for i := range principals {
		principals[i] = consent.NameOf(i)
	}
	at := 0
	decide := func() {
		at = (at + consent.Stride) % people
		if !ledger.Decide(principals[at], consent.Acceleration).Allowed {
			t.Fatal("refused")
		}
	}
	const turns, each = 2001, 500
	took := make([]float64, turns)
	for turn := range took {
		began := time.Now()
		for range each {
			decide()
		}
		took[turn] = float64(time.Since(began).Nanoseconds()) / each
	}
	slices.Sort(took)
	return took[turns/2], testing.AllocsPerRun(10_000, decide)
}

// pseudonym takes a token for the pseudonym itself.
type pseudonym struct{}

func (pseudonym) Verify(_ context.Context, token string) (identity.Identity, error) {
	return identity.Identity{Principal: token, ExpiresAt: time.Now().Add(time.Hour)}, nil
}

// A live session of the figures.
type live struct {
	person *client.Client
	stream *client.Stream
	closed chan time.Time // when its close code had been read
	acked  chan struct{}  // closed when the withdrawal has been acknowledged
	late   bool           // a frame was sent after that; to be read when closed has been
}

// withdrawn is what came of withdrawing from live sessions.
type withdrawn struct {
	asked, acknowledged []time.Duration // from the request, and from the answer to it, to the close code
	bare                []time.Duration // a request that does nothing, right before: how late this machine is anyway
	lateSent, lateTaken int             // frames sent after the answer, and taken
}

// withdrawals opens live sessions that each send a frame of a second of motion
// once a second, and withdraws from one after the other.
//
// A frame that is sent after the answer carries a fix, which the grants do not
// cover: if its payload were looked at, the fix would be counted as dropped.
func withdrawals(t *testing.T, ledger *consent.Ledger, n int) (w withdrawn) {
	t.Helper()
	server, err := ingest.New(ingest.Config{
		Listen: "127.0.0.1:0", Ledger: ledger, Verifier: pseudonym{}, Logger: slog.New(slog.DiscardHandler),
		Limits: ingest.Limits{Sessions: n + 1}, ShedLateness: time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var tasks sync.WaitGroup
	tasks.Go(func() {
		if err := server.Serve(ctx); err != nil {
			t.Error(err)
		}
	})
	defer tasks.Wait()
	defer stop()

	all := make([]*live, n)
	for i := range all {
		all[i] = openLive(t, ctx, &tasks, server.URL(), i, time.Second)
	}
	// That a fix is counted is seen with somebody who does not withdraw.
	probe := openLive(t, ctx, &tasks, server.URL(), n, time.Second)
	close(probe.acked)
	for deadline := time.Now().Add(time.Minute); fixesDropped(t, server.URL()) != 1; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a fix that the grant does not cover is not counted")
		}
	}
	for _, l := range all {
		w.from(t, l, l.person)
		l.person.Close()
	}
	time.Sleep(2 * time.Second) // for what is on its way, and longer than counts are kept for
	w.lateTaken = fixesDropped(t, server.URL()) - 1
	return w
}

// from has the person of a live session withdraw, through any client of theirs, and
// waits until the session has been told.
func (w *withdrawn) from(t *testing.T, l *live, through *client.Client) {
	t.Helper()
	var began time.Time
	for range 2 { // the first one connects
		began = time.Now()
		if _, err := through.Keys(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	w.bare = append(w.bare, time.Since(began))
	began = time.Now()
	if err := through.Withdraw(t.Context()); err != nil {
		t.Fatal(err)
	}
	answered := time.Now()
	close(l.acked)
	closed, ok := <-l.closed
	if !ok {
		t.Fatal("a session ended without the close code of a withdrawal")
	}
	w.asked = append(w.asked, closed.Sub(began))
	w.acknowledged = append(w.acknowledged, max(closed.Sub(answered), 0))
	if l.late {
		w.lateSent++
	}
}

// fixesDropped returns how many fixes the server says it has dropped.
func fixesDropped(t *testing.T, url string) (n int) {
	t.Helper()
	resp, err := http.Get(url + "/v1/transparency")
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer resp.Body.Close()
	var shown struct {
		Samples struct {
			Dropped map[string]map[string]int
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&shown); err != nil {
		t.Fatal(err)
	}
	for _, dropped := range shown.Samples.Dropped["location"] {
		n += dropped
	}
	return n
}

// openLive opens a session that sends a second of motion so often.
func openLive(t *testing.T, ctx context.Context, tasks *sync.WaitGroup, url string, i int, every time.Duration) *live {
	t.Helper()
	person, err := client.New(client.Config{URL: url, Token: consent.NameOf(i)})
	if err != nil {
		t.Fatal(err)
	}
	var stream *client.Stream
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		stream, err = person.Stream(ctx, client.StreamOptions{ReadBuffer: 1024, WriteBuffer: 1024})
		var full *client.Error
		// The server lets in so many a second.
		if !errors.As(err, &full) || full.Status != http.StatusTooManyRequests || time.Now().After(deadline) {
			break
		}
	}
	if err != nil {
		t.Fatalf("session %d of %d, each takes two open files: %v", i+1, *sessions, err)
	}
	l := &live{person: person, stream: stream, closed: make(chan time.Time, 1), acked: make(chan struct{})}
	sent := make(chan struct{})
	tasks.Go(func() {
		defer close(l.closed)
		defer stream.Close()
		for {
			_, err := stream.ReceiveLine()
			var closed *client.Error
			if errors.As(err, &closed) && closed.Close == wire.CloseConsent {
				at := time.Now()
				<-sent
				l.closed <- at
			}
			if err != nil {
				return
			}
		}
	})
	tasks.Go(func() {
		defer close(sent)
		// Phones do not send in step.
		phase := time.NewTimer(time.Duration(i*61%1000) * every / 1000)
		defer phase.Stop()
		start := time.Now().UnixNano()
		for second := 0; ; second++ {
			var fixes []classifier.Fix
			select {
			case <-phase.C:
				phase.Reset(every)
			case <-l.acked:
				fixes = []classifier.Fix{{SensorTime: start + int64(second)*int64(time.Second)}}
			case <-ctx.Done():
				stream.Close()
				return
			}
			if stream.Send(motion(start, second), fixes) != nil {
				return // the session ended before the answer came
			}
			if fixes != nil {
				l.late = true
				return
			}
		}
	})
	return l
}

// motion is one second of an invented run at 100 Hz.
func motion(start int64, second int) []classifier.Sample {
	samples := make([]classifier.Sample, 100)
	for i := range samples {
		at := float64(second) + float64(i)/100
		samples[i] = classifier.Sample{
			SensorTime: start + int64(second)*int64(time.Second) + int64(i)*10_000_000,
			X:          1.5 * math.Sin(2*math.Pi*1.35*at), Y: 9.81 + 6*math.Sin(2*math.Pi*2.7*at), Z: math.Cos(2 * math.Pi * 2.7 * at),
		}
	}
	return samples
}

// quantile returns a quantile in milliseconds, the smallest value that so many
// of them do not exceed.
func quantile(of []time.Duration, q float64) float64 {
	sorted := slices.SortedFunc(slices.Values(of), cmp.Compare[time.Duration])
	at := int(math.Ceil(q*float64(len(sorted)))) - 1
	return float64(sorted[max(at, 0)]) / float64(time.Millisecond)
}

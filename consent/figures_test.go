package consent_test

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math"
	"runtime"
	"slices"
	"sync"
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
	sessions = flag.Int("sessions", 1000, "live sessions of the figures")
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
	began := time.Now()
	ledger, err := consent.OpenLedger(t.Context(), consent.LedgerConfig{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	load := time.Since(began)
	defer ledger.Close()
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&after)

	began = time.Now()
	audit, err := ledger.Audit(t.Context())
	if err != nil || audit.People != consent.ManyPeople {
		t.Fatalf("audit of %d people: %v", audit.People, err)
	}
	audited := time.Since(began)
	began = time.Now()
	if files, err := consent.AuditFolder(dir); err != nil || files != audit {
		t.Fatalf("audit of the files: %+v, %v", files, err)
	}
	auditedFiles := time.Since(began)

	gate, cold := decisions(ledger, 1000), decisions(ledger, consent.ManyPeople)
	if gate.AllocsPerOp() != 0 || cold.AllocsPerOp() != 0 {
		t.Errorf("a decision allocates %d times", max(gate.AllocsPerOp(), cold.AllocsPerOp()))
	}
	asked, acknowledged := withdrawals(t, ledger, *sessions)

	for _, f := range []struct {
		name  string
		value float64
	}{
		{"gate_ns", perOp(gate)}, // asked for the people of 1000 sessions, as frames come in
		{"gate_allocs", float64(gate.AllocsPerOp())},
		{"gate_cold_ns", perOp(cold)}, // asked for anybody in no order
		{"grant_bytes", float64(after.HeapAlloc-before.HeapAlloc) / consent.ManyPeople},
		{"load_100k_s", load.Seconds()},
		{"audit_100k_s", audited.Seconds()},
		{"audit_files_100k_s", auditedFiles.Seconds()},
		{"sessions", float64(*sessions)},
		{"withdraw_to_close_p50_ms", quantile(asked, 0.50)},
		{"withdraw_to_close_p99_ms", quantile(asked, 0.99)}, // from the DELETE being sent to the close code being read
		{"withdraw_acknowledged_to_close_p99_ms", quantile(acknowledged, 0.99)},
	} {
		fmt.Printf("%s %.4g\n", f.name, f.value)
	}
}

// decisions asks the gate about so many people in turn.
func decisions(ledger *consent.Ledger, people int) testing.BenchmarkResult {
	principals := make([]string, people)
	for i := range principals {
		principals[i] = consent.NameOf(i)
	}
	return testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		at := 0
		for b.Loop() {
			at = (at + consent.Stride) % people
			if !ledger.Decide(principals[at], consent.Acceleration).Allowed {
				b.Fatal("refused")
			}
		}
	})
}

func perOp(r testing.BenchmarkResult) float64 { return float64(r.T.Nanoseconds()) / float64(r.N) }

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
}

// withdrawals opens live sessions that each send a frame of a second of motion
// once a second, withdraws from one after the other, and returns how long after
// the request, and after the answer to it, each was closed.
func withdrawals(t *testing.T, ledger *consent.Ledger, n int) (asked, acknowledged []time.Duration) {
	t.Helper()
	server, err := ingest.New(ingest.Config{
		Listen: "127.0.0.1:0", Ledger: ledger, Verifier: pseudonym{}, Logger: slog.New(slog.DiscardHandler),
		Limits: ingest.Limits{Sessions: n},
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
		all[i] = openLive(t, ctx, &tasks, server.URL(), i)
	}
	for _, l := range all {
		began := time.Now()
		if err := l.person.Withdraw(ctx); err != nil {
			t.Fatal(err)
		}
		answered := time.Now()
		closed, ok := <-l.closed
		if !ok {
			t.Fatal("a session ended without the close code of a withdrawal")
		}
		asked = append(asked, closed.Sub(began))
		acknowledged = append(acknowledged, max(closed.Sub(answered), 0))
		l.person.Close()
	}
	return asked, acknowledged
}

func openLive(t *testing.T, ctx context.Context, tasks *sync.WaitGroup, url string, i int) *live {
	t.Helper()
	person, err := client.New(client.Config{URL: url, Token: consent.NameOf(i)})
	if err != nil {
		t.Fatal(err)
	}
	stream, err := person.Stream(ctx, client.StreamOptions{})
	if err != nil {
		t.Fatal(err)
	}
	l := &live{person, stream, make(chan time.Time, 1)}
	gone := make(chan struct{})
	tasks.Go(func() {
		defer close(gone)
		defer close(l.closed)
		for {
			_, err := stream.ReceiveLine()
			var closed *client.Error
			if errors.As(err, &closed) && closed.Close == wire.CloseConsent {
				l.closed <- time.Now()
			}
			if err != nil {
				stream.Close()
				return
			}
		}
	})
	tasks.Go(func() {
		// Phones do not send in step.
		phase := time.NewTimer(time.Duration(i*61%1000) * time.Millisecond)
		defer phase.Stop()
		start := time.Now().UnixNano()
		for second := 0; ; second++ {
			select {
			case <-phase.C:
				phase.Reset(time.Second)
			case <-gone:
				return
			case <-ctx.Done():
				stream.Close()
				return
			}
			if stream.Send(motion(start, second), nil) != nil {
				return // the receiving side knows why
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

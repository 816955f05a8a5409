package consent

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const manyPeople = 100_000

// fill writes a ledger of many people into dir the quick way: the entries are
// those that Give writes, but nobody waits for each to be on disk. All said yes
// at the same time.
func fill(b testing.TB, dir string, people int, at time.Time) {
	b.Helper()
	n := current(b)
	s, err := server.NewServer(&server.Options{
		DontListen: true, NoSigs: true, NoLog: true, JetStream: true,
		StoreDir: filepath.Join(dir, storeFolder), MaxPayload: 2 * maxEntry,
	})
	if err != nil {
		b.Fatal(err)
	}
	s.Start()
	defer func() { s.Shutdown(); s.WaitForShutdown() }()
	if !s.ReadyForConnections(startTimeout) {
		b.Fatal("no server")
	}
	conn, err := nats.Connect("", nats.InProcessServer(s))
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn, jetstream.WithPublishAsyncMaxPending(1000))
	if err != nil {
		b.Fatal(err)
	}
	for _, config := range []jetstream.StreamConfig{streamConfig(), registerConfig()} {
		if _, err := js.CreateStream(b.Context(), config); err != nil {
			b.Fatal(err)
		}
	}
	head := genesis
	put := func(subject string, entry any) {
		body, err := encodeEntry(entry)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := js.PublishAsync(subject, body, jetstream.WithStallWait(time.Minute)); err != nil {
			b.Fatal(err)
		}
		head = sha256.Sum256(body)
	}
	at = at.UTC().Truncate(time.Millisecond)
	put(n.subject(), &noticeEntry{Format: entryFormat, Previous: head.String(), At: at, SHA256: n.SHA256, Source: string(n.source)})
	for i := range people {
		w := &who{principal: nameOf(i)}
		binary.LittleEndian.PutUint64(w.secret[:], uint64(i)+1)
		if _, err := js.PublishAsync(personSubject+w.principal, w.secret[:], jetstream.WithStallWait(time.Minute)); err != nil {
			b.Fatal(err)
		}
		record := w.record()
		put(changeSubject+record, &changeEntry{
			Format: entryFormat, Previous: head.String(), Record: record, Revision: 1, Event: EventGiven, State: Given,
			At: at, Method: "http", Categories: []Category{Acceleration}, Recipients: []string{},
			NoticeVersion: n.Version, NoticeSHA256: n.SHA256, GivenAt: at, ExpiresAt: at.Add(DefaultGrantTTL),
		})
	}
	select {
	case <-js.PublishAsyncComplete():
	case <-time.After(time.Minute):
		b.Fatal("the entries were not taken")
	}
}

// nameOf returns the pseudonym of one of many people, in the usual form.
func nameOf(i int) string { return fmt.Sprintf("%052d", i) }

// What the figures need, which are measured from outside with a server.
var (
	FillMany = fill
	NameOf   = nameOf
)

// Stride and ManyPeople are those of the benchmarks here.
const (
	Stride     = stride
	ManyPeople = manyPeople
)

// BenchmarkManyPeople opens a ledger of 100,000 people, audits it, and weighs
// what it keeps of each.
func BenchmarkManyPeople(b *testing.B) {
	dir := b.TempDir()
	clock := newClock()
	fill(b, dir, manyPeople, clock.now())
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		start := time.Now()
		l, err := OpenLedger(b.Context(), LedgerConfig{Dir: dir, Now: clock.now})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(start).Seconds(), "open-s")
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/manyPeople, "heap-B/person")
		start = time.Now()
		if _, err := l.Audit(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(start).Seconds(), "audit-s")
		if !l.Decide(nameOf(manyPeople-1), Acceleration).Allowed {
			b.Fatal("refused")
		}
		if err := l.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkGive renews one person's yes again and again: each is synced to disk,
// read back and signed.
func BenchmarkGive(b *testing.B) {
	l := openTest(b, LedgerConfig{})
	b.ReportAllocs()
	for b.Loop() {
		give(b, l, "ada", Acceleration)
	}
}

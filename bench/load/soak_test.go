package load

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tempogate/tempogate/consent/identity"
)

var (
	soak         = flag.Duration("soak", 0, "load servers with good and bad traffic for so long: make soak DURATION=1h")
	soakSessions = flag.Int("soak-sessions", 200, "good sessions beside the bad ones")
)

const (
	soakRound = 2 * time.Minute  // after which all sessions end and come back
	soakWarm  = 30 * time.Second // the traffic before the first look
	soakIdle  = 10 * time.Second // after which the servers end a silent session

	// What servers may have more than at the start. Goroutines and files: none but
	// those that NATS and the collector have at odd moments. Memory: the entries of
	// the ledger, which only grows, the collector's reserve, and what is kept of the
	// peak for the next one.
	soakMoreGoroutines = 10
	soakMoreFiles      = 10
	soakMoreHeap       = 8 << 20
	soakMoreRSS        = 48 << 20
)

// TestSoak loads two server processes, one plain and one over TLS, with what a good
// and a bad day bring: sessions that send packed frames, JSON and S2, clients that
// do not read, malformed and broken frames, storms of reconnections, withdrawals,
// pushes, half-open connections, clients that vanish. When it is over, and everybody
// is gone, goroutines, memory and open files have to be where they were after a
// first short round of the same, no sample may be left, and the good sessions must
// not have noticed.
func TestSoak(t *testing.T) {
	if *soak == 0 {
		t.Skip("run with -soak 10m, or make soak")
	}
	motions, err := SimulatedMotions(1)
	if err != nil {
		t.Fatal(err)
	}
	plain := startSoaked(t, nil)
	secure := startSoaked(t, plain)
	servers := []*soaked{plain, secure}
	total := &soakTotal{pests: map[string]int{}}
	run := func(d time.Duration) {
		ctx, cancel := context.WithTimeout(t.Context(), d)
		defer cancel()
		var pests sync.WaitGroup
		for _, s := range servers {
			for name, pest := range plagues {
				pests.Go(func() { s.plague(ctx, name, pest, motions, total) })
			}
		}
		for end := time.Now().Add(d); time.Until(end) > 5*time.Second; {
			total.good(t, soakRun(ctx, t, servers, motions, min(soakRound, time.Until(end))))
		}
		cancel()
		pests.Wait()
	}
	run(soakWarm)
	var before, after [2]soakLevel
	for i, s := range servers {
		before[i] = s.settled(t)
	}
	began := time.Now()
	run(*soak)
	lasted := time.Since(began)
	for i, s := range servers {
		after[i] = s.settled(t)
	}
	fmt.Printf("soak_seconds %.0f\n", lasted.Seconds())
	total.print()
	for i, name := range []string{"plain", "tls"} {
		before[i].compare(t, name, after[i])
	}
	for name := range plagues {
		if total.pests[name] == 0 {
			t.Errorf("nothing came of %s", name)
		}
	}
	if total.counts[Inexact]+total.counts[ClosedWrongly]+total.counts[Lost] > 0 {
		t.Errorf("the good sessions noticed: %s", total.notes)
	}
}

// soakRun is one round of good sessions.
func soakRun(ctx context.Context, t *testing.T, servers []*soaked, motions []*Motion, d time.Duration) *Report {
	const ramp = 2 * time.Second
	report, err := Run(ctx, Config{
		URL: servers[0].url, SecureURL: servers[1].url, TLS: servers[1].trust,
		Sessions: *soakSessions, Duration: max(d-ramp-2*time.Second, time.Second), Ramp: ramp,
		Token: servers[0].token, Motions: motions,
		JSON: 0.3, Secure: 0.4, Slow: 0.03, Withdraw: 0.2, Bad: 0.005, Verify: 0.2,
		StormEvery: 15 * time.Second, Storm: 0.3, Seed: uint64(time.Now().UnixNano()),
	})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// soakTotal is what all the traffic came to.
type soakTotal struct {
	counts [counters]int64
	notes  string

	mu    sync.Mutex
	pests map[string]int
}

func (s *soakTotal) good(t *testing.T, r *Report) {
	for c, n := range r.Total.Counts {
		s.counts[c] += n
	}
	if r.Total.Counts[Inexact]+r.Total.Counts[ClosedWrongly]+r.Total.Counts[Lost] > 0 {
		s.notes += string(r.AppendText(nil))
	}
	t.Logf("%d sessions opened so far, %d frames, %d lost", s.counts[Connects], s.counts[Frames], s.counts[Lost])
}

func (s *soakTotal) pest(name string) {
	s.mu.Lock()
	s.pests[name]++
	s.mu.Unlock()
}

// print prints one name and value a line.
func (s *soakTotal) print() {
	for _, c := range []Counter{Connects, Frames, Answered, Lost, Exact, Inexact, ClosedWrongly, BadSent, Withdrawn, Hangups} {
		fmt.Printf("soak_%s %d\n", c, s.counts[c])
	}
	for _, name := range slices.Sorted(maps.Keys(plagues)) {
		fmt.Printf("soak_%s %d\n", name, s.pests[name])
	}
}

// A soakLevel is what a server has when nobody is there.
type soakLevel struct {
	goroutines, files, heap, rss, samples, panics float64
}

// compare prints both levels and finds what did not return.
func (b soakLevel) compare(t *testing.T, server string, a soakLevel) {
	for _, l := range []struct {
		name                string
		before, after, more float64
		unit                float64
	}{
		{"goroutines", b.goroutines, a.goroutines, soakMoreGoroutines, 1},
		{"open_files", b.files, a.files, soakMoreFiles, 1},
		{"heap_mib", b.heap, a.heap, soakMoreHeap + b.heap/10, 1 << 20},
		{"rss_mib", b.rss, a.rss, soakMoreRSS + b.rss/10, 1 << 20},
		{"raw_samples", b.samples, a.samples, 0, 1},
		{"panics", b.panics, a.panics, 0, 1},
	} {
		fmt.Printf("soak_%s_%s_before %.4g\nsoak_%s_%s_after %.4g\n", server, l.name, l.before/l.unit, server, l.name, l.after/l.unit)
		if l.after > l.before+l.more {
			t.Errorf("%s of the %s server were %g and are %g", l.name, server, l.before/l.unit, l.after/l.unit)
		}
	}
	if a.samples != 0 || a.panics != 0 {
		t.Errorf("the %s server has %g samples and had %g panics", server, a.samples, a.panics)
	}
}

// A soaked is a server process under test.
type soaked struct {
	url, admin string
	dir        string
	pid        int
	issuer     *identity.Issuer
	trust      *tls.Config
}

// startSoaked starts the binary. With another server it is one over TLS that takes
// the other's tokens.
func startSoaked(t *testing.T, other *soaked) *soaked {
	s := &soaked{dir: t.TempDir()}
	ready := filepath.Join(s.dir, "ready")
	arguments := []string{
		"serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data-dir", s.dir, "--ready-file", ready,
		"--shed-lateness", "1h", "--idle-timeout", soakIdle.String(),
	}
	if other != nil {
		key, err := os.ReadFile(filepath.Join(other.dir, "identity.key"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(s.dir, "identity.key"), key, 0o600); err != nil {
			t.Fatal(err)
		}
		s.trust = s.certificate(t)
		arguments = append(arguments, "--tls-cert", filepath.Join(s.dir, "cert.pem"), "--tls-key", filepath.Join(s.dir, "key.pem"))
	}
	command := exec.Command(*figureBinary, arguments...)
	command.Stderr = os.Stderr
	if err := command.Start(); err != nil {
		t.Fatalf("%v: build it and name it with -binary, or run make soak", err)
	}
	t.Cleanup(func() {
		command.Process.Signal(os.Interrupt)
		if err := command.Wait(); err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	s.pid = command.Process.Pid
	var addresses struct{ URL, Admin string }
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		text, err := os.ReadFile(ready)
		if err == nil && json.Unmarshal(text, &addresses) == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the server does not come up")
		}
	}
	s.url, s.admin = addresses.URL, addresses.Admin
	var err error
	if s.issuer, err = identity.OpenIssuer(s.dir); err != nil {
		t.Fatal(err)
	}
	return s
}

// token returns the token of a person.
func (s *soaked) token(person int) (string, error) {
	return s.issuer.Token(fmt.Sprint("soak-", person), 24*time.Hour)
}

// certificate writes a certificate for the loopback and returns how to trust it.
func (s *soaked) certificate(t *testing.T) *tls.Config {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(48 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for name, text := range map[string][]byte{"cert.pem": certificate, "key.pem": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})} {
		if err := os.WriteFile(filepath.Join(s.dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(certificate)
	return &tls.Config{RootCAs: roots}
}

// settled waits until everybody is gone and nothing moves any more, and returns what
// there is.
func (s *soaked) settled(t *testing.T) soakLevel {
	t.Helper()
	http.DefaultClient.CloseIdleConnections()
	var level soakLevel
	still := 0
	for deadline := time.Now().Add(3 * time.Minute); still < 3; time.Sleep(time.Second) {
		if time.Now().After(deadline) {
			t.Fatalf("%s does not come to rest: %+v", s.url, level)
		}
		s.get(t, "/debug/pprof/heap?gc=1")
		m := s.metrics(t)
		files := m["process_open_fds"]
		if listed, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.pid)); err == nil { // for its owner it may be closed
			files = float64(len(listed))
		}
		now := soakLevel{
			goroutines: m["go_goroutines"], files: files, heap: m["go_memstats_heap_alloc_bytes"],
			rss: m["process_resident_memory_bytes"], samples: m["tempogate_raw_samples_resident"], panics: m["tempogate_panics_total"],
		}
		still++
		if m["tempogate_sessions"] > 0 || now.goroutines != level.goroutines || now.files != level.files {
			still = 0
		}
		level = now
	}
	return level
}

func (s *soaked) get(t *testing.T, path string) string {
	t.Helper()
	resp, err := http.Get(s.admin + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// metrics returns the series without labels.
func (s *soaked) metrics(t *testing.T) map[string]float64 {
	t.Helper()
	all := map[string]float64{}
	lines := bufio.NewScanner(strings.NewReader(s.get(t, "/metrics")))
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		var v float64
		if _, err := fmt.Sscan(value, &v); err == nil {
			all[name] = v
		}
	}
	return all
}

package load

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tempogate/tempogate/consent/identity"
)

var (
	figures        = flag.Bool("figures", false, "measure and print the figures of make bench-ingest")
	figureBinary   = flag.String("binary", "", "the tempogate binary to measure")
	figureSessions = flag.Int("sessions", 4000, "sessions of each run")
	figureSeconds  = flag.Int("seconds", 20, "seconds of each run, after the ramp")
)

// TestFigures prints what a frame and a session cost beside what they cost with
// bare servers: ours, one of gorilla/websocket and one of gws, in turn on the
// same machine, each a process of its own that is sent the same frames and
// answers as many bytes. They take two turns, and the better one of each counts:
// on a machine that others use too, the worse one tells of them.
func TestFigures(t *testing.T) {
	if !*figures {
		t.Skip("run with -figures, or make bench-ingest")
	}
	motions, err := SimulatedMotions(1)
	if err != nil {
		t.Fatal(err)
	}
	config := Config{Sessions: *figureSessions, Duration: time.Duration(*figureSeconds) * time.Second, Motions: motions, Seed: 1}
	var best [3]figure
	answer := 0
	for turn := range 2 {
		for i, server := range []string{"tempogate", "gorilla", "gws"} {
			var f figure
			if i == 0 {
				f = measureOurs(t, config)
				answer = f.answerBytes
			} else {
				f = measureBare(t, config, fmt.Sprintf("%s %d", server, answer))
			}
			fmt.Fprintf(os.Stderr, "%-10s %6.1f µs a frame, %5.1f KiB a session, p50 %.2f ms, p99 %.2f ms, answers of %d bytes\n",
				server, f.cpu, f.memory, f.p50, f.p99, f.answerBytes)
			if turn == 0 || f.cpu < best[i].cpu {
				best[i] = f
			}
		}
	}
	ours, gorilla, gws := best[0], best[1], best[2]
	for _, line := range []struct {
		name  string
		value float64
	}{
		{"cpu_per_frame_us", ours.cpu}, {"bare_cpu_per_frame_us", gorilla.cpu}, {"cpu_per_frame_ratio", ours.cpu / gorilla.cpu},
		{"rss_per_session_kib", ours.memory}, {"bare_rss_per_session_kib", gorilla.memory}, {"rss_per_session_ratio", ours.memory / gorilla.memory},
		{"p50_ms", ours.p50}, {"p99_ms", ours.p99}, {"bare_p50_ms", gorilla.p50}, {"bare_p99_ms", gorilla.p99},
		{"p50_ratio", ours.p50 / gorilla.p50}, {"p99_ratio", ours.p99 / gorilla.p99},
		{"gws_cpu_per_frame_us", gws.cpu}, {"cpu_per_frame_ratio_gws", ours.cpu / gws.cpu}, {"gws_rss_per_session_kib", gws.memory},
		{"gws_p50_ms", gws.p50}, {"gws_p99_ms", gws.p99},
		{"frame_allocs", ours.allocs}, {"bytes_per_sample", ours.bytesPerSample},
	} {
		fmt.Printf("%s %.3g\n", line.name, line.value)
	}
}

// A figure is what a run says of a server.
type figure struct {
	cpu            float64 // µs a frame
	memory         float64 // KiB a session, beyond what the server has without sessions
	p50, p99       float64 // ms
	answerBytes    int     // mean
	allocs         float64 // a frame; ours only
	bytesPerSample float64
}

// measure runs the load against a server process.
func measure(t *testing.T, config Config, pid int, look func(Interval)) figure {
	_, before, _ := newUsage([]int{pid}).now()
	config.PIDs = []int{pid}
	config.Tell = look
	report, err := Run(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	c := &report.Total.Counts
	if c[Lost] > 0 || c[ClosedWrongly] > 0 || c[ConnectFailed] > 0 {
		t.Errorf("frames were lost, or sessions closed:\n%s", report.AppendText(nil))
	}
	readings := 100 * float64(c[Sent])
	server := report.Server()
	return figure{
		cpu:            float64(server.CPUPerFrame) / 1e3,
		memory:         float64(server.Memory-before) / 1024 / float64(config.Sessions),
		p50:            milliseconds(report.Measured.Quantile(Latency, 50)),
		p99:            milliseconds(report.Measured.Quantile(Latency, 99)),
		answerBytes:    int(c[DataReceived] / max(c[Received], 1)),
		bytesPerSample: float64(c[DataSent]) / readings,
	}
}

// measureBare starts a bare server and loads it.
func measureBare(t *testing.T, config Config, what string) figure {
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), bareVariable+"="+what)
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	defer command.Wait()
	defer in.Close()
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	config.URL, config.Plain = strings.TrimSpace(address), true
	return measure(t, config, command.Process.Pid, nil)
}

// A node is a process of the binary that is measured.
type node struct {
	URL, Admin string
	pid        int
	token      func(person int) (string, error)
}

// startNode starts the binary. It ends with the test.
func startNode(t *testing.T, flags ...string) node {
	t.Helper()
	dir := t.TempDir()
	ready := filepath.Join(dir, "ready")
	command := exec.Command(*figureBinary, append([]string{
		"serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data-dir", dir, "--ready-file", ready}, flags...)...)
	command.Stderr = io.Discard
	if err := command.Start(); err != nil {
		t.Fatalf("%v: build it and name it with -binary, or run make bench-ingest", err)
	}
	t.Cleanup(func() {
		command.Process.Signal(os.Interrupt)
		command.Wait()
	})
	n := node{pid: command.Process.Pid}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		text, err := os.ReadFile(ready)
		if err == nil && json.Unmarshal(text, &n) == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the server does not come up")
		}
	}
	issuer, err := identity.OpenIssuer(dir)
	if err != nil {
		t.Fatal(err)
	}
	n.token = func(person int) (string, error) { return issuer.Token(fmt.Sprint(person), time.Hour) }
	return n
}

// measureOurs starts the binary and loads it.
func measureOurs(t *testing.T, config Config) (f figure) {
	t.Run("ours", func(t *testing.T) { f = measureNode(t, config) }) // it ends with this test
	return f
}

func measureNode(t *testing.T, config Config) figure {
	// What is measured is what a frame costs, not when it is refused.
	n := startNode(t, "--shed-lateness", "1h")
	config.URL, config.Token = n.URL, n.token

	// Allocations are counted while all sessions are live and nobody comes or goes.
	// What the server allocates without any, for its ledger's store and for being
	// asked, is counted before and taken off.
	type count struct {
		at              time.Time
		mallocs, frames float64
	}
	look := func() (c count) {
		c.at = time.Now()
		c.mallocs, c.frames = scrape(t, n.Admin)
		return c
	}
	time.Sleep(idleSeconds * time.Second) // the start is over
	look()
	idle := []count{look()}
	time.Sleep(idleSeconds * time.Second)
	idle = append(idle, look())
	perSecond := (idle[1].mallocs - idle[0].mallocs) / idle[1].at.Sub(idle[0].at).Seconds()

	var live [2]count
	ramp := int(2*time.Millisecond*time.Duration(config.Sessions)/time.Second) + 1
	seconds := int(config.Duration / time.Second)
	f := measure(t, config, n.pid, func(i Interval) {
		switch i.Second {
		case ramp + seconds/3:
			live[0] = look()
		case ramp + seconds - 3:
			live[1] = look()
		}
	})
	mallocs := live[1].mallocs - live[0].mallocs - perSecond*live[1].at.Sub(live[0].at).Seconds()
	f.allocs = max(mallocs, 0) / (live[1].frames - live[0].frames)
	return f
}

// idleSeconds is for how long a server without sessions is watched.
const idleSeconds = 5

// scrape reads from a server's metrics how much it has allocated, and how many
// frames it has taken.
func scrape(t *testing.T, admin string) (mallocs, frames float64) {
	resp, err := http.Get(admin + "/metrics")
	if err != nil {
		t.Error(err)
		return 0, 0
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		var v float64
		fmt.Sscan(value, &v)
		switch {
		case name == "go_memstats_mallocs_total":
			mallocs = v
		case strings.HasPrefix(name, "tempogate_frames_total"):
			frames += v
		}
	}
	return mallocs, frames
}

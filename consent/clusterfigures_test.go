package consent_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tempogate/tempogate/bench/load"
	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/consent/identity"
	"github.com/tempogate/tempogate/ingest"
)

var (
	clusterFigures  = flag.Bool("cluster-figures", false, "measure and print the figures of make bench-cluster")
	clusterBinary   = flag.String("binary", "", "the tempogate binary to measure")
	clusterSessions = flag.Int("cluster-sessions", 10_000, "live sessions over three nodes")
)

func init() { consent.Children["node"] = beNode }

// beNode is a node with the ledger in the cluster at NODE_NATS, in a process of its
// own: one process may not have all the files that the sessions need. It prints its
// address, and ends with its standard input.
func beNode(dir string) error {
	ledger, err := consent.OpenLedger(context.Background(), consent.LedgerConfig{Dir: dir, NATSURL: os.Getenv(nodeVariable)})
	if err != nil {
		return err
	}
	server, err := ingest.New(ingest.Config{
		Listen: "127.0.0.1:0", Ledger: ledger, Verifier: pseudonym{}, Logger: slog.New(slog.DiscardHandler),
		Limits: ingest.Limits{Sessions: 1 << 20}, ShedLateness: time.Minute,
	})
	if err != nil {
		return err
	}
	if err := server.Listen(); err != nil {
		return err
	}
	fmt.Println(server.URL())
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	return errors.Join(server.Serve(ctx), ledger.Close())
}

const nodeVariable = "TEMPOGATE_CONSENT_NODE_NATS"

// nodeProcess starts one, which ends with the test.
func nodeProcess(t *testing.T, nats string) (url string) {
	t.Helper()
	command := consent.Child(t, "node", t.TempDir())
	command.Env = append(command.Env, nodeVariable+"="+nats)
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
	t.Cleanup(func() {
		in.Close()
		if err := command.Wait(); err != nil {
			t.Error(err)
		}
	})
	url, err = bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(url)
}

// With so many sessions on the two processors that three nodes, three NATS servers
// and all clients share, each sends a second of motion in every tenth.
const (
	clusterEvery       = 10 * time.Second
	clusterWithdrawals = 2000 // of the sessions
)

// TestClusterFigures measures what a cluster costs and how fast a withdrawal gets
// through it: three nodes on three NATS servers that keep three replicas and sync
// each write, all on this machine. It prints a name and a value a line.
func TestClusterFigures(t *testing.T) {
	if !*clusterFigures {
		t.Skip("run with -cluster-figures, or make bench-cluster")
	}
	t.Run("withdrawal", measureWithdrawals)
	t.Run("cpu", measureClusterCPU)
}

// movedCluster starts a cluster and moves a ledger of many people into it: they
// would take long to say yes one by one.
func movedCluster(t *testing.T, people int) (urls []string, config consent.LedgerConfig) {
	t.Helper()
	from := consent.LedgerConfig{Dir: t.TempDir()}
	consent.FillMany(t, from.Dir, people, time.Now())
	if _, err := identity.OpenIssuer(from.Dir); err != nil {
		t.Fatal(err)
	}
	ledger, err := consent.OpenLedger(t.Context(), from) // makes the key of the receipts
	if err != nil {
		t.Fatal(err)
	}
	if err := ledger.Close(); err != nil {
		t.Fatal(err)
	}
	key, err := identity.MovingKey(from.Dir)
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if _, err := consent.ExportLedger(t.Context(), from, consent.Moving{Key: key}, &file); err != nil {
		t.Fatal(err)
	}
	cluster := consent.StartCluster(t, 3, "")
	to := consent.LedgerConfig{Dir: from.Dir, NATSURL: cluster.URL()}
	consent.InitTest(t, to)
	began := time.Now()
	if _, err := consent.ImportLedger(t.Context(), to, consent.Moving{Key: key}, bytes.NewReader(file.Bytes())); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(os.Stderr, "%d people moved into the cluster in %.1f s\n", people, time.Since(began).Seconds())
	for i := range 3 {
		urls = append(urls, cluster.URL(i))
	}
	return urls, to
}

// measureWithdrawals opens sessions on three nodes and withdraws from some of
// them, each through another node than the one that has the session.
func measureWithdrawals(t *testing.T) {
	n := *clusterSessions
	servers, _ := movedCluster(t, n)
	var nodes []string
	for i := range 3 {
		nodes = append(nodes, nodeProcess(t, servers[i]))
	}
	var tasks sync.WaitGroup
	defer tasks.Wait()
	all := make([]*live, n)
	began := time.Now()
	for i := range all {
		all[i] = openLive(t, t.Context(), &tasks, nodes[i%3], i, clusterEvery)
	}
	defer func() {
		for _, l := range all {
			l.stream.Close()
			l.person.Close()
		}
	}()
	fmt.Fprintf(os.Stderr, "%d sessions opened in %.1f s\n", n, time.Since(began).Seconds())
	time.Sleep(clusterEvery) // each has sent

	var w withdrawn
	for k := range min(clusterWithdrawals, n) {
		i := k * (n / min(clusterWithdrawals, n))
		elsewhere := callerOf(t, nodes[(i+1+k%2)%3], consent.NameOf(i))
		w.from(t, all[i], elsewhere)
		elsewhere.Close()
	}
	for _, f := range []struct {
		name  string
		value float64
	}{
		{"sessions", float64(n)},
		{"withdraw_to_close_elsewhere_p50_ms", quantile(w.asked, 0.50)},
		{"withdraw_to_close_elsewhere_p99_ms", quantile(w.asked, 0.99)},                     // from the DELETE being sent to one node to the close code being read from another
		{"withdraw_acknowledged_to_close_elsewhere_p99_ms", quantile(w.acknowledged, 0.99)}, // from the answer to it
		{"bare_request_p99_ms", quantile(w.bare, 0.99)},                                     // GET /v1/keys right before: how late this machine is anyway
	} {
		fmt.Printf("%s %.4g\n", f.name, f.value)
	}
}

// measureClusterCPU loads one server process, with its ledger embedded and in the
// cluster, in turn, and compares what a frame costs it. What the NATS servers cost
// is theirs. The better one of three turns of each counts: on a machine that others
// use too, a worse one tells of them.
func measureClusterCPU(t *testing.T) {
	const sessions = 2000
	servers, _ := movedCluster(t, 10)
	motions, err := load.SimulatedMotions(1)
	if err != nil {
		t.Fatal(err)
	}
	config := load.Config{Sessions: sessions, Duration: 20 * time.Second, Motions: motions, Seed: 1}
	best := map[string]time.Duration{}
	for range 3 {
		for name, arguments := range map[string][]string{"embedded": nil, "cluster": {"--nats", servers[0] + "," + servers[1] + "," + servers[2]}} {
			cost := cpuPerFrame(t, config, arguments...)
			fmt.Fprintf(os.Stderr, "%-8s %v a frame\n", name, cost)
			if best[name] == 0 || cost < best[name] {
				best[name] = cost
			}
			runtime.GC()
		}
	}
	fmt.Printf("embedded_cpu_per_frame_us %.3g\n", float64(best["embedded"])/1e3)
	fmt.Printf("cluster_cpu_per_frame_us %.3g\n", float64(best["cluster"])/1e3)
	fmt.Printf("cpu_per_frame_cluster_ratio %.3f\n", float64(best["cluster"])/float64(best["embedded"]))
}

// cpuPerFrame starts the binary, loads it, and returns what a frame costs it.
func cpuPerFrame(t *testing.T, config load.Config, arguments ...string) time.Duration {
	t.Helper()
	dir := t.TempDir()
	ready := filepath.Join(dir, "ready")
	command := exec.Command(*clusterBinary, append([]string{"serve", "--listen", "127.0.0.1:0", "--admin", "", "--data-dir", dir,
		"--ready-file", ready, "--shed-lateness", "1h"}, arguments...)...)
	command.Stderr = io.Discard
	if err := command.Start(); err != nil {
		t.Fatalf("%v: build it and name it with -binary, or run make bench-cluster", err)
	}
	defer command.Wait()
	defer command.Process.Signal(os.Interrupt)
	var address struct{ URL string }
	soon(t, "the server comes up", func() error {
		text, err := os.ReadFile(ready)
		if err != nil {
			return err
		}
		return json.Unmarshal(text, &address)
	})
	issuer, err := identity.OpenIssuer(dir)
	if err != nil {
		t.Fatal(err)
	}
	config.URL = address.URL
	config.Token = func(person int) (string, error) { return issuer.Token(fmt.Sprint(person), time.Hour) }
	config.PIDs = []int{command.Process.Pid}
	report, err := load.Run(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	if c := &report.Total.Counts; c[load.Lost] > 0 || c[load.ClosedWrongly] > 0 || c[load.ConnectFailed] > 0 {
		t.Errorf("frames were lost, or sessions closed:\n%s", report.AppendText(nil))
	}
	return report.Server().CPUPerFrame
}

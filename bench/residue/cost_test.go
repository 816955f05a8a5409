package residue_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tempogate/tempogate/bench/load"
	"github.com/tempogate/tempogate/bench/residue"
)

var (
	figures        = flag.Bool("figures", false, "measure and print what clearing costs, for make bench-residue")
	figureBinary   = flag.String("binary", "", "the tempogate binary")
	figureKeeping  = flag.String("keeping", "", "the same, built with -tags noclear")
	figureSessions = flag.Int("sessions", 1500, "sessions of each server")
	figureSeconds  = flag.Int("seconds", 10, "seconds of each run, after the ramp")
	figureTurns    = flag.Int("turns", 6, "runs of both binaries")
)

// TestCostOfClearing prints what clearing costs of the processor time for a frame:
// two servers, one of which clears nothing, are sent the same at the same time, so
// that whatever else the machine does befalls both. The median over the turns
// counts, and that of the ratio of the two of each turn.
func TestCostOfClearing(t *testing.T) {
	if !*figures {
		t.Skip("run with -figures, or make bench-residue")
	}
	motions, err := load.SimulatedMotions(1)
	if err != nil {
		t.Fatal(err)
	}
	config := load.Config{
		Sessions: *figureSessions, Duration: time.Duration(*figureSeconds) * time.Second, Rate: 2, Motions: motions, Seed: 1,
	}
	for _, secure := range []float64{0, 1} {
		config.Secure = secure
		var clearing, keeping, ratios []float64
		for turn := range *figureTurns {
			var first, second float64
			var both errgroup.Group
			both.Go(func() (err error) { first, err = cpuPerFrame(t, *figureBinary, config); return })
			both.Go(func() (err error) { second, err = cpuPerFrame(t, *figureKeeping, config); return })
			if err := both.Wait(); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(os.Stderr, "turn %d of %d, TLS %v: %.1f µs a frame, %.1f without clearing\n", turn+1, *figureTurns, secure == 1, first, second)
			clearing, keeping, ratios = append(clearing, first), append(keeping, second), append(ratios, first/second)
		}
		prefix := ""
		if secure == 1 {
			prefix = "tls_"
		}
		fmt.Printf("%sclearing_cpu_per_frame_us %.3g\n", prefix, median(clearing))
		fmt.Printf("%skeeping_cpu_per_frame_us %.3g\n", prefix, median(keeping))
		fmt.Printf("%sclearing_cost_percent %.2f\n", prefix, 100*(median(ratios)-1))
	}
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// cpuPerFrame starts a server, loads it, and returns its processor time in µs for
// each frame.
func cpuPerFrame(t *testing.T, binary string, config load.Config) (float64, error) {
	server, err := residue.Start(t.Context(), []string{binary, "serve", "--shed-lateness", "1h"}, t.TempDir(), config.Secure == 1)
	if err != nil {
		return 0, fmt.Errorf("%w: build it and name it with -binary and -keeping, or run make bench-residue", err)
	}
	defer server.Stop()
	config.URL, config.SecureURL, config.TLS, config.Token = server.URL, server.URL, server.TLS, server.Token
	config.PIDs = []int{server.PID}
	report, err := load.Run(t.Context(), config)
	if err != nil {
		return 0, err
	}
	if c := &report.Total.Counts; c[load.Lost] > 0 || c[load.ClosedWrongly] > 0 || c[load.ConnectFailed] > 0 {
		return 0, fmt.Errorf("frames were lost, or sessions closed:\n%s", report.AppendText(nil))
	}
	return float64(report.Server().CPUPerFrame) / 1e3, nil
}

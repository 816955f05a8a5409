package load

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

var overload = flag.Bool("overload", false, "measure and print the figures of make bench-overload")

// TestOverload prints what becomes of the sessions of a node that is offered 1.5
// times the frames that it can carry, and of those who come right after. The
// server runs on one processor and the load on the others, so that what is short
// is the server's processor and nothing else. What it can carry is taken from
// what a frame costs when it has much to do: a third less than when it has little,
// as it then wakes less often.
func TestOverload(t *testing.T) {
	if !*overload {
		t.Skip("run with -overload, or make bench-overload")
	}
	if runtime.NumCPU() < 2 {
		t.Skip("the server needs a processor of its own")
	}
	motions, err := SimulatedMotions(1)
	if err != nil {
		t.Fatal(err)
	}
	n := startOnFirst(t)
	run := func(config Config) *Report {
		config.URL, config.Token, config.PIDs, config.Motions, config.Seed = n.URL, n.token, []int{n.pid}, motions, 1
		config.Tell = func(i Interval) {
			if i.Second%5 == 0 {
				fmt.Fprintf(os.Stderr, "%3d s  %5d sessions  %5d frames  p99 %6.1f ms  refused %d\n",
					i.Second, i.Sessions, i.Counts[Answered], milliseconds(i.Quantile(Latency, 99)), i.Counts[Shed])
			}
		}
		report, err := Run(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		return report
	}

	const rate = 3 // frames a second of a session
	offer := func(carries float64, duration time.Duration) *Report {
		return run(Config{Sessions: int(1.5 * carries / rate), Rate: rate, Duration: duration})
	}
	carries := 2000.
	for range 2 { // the second time it has much to do
		carries = float64(time.Second) / float64(offer(carries, 15*time.Second).Server().CPUPerFrame)
	}
	heavy := offer(carries, time.Minute)
	after := run(Config{Sessions: 1000, Rate: 1, Duration: 10 * time.Second})

	answered := float64(heavy.Measured.Counts[Answered]) / heavy.Duration.Seconds()
	for _, line := range []struct {
		name  string
		value float64
	}{
		{"can_carry_frames_per_second", carries},
		{"offered_frames_per_second", 1.5 * carries},
		{"carried_frames_per_second", answered},
		{"overload_shed", float64(heavy.Total.Counts[Shed])},
		{"overload_sent_away", float64(heavy.Total.Counts[Drained])},
		{"overload_frames_lost", float64(heavy.Total.Counts[Lost])},
		{"overload_closed_wrongly", float64(heavy.Total.Counts[ClosedWrongly])},
		{"overload_p50_ms", milliseconds(heavy.Measured.Quantile(Latency, 50))},
		{"overload_p99_ms", milliseconds(heavy.Measured.Quantile(Latency, 99))},
		{"after_refused", float64(after.Total.Counts[Shed])},
		{"after_p99_ms", milliseconds(after.Measured.Quantile(Latency, 99))},
	} {
		fmt.Printf("%s %.4g\n", line.name, line.value)
	}
}

// startOnFirst starts a node on the first processor of this process, and keeps
// this process off it.
func startOnFirst(t *testing.T) node {
	runtime.LockOSThread() // what a thread starts runs where the thread may
	defer runtime.UnlockOSThread()
	var all unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		t.Fatal(err)
	}
	first := 0
	for !all.IsSet(first) {
		first++
	}
	var one unix.CPUSet
	one.Set(first)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		t.Fatal(err)
	}
	n := startNode(t)
	all.Clear(first)
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		if err == nil {
			err = unix.SchedSetaffinity(id, &all)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return n
}

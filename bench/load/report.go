package load

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"text/tabwriter"
	"time"
)

// A Report is what came out of a run.
type Report struct {
	Command  string // that did it
	Target   string
	Began    time.Time
	Sessions int // that were asked for
	Ramp     time.Duration
	Duration time.Duration
	Rate     float64 // frames a second of a session
	Motions  []string

	Seconds  []Interval     // in order
	Total    Interval       // all of them
	Measured Interval       // those after the ramp
	Notes    map[string]int // what went wrong, and how often
	Outcomes []Outcome      // of the thresholds

	mu sync.Mutex
}

func newReport(c *Config, began time.Time) *Report {
	r := &Report{Target: c.URL, Began: began, Sessions: c.Sessions, Ramp: c.Ramp, Duration: c.Duration, Rate: c.Rate, Notes: map[string]int{}}
	if c.Secure > 0 {
		r.Target += " and " + c.SecureURL
	}
	for _, m := range c.Motions {
		r.Motions = append(r.Motions, m.Name)
	}
	return r
}

// rampSeconds is how many intervals belong to the ramp.
func (r *Report) rampSeconds() int { return int((r.Ramp + time.Second - 1) / time.Second) }

// add takes an interval in. Those of the same second are put together.
func (r *Report) add(i Interval) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Total.Add(&i)
	if i.Second >= r.rampSeconds() {
		r.Measured.Add(&i)
	}
	at, found := slices.BinarySearchFunc(r.Seconds, i.Second, func(x Interval, second int) int { return x.Second - second })
	if !found {
		r.Seconds = slices.Insert(r.Seconds, at, i)
		return
	}
	same := &r.Seconds[at]
	same.Add(&i)
	same.Sessions += i.Sessions
	same.OwnCPU += i.OwnCPU
	same.CPU, same.Memory = max(same.CPU, i.CPU), max(same.Memory, i.Memory) // each process watches the same ones
}

// of returns the interval that counts for a trend: what happens to frames after
// the ramp, and to sessions in the whole run, for most are opened in the ramp.
func (r *Report) of(t Trend) *Interval {
	switch t {
	case Latency, ServiceTime, LatencyFlooded, LatencyBetween:
		return &r.Measured
	}
	return &r.Total
}

// steady returns the first and the last second in which all sessions were to be
// live, nil where the run was too short.
func (r *Report) steady() (from, to *Interval) {
	last := r.rampSeconds() + int(r.Duration/time.Second) - 1
	for i := range r.Seconds {
		if s := &r.Seconds[i]; s.Second >= r.rampSeconds() && s.Second <= last {
			if from == nil {
				from = s
			}
			to = s
		}
	}
	if from == to {
		return nil, nil
	}
	return from, to
}

// A Server is what the watched processes used.
type Server struct {
	CPUPerFrame time.Duration // processor time a frame
	Cores       float64       // processors used, on average
	Memory      int64         // bytes resident at the end
	OwnPerFrame time.Duration // what the load generator itself used a frame
}

// Server returns what the server used while all sessions were live. It is zero
// where no process was watched.
func (r *Report) Server() Server {
	from, to := r.steady()
	if from == nil {
		return Server{}
	}
	frames := int64(0)
	for i := range r.Seconds {
		if s := &r.Seconds[i]; s.Second > from.Second && s.Second <= to.Second {
			frames += s.Counts[Frames]
		}
	}
	per := func(d time.Duration) time.Duration { return d / time.Duration(max(frames, 1)) }
	return Server{
		CPUPerFrame: per(to.CPU - from.CPU), OwnPerFrame: per(to.OwnCPU - from.OwnCPU),
		Cores:  float64(to.CPU-from.CPU) / float64(time.Duration(to.Second-from.Second)*time.Second),
		Memory: to.Memory,
	}
}

// Judge holds the run against thresholds, and reports whether it passes all.
func (r *Report) Judge(thresholds []*Threshold) bool {
	passed := true
	for _, t := range thresholds {
		outcome := t.Judge(r)
		r.Outcomes = append(r.Outcomes, outcome)
		passed = passed && !outcome.Failed
	}
	return passed
}

// worstNote returns what went wrong most often.
func (r *Report) worstNote() string {
	worst, most := "no error was seen", 0
	for note, n := range r.Notes {
		if n > most {
			worst, most = note, n
		}
	}
	return worst
}

// addressless says what kind of network error err is, without its addresses.
// "" for other errors.
func addressless(err error) string {
	var op *net.OpError
	if !errors.As(err, &op) {
		return ""
	}
	cause := op.Err
	var call *os.SyscallError
	if errors.As(cause, &call) {
		cause = call.Err
	}
	var number syscall.Errno
	if errors.As(cause, &number) {
		return op.Op + ": " + number.Error()
	}
	return op.Op + ": " + cause.Error()
}

// quantiles of the text and the JSON report.
var quantiles = []string{"min", "med", "avg", "p90", "p95", "p99", "p99.9", "max"}

// AppendText appends the report for a terminal.
func (r *Report) AppendText(dst []byte) []byte {
	var b strings.Builder
	c := &r.Total.Counts
	fmt.Fprintf(&b, "%d sessions for %v after a ramp of %v, %g frames a second each, to %s\n\n", r.Sessions, r.Duration, r.Ramp, r.Rate, r.Target)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\t%s\t\n", strings.Join(quantiles, "\t"))
	for t := range trends {
		if r.of(t).Trends[t] == nil {
			continue
		}
		fmt.Fprintf(w, "%s\t", t)
		for _, q := range quantiles {
			fmt.Fprintf(w, "%s\t", short(r.of(t).stat(t, q)))
		}
		fmt.Fprintln(w)
	}
	w.Flush()
	fmt.Fprintln(&b)
	for n, name := range counterNames {
		if c[n] != 0 || Counter(n) == Lost {
			fmt.Fprintf(&b, "%-20s %d\n", name, c[n])
		}
	}
	rate := func(name string, right, of Counter) {
		if c[of] > 0 {
			fmt.Fprintf(&b, "%-20s %.2f %%\n", name, 100*float64(c[right])/float64(c[of]))
		}
	}
	rate("activity_right", ActivitiesRight, Activities)
	rate("cadence_right", CadencesRight, Cadences)
	for _, code := range slices.Sorted(maps.Keys(r.Total.Closes)) {
		fmt.Fprintf(&b, "closed with %-8d %d\n", code, r.Total.Closes[code])
	}
	if quiet := r.Measured.Quantile(LatencyBetween, 99); quiet > 0 {
		fmt.Fprintf(&b, "p99 while flooded    %.2f times that between floods\n", float64(r.Measured.Quantile(LatencyFlooded, 99))/float64(quiet))
	}
	if s := r.Server(); s.Memory > 0 {
		fmt.Fprintf(&b, "server cpu a frame   %s (%.2f processors)\nserver memory        %.1f MiB, %.1f KiB a session\n",
			short(s.CPUPerFrame), s.Cores, float64(s.Memory)/(1<<20), float64(s.Memory)/1024/float64(max(r.Sessions, 1)))
	}
	if s := r.Server(); s.OwnPerFrame > 0 {
		fmt.Fprintf(&b, "own cpu a frame      %s\n", short(s.OwnPerFrame))
	}
	for _, note := range slices.Sorted(maps.Keys(r.Notes)) {
		fmt.Fprintf(&b, "%6d times: %s\n", r.Notes[note], note)
	}
	for _, o := range r.Outcomes {
		verdict := "passed"
		if o.Failed {
			verdict = "FAILED"
		}
		fmt.Fprintf(&b, "%s: fail if %s: %s\n", verdict, o.Threshold, o.Value)
	}
	return append(dst, b.String()...)
}

// short writes a duration with three digits.
func short(d time.Duration) string {
	unit, name := time.Second, "s"
	switch {
	case d < time.Millisecond:
		unit, name = time.Microsecond, "µs"
	case d < time.Second:
		unit, name = time.Millisecond, "ms"
	}
	return strconv.FormatFloat(float64(d)/float64(unit), 'g', 3, 64) + name
}

// JSON returns the report for other programs: metrics under k6's names where k6
// has one, times in milliseconds.
func (r *Report) JSON() ([]byte, error) {
	type object = map[string]any
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	metrics := object{}
	for t := range trends {
		if r.of(t).Trends[t] == nil {
			continue
		}
		trend := object{"type": "trend", "unit": "ms"}
		for _, q := range quantiles {
			trend[q] = ms(r.of(t).stat(t, q))
		}
		metrics[t.String()] = trend
	}
	spent := float64(len(r.Seconds))
	for n, name := range counterNames {
		metrics[name] = object{"type": "counter", "count": r.Total.Counts[n], "rate": float64(r.Total.Counts[n]) / max(spent, 1)}
	}
	for name, pair := range rates {
		if of := r.Total.Counts[pair[1]]; of > 0 {
			metrics[name] = object{"type": "rate", "rate": float64(r.Total.Counts[pair[0]]) / float64(of), "of": of}
		}
	}
	metrics["checks"] = r.checks()
	metrics["vus"] = object{"type": "gauge", "value": r.live()}
	metrics["vus_max"] = object{"type": "gauge", "value": r.Sessions}
	var seconds []object
	for i := range r.Seconds {
		s := &r.Seconds[i]
		seconds = append(seconds, object{
			"second": s.Second, "sessions": s.Sessions, "frames": s.Counts[Frames], "answered": s.Counts[Answered], "shed": s.Counts[Shed],
			"p50_ms": ms(s.Quantile(Latency, 50)), "p99_ms": ms(s.Quantile(Latency, 99)), "max_ms": ms(s.Quantile(Latency, 100)),
			"server_cpu_s": s.CPU.Seconds(), "server_memory_bytes": s.Memory,
		})
	}
	server := r.Server()
	return json.MarshalIndent(object{
		"command": r.Command, "target": r.Target, "began": r.Began.UTC().Format(time.RFC3339), "go": runtime.Version(), "processors": runtime.NumCPU(),
		"sessions": r.Sessions, "ramp_s": r.Ramp.Seconds(), "duration_s": r.Duration.Seconds(), "frames_per_second": r.Rate, "motions": r.Motions,
		"metrics": metrics, "closes": r.Total.Closes, "errors": r.Notes, "thresholds": r.Outcomes, "seconds": seconds,
		"server": object{"cpu_per_frame_us": float64(server.CPUPerFrame) / 1e3, "processors": server.Cores, "memory_bytes": server.Memory,
			"memory_per_session_kib": float64(server.Memory) / 1024 / float64(max(r.Sessions, 1))},
		"load": object{"cpu_per_frame_us": float64(server.OwnPerFrame) / 1e3},
	}, "", "  ")
}

// live returns how many sessions were live at most.
func (r *Report) live() (most int64) {
	for i := range r.Seconds {
		most = max(most, r.Seconds[i].Sessions)
	}
	return most
}

// checks is k6's: how many of all checks were passed.
func (r *Report) checks() map[string]any {
	c := &r.Total.Counts
	passes := c[ActivitiesRight] + c[CadencesRight] + c[Exact]
	of := c[Activities] + c[Cadences] + c[Exact] + c[Inexact]
	return map[string]any{"type": "rate", "rate": float64(passes) / float64(max(of, 1)), "passes": passes, "fails": of - passes}
}

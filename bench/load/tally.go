package load

import (
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// A Counter is something that is counted. The names of the first ones are those
// of k6's WebSocket metrics.
type Counter int

// The counters.
const (
	Connects         Counter = iota // sessions opened
	Sent                            // messages sent whole
	Received                        // messages received
	DataSent                        // bytes sent
	DataReceived                    // bytes received
	Frames                          // frames of motion that were due
	Answered                        // answers to them
	Lost                            // of these, never answered although their session lived on
	CutOff                          // of these, never answered because their session ended
	Estimates                       // estimates received
	Activities                      // estimates held against a known activity
	ActivitiesRight                 // of these, right
	Cadences                        // estimates held against a known cadence
	CadencesRight                   // of these, within 4 %
	Exact                           // answers that are what our own classifier says, byte by byte
	Inexact                         // answers that are not
	BadSent                         // malformed frames sent
	Withdrawn                       // withdrawals sent
	Hangups                         // connections dropped for a storm
	Shed                            // refused with 429 or 503
	ConnectFailed                   // not opened for another reason
	ClosedAsExpected                // closed by the server for what this program did
	Drained                         // closed because the node goes away
	ClosedWrongly                   // closed by the server, or broken, for no reason of ours
	FloodFrames                     // frames of floods
	FloodsClosed                    // floods that the server ended
	counters
)

var counterNames = [counters]string{
	"ws_sessions", "ws_msgs_sent", "ws_msgs_received", "data_sent", "data_received",
	"frames", "frames_answered", "frames_lost", "frames_cut_off", "estimates",
	"activities_checked", "activities_right", "cadences_checked", "cadences_right", "exact", "inexact",
	"bad_frames_sent", "withdrawals", "hangups", "shed", "connect_failed",
	"closed_as_expected", "drained", "closed_wrongly", "flood_frames", "floods_closed",
}

// String returns the counter's name in reports.
func (c Counter) String() string { return counterNames[c] }

// A Trend is a duration of which the distribution is kept.
type Trend int

// The trends. ws_ names are k6's.
const (
	Latency         Trend = iota // from the moment a frame was due to its estimate
	ServiceTime                  // from the moment it was sent
	Connecting                   // of a session: connection and handshake
	Ping                         // from a ping sent to its answer
	SessionDuration              // of a session that ended
	WithdrawToClose              // from a withdrawal sent to the end of the session
	LatencyFlooded               // latency while others flood
	LatencyBetween               // latency while they do not, in the same run
	trends
)

var trendNames = [trends]string{"latency", "service_time", "ws_connecting", "ws_ping", "ws_session_duration", "withdraw_to_close", "latency_flooded", "latency_between"}

// String returns the trend's name in reports.
func (t Trend) String() string { return trendNames[t] }

// Histograms hold microseconds: 1 µs to an hour, 3 digits.
func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, int64(time.Hour/time.Microsecond), 3)
}

// An Interval is what happened in one second of a run, or in the whole of it.
type Interval struct {
	Second   int   // since the first session was opened; the first is 0
	Sessions int64 // live at its end
	Counts   [counters]int64
	Trends   [trends]*hdrhistogram.Histogram // microseconds; nil where nothing was recorded
	Closes   map[int]int64                   // by close code, of sessions that the server closed
	CPU      time.Duration                   // that the watched processes have used so far
	Memory   int64                           // bytes that they have resident
	OwnCPU   time.Duration                   // that this process has used so far
}

// Add adds what happened in other to i. Levels (Sessions, CPU, Memory) are left.
func (i *Interval) Add(other *Interval) {
	for c, n := range other.Counts {
		i.Counts[c] += n
	}
	for t, h := range other.Trends {
		if h == nil {
			continue
		}
		if i.Trends[t] == nil {
			i.Trends[t] = newHistogram()
		}
		i.Trends[t].Merge(h)
	}
	for code, n := range other.Closes {
		if i.Closes == nil {
			i.Closes = make(map[int]int64)
		}
		i.Closes[code] += n
	}
}

// Quantile returns a quantile (0 to 100) of a trend.
func (i *Interval) Quantile(t Trend, q float64) time.Duration {
	if i.Trends[t] == nil {
		return 0
	}
	return time.Duration(i.Trends[t].ValueAtQuantile(q)) * time.Microsecond
}

// interval as JSON, for other processes.
type intervalJSON struct {
	Second   int             `json:"second"`
	Sessions int64           `json:"sessions"`
	Counts   [counters]int64 `json:"counts"`
	Trends   map[int]string  `json:"trends,omitempty"` // compressed histograms
	Closes   map[int]int64   `json:"closes,omitempty"`
	CPU      time.Duration   `json:"cpu"`
	Memory   int64           `json:"memory"`
	OwnCPU   time.Duration   `json:"own_cpu"`
}

// MarshalJSON writes histograms compressed, as HdrHistogram's V2 format.
func (i Interval) MarshalJSON() ([]byte, error) {
	out := intervalJSON{i.Second, i.Sessions, i.Counts, map[int]string{}, i.Closes, i.CPU, i.Memory, i.OwnCPU}
	for t, h := range i.Trends {
		if h == nil {
			continue
		}
		packed, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
		if err != nil {
			return nil, fmt.Errorf("load: %w", err)
		}
		out.Trends[t] = string(packed)
	}
	return json.Marshal(out)
}

// UnmarshalJSON is the inverse of MarshalJSON.
func (i *Interval) UnmarshalJSON(text []byte) error {
	var in intervalJSON
	if err := json.Unmarshal(text, &in); err != nil {
		return err
	}
	*i = Interval{Second: in.Second, Sessions: in.Sessions, Counts: in.Counts, Closes: in.Closes, CPU: in.CPU, Memory: in.Memory, OwnCPU: in.OwnCPU}
	for t, packed := range in.Trends {
		if t < 0 || t >= int(trends) {
			return fmt.Errorf("load: trend %d of another version", t)
		}
		h, err := hdrhistogram.Decode([]byte(packed))
		if err != nil {
			return fmt.Errorf("load: %w", err)
		}
		i.Trends[t] = h
	}
	return nil
}

// A tally counts what happens until it is taken. Any goroutine may count.
type tally struct {
	counts [counters]atomic.Int64
	live   atomic.Int64

	mu     sync.Mutex
	shards [trends]*hdrhistogram.Histogram
	used   [trends]bool
	closes map[int]int64
}

func newTally() *tally {
	t := &tally{closes: make(map[int]int64)}
	for i := range t.shards {
		t.shards[i] = newHistogram()
	}
	return t
}

func (t *tally) count(c Counter, n int) { t.counts[c].Add(int64(n)) }

func (t *tally) record(trend Trend, d time.Duration) {
	t.mu.Lock()
	t.shards[trend].RecordValue(max(1, int64(d/time.Microsecond)))
	t.used[trend] = true
	t.mu.Unlock()
}

// recordAnswer is record for both measures of an answer.
func (t *tally) recordAnswer(latency, service time.Duration, also ...Trend) {
	t.mu.Lock()
	for _, trend := range also {
		t.shards[trend].RecordValue(max(1, int64(latency/time.Microsecond)))
		t.used[trend] = true
	}
	t.shards[Latency].RecordValue(max(1, int64(latency/time.Microsecond)))
	t.shards[ServiceTime].RecordValue(max(1, int64(service/time.Microsecond)))
	t.used[Latency], t.used[ServiceTime] = true, true
	t.mu.Unlock()
}

func (t *tally) closed(code int) {
	t.mu.Lock()
	t.closes[code]++
	t.mu.Unlock()
}

// take returns what was counted since the last call.
func (t *tally) take(second int) Interval {
	i := Interval{Second: second, Sessions: t.live.Load()}
	for c := range t.counts {
		i.Counts[c] = t.counts[c].Swap(0)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for trend, h := range t.shards {
		if t.used[trend] {
			i.Trends[trend], t.shards[trend], t.used[trend] = h, newHistogram(), false
		}
	}
	if len(t.closes) > 0 {
		i.Closes, t.closes = t.closes, make(map[int]int64)
	}
	return i
}

package ingest

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/ingest/wire"
)

// metrics counts what a node does. No label ever names a person, a session or
// a client's address, and none has more values than this file lists.
type metrics struct {
	registry *prometheus.Registry

	admissions *prometheus.CounterVec // by result
	requests   *prometheus.CounterVec // by route and status
	closes     *prometheus.CounterVec // by code
	refused    *prometheus.CounterVec // by category and reason
	panics     prometheus.Counter

	textFrames, binaryFrames prometheus.Counter
	frameBytes               prometheus.Counter
	accelerations, locations prometheus.Counter // readings taken
	ignored                  prometheus.Counter
	estimates                prometheus.Counter
	windowsCleared           prometheus.Counter
	sentAway                 prometheus.Counter
	unread                   prometheus.Counter // estimates dropped

	frameToEstimate   prometheus.Histogram
	inference         prometheus.Histogram
	withdrawalToClose prometheus.Histogram

	resident atomic.Int64 // raw samples in the windows of all sessions
	oldest   atomic.Int64 // age of the oldest of them at the last revolution of the wheel, nanoseconds
}

func newMetrics(node string, reg *registry, load *pressure, gone *account, others *strangers, ledger Ledger) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	vector := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	// Each histogram is a native one, and has classic buckets for scrapers
	// that know no other.
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: name, Help: help, Buckets: buckets,
			NativeHistogramBucketFactor:     1.1,
			NativeHistogramMaxBucketNumber:  100,
			NativeHistogramMinResetDuration: time.Hour,
		})
	}
	frames := vector("tempogate_frames_total", "Messages read from clients, by WebSocket message type.", "type")
	samples := vector("tempogate_samples_accepted_total", "Readings that passed the gate and went to the classifier.", "category")

	m := &metrics{
		registry:       prometheus.NewRegistry(),
		admissions:     vector("tempogate_admissions_total", "Requests for a stream, by what became of them.", "result"),
		requests:       vector("tempogate_http_requests_total", "Requests answered over HTTP, by route and status.", "route", "status"),
		closes:         vector("tempogate_closes_total", "Ended sessions by close code; \"gone\" where the client vanished without one.", "code"),
		refused:        vector("tempogate_samples_refused_total", "Readings that were dropped unparsed, by the reason of the gate.", "category", "reason"),
		panics:         counter("tempogate_panics_total", "Faults that were caught; each ended one session or one request."),
		textFrames:     frames.WithLabelValues("text"),
		binaryFrames:   frames.WithLabelValues("binary"),
		frameBytes:     counter("tempogate_frame_bytes_total", "Bytes of messages read from clients."),
		accelerations:  samples.WithLabelValues(string(consent.Acceleration)),
		locations:      samples.WithLabelValues(string(consent.Location)),
		ignored:        counter("tempogate_readings_ignored_total", "Readings that serve nothing here and were not parsed."),
		estimates:      counter("tempogate_estimates_total", "Estimates sent."),
		unread:         counter("tempogate_estimates_dropped_total", "Estimates dropped because the client does not read."),
		sentAway:       counter("tempogate_sessions_sent_away_total", "Live sessions that an overloaded node told to come back later."),
		windowsCleared: counter("tempogate_windows_cleared_total", "Windows cleared because no frame renewed them."),
		frameToEstimate: histogram("tempogate_frame_to_estimate_seconds",
			"From a frame read whole to its estimates written.",
			[]float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1}),
		inference: histogram("tempogate_inference_seconds",
			"Of that, gate, decoding and classifier.",
			[]float64{.00001, .000025, .00005, .0001, .00025, .0005, .001, .0025, .005, .01, .1}),
		withdrawalToClose: histogram("tempogate_withdrawal_to_close_seconds",
			"From a withdrawal told to a session to its close frame written.",
			[]float64{.0001, .00025, .0005, .001, .0025, .005, .01, .02, .05, .1, 1}),
	}
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	m.registry.MustRegister(
		frames, samples, m.admissions, m.requests, m.closes, m.refused, m.panics,
		m.frameBytes, m.ignored, m.estimates, m.windowsCleared, m.unread, m.sentAway,
		m.frameToEstimate, m.inference, m.withdrawalToClose,
		gauge("tempogate_sessions", "Live sessions.", func() float64 { return float64(reg.count()) }),
		gauge("tempogate_connections_waiting", "Public connections that are no session: handshakes, calls, those kept for the next call.",
			func() float64 { return float64(others.open()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "tempogate_connections_refused_total",
			Help: "Connections closed at once, because their address had too many that were no session."},
			func() float64 { return float64(others.refused.Load()) }),
		gauge("tempogate_raw_samples_resident", "Samples held in the windows of all sessions.",
			func() float64 { return float64(m.resident.Load()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "tempogate_samples_cleared_total",
			Help: "Readings that were taken and are gone: slid out of their window and overwritten, or cleared with it."},
			func() float64 { return float64(gone.cleared.Load()) }),
		gauge("tempogate_raw_sample_oldest_seconds", "Age of the oldest sample held, at most a second ago.",
			func() float64 { return time.Duration(m.oldest.Load()).Seconds() }),
		gauge("tempogate_lateness_seconds", "How late the node comes to what is due, smoothed over a second. It sheds above --shed-lateness.",
			func() float64 { return time.Duration(load.lateness.Load()).Seconds() }),
		gauge("tempogate_shedding", "1 while new sessions are refused because the node is late.", func() float64 {
			if load.shedding.Load() {
				return 1
			}
			return 0
		}),
		gauge("tempogate_processors_usable", "Processors that the node takes before it lets nobody in, who would be too much for those it has.", load.usable),
		gauge("tempogate_ledger_healthy", "1 while the ledger can answer.", func() float64 {
			if ledger.Healthy() != nil {
				return 0
			}
			return 1
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "tempogate_node_info", Help: "1, and which node this is.",
			ConstLabels: prometheus.Labels{"node": node}}, func() float64 { return 1 }),
		deliveryCollector{ledger},
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	// Series that matter when they move are there from the start, at zero.
	for _, code := range []int{
		wire.CloseDone, wire.CloseGoingAway, wire.CloseMalformed, wire.CloseConsent, wire.CloseIdle,
		wire.CloseTooLarge, wire.CloseTooMuch, wire.CloseLedgerLost,
	} {
		m.closes.WithLabelValues(strconv.Itoa(code))
	}
	return m
}

// frame counts a message read whole.
func (m *metrics) frame(binary bool, bytes int) {
	if binary {
		m.binaryFrames.Inc()
	} else {
		m.textFrames.Inc()
	}
	m.frameBytes.Add(float64(bytes))
}

// refusedSamples counts readings that the gate kept out.
func (m *metrics) refusedSamples(c consent.Category, reason consent.Reason, n int) {
	if n > 0 {
		m.refused.WithLabelValues(string(c), string(reason)).Add(float64(n))
	}
}

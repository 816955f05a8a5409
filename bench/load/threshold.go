package load

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A Threshold is a condition under which a run counts as failed, such as
// "p99>50ms".
type Threshold struct {
	text  string
	value func(*Report) (float64, bool) // false where nothing was measured
	above bool
	equal bool
	limit float64
	show  func(float64) string
}

// String returns the threshold as it was given.
func (t *Threshold) String() string { return t.text }

var (
	trendThreshold = regexp.MustCompile(`^(?:(\w+)\.)?(p[0-9]+(?:\.[0-9]+)?|med|avg|min|max)\s*(>=?|<=?)\s*(\S+)$`)
	countThreshold = regexp.MustCompile(`^(\w+)\s*(>=?|<=?)\s*([0-9.]+)(%?)$`)
)

// rates are shares of two counters.
var rates = map[string][2]Counter{
	"activity_right": {ActivitiesRight, Activities},
	"cadence_right":  {CadencesRight, Cadences},
	"answered":       {Answered, Frames},
}

// ParseThreshold reads a threshold:
//
//	p99>50ms                  a quantile, med, avg, min or max of the latency
//	ws_connecting.p95>1s      the same of another trend
//	frames_lost>0             a counter
//	activity_right<90%        a share: activity_right, cadence_right, answered
func ParseThreshold(text string) (*Threshold, error) {
	text = strings.TrimSpace(text)
	t := &Threshold{text: text}
	if m := trendThreshold.FindStringSubmatch(text); m != nil {
		trend := Latency
		if m[1] != "" {
			found := false
			for i, name := range trendNames {
				if name == m[1] {
					trend, found = Trend(i), true
				}
			}
			if !found {
				return nil, fmt.Errorf("load: %q: no trend is called %q (known: %s)", text, m[1], strings.Join(trendNames[:], " "))
			}
		}
		limit, err := time.ParseDuration(m[4])
		if err != nil {
			return nil, fmt.Errorf("load: %q: %q is no duration, such as 50ms", text, m[4])
		}
		if q, err := strconv.ParseFloat(strings.TrimPrefix(m[2], "p"), 64); err == nil && q > 100 {
			return nil, fmt.Errorf("load: %q: a quantile is at most p100", text)
		}
		t.limit = float64(limit)
		t.value = func(r *Report) (float64, bool) {
			i := r.of(trend)
			return float64(i.stat(trend, m[2])), i.Trends[trend] != nil
		}
		t.show = func(v float64) string { return time.Duration(v).String() }
		t.compare(m[3])
		return t, nil
	}
	m := countThreshold.FindStringSubmatch(text)
	if m == nil {
		return nil, fmt.Errorf("load: %q is no threshold: write p99>50ms, frames_lost>0, activity_right<90%%", text)
	}
	limit, err := strconv.ParseFloat(m[3], 64)
	if err != nil {
		return nil, fmt.Errorf("load: %q: %q is no number", text, m[3])
	}
	t.limit = limit
	t.compare(m[2])
	if pair, ok := rates[m[1]]; ok {
		if m[4] == "" {
			return nil, fmt.Errorf("load: %q: %s is a share: write %s%%", text, m[1], m[3])
		}
		t.value = func(r *Report) (float64, bool) {
			of := r.Total.Counts[pair[1]]
			return 100 * float64(r.Total.Counts[pair[0]]) / float64(max(of, 1)), of > 0
		}
		t.show = func(v float64) string { return fmt.Sprintf("%.2f%%", v) }
		return t, nil
	}
	for i, name := range counterNames {
		if name == m[1] && m[4] == "" {
			t.value = func(r *Report) (float64, bool) { return float64(r.Total.Counts[i]), true }
			t.show = func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
			return t, nil
		}
	}
	return nil, fmt.Errorf("load: %q: nothing that is counted is called %q (known: %s, and as a share activity_right, cadence_right, answered)",
		text, m[1], strings.Join(counterNames[:], " "))
}

func (t *Threshold) compare(operator string) {
	t.above, t.equal = operator[0] == '>', len(operator) == 2
}

// An Outcome is what became of a threshold.
type Outcome struct {
	Threshold string `json:"threshold"`
	Value     string `json:"value"`
	Failed    bool   `json:"failed"`
}

// Judge holds a run against a threshold. Where nothing was measured, it has
// failed.
func (t *Threshold) Judge(r *Report) Outcome {
	value, measured := t.value(r)
	if !measured {
		return Outcome{t.text, "not measured", true}
	}
	hit := t.above && value > t.limit || !t.above && value < t.limit || t.equal && value == t.limit
	return Outcome{t.text, t.show(value), hit}
}

// stat returns a figure of a trend by its name: p99, med, avg, min or max.
func (i *Interval) stat(t Trend, name string) time.Duration {
	h := i.Trends[t]
	if h == nil {
		return 0
	}
	us := 0.0
	switch name {
	case "avg":
		us = h.Mean()
	case "min":
		us = float64(h.Min())
	case "max":
		us = float64(h.Max())
	case "med":
		us = float64(h.ValueAtQuantile(50))
	default:
		q, _ := strconv.ParseFloat(name[1:], 64)
		us = float64(h.ValueAtQuantile(q))
	}
	return time.Duration(us * float64(time.Microsecond))
}

package ingest

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tempogate/tempogate/consent"
)

// A transparency is what anybody may know of a node: counts since it started,
// and one age. Nothing in it belongs to anybody.
type transparency struct {
	Since time.Time `json:"since"` // when the node started
	At    time.Time `json:"at"`

	Sessions struct {
		Live     uint64            `json:"live"`
		Admitted uint64            `json:"admitted"`
		Refused  map[string]uint64 `json:"refused"` // by reason
	} `json:"sessions"`

	Samples struct {
		Taken   map[string]uint64            `json:"taken"`   // by category: readings that consent let in
		Dropped map[string]map[string]uint64 `json:"dropped"` // by category and reason: readings that it did not, unread
		Ignored uint64                       `json:"ignored"` // readings that serve nothing here, unread
		Cleared uint64                       `json:"cleared"` // of those taken, gone for certain
		Oldest  float64                      `json:"oldest_ever_held_s"`
	} `json:"samples"`

	Consent     map[consent.Event]uint64 `json:"consent"` // changes by kind, on all nodes
	Withdrawals withdrawalsShown         `json:"withdrawals"`

	Deliveries map[string]consent.DeliveryCounts `json:"deliveries"` // by recipient
}

// withdrawalsShown says how fast consents that were taken back took effect: from
// the moment a live session was told, which is before the withdrawal is
// acknowledged and from which on nothing is taken, until its close was written.
type withdrawalsShown struct {
	SessionsEnded uint64        `json:"sessions_ended"`
	Within        []withinShown `json:"within"` // cumulative
}

type withinShown struct {
	Seconds  float64 `json:"s"`
	Sessions uint64  `json:"sessions"`
}

// shownFor is how long one counting serves everybody who asks: the page is open
// to all.
const shownFor = time.Second

// transparency returns the counts as of now, or of a moment ago.
func (s *Server) transparency() (*transparency, error) {
	if t := s.account.shown.Load(); t != nil && time.Since(t.At) < shownFor {
		return t, nil
	}
	t := &transparency{Since: s.account.since.UTC().Truncate(time.Second), At: time.Now().UTC()}
	t.Samples.Taken, t.Samples.Dropped = map[string]uint64{}, map[string]map[string]uint64{}
	families, err := s.metrics.registry.Gather()
	if err != nil {
		return nil, err
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			n := uint64(m.GetCounter().GetValue())
			switch family.GetName() {
			case "tempogate_sessions":
				t.Sessions.Live = uint64(m.GetGauge().GetValue())
			case "tempogate_admissions_total":
				if labels["result"] == "admitted" {
					t.Sessions.Admitted = n
				}
			case "tempogate_samples_accepted_total":
				t.Samples.Taken[labels["category"]] = n
			case "tempogate_samples_refused_total":
				byReason := t.Samples.Dropped[labels["category"]]
				if byReason == nil {
					byReason = map[string]uint64{}
					t.Samples.Dropped[labels["category"]] = byReason
				}
				byReason[labels["reason"]] = n
			case "tempogate_readings_ignored_total":
				t.Samples.Ignored = n
			case "tempogate_withdrawal_to_close_seconds":
				t.Withdrawals.SessionsEnded = m.GetHistogram().GetSampleCount()
				for _, b := range m.GetHistogram().GetBucket() {
					t.Withdrawals.Within = append(t.Withdrawals.Within, withinShown{b.GetUpperBound(), b.GetCumulativeCount()})
				}
			}
		}
	}
	s.account.mu.Lock()
	t.Sessions.Refused = maps.Clone(s.account.refused)
	s.account.mu.Unlock()
	if t.Sessions.Refused == nil {
		t.Sessions.Refused = map[string]uint64{}
	}
	t.Samples.Cleared = s.account.cleared.Load()
	t.Samples.Oldest = time.Duration(s.account.oldest.Load()).Round(10 * time.Millisecond).Seconds()
	t.Consent = s.config.Ledger.Changes()
	t.Deliveries = s.config.Ledger.DeliveryCounts()
	s.account.shown.Store(t)
	return t, nil
}

// getTransparency answers GET /v1/transparency, as JSON or as a page for people.
func (s *Server) getTransparency(w http.ResponseWriter, r *http.Request) error {
	if _, err := onlyParameters(r); err != nil {
		return err
	}
	t, err := s.transparency()
	if err != nil {
		return err
	}
	w.Header().Add("Vary", "Accept")
	if !prefers("text/html", r.Header.Values("Accept")) {
		return writeJSON(w, http.StatusOK, t)
	}
	var page bytes.Buffer
	if err := transparencyPage.Execute(&page, t); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(page.Len()))
	h.Set("Content-Security-Policy", transparencyPolicy)
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(http.StatusOK)
	w.Write(page.Bytes())
	return nil
}

//go:embed transparency.html
var transparencySource string

var transparencyPage = template.Must(template.New("transparency").Funcs(template.FuncMap{
	"number": number,
	"words":  inWords,
	"sum": func(counts map[string]uint64) (n uint64) {
		for _, c := range counts {
			n += c
		}
		return n
	},
	"when":    func(t time.Time) string { return t.Format("2 January 2006, 15:04:05 MST") },
	"machine": func(t time.Time) string { return t.Format(time.RFC3339) },
	"changes": func(of map[consent.Event]uint64, event string) uint64 { return of[consent.Event(event)] },
}).Parse(transparencySource))

// transparencyPolicy lets the page load nothing, from anywhere: its style is in
// it and known by its digest.
var transparencyPolicy = func() string {
	_, rest, _ := strings.Cut(transparencySource, "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	digest := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(digest[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}()

// All returns the smallest time within which every session was closed, in
// milliseconds, or -1 when there were none, or one took longer than any.
func (w withdrawalsShown) All() float64 {
	at := slices.IndexFunc(w.Within, func(b withinShown) bool { return b.Sessions == w.SessionsEnded })
	if w.SessionsEnded == 0 || at < 0 {
		return -1
	}
	return w.Within[at].Seconds * 1000
}

// Shown returns the times that say something: up to the first within which every
// session was closed, in milliseconds, and the share of the sessions in percent.
func (w withdrawalsShown) Shown() (rows []struct{ Milliseconds, Percent float64 }) {
	for _, b := range w.Within {
		if b.Sessions == 0 {
			continue
		}
		rows = append(rows, struct{ Milliseconds, Percent float64 }{b.Seconds * 1000, 100 * float64(b.Sessions) / float64(w.SessionsEnded)})
		if b.Sessions == w.SessionsEnded {
			break
		}
	}
	return rows
}

// number writes a count with its digits in threes, parted by narrow spaces.
func number(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "\u202f" + digits[at:]
	}
	return digits
}

// inWords puts a reason for people.
func inWords(reason string) string {
	switch reason {
	case string(consent.NeverAsked):
		return "nobody had asked this person yet"
	case consent.Refused:
		return "the person had said no"
	case consent.Withdrawn:
		return "consent had been withdrawn"
	case consent.Expired:
		return "consent had run out"
	case string(consent.NoticeChanged):
		return "the notice had changed since"
	case string(consent.CategoryNotGranted):
		return "the person kept this back"
	case CodeLedgerUnavailable:
		return "consent could not be checked"
	case CodeBadToken, CodeTokenInQuery:
		return "it was not known who was asking"
	case CodeTooManySessions:
		return "no more sessions were allowed"
	case CodeOriginNotAllowed:
		return "the page that asked is not allowed to"
	}
	return strings.ReplaceAll(reason, "_", " ")
}

package cadence

import (
	"math"

	"github.com/tempogate/tempogate/bench/evaluation"
)

// ReportFormat is the version of the report's JSON.
const ReportFormat = 1

// Number is a figure that is null where it is not defined.
type Number = evaluation.Number

// A Report is what Run found. Every cadence is in steps a minute, every share
// from 0 to 1.
type Report struct {
	Format   int                 `json:"format"`
	Kind     string              `json:"kind"` // "tempo"
	Command  string              `json:"command"`
	Protocol evaluation.Protocol `json:"protocol"`
	Folds    []string            `json:"folds"`
	Seed     uint64              `json:"seed"`
	Broken   []evaluation.Broken `json:"broken"`

	Counted   CountedReport     `json:"counted"`
	Runs      ReferenceReport   `json:"runs"`
	Walks     ReferenceReport   `json:"walks"` // without counted steps
	Otherwise []OtherwiseReport `json:"recorded_otherwise"`
	Idle      []IdleReport      `json:"idle"`
	// Labels known to be wrong, whose seconds are not in Idle.
	Distrusted []DistrustReport  `json:"distrusted"`
	Simulated  []SweepReport     `json:"simulated"`
	Plausible  []PlausibleReport `json:"plausible"`
	Fit        *FitReport        `json:"fit,omitempty"`

	drawings []drawing
	tallies  map[string]*Tally // for pictures, by name
}

// Measures are how well tempos agreed with true steps.
type Measures struct {
	Recordings int    `json:"recordings"`
	Seconds    int    `json:"seconds"` // with a true cadence
	Silent     Number `json:"silent"`  // share of these without a tempo
	MAE        Number `json:"mae_spm"`
	Bias       Number `json:"bias_spm"`
	Within3    Number `json:"within_3"`
	OffBy9     Number `json:"off_by_more_than_9"`
	Gross      Number `json:"off_by_more_than_8_percent"`
	Half       Number `json:"half"`
	Double     Number `json:"double"`
	// Steps by adding the tempo up, against the true number: over the whole
	// recording as a user would; and between the first and the last step with
	// the first tempo carried back to the beginning.
	Steps        int    `json:"steps"`
	CountError   Number `json:"count_error"`
	CarriedError Number `json:"carried_count_error"`
	FirstMedianS Number `json:"first_median_s"`
	FirstWorstS  Number `json:"first_worst_s"` // null for a tempo that never came
	ECE          Number `json:"ece"`

	worstCount, worstCarried float64 // of one recording, signed
}

// Both are the measures of the whole classifier and of the estimator alone.
type Both struct {
	Stream Measures `json:"stream"`
	Known  Measures `json:"activity_known"`
}

// A GroupReport is the measures of a group of recordings.
type GroupReport struct {
	Name string `json:"name"`
	Both
}

// A CountedReport is about walks with foot contacts.
type CountedReport struct {
	All        Both           `json:"all"`
	Raw        Measures       `json:"against_contacts_as_recorded"` // of the stream
	Placements []GroupReport  `json:"placements"`
	Subjects   []GroupReport  `json:"subjects"`
	Recordings []CountedTrial `json:"recordings"`

	ReferenceError Number `json:"reference_count_error"` // of the offline reference, mean of absolute values
	ReferenceWorst Number `json:"reference_worst_count_error"`
	Bins           []Bin  `json:"calibration"`
}

// A CountedTrial is one walk with foot contacts.
type CountedTrial struct {
	Recording string `json:"recording"`
	Subject   string `json:"subject"`
	Placement string `json:"placement"`
	Contacts  int    `json:"contacts"` // as recorded
	Steps     int    `json:"steps"`    // after mending
	Reference Number `json:"reference_steps"`
	Both
}

// A ReferenceReport is about recordings that are compared with the offline
// reference.
type ReferenceReport struct {
	All           Both             `json:"all"`
	Datasets      []GroupReport    `json:"datasets"`
	Recordings    []ReferenceTrial `json:"recordings"`
	Disagreements []Disagreement   `json:"disagreements"` // the longest
	Bins          []Bin            `json:"calibration"`
}

// A ReferenceTrial is one recording beside its reference.
type ReferenceTrial struct {
	Recording string `json:"recording"`
	Dataset   string `json:"dataset"`
	Subject   string `json:"subject"`
	SPM       Number `json:"reference_spm"` // mean
	Both
}

// A Disagreement is a stretch in which the classifier's tempo lay more than 3
// steps a minute off the reference.
type Disagreement struct {
	Recording string `json:"recording"`
	FromS     Number `json:"from_s"`
	Seconds   int    `json:"seconds"`
	Said      Number `json:"said_spm"`      // mean
	Reference Number `json:"reference_spm"` // mean
	Contrast  Number `json:"contrast"`      // of the reference: how clear the rhythm is, 0 to 1
}

// An OtherwiseReport is what was said about walks with counted steps and about
// runs, had they been recorded in another way, beside what was said about them
// as they are.
type OtherwiseReport struct {
	How        string `json:"how"`
	Recordings int    `json:"recordings"`
	Seconds    int    `json:"seconds"`    // with a tempo in either
	OneSilent  Number `json:"one_silent"` // share of these with a tempo in one only
	Difference Number `json:"mean_difference_spm"`
	Within1    Number `json:"within_1_of_each_other"`
	Within3    Number `json:"within_3_of_each_other"`

	Measures   Measures `json:"against_truth"`
	AsRecorded Measures `json:"as_recorded_against_truth"` // the same recordings
}

// An IdleReport is how often there was a tempo without steps.
type IdleReport struct {
	Dataset  string `json:"dataset"` // "" for all
	Activity string `json:"activity"`
	Detail   string `json:"detail"`
	Seconds  int    `json:"seconds"`
	Said     int    `json:"said"`
	Share    Number `json:"share"`
	// The same of recordings with fixes, said with them.
	Located     int    `json:"located_seconds"`
	LocatedSaid int    `json:"located_said"`
	Worst       string `json:"worst"` // the recording with most of them
	WorstS      int    `json:"worst_s"`
}

// A DistrustReport is seconds whose label says that nobody steps, and is known
// to be wrong.
type DistrustReport struct {
	Dataset    string `json:"dataset"`
	Why        string `json:"why"`
	Recordings int    `json:"recordings"`
	Seconds    int    `json:"seconds"`
	Said       int    `json:"said"`
}

// A SweepReport is a quantity that was varied in simulation.
type SweepReport struct {
	Quantity string       `json:"quantity"`
	Points   []SweptTrial `json:"points"`
}

// A SweptTrial is one value of it.
type SweptTrial struct {
	Value string `json:"value"`
	Both
	// Seconds until a change of cadence was followed, for sweeps that have one.
	StreamFollowS Number `json:"stream_follow_median_s"`
	StreamWorstS  Number `json:"stream_follow_worst_s"`
	KnownFollowS  Number `json:"known_follow_median_s"`
	KnownWorstS   Number `json:"known_follow_worst_s"`
	// Share of seconds with a tempo, for plans without steps.
	Idle Number `json:"idle"`
}

// A PlausibleReport is a range of speeds.
type PlausibleReport struct {
	FromMPS Number `json:"from_mps"`
	ToMPS   Number `json:"to_mps"`
	Watched int    `json:"watch_seconds"`
	Low     Number `json:"low_spm"`
	Median  Number `json:"median_spm"`
	High    Number `json:"high_spm"`
	Seconds int    `json:"seconds"` // of people on foot at this speed
	Said    int    `json:"said"`    // with a tempo
	Inside  Number `json:"inside"`  // share of those within the band
}

// A Bin is a range of confidence.
type Bin struct {
	From       Number `json:"from"`
	To         Number `json:"to"`
	Seconds    int    `json:"seconds"`
	Confidence Number `json:"confidence"` // mean
	Right      Number `json:"right"`      // share within 3
}

// A FitReport is what the constants of classifier/tempo would be by this
// collection, with each data set left out in turn.
type FitReport struct {
	Walk       []FitTrial `json:"walk"`
	Run        []FitTrial `json:"run"`
	Confidence []FitTrial `json:"confidence"`
	Presence   []FitTrial `json:"presence"`

	Levels []LevelTrial `json:"levels"`
}

// A LevelTrial is how strong the vertical motion is at a cadence.
type LevelTrial struct {
	Activity  string `json:"activity"`
	FromSPM   int    `json:"from_spm"` // of ten
	Windows   int    `json:"windows"`
	Level     Number `json:"mean_ln_variance"` // of the vertical acceleration, (m/s²)²
	Deviation Number `json:"deviation"`
}

// A FitTrial is one regression. The first of each list is of everything.
type FitTrial struct {
	Left    string            `json:"left_out"`
	Windows int               `json:"windows"` // that it was tested on
	Weights map[string]Number `json:"weights"`
	Loss    Number            `json:"loss"`            // mean -ln of the probability of the truth
	Gross   Number            `json:"gross,omitempty"` // evidence: share of windows whose likeliest candidate is off by more than 8 %
	ECE     Number            `json:"ece,omitempty"`   // confidence and presence
	// Confidence: how many were given 0.85 to 0.95, and how many of these were
	// right. Presence: shares of seconds with steps that are missed, and of
	// those without that are taken for some.
	AroundNine  int    `json:"around_nine_in_ten,omitempty"`
	RightOfNine Number `json:"right_of_these,omitempty"`
	Missed      Number `json:"missed,omitempty"`
	False       Number `json:"false,omitempty"`
}

func newMeasures(t *Tally, recordings int) Measures {
	said := float64(t.Said())
	share := func(n int) Number { return Number(float64(n) / said) }
	m := Measures{
		Recordings: recordings, Seconds: t.Seconds,
		Silent: Number(float64(t.Silent) / float64(t.Seconds)),
		MAE:    Number(t.Absolute / said), Bias: Number(t.Signed / said),
		Within3: share(t.Right), OffBy9: share(t.Wrong), Gross: share(t.Gross), Half: share(t.Half), Double: share(t.Double),
		Steps: t.Steps, CountError: Number(t.Added/float64(t.Steps) - 1), CarriedError: Number(t.Carried/intervals(t.Steps, recordings) - 1),
		ECE: Number(t.ECE()),
	}
	median, worst := medianAndWorst(t.FirstS)
	m.FirstMedianS, m.FirstWorstS = Number(median), Number(worst)
	m.worstCount, m.worstCarried = float64(m.CountError), float64(m.CarriedError)
	return m
}

// intervals is the number of times between steps: from the first step to the
// last of a recording there is one fewer than there are steps.
func intervals(steps, recordings int) float64 {
	return float64(steps - min(recordings, steps))
}

// worse returns the value further from 0.
func worse(a, b float64) float64 {
	if math.Abs(b) > math.Abs(a) || math.IsNaN(a) {
		return b
	}
	return a
}

// bins returns those that hold anything, merged in pairs.
func newBins(t *Tally) []Bin {
	bins := []Bin{}
	for i, b := range t.Bins {
		if b.Seconds == 0 {
			continue
		}
		n := float64(b.Seconds)
		bins = append(bins, Bin{
			From: Number(float64(i) / confidenceBins), To: Number(float64(i+1) / confidenceBins),
			Seconds: b.Seconds, Confidence: Number(b.Confidence / n), Right: Number(float64(b.Right) / n),
		})
	}
	return bins
}

package evaluation

import (
	"encoding/json"
	"math"

	"github.com/tempogate/tempogate/classifier"
)

// ReportFormat is the number in every report.json; it changes when a field
// changes its name or meaning.
const ReportFormat = 1

// A Number is a measure in a report; one that is not defined is null in JSON
// and a dash for people.
type Number float64

// MarshalJSON writes null for NaN, and six digits: more would be noise.
func (n Number) MarshalJSON() ([]byte, error) {
	v := float64(n)
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return []byte("null"), nil
	}
	if v != 0 {
		unit := math.Pow(10, 5-math.Floor(math.Log10(math.Abs(v))))
		if rounded := math.Round(v*unit) / unit; !math.IsInf(rounded, 0) && !math.IsNaN(rounded) {
			v = rounded
		}
	}
	return json.Marshal(v)
}

// UnmarshalJSON reads null as NaN.
func (n *Number) UnmarshalJSON(text []byte) error {
	v := math.NaN()
	if string(text) != "null" {
		if err := json.Unmarshal(text, &v); err != nil {
			return err
		}
	}
	*n = Number(v)
	return nil
}

// A Figure is a measure with its 95 % confidence interval: the bootstrap's
// over subjects, null for a single subject.
type Figure struct {
	Value Number `json:"value"`
	Low   Number `json:"low"`
	High  Number `json:"high"`
}

// An ActivityReport is what tempogate eval activity found. It is the content
// of report.json.
type ActivityReport struct {
	Format   int      `json:"format"` // ReportFormat
	Kind     string   `json:"kind"`   // "activity"
	Command  string   `json:"command"`
	Protocol Protocol `json:"protocol"`
	Seed     uint64   `json:"seed"`
	Rounds   int      `json:"bootstrap_rounds"`

	Data       DataSummary       `json:"data"`
	LeftOut    LeftOut           `json:"left_out"`
	Folds      []FoldReport      `json:"folds"`
	Conditions []ConditionReport `json:"conditions"` // those that some recording meets
	Cost       Cost              `json:"cost"`

	drawings []drawing
}

// A DataSummary says what was tested.
type DataSummary struct {
	// Fingerprint is the SHA-256, in hexadecimal, of what was read and tested:
	// names, index, readings, fixes and labels, in the order of the index. The
	// same fingerprint is the same data, wherever it lies.
	Fingerprint string  `json:"fingerprint"`
	Entries     int     `json:"entries"`        // rows of the index that were tested
	Recordings  int     `json:"recordings"`     // in them, with at least one labelled second
	Subjects    int     `json:"subjects"`       // where nobody knows who it was a data set counts as one
	Datasets    int     `json:"datasets"`       //
	Seconds     float64 `json:"seconds"`        // labelled and counted
	FirstWindow float64 `json:"first_window_s"` // seconds at the beginning of each recording that are not counted
}

// LeftOut says what of the collection was not tested.
type LeftOut struct {
	WithoutAcceleration int      `json:"without_acceleration"` // entries, and recordings inside entries
	UnknownPlacement    int      `json:"unknown_placement"`    // entries; leave-one-placement-out only
	NothingLabelled     int      `json:"nothing_labelled"`     // recordings with no labelled second after the first window
	Empty               []string `json:"empty"`                // entries without a reading
	Broken              []Broken `json:"broken"`               // entries that could not be read
}

// Broken is an entry that could not be read.
type Broken struct {
	Path  string `json:"path"`
	Error string `json:"error"`
}

// A FoldReport is one model and what it was tested on.
type FoldReport struct {
	Name     string   `json:"name"`
	Groups   []string `json:"groups"`  // left out of training; empty for a fixed model
	Entries  int      `json:"entries"` // tested
	Examples int      `json:"trained_on_examples"`
	Subjects int      `json:"trained_on_subjects"`
	Missing  []string `json:"trained_without"` // activities of which there was no example
	Model    string   `json:"model_sha256"`    // of the model's text
}

// A ConditionReport holds everything measured under one condition.
type ConditionReport struct {
	Name  Condition `json:"name"`
	Title string    `json:"title"`

	Recordings int     `json:"recordings"`
	Subjects   int     `json:"subjects"`
	Seconds    float64 `json:"seconds"`

	// BySeconds counts every second the same, so the largest data sets decide.
	BySeconds Measures `json:"by_seconds"`
	// ByDataset counts every activity the same and, within an activity, every
	// data set the same, however long its recordings.
	ByDataset Measures `json:"by_dataset"`

	Changes       ChangeReport      `json:"changes"`
	Other         OtherReport       `json:"other"`
	Datasets      []DatasetReport   `json:"datasets"`
	Details       []DetailReport    `json:"details"` // of activities whose labels say more
	RecordingList []RecordingReport `json:"recordings_list"`
}

// Measures are the figures under one way of weighting.
type Measures struct {
	MacroF1        Figure `json:"macro_f1"`          // mean F1 of the activities that happened
	WalkRunOtherF1 Figure `json:"walk_run_other_f1"` // the same with still, cycle and transit as one
	Right          Figure `json:"right"`             // share of seconds
	Unknown        Figure `json:"unknown"`           // share of seconds without a decision; each counts as a miss
	ECE            Figure `json:"ece"`               // expected calibration error

	TransitOnFoot Figure `json:"transit_called_walk_or_run"` // share of transit seconds
	OnFootTransit Figure `json:"walk_or_run_called_transit"` // share of walk and run seconds
	IdleTempo     Figure `json:"still_or_transit_with_tempo"`
	FalseChanges  Figure `json:"false_changes_per_hour"` // changes of the decision while the truth did not

	Activities  []ActivityMeasures `json:"activities"`
	Confusion   ConfusionReport    `json:"confusion"`
	Reliability []ReliabilityBin   `json:"reliability"` // empty bins are left out
}

// ActivityMeasures are the figures of one activity.
type ActivityMeasures struct {
	Activity  string `json:"activity"`
	Seconds   Number `json:"seconds"` // by data set: the share of the weight
	Precision Figure `json:"precision"`
	Recall    Figure `json:"recall"`
	F1        Figure `json:"f1"`
}

// A ConfusionReport has a row for each truth and a column for each answer.
type ConfusionReport struct {
	Truths  []string   `json:"truths"`
	Answers []string   `json:"answers"`
	Seconds [][]Number `json:"seconds"` // by data set: weights, each row with a sum of 1
	Shares  [][]Number `json:"shares"`  // of the row
}

// A ReliabilityBin is one point of the reliability curve.
type ReliabilityBin struct {
	From       Number `json:"from"`       // range of the largest probability
	To         Number `json:"to"`         //
	Weight     Number `json:"weight"`     // share of all seconds
	Confidence Number `json:"confidence"` // mean largest probability
	Right      Number `json:"right"`      // share in which the most likely activity was the true one
}

// A ChangeReport says how soon changes are noticed. Recordings of different
// activities of one data set are put one after another; the delay runs from
// there to the first of three right decisions in a row.
type ChangeReport struct {
	Counted   int           `json:"counted"`     // changes
	Already   int           `json:"already"`     // not counted: the new activity was decided before it began
	NotWithin int           `json:"not_noticed"` // of those counted, within the 30 s that a splice lasts
	MedianS   Number        `json:"median_s"`    // null when that change was not noticed
	P90S      Number        `json:"p90_s"`       // likewise
	Pairs     []PairReport  `json:"pairs"`       // by the activities before and after
	Datasets  []DelayReport `json:"datasets"`    // by data set
	delays    []float64     // sorted, +Inf for not noticed
}

// A PairReport is the delay of the changes from one activity to another.
type PairReport struct {
	Before string `json:"before"`
	After  string `json:"after"`
	DelayReport
}

// A DelayReport is the delay of some changes.
type DelayReport struct {
	Dataset   string `json:"dataset,omitempty"`
	Counted   int    `json:"counted"`
	NotWithin int    `json:"not_noticed"`
	MedianS   Number `json:"median_s"`
	P90S      Number `json:"p90_s"`
}

// An OtherReport says what was answered to seconds that are known to be none
// of the five activities. They are in no other figure.
type OtherReport struct {
	Seconds Number   `json:"seconds"`
	Answers []string `json:"answers"`
	Shares  []Number `json:"shares"`
}

// A DatasetReport holds the figures of one data set.
type DatasetReport struct {
	Dataset       string   `json:"dataset"`
	Subjects      int      `json:"subjects"`
	Recordings    int      `json:"recordings"`
	Seconds       float64  `json:"seconds"`
	Right         Number   `json:"right"`
	MacroF1       Number   `json:"macro_f1"` // of the activities it holds
	ECE           Number   `json:"ece"`
	TransitOnFoot Number   `json:"transit_called_walk_or_run"`
	OnFootTransit Number   `json:"walk_or_run_called_transit"`
	FalseChanges  Number   `json:"false_changes_per_hour"`
	Recall        []Recall `json:"recall"`
}

// Recall is the share of an activity's seconds that was right.
type Recall struct {
	Activity string  `json:"activity"`
	Seconds  float64 `json:"seconds"`
	Recall   Number  `json:"recall"` // null without a second
}

// A DetailReport is how well one kind of an activity was recognised in one data
// set: a vehicle, a way of walking, a code of the source.
type DetailReport struct {
	Dataset  string   `json:"dataset"`
	Activity string   `json:"activity"`
	Detail   string   `json:"detail"`
	Seconds  float64  `json:"seconds"`
	Right    Number   `json:"right"`
	Answers  []string `json:"answers"`
	Shares   []Number `json:"shares"`
}

// A RecordingReport is how well one recording was recognised.
type RecordingReport struct {
	Recording string  `json:"recording"`
	Dataset   string  `json:"dataset"`
	Subject   string  `json:"subject"`
	Fold      string  `json:"fold"`
	Truth     string  `json:"truth"`  // of most seconds
	Detail    string  `json:"detail"` // vehicle, or the code of the source
	Seconds   float64 `json:"seconds"`
	Right     Number  `json:"right"`
	Wrong     string  `json:"most_frequent_wrong_answer"` // empty when all was right
	WrongPart Number  `json:"most_frequent_wrong_share"`
}

// answerNames are the columns of a confusion.
func answerNames() []string { return append(names(everything), classifier.Unknown.String()) }

func names(activities []classifier.Activity) []string {
	list := make([]string, len(activities))
	for i, a := range activities {
		list[i] = a.String()
	}
	return list
}

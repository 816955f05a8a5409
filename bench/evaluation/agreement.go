package evaluation

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/tempogate/tempogate/bench/dataset"
	"github.com/tempogate/tempogate/bench/training"
	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/classifier/model"
)

// Agreement is the protocol of RunAgreement: one fixed model, asked about the
// same motion recorded in several ways.
const Agreement Protocol = "agreement"

// An AgreementConfig says how RunAgreement measures. The zero value asks the
// built-in model.
type AgreementConfig struct {
	Model      *model.Model      // nil means the built-in one
	Seed       uint64            // of how phones are turned
	SkipBroken bool              // list recordings that cannot be read, instead of ending with their error
	Progress   training.Progress // may be nil; called from several goroutines
}

// A way is another way in which a phone could have recorded a motion.
type way struct {
	how   string
	apply func(samples []classifier.Sample, random *rand.Rand) []classifier.Sample
}

// leastHz is the rate that a recording must have to be given others: slower
// ones do not carry the band that the classifier looks at.
const leastHz = 0.97 * 20

var ways = []way{
	{"20 readings a second", resampledAt(20)},
	{"50 readings a second", resampledAt(50)},
	{"100 readings a second", resampledAt(100)},
	{"200 readings a second", resampledAt(200)},
	{"20 readings a second, unfiltered", readOffAt(20)},
	{"50 readings a second, unfiltered", readOffAt(50)},
	{"100 readings a second, unfiltered", readOffAt(100)},
	{"200 readings a second, unfiltered", readOffAt(200)},
	{"turned at random", Turned},
}

func resampledAt(hz float64) func([]classifier.Sample, *rand.Rand) []classifier.Sample {
	return func(samples []classifier.Sample, _ *rand.Rand) []classifier.Sample {
		if Hz(samples) < leastHz {
			return nil
		}
		return Resampled(samples, hz)
	}
}

func readOffAt(hz float64) func([]classifier.Sample, *rand.Rand) []classifier.Sample {
	return func(samples []classifier.Sample, _ *rand.Rand) []classifier.Sample {
		if Hz(samples) < leastHz {
			return nil
		}
		return ReadOff(samples, hz)
	}
}

// pair is what was decided on a recording as it is, and on it recorded
// otherwise.
type pair struct{ recorded, otherwise classifier.Activity }

// RunAgreement streams every recording with acceleration through the model as
// it is and recorded in other ways, and compares the decisions second by
// second. Labels do not matter. The same collection, config and processor
// architecture give the same result.
//
// It ends with the first recording that cannot be read, unless SkipBroken, and
// with ctx's error when that is done.
func RunAgreement(ctx context.Context, collection *dataset.Collection, c AgreementConfig) (*AgreementReport, error) {
	if c.Progress == nil {
		c.Progress = func(string, int, int) {}
	}
	report := &AgreementReport{Format: ReportFormat, Kind: "agreement", Protocol: Agreement, Seed: c.Seed, Broken: []Broken{}}
	counts := make([]map[string]*agreementCount, len(ways)) // by data set
	for i := range counts {
		counts[i] = map[string]*agreementCount{}
	}
	var mu sync.Mutex // guards counts and report
	var done atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range collection.Entries {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			defer func() { c.Progress("recordings", int(done.Add(1)), len(collection.Entries)) }()
			entry := &collection.Entries[i]
			if !has(entry, "acc") {
				return nil
			}
			recordings, err := collection.Read(*entry)
			if err != nil {
				if !isEmpty(err) && !c.SkipBroken {
					return fmt.Errorf("evaluation: %w", err)
				}
				mu.Lock()
				defer mu.Unlock()
				report.Broken = append(report.Broken, Broken{entry.Path, err.Error()})
				return nil
			}
			for j := range recordings {
				found, err := c.compare(&recordings[j])
				if err != nil {
					return fmt.Errorf("evaluation: %s: %w", recordings[j].Name, err)
				}
				mu.Lock()
				for k, pairs := range found {
					if pairs == nil {
						continue
					}
					if counts[k][entry.Dataset] == nil {
						counts[k][entry.Dataset] = &agreementCount{pairs: map[pair]int{}}
					}
					counts[k][entry.Dataset].add(&agreementCount{1, pairs})
				}
				mu.Unlock()
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	slices.SortFunc(report.Broken, func(a, b Broken) int { return cmp.Compare(a.Path, b.Path) })
	for i, w := range ways {
		report.Ways = append(report.Ways, newWayReport(w.how, counts[i]))
	}
	return report, nil
}

// agreementCount is what was found in some recordings.
type agreementCount struct {
	recordings int
	pairs      map[pair]int // seconds
}

func (a *agreementCount) add(b *agreementCount) {
	a.recordings += b.recordings
	for p, n := range b.pairs {
		a.pairs[p] += n
	}
}

// compare returns for each of ways how many seconds were decided how; nil for a
// way that a recording cannot be given.
func (c *AgreementConfig) compare(r *dataset.Recording) ([]map[pair]int, error) {
	found := make([]map[pair]int, len(ways))
	if len(r.Samples) == 0 {
		return found, nil
	}
	recorded, err := c.decisions(r.Samples)
	if err != nil {
		return nil, err
	}
	name := fnv.New64a()
	name.Write([]byte(r.Name))
	for i, w := range ways {
		samples := w.apply(r.Samples, rand.New(rand.NewPCG(c.Seed, name.Sum64()+uint64(i))))
		if len(samples) == 0 {
			continue
		}
		otherwise, err := c.decisions(samples)
		if err != nil {
			return nil, err
		}
		found[i] = map[pair]int{}
		for second, activity := range recorded {
			if other, ok := otherwise[second]; ok {
				found[i][pair{activity, other}]++
			}
		}
	}
	return found, nil
}

// decisions returns what was decided, by whole seconds since the first reading.
// The first window is left out.
func (c *AgreementConfig) decisions(samples []classifier.Sample) (map[int64]classifier.Activity, error) {
	estimates, err := classifier.NewStream(classifier.Config{Model: c.Model}).Push(nil, classifier.NewWorkspace(), samples, nil)
	if err != nil {
		return nil, err
	}
	decisions := map[int64]classifier.Activity{}
	for _, e := range estimates {
		if since := e.SensorTime - samples[0].SensorTime; since >= FirstWindowNS {
			decisions[(since+classifier.HopNS/2)/classifier.HopNS] = e.Activity
		}
	}
	return decisions, nil
}

// An AgreementReport is what tempogate eval activity --protocol agreement
// found. It is the content of report.json.
type AgreementReport struct {
	Format   int         `json:"format"` // ReportFormat
	Kind     string      `json:"kind"`   // "agreement"
	Command  string      `json:"command"`
	Protocol Protocol    `json:"protocol"`
	Seed     uint64      `json:"seed"`
	Ways     []WayReport `json:"ways"`
	Broken   []Broken    `json:"broken"` // entries that could not be read
}

// A WayReport is how often the decisions on recordings and on the same motion
// recorded otherwise agree.
type WayReport struct {
	How        string          `json:"how"`
	Recordings int             `json:"recordings"`
	Seconds    int             `json:"seconds"`
	Agree      Number          `json:"agree"` // share of seconds
	Datasets   []DatasetAgrees `json:"datasets"`
	Apart      []ApartReport   `json:"apart"` // where they do not, the most frequent first
}

// DatasetAgrees is a WayReport of one data set.
type DatasetAgrees struct {
	Dataset    string `json:"dataset"`
	Recordings int    `json:"recordings"`
	Seconds    int    `json:"seconds"`
	Agree      Number `json:"agree"`
}

// An ApartReport is one way to disagree.
type ApartReport struct {
	Recorded  string `json:"as_recorded"`
	Otherwise string `json:"otherwise"`
	Seconds   int    `json:"seconds"`
}

func newWayReport(how string, datasets map[string]*agreementCount) WayReport {
	report := WayReport{How: how, Datasets: []DatasetAgrees{}, Apart: []ApartReport{}}
	all := agreementCount{pairs: map[pair]int{}}
	for _, name := range slices.Sorted(maps.Keys(datasets)) {
		count := datasets[name]
		seconds, agree := count.agree()
		report.Datasets = append(report.Datasets, DatasetAgrees{name, count.recordings, seconds, agree})
		all.add(count)
	}
	report.Recordings = all.recordings
	report.Seconds, report.Agree = all.agree()
	for p, n := range all.pairs {
		if p.recorded != p.otherwise {
			report.Apart = append(report.Apart, ApartReport{p.recorded.String(), p.otherwise.String(), n})
		}
	}
	slices.SortFunc(report.Apart, func(a, b ApartReport) int {
		return cmp.Or(cmp.Compare(b.Seconds, a.Seconds), cmp.Compare(a.Recorded, b.Recorded), cmp.Compare(a.Otherwise, b.Otherwise))
	})
	return report
}

func (a *agreementCount) agree() (seconds int, share Number) {
	same := 0
	for p, n := range a.pairs {
		seconds += n
		if p.recorded == p.otherwise {
			same += n
		}
	}
	return seconds, Number(float64(same) / float64(seconds))
}

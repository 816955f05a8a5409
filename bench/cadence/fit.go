package cadence

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"sync"

	"gonum.org/v1/gonum/optimize"

	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/classifier/feature"
	"github.com/tempogate/tempogate/classifier/signal"
	"github.com/tempogate/tempogate/classifier/tempo"
)

// The constants of classifier/tempo are rounded results of two regressions on
// what is gathered here.
//
// The evidence is a conditional logit (McFadden 1974): of the candidates of a
// window the true one is chosen with the probability exp(w·x_j) / Σ_i exp(w·x_i),
// x being ρ one stride and one step ago, the share of power at the step's rate,
// and ln c with its square, of which follow the median and the deviation of the
// prior. Walks and runs are fitted apart. Which candidate leads depends on the
// ratios of the weights only, so they are reported for a stride's weight of
// strideWeight. The confidence is a logistic regression of being right within
// RightSPM.
const (
	strideWeight = 16.0

	fitCandidates = 90
	fitFromSPM    = tempo.LowestSPM
	fitToSPM      = 231.0
	fitDeviation  = 0.02 // of the cadence within a window around its mean
	fitDecay      = 1e-6
	leastLevels   = 50
	fitEvery      = 3 // windows overlap: one in three tells as much
)

// evidenceNames are what the weights of the evidence are reported as.
var evidenceNames = [...]string{"stride", "step", "share", "median SPM", "deviation"}

// evidenceOf turns weights into what they mean: a prior of w₃ ln(c/centre) +
// w₄ ln(c/centre)² is a log-normal one.
func evidenceOf(centre float64) func(x []float64) []float64 {
	return func(x []float64) []float64 {
		scale := strideWeight / x[0]
		return []float64{
			strideWeight, x[1] * scale, x[2] * scale,
			centre * math.Exp(-x[3]/(2*x[4])), math.Sqrt(-1 / (2 * x[4] * scale)),
		}
	}
}

// confidenceNames are those of the confidence.
var confidenceNames = [...]string{"base", "margin", "-ln(1-ρ)"}

const (
	walkCentreSPM, runCentreSPM = 110.0, 165.0
	mostMargin                  = 6.0
	leastNoise                  = 0.02
)

// choice is a window with its true cadence.
type choice struct {
	place  int // of the entry
	x      [fitCandidates][len(evidenceNames)]float64
	target [fitCandidates]float64
}

// verdict is something measured that turned out to be so or not.
type verdict struct {
	place int
	x     []float64
	right bool
}

// fitData gathers what the regressions learn from.
type fitData struct {
	mu      sync.Mutex
	windows map[int]int // seen of each entry
	walk    []choice
	run     []choice
	judged  []verdict // was the cadence right?
	present []verdict // were there steps?
	weight  []float64 // of each of present
	levels  map[levelKey]*level
}

// A level is how strong the vertical motion is at a cadence.
type level struct {
	windows      int
	sum, squares float64 // of ln of the variance
}

type levelKey struct {
	activity classifier.Activity
	spm      int // lower end of ten
}

// addChoice takes one in fitEvery of the windows of an entry with its true
// cadence.
func (f *fitData) addChoice(place int, a classifier.Activity, w *feature.Motion, spm float64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.windows == nil {
		f.windows, f.levels = map[int]int{}, map[levelKey]*level{}
	}
	f.addLevel(levelKey{a, 10 * int(spm/10)}, math.Log(w.Variance))
	f.windows[place]++
	if f.windows[place]%fitEvery != 0 {
		return
	}
	switch a {
	case classifier.Walk:
		f.walk = append(f.walk, newChoice(place, w, spm, walkCentreSPM))
	case classifier.Run:
		f.run = append(f.run, newChoice(place, w, spm, runCentreSPM))
	}
}

func (f *fitData) addLevel(k levelKey, v float64) {
	l := f.levels[k]
	if l == nil {
		l = &level{}
		f.levels[k] = l
	}
	l.windows++
	l.sum += v
	l.squares += v * v
}

// addVerdict takes what was measured beside the true cadence.
func (f *fitData) addVerdict(place int, measured tempo.Measurement, spm float64) {
	if measured == (tempo.Measurement{}) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.judged = append(f.judged, verdict{place, []float64{
		1, min(measured.Margin, mostMargin), -math.Log(max(1-measured.Rhythm, leastNoise)),
	}, math.Abs(measured.CadenceSPM-spm) <= RightSPM})
}

func newChoice(place int, w *feature.Motion, spm, centre float64) choice {
	c := choice{place: place}
	var power float64
	for _, p := range w.VerticalPower[2:] {
		power += p
	}
	at := func(lag float64) float64 {
		i := min(int(lag), len(w.Correlation)-2)
		part := lag - float64(i)
		return (1-part)*w.Correlation[i] + part*w.Correlation[i+1]
	}
	var sum float64
	for j := range c.x {
		candidate := fitFromSPM * math.Pow(fitToSPM/fitFromSPM, float64(j)/(fitCandidates-1))
		period := 60 * signal.RateHz / candidate
		line := int(math.Round(candidate / 60 / feature.BinHz))
		share := (w.VerticalPower[line-1] + w.VerticalPower[line] + w.VerticalPower[line+1]) / (power + 1e-9)
		l := math.Log(candidate / centre)
		c.x[j] = [...]float64{at(2 * period), at(period), share, l, l * l}
		z := math.Log(candidate/spm) / fitDeviation
		c.target[j] = math.Exp(-z * z / 2)
		sum += c.target[j]
	}
	for j := range c.target {
		c.target[j] /= sum
	}
	return c
}

// weights gives every group of entries a weight that grows with the root of
// its size, and the groups in left none.
func weights(places []int, groupOf func(place int) string, left string) []float64 {
	count := map[string]float64{}
	for _, p := range places {
		count[groupOf(p)]++
	}
	w := make([]float64, len(places))
	var sum float64
	for i, p := range places {
		if g := groupOf(p); g != left {
			w[i] = 1 / math.Sqrt(count[g])
			sum += w[i]
		}
	}
	for i := range w {
		w[i] /= sum
	}
	return w
}

// minimise minimises a sum of convex losses from zero.
func minimise(ctx context.Context, n int, loss func(x, gradient []float64) float64) []float64 {
	penalised := func(x, gradient []float64) float64 {
		if ctx.Err() != nil {
			clear(gradient)
			return 0 // ends the search
		}
		clear(gradient)
		value := loss(x, gradient)
		for k := range x {
			value += fitDecay * x[k] * x[k]
			gradient[k] += 2 * fitDecay * x[k]
		}
		return value
	}
	scratch := make([]float64, n)
	problem := optimize.Problem{
		Func: func(x []float64) float64 { return penalised(x, scratch) },
		Grad: func(gradient, x []float64) { penalised(x, gradient) },
	}
	result, err := optimize.Minimize(problem, make([]float64, n), &optimize.Settings{MajorIterations: 100, GradientThreshold: 1e-5}, &optimize.LBFGS{})
	if result == nil {
		panic(err) // a problem without gradient
	}
	return result.X // a line search that can improve no further ends with an error
}

// fitEvidence returns the weights that make the true candidates most likely.
func fitEvidence(ctx context.Context, choices []choice, w []float64) []float64 {
	return minimise(ctx, len(evidenceNames), func(x, gradient []float64) float64 {
		var loss float64
		for i := range choices {
			if w[i] == 0 {
				continue
			}
			p, hit := choices[i].chances(x)
			loss -= w[i] * math.Log(hit+1e-12)
			for j := range p {
				d := w[i] * (p[j] - p[j]*choices[i].target[j]/(hit+1e-12))
				for k, v := range choices[i].x[j] {
					gradient[k] += d * v
				}
			}
		}
		return loss
	})
}

// chances returns the probability of each candidate and of hitting the target.
func (c *choice) chances(x []float64) (p [fitCandidates]float64, hit float64) {
	most := math.Inf(-1)
	for j := range p {
		for k, v := range c.x[j] {
			p[j] += x[k] * v
		}
		most = max(most, p[j])
	}
	var sum float64
	for j := range p {
		p[j] = math.Exp(p[j] - most)
		sum += p[j]
	}
	for j := range p {
		p[j] /= sum
		hit += p[j] * c.target[j]
	}
	return p, hit
}

// gross tells whether the likeliest candidate is off by more than 8 %.
func (c *choice) gross(x []float64) bool {
	p, _ := c.chances(x)
	best, truth := 0, 0
	for j := range p {
		if p[j] > p[best] {
			best = j
		}
		if c.target[j] > c.target[truth] {
			truth = j
		}
	}
	step := math.Log(fitToSPM/fitFromSPM) / (fitCandidates - 1)
	return math.Abs(math.Exp(float64(best-truth)*step)-1) > grossShare
}

// fitLogistic returns the n weights of a logistic regression.
func fitLogistic(ctx context.Context, n int, verdicts []verdict, w []float64) []float64 {
	return minimise(ctx, n, func(x, gradient []float64) float64 {
		var loss float64
		for i := range verdicts {
			if w[i] == 0 {
				continue
			}
			p := verdicts[i].chance(x)
			y := 0.0
			if verdicts[i].right {
				y = 1
				loss -= w[i] * math.Log(p+1e-12)
			} else {
				loss -= w[i] * math.Log(1-p+1e-12)
			}
			for k, v := range verdicts[i].x {
				gradient[k] += w[i] * (p - y) * v
			}
		}
		return loss
	})
}

func (v *verdict) chance(x []float64) float64 {
	var z float64
	for k, a := range v.x {
		z += x[k] * a
	}
	return 1 / (1 + math.Exp(-z))
}

// report fits everything on all entries, then with each group left out.
func (f *fitData) report(ctx context.Context, groupOf func(place int) string, progress func(string, int, int)) *FitReport {
	// Recordings were followed side by side; their order must not depend on it.
	slices.SortStableFunc(f.walk, func(a, b choice) int { return cmp.Compare(a.place, b.place) })
	slices.SortStableFunc(f.run, func(a, b choice) int { return cmp.Compare(a.place, b.place) })
	slices.SortStableFunc(f.judged, func(a, b verdict) int { return cmp.Compare(a.place, b.place) })
	report := &FitReport{}
	for i, one := range []struct {
		to      *[]FitTrial
		choices []choice
		centre  float64
	}{{&report.Walk, f.walk, walkCentreSPM}, {&report.Run, f.run, runCentreSPM}} {
		progress("fitting", i, 4)
		places := make([]int, len(one.choices))
		for i := range one.choices {
			places[i] = one.choices[i].place
		}
		*one.to = trials(places, groupOf, evidenceNames[:], evidenceOf(one.centre),
			func(w []float64) []float64 { return fitEvidence(ctx, one.choices, w) },
			func(x []float64, tested []int, trial *FitTrial) {
				var loss, gross float64
				for _, i := range tested {
					_, hit := one.choices[i].chances(x)
					loss -= math.Log(hit + 1e-12)
					if one.choices[i].gross(x) {
						gross++
					}
				}
				trial.Loss, trial.Gross = Number(loss/float64(len(tested))), Number(gross/float64(len(tested)))
			})
	}
	progress("fitting", 2, 4)
	places := make([]int, len(f.judged))
	for i := range f.judged {
		places[i] = f.judged[i].place
	}
	same := func(x []float64) []float64 { return x }
	report.Confidence = trials(places, groupOf, confidenceNames[:], same,
		func(w []float64) []float64 { return fitLogistic(ctx, len(confidenceNames), f.judged, w) },
		func(x []float64, tested []int, trial *FitTrial) { trial.judge(x, f.judged, tested) })
	progress("fitting", 3, 4)
	report.Presence = f.presenceTrials(ctx, groupOf, same)
	report.Levels = f.levelTrials()
	progress("fitting", 4, 4)
	return report
}

// judge tests a logistic regression.
func (trial *FitTrial) judge(x []float64, verdicts []verdict, tested []int) {
	var t Tally
	var loss float64
	for _, i := range tested {
		v := &verdicts[i]
		p := v.chance(x)
		at := min(int(p*confidenceBins), confidenceBins-1)
		bin := &t.Bins[at]
		t.Seconds++
		bin.Seconds++
		bin.Confidence += p
		if v.right {
			bin.Right++
			loss -= math.Log(p + 1e-12)
		} else {
			loss -= math.Log(1 - p + 1e-12)
		}
	}
	trial.Loss, trial.ECE = Number(loss/float64(len(tested))), Number(t.ECE())
	// Of those around nine in ten, how many were right.
	var around ConfidenceBin
	for _, b := range t.Bins[confidenceBins*17/20 : confidenceBins*19/20] {
		around.Seconds += b.Seconds
		around.Right += b.Right
	}
	trial.AroundNine, trial.RightOfNine = around.Seconds, Number(float64(around.Right)/float64(around.Seconds))
}

// levelTrials lists the levels with enough windows, walks first.
func (f *fitData) levelTrials() []LevelTrial {
	list := []LevelTrial{}
	order := slices.SortedFunc(maps.Keys(f.levels), func(a, b levelKey) int {
		return cmp.Or(cmp.Compare(a.activity.Index(), b.activity.Index()), cmp.Compare(a.spm, b.spm))
	})
	for _, k := range order {
		l := f.levels[k]
		if l.windows < leastLevels {
			continue
		}
		n := float64(l.windows)
		mean := l.sum / n
		list = append(list, LevelTrial{k.activity.String(), k.spm, l.windows, Number(mean), Number(math.Sqrt(max(l.squares/n-mean*mean, 0)))})
	}
	return list
}

// trials fits on everything, and with each group left out to be tested on.
func trials(places []int, groupOf func(int) string, names []string, meaning func(x []float64) []float64, fit func(w []float64) []float64, test func(x []float64, tested []int, trial *FitTrial)) []FitTrial {
	members := map[string][]int{}
	var all []int
	for i, p := range places {
		members[groupOf(p)] = append(members[groupOf(p)], i)
		all = append(all, i)
	}
	list := []FitTrial{}
	if len(all) == 0 {
		return list
	}
	add := func(left string, tested []int) {
		x := fit(weights(places, groupOf, left))
		trial := FitTrial{Left: left, Windows: len(tested), Weights: map[string]Number{}}
		for k, v := range meaning(x) {
			trial.Weights[names[k]] = Number(v)
		}
		test(x, tested, &trial)
		list = append(list, trial)
	}
	add("", all)
	if len(members) < 2 {
		return list
	}
	for _, group := range slices.Sorted(maps.Keys(members)) {
		add(group, members[group])
	}
	return list
}

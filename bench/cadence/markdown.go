package cadence

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/tempogate/tempogate/bench/evaluation"
	"github.com/tempogate/tempogate/bench/paper"
)

// Markdown returns the content of report.md. The pictures that were written
// are given by the heading that they belong under.
func (r *Report) Markdown(pictures map[string][]string) []byte {
	m := &page{paper.Page{Pictures: pictures}}
	m.Line("# How well the tempo follows the steps")
	m.Line("")
	m.Line("```\n%s\n```", r.Command)
	m.Line("")
	m.Line("%s", protocolText[r.Protocol])
	m.Line("")
	m.Line("Every tempo is causal, and there is at most one a second. It is held against the mean cadence of the last %d steps. "+
		"*Whole classifier* has to find out the activity by itself, without location; *activity known* is the tempo estimator alone, told whether it is a walk or a run. "+
		"Shares of errors are of the seconds with a tempo, silent is the share of seconds with steps and none. "+
		"Steps are added up as a user would, over the whole recording; *carried* is from the first step to the last, with the first tempo carried back to the beginning and the last one to the end. "+
		"The first tempo counts from the first step.", Span)
	for _, b := range r.Broken {
		m.Line("")
		m.Line("Left out: %s", b.Error)
	}
	m.counted(&r.Counted)
	m.reference("Runs, against the offline reference", "runs", &r.Runs,
		"Nobody counted these steps. The reference looks at the whole recording, forwards and backwards, and shares no code with the estimator; how it does on counted walks is said above.")
	m.reference("Walks without counted steps, against the offline reference", "walks", &r.Walks,
		fmt.Sprintf("The reference looks between %g and %g steps a minute only, so it is wrong for whoever walks more slowly.", WalkBand.LowSPM, WalkBand.HighSPM))
	m.otherwise(r.Otherwise)
	m.idle(r.Idle, r.Distrusted)
	m.simulated(r.Simulated)
	m.plausible(r.Plausible)
	if r.Fit != nil {
		m.fit(r)
	}
	return m.Bytes()
}

var protocolText = map[evaluation.Protocol]string{
	evaluation.LeaveOneSubjectOut:   "Leave one subject out: activities are recognised by models that never met the person.",
	evaluation.LeaveOneDatasetOut:   "Leave one data set out: activities are recognised by models that never met the person, the phone or the place.",
	evaluation.LeaveOnePlacementOut: "Leave one placement out: activities are recognised by models that never met this place of the phone.",
	evaluation.Fixed:                "One fixed model. What it was trained on flatters how activities are recognised, not how the tempo is estimated.",
}

// A page is a report that is being written.
type page struct{ paper.Page }

// Writing numbers: a dash is what is not defined.

func fixed(n Number, digits int) string {
	if v := float64(n); math.IsNaN(v) || math.IsInf(v, 0) {
		return "–"
	}
	return fmt.Sprintf("%.*f", digits, float64(n))
}

func percent(n Number, digits int) string { return fixed(100*n, digits) }

func signed(n Number) string {
	if v := float64(n); math.IsNaN(v) || math.IsInf(v, 0) {
		return "–"
	}
	return fmt.Sprintf("%+.1f", 100*float64(n))
}

// waited writes seconds that may be for ever.
func waited(n Number) string {
	if math.IsInf(float64(n), 1) {
		return "never"
	}
	return fixed(n, 1)
}

var measureTitles = []string{
	"recordings", "seconds", "silent %", "MAE", "bias", "within 3 %", "off by 9 %", "off by 8 %", "half %", "double %",
	"steps %", "worst", "carried %", "worst", "first s", "worst",
}

func (m *Measures) row(name string) []string {
	return []string{
		name, fmt.Sprint(m.Recordings), fmt.Sprint(m.Seconds), percent(m.Silent, 1), fixed(m.MAE, 2), fixed(m.Bias, 2), percent(m.Within3, 1),
		percent(m.OffBy9, 2), percent(m.Gross, 2), percent(m.Half, 2), percent(m.Double, 2),
		signed(m.CountError), signed(Number(m.worstCount)), signed(m.CarriedError), signed(Number(m.worstCarried)), waited(m.FirstMedianS), waited(m.FirstWorstS),
	}
}

// measures writes a table with two rows a group.
func (m *page) measures(groups []GroupReport, all *Both) {
	rows := [][]string{}
	for i := range groups {
		g := &groups[i]
		rows = append(rows, g.Stream.row(g.Name), g.Known.row(g.Name+", activity known"))
	}
	rows = append(rows, all.Stream.row("**all**"), all.Known.row("**all**, activity known"))
	m.Table(append([]string{""}, measureTitles...), rows)
}

func (m *page) counted(c *CountedReport) {
	m.Heading("Walks with counted steps")
	if len(c.Recordings) == 0 {
		m.Line("")
		m.Line("None in this collection.")
		return
	}
	m.Line("")
	m.Line("Contacts come from switches in the shoes, about ten readings a second, so each is up to 100 ms late: the mean of %d steps is uncertain by about 1 %% (one standard deviation) for that alone. "+
		"Switches also bounce, and miss. Feet alternate, which tells both: doubled contacts are taken out and missed ones put in, "+
		"and seconds whose last %d steps were mended are left out of all errors, not of the counts. "+
		"Against contacts as they were recorded, mended or not: MAE %s, within 3 %s %%, off by more than 9 %s %%, steps %s %%.",
		Span, Span, fixed(c.Raw.MAE, 2), percent(c.Raw.Within3, 1), percent(c.Raw.OffBy9, 2), signed(c.Raw.CountError))
	m.Line("")
	m.Line("The offline reference, which knows nothing of contacts, counts these walks with a mean error of %s %% and a worst one of %s %%.", percent(c.ReferenceError, 1), signed(c.ReferenceWorst))
	m.measures(c.Placements, &c.All)
	m.Line("")
	m.Line("By person:")
	m.measures(c.Subjects, &c.All)
	m.Show("counted errors")
	m.calibration("Confidence on counted walks", c.Bins, c.All.Stream.ECE)
	m.Show("counted calibration")
	m.Line("")
	m.Line("The recordings with the largest mean error:")
	m.Show("counted")
	m.Line("")
	m.Line("### Each walk")
	rows := [][]string{}
	for i := range c.Recordings {
		t := &c.Recordings[i]
		s, k := &t.Stream, &t.Known
		rows = append(rows, []string{
			link(t.Recording), t.Placement, fmt.Sprint(t.Contacts), fmt.Sprint(t.Steps), fixed(t.Reference, 0),
			signed(s.CountError), signed(s.CarriedError), signed(k.CarriedError), fixed(s.MAE, 2), fixed(k.MAE, 2), percent(s.Within3, 1), percent(s.OffBy9, 1), percent(s.Silent, 1), waited(s.FirstWorstS), waited(k.FirstWorstS),
		})
	}
	m.Table([]string{"", "placement", "contacts", "mended", "reference", "steps %", "carried %", "known", "MAE", "known", "within 3 %", "off by 9 %", "silent %", "first s", "known"}, rows)
}

func link(recording string) string {
	return fmt.Sprintf("[%s](%s)", recording, recordingDir+"/"+fileName(recording)+".svg")
}

func (m *page) calibration(title string, bins []Bin, ece Number) {
	m.Line("")
	m.Line("%s (expected calibration error %s):", title, fixed(ece, 3))
	rows := [][]string{}
	for _, b := range bins {
		rows = append(rows, []string{
			fmt.Sprintf("%s to %s", fixed(b.From, 2), fixed(b.To, 2)), fmt.Sprint(b.Seconds), fixed(b.Confidence, 3), fixed(b.Right, 3),
		})
	}
	m.Table([]string{"confidence", "seconds", "mean", "within 3"}, rows)
}

func (m *page) reference(title, key string, r *ReferenceReport, about string) {
	m.Heading(title)
	m.Line("")
	if len(r.Recordings) == 0 {
		m.Line("None in this collection.")
		return
	}
	m.Line("%s", about)
	m.measures(r.Datasets, &r.All)
	m.Show(key + " errors")
	m.calibration("Confidence", r.Bins, r.All.Stream.ECE)
	m.Show(key + " calibration")
	if len(r.Disagreements) > 0 {
		m.Line("")
		m.Line("The longest disagreements by more than 3:")
		rows := [][]string{}
		for _, d := range r.Disagreements {
			rows = append(rows, []string{d.Recording, fixed(d.FromS, 0), fmt.Sprint(d.Seconds), fixed(d.Said, 1), fixed(d.Reference, 1), fixed(d.Contrast, 2)})
		}
		m.Table([]string{"", "from s", "seconds", "said", "reference", "its contrast"}, rows)
	}
	if len(m.Pictures[key]) > 0 {
		m.Line("")
		m.Line("The recordings with the largest mean error:")
		m.Show(key)
	}
	m.Line("")
	m.Line("### Each recording")
	rows := [][]string{}
	for i := range r.Recordings {
		t := &r.Recordings[i]
		name := t.Recording
		if key == "runs" {
			name = link(name)
		}
		rows = append(rows, []string{
			name, fixed(t.SPM, 1), fmt.Sprint(t.Stream.Seconds), percent(t.Stream.Within3, 1), percent(t.Known.Within3, 1),
			fixed(t.Stream.MAE, 2), fixed(t.Known.MAE, 2), percent(t.Stream.OffBy9, 1), percent(t.Stream.Silent, 1),
		})
	}
	m.Table([]string{"", "reference", "seconds", "within 3 %", "known", "MAE", "known", "off by 9 %", "silent %"}, rows)
}

func (m *page) otherwise(list []OtherwiseReport) {
	if len(list) == 0 {
		return
	}
	m.Heading("The same motion, recorded otherwise")
	m.Line("")
	m.Line("Walks with counted steps and runs, streamed once more as other phones would have recorded them. A rate is one that the recording has, read off evenly. Without gravity, the mean over %d s is taken away. "+
		"Both tempos are compared with each other, and with the truth.", gravityOverNS/1_000_000_000)
	rows := [][]string{}
	for i := range list {
		o := &list[i]
		t, r := &o.Measures, &o.AsRecorded
		rows = append(rows, []string{
			o.How, fmt.Sprint(o.Recordings), fmt.Sprint(o.Seconds), fixed(o.Difference, 2), percent(o.Within1, 1), percent(o.Within3, 1), percent(o.OneSilent, 2),
			fixed(t.MAE, 2), fixed(r.MAE, 2), percent(t.Within3, 1), percent(r.Within3, 1), percent(t.OffBy9, 2), percent(r.OffBy9, 2), percent(t.Half, 2), percent(t.Double, 2),
		})
	}
	m.Table([]string{"", "recordings", "seconds", "mean difference", "within 1 %", "within 3 %", "one silent %", "MAE", "as recorded", "within 3 %", "as recorded", "off by 9 %", "as recorded", "half %", "double %"}, rows)
}

func (m *page) idle(list []IdleReport, distrusted []DistrustReport) {
	m.Heading("No steps: how often there is a tempo all the same")
	m.Line("")
	m.Line("Labels are what the collections say. People also walk to their car or stand up within recordings labelled otherwise; the worst recording is where to look. Location is withheld but for the last two figures.")
	rows := [][]string{}
	for _, i := range list {
		name := i.Dataset + ", " + i.Activity
		if i.Dataset == "" {
			name = "**" + i.Activity + "**"
		}
		if i.Detail != "" && i.Detail != i.Activity {
			name += ", " + i.Detail
		}
		worst := "–"
		if i.Worst != "" {
			worst = fmt.Sprintf("%s (%d s)", i.Worst, i.WorstS)
		}
		rows = append(rows, []string{name, fmt.Sprint(i.Seconds), fmt.Sprint(i.Said), percent(i.Share, 2), fmt.Sprint(i.Located), percent(Number(float64(i.LocatedSaid)/float64(i.Located)), 2), worst})
	}
	m.Table([]string{"", "seconds", "with a tempo", "%", "seconds with location", "% with a tempo", "worst recording"}, rows)
	if len(distrusted) == 0 {
		return
	}
	m.Line("")
	m.Line("Not counted above, because the label is known to be wrong:")
	rows = nil
	for _, d := range distrusted {
		rows = append(rows, []string{d.Dataset + ": " + d.Why, fmt.Sprint(d.Recordings), fmt.Sprint(d.Seconds), fmt.Sprint(d.Said)})
	}
	m.Table([]string{"", "recordings", "seconds", "with a tempo"}, rows)
}

func (m *page) simulated(sweeps []SweepReport) {
	m.Heading("Simulated, where truth is exact")
	m.Line("")
	m.Line("People of bench/gait, three for each value: they stand for %g s and then walk or run for %g s.", simulatedStand.Seconds(), simulatedMove.Seconds())
	for i := range sweeps {
		s := &sweeps[i]
		m.Line("")
		m.Line("### %s", strings.ToUpper(s.Quantity[:1])+s.Quantity[1:])
		rows := [][]string{}
		switch s.Quantity {
		case sweepIdle:
			for _, p := range s.Points {
				rows = append(rows, []string{p.Value, percent(p.Idle, 2)})
			}
			m.Table([]string{"", "seconds with a tempo %"}, rows)
		case sweepChange:
			for j := range s.Points {
				p := &s.Points[j]
				rows = append(rows, []string{
					p.Value, waited(p.StreamFollowS), waited(p.StreamWorstS), waited(p.KnownFollowS), waited(p.KnownWorstS),
					fixed(p.Stream.MAE, 2), fixed(p.Known.MAE, 2), percent(p.Stream.Half, 1), percent(p.Stream.Double, 1),
				})
			}
			m.Line("")
			m.Line("A change is followed when the tempo is within %d of the new cadence and stays so for %d s.", RightSPM, followedS)
			m.Table([]string{"", "followed after s, median", "worst", "known, median", "worst", "MAE", "known", "half %", "double %"}, rows)
		default:
			for j := range s.Points {
				p := &s.Points[j]
				rows = append(rows, []string{
					p.Value, fixed(p.Stream.MAE, 2), fixed(p.Known.MAE, 2), percent(p.Stream.Within3, 1), percent(p.Known.Within3, 1), percent(p.Stream.OffBy9, 1), percent(p.Known.OffBy9, 1),
					percent(p.Stream.Half, 1), percent(p.Stream.Double, 1), percent(p.Stream.Silent, 1), percent(p.Known.Silent, 1), signed(p.Stream.CarriedError), waited(p.Stream.FirstMedianS), waited(p.Stream.FirstWorstS),
				})
			}
			m.Table([]string{"", "MAE", "known", "within 3 %", "known", "off by 9 %", "known", "half %", "double %", "silent %", "known", "steps carried %", "first s", "worst"}, rows)
		}
		m.Show("simulated " + s.Quantity)
	}
}

func (m *page) plausible(list []PlausibleReport) {
	if len(list) == 0 {
		return
	}
	m.Heading("Plausible for the speed")
	m.Line("")
	m.Line("The middle 95 %% of the cadences that watches state at a speed, widened by %g %% to either side for people who are not these; and the tempos of recordings with location, walking or running, at that speed.", 100*peopleShare)
	rows := [][]string{}
	for _, p := range list {
		rows = append(rows, []string{
			fmt.Sprintf("%s to %s m/s", fixed(p.FromMPS, 1), fixed(p.ToMPS, 1)), fmt.Sprint(p.Watched), fixed(p.Low, 0), fixed(p.Median, 0), fixed(p.High, 0),
			fmt.Sprint(p.Said), percent(p.Inside, 1),
		})
	}
	m.Table([]string{"", "watch seconds", "from", "median", "to", "seconds with a tempo", "of them inside %"}, rows)
}

func (m *page) fit(r *Report) {
	f := r.Fit
	m.Heading("The constants, fitted anew")
	m.Line("")
	m.Line("The first row of each table is of everything; the others are tested on what was left out. Loss is the mean of -ln of the probability of what was true.")
	for _, part := range []struct {
		title  string
		names  []string
		trials []FitTrial
	}{
		{"Evidence of a walk: conditional logit", evidenceNames[:], f.Walk},
		{"Evidence of a run: conditional logit", evidenceNames[:], f.Run},
		{"Confidence: logistic regression", confidenceNames[:], f.Confidence},
		{"Whether there are steps: logistic regression", presenceNames[:], f.Presence},
	} {
		m.Line("")
		m.Line("### %s", part.title)
		titles := slices.Concat([]string{"left out", "windows"}, part.names, []string{"loss"})
		switch part.title[0] {
		case 'E':
			titles = append(titles, "gross %")
		case 'C':
			titles = append(titles, "ECE", "given 0.85 to 0.95", "right of these %")
		default:
			titles = append(titles, "ECE", "missed %", "false %")
		}
		rows := [][]string{}
		for _, t := range part.trials {
			row := []string{t.Left, fmt.Sprint(t.Windows)}
			if t.Left == "" {
				row[0] = "nothing"
			}
			for _, name := range part.names {
				row = append(row, fixed(t.Weights[name], 2))
			}
			row = append(row, fixed(t.Loss, 3))
			switch part.title[0] {
			case 'E':
				row = append(row, percent(t.Gross, 2))
			case 'C':
				row = append(row, fixed(t.ECE, 3), fmt.Sprint(t.AroundNine), percent(t.RightOfNine, 1))
			default:
				row = append(row, fixed(t.ECE, 3), percent(t.Missed, 2), percent(t.False, 2))
			}
			rows = append(rows, row)
		}
		m.Table(titles, rows)
		if given, right := leftOut(part.trials); given > 0 {
			m.Line("")
			m.Line("Of all %d estimates of who was left out that were given a confidence of 0.85 to 0.95, %s %% were right.", given, percent(Number(right/float64(given)), 1))
		}
	}
	if r.Protocol == evaluation.Fixed && len(f.Presence) > 0 {
		m.Line("")
		m.Line("Whether there are steps was learned with one fixed model, which knows these recordings: to trust it as one may on others, take `--protocol dataset`.")
	}
	m.Line("")
	m.Line("### How strong the vertical motion is")
	rows := [][]string{}
	for _, l := range f.Levels {
		rows = append(rows, []string{fmt.Sprintf("%s, %d to %d steps a minute", l.Activity, l.FromSPM, l.FromSPM+10), fmt.Sprint(l.Windows), fixed(l.Level, 2), fixed(l.Deviation, 2)})
	}
	m.Table([]string{"", "windows", "ln of the variance, mean", "deviation"}, rows)
}

// leftOut adds up how many estimates around nine in ten groups were given by
// regressions that had not met them, and how many of these were right; 0 for
// regressions that are not about confidence.
func leftOut(trials []FitTrial) (given int, right float64) {
	if len(trials) < 2 || trials[0].Weights[confidenceNames[1]] == 0 {
		return 0, 0
	}
	for _, t := range trials[1:] {
		if t.AroundNine > 0 {
			given += t.AroundNine
			right += float64(t.RightOfNine) * float64(t.AroundNine)
		}
	}
	return given, right
}

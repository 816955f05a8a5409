package evaluation

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/tempogate/tempogate/bench/paper"
)

// Markdown returns the report for people: the same figures, fewer of them, in
// tables. pictures are the names of image files beside it, by the heading that
// they stand under.
func (r *ActivityReport) Markdown(pictures map[string][]string) []byte {
	m := &page{paper.Page{Pictures: pictures}}
	m.Line("# How well activities are recognised")
	m.Line("")
	m.Line("```\n%s\n```", r.Command)
	m.Line("")
	m.Line("Data `%s`: %s, %s, %s, %s, %.1f labelled hours.", r.Data.Fingerprint,
		plural(r.Data.Entries, "entry", "entries"), plural(r.Data.Recordings, "recording", "recordings"),
		plural(r.Data.Subjects, "subject", "subjects"), plural(r.Data.Datasets, "data set", "data sets"), r.Data.Seconds/3600)
	m.Line("")
	m.Line("%s", protocolText[r.Protocol])
	m.Line("")
	m.Line("Every answer is causal and there is one a second. The first %.2f s of each recording are not counted: no window is full before. "+
		"Unknown counts as a miss. Intervals are 95 %% of %d bootstrap rounds over subjects; a dash is what is not defined.", r.Data.FirstWindow, r.Rounds)
	m.Line("*By seconds* every second counts the same, so the largest data sets decide. " +
		"*By data set* every activity counts the same and, within it, every data set.")
	m.leftOut(&r.LeftOut)
	m.summary(r.Conditions)
	for i := range r.Conditions {
		m.condition(&r.Conditions[i])
	}
	m.folds(r.Folds)
	m.Line("")
	m.Line("## Cost")
	m.Line("")
	m.Line("A hop (100 readings and a fix in, an estimate out) took %.0f ns and gonum's real FFT of 256 points %.0f ns in the same run: %.2f times as much. "+
		"This is the one figure that another run does not repeat.", r.Cost.HopNS, r.Cost.FFT256NS, r.Cost.HopOverFFT256)
	return m.Bytes()
}

var protocolText = map[Protocol]string{
	LeaveOneSubjectOut: "Leave one subject out: every recording is answered by a model that was trained without its subject. " +
		"Where nobody knows who it was, a data set counts as one subject.",
	LeaveOneDatasetOut: "Leave one data set out: every recording is answered by a model that was trained without its data set, so without its people, phones and places.",
	LeaveOnePlacementOut: "Leave one placement out: every recording is answered by a model that was trained without any recording known to be from this place of the phone. " +
		"Recordings whose placement is not known are trained on and not tested; the same people may be on both sides.",
	Fixed: "One fixed model. Recordings that it was trained on flatter it.",
}

// A page is a report that is being written.
type page struct{ paper.Page }

func (m *page) leftOut(l *LeftOut) {
	var parts []string
	add := func(n int, one, many string) {
		if n > 0 {
			parts = append(parts, plural(n, one, many))
		}
	}
	add(l.WithoutAcceleration, "entry without acceleration", "entries or recordings without acceleration")
	add(l.UnknownPlacement, "entry of unknown placement", "entries of unknown placement")
	add(l.NothingLabelled, "recording without a labelled second after the first window", "recordings without a labelled second after the first window")
	add(len(l.Empty), "empty entry", "empty entries")
	if len(parts) > 0 {
		m.Line("")
		m.Line("Not tested: %s.", strings.Join(parts, ", "))
	}
	if len(l.Broken) > 0 {
		m.Line("")
		m.Line("Could not be read, and therefore left out:")
		m.Line("")
		for _, b := range l.Broken {
			m.Line("- %s", b.Error)
		}
	}
}

func (m *page) summary(conditions []ConditionReport) {
	m.Line("")
	m.Line("## Summary")
	rows := [][]string{}
	for i := range conditions {
		c := &conditions[i]
		for _, w := range weightings(c) {
			rows = append(rows, []string{
				c.Title + ", " + w.name, w.MacroF1.share(), w.WalkRunOtherF1.share(), w.Right.share(), w.Unknown.percent(), w.ECE.share(),
				w.TransitOnFoot.percent(), w.OnFootTransit.percent(), w.IdleTempo.percent(), w.FalseChanges.plain(),
			})
		}
	}
	m.Table([]string{"", "macro-F1, five", "walk / run / other", "right", "unknown, %", "ECE",
		"transit called walk or run, %", "walk or run called transit, %", "still or transit with a tempo, %", "false changes an hour"}, rows)
	m.Line("")
	m.Line("Macro-F1 is the mean F1 over the activities that happen. A false change is a change of the decision while the label stays; a label that is wrong, or a pause in a walk, also makes some.")
}

type weighting struct {
	name string
	*Measures
}

func weightings(c *ConditionReport) []weighting {
	return []weighting{{"by seconds", &c.BySeconds}, {"by data set", &c.ByDataset}}
}

func (m *page) condition(c *ConditionReport) {
	m.Line("")
	m.Line("## %s", c.Title)
	m.Line("")
	m.Line("%s, %s, %.1f h.", plural(c.Recordings, "recording", "recordings"), plural(c.Subjects, "subject", "subjects"), c.Seconds/3600)
	for _, w := range weightings(c) {
		m.Line("")
		m.Line("### %s: %s", c.Title, w.name)
		rows := [][]string{}
		for _, a := range w.Activities {
			seconds := fmt.Sprintf("%.0f", a.Seconds)
			if w.name != "by seconds" {
				seconds = "–"
			}
			rows = append(rows, []string{a.Activity, seconds, a.Precision.share(), a.Recall.share(), a.F1.share()})
		}
		m.Table([]string{"activity", "seconds", "precision", "recall", "F1"}, rows)
		rows = [][]string{}
		for k, truth := range w.Confusion.Truths {
			row := []string{truth}
			for j, share := range w.Confusion.Shares[k] {
				cell := share.share()
				if w.name == "by seconds" {
					cell = fmt.Sprintf("%s (%.0f)", cell, w.Confusion.Seconds[k][j])
				}
				row = append(row, cell)
			}
			rows = append(rows, row)
		}
		m.Line("")
		m.Line("True activity down, answer across; shares of the row, seconds in brackets.")
		m.Table(append([]string{""}, w.Confusion.Answers...), rows)
		m.Show(c.Name.String() + " " + w.name)
	}
	m.changes(c)
	if c.Other.Seconds > 0 {
		m.Line("")
		m.Line("### %s: none of the five", c.Title)
		m.Line("")
		var parts []string
		for j, share := range c.Other.Shares {
			parts = append(parts, fmt.Sprintf("%s %s", c.Other.Answers[j], share.share()))
		}
		m.Line("%.0f seconds are known to be none of the five. They are in no other figure. Answers: %s.", float64(c.Other.Seconds), strings.Join(parts, ", "))
	}
	m.datasets(c)
	m.details(c)
	m.recordings(c)
	m.Show(c.Name.String() + " timelines")
}

func (m *page) changes(c *ConditionReport) {
	ch := &c.Changes
	if ch.Counted == 0 {
		return
	}
	m.Line("")
	m.Line("### %s: seconds until a change is noticed", c.Title)
	m.Line("")
	m.Line("Recordings of different activities of one data set, the middle %d s of each, one after another on one clock; the phone lies in each as it lay there. "+
		"The delay runs from the splice to the first of %d right decisions in a row.", SpliceSeconds, staySeconds)
	m.Line("")
	m.Line("%s: median %s, 90th percentile %s. Not noticed within %d s: %d. Not counted, because the new activity was decided before it began: %d.",
		plural(ch.Counted, "change", "changes"), ch.MedianS.delay(), ch.P90S.delay(), SpliceSeconds, ch.NotWithin, ch.Already)
	rows := [][]string{}
	for _, p := range ch.Pairs {
		rows = append(rows, append([]string{p.Before + " to " + p.After}, p.row()...))
	}
	for _, d := range ch.Datasets {
		rows = append(rows, append([]string{d.Dataset}, d.row()...))
	}
	m.Table([]string{"change, data set", "changes", "median", "90th percentile", "not noticed"}, rows)
	m.Show(c.Name.String() + " changes")
}

func (d *DelayReport) row() []string {
	return []string{fmt.Sprint(d.Counted), d.MedianS.delay(), d.P90S.delay(), fmt.Sprint(d.NotWithin)}
}

func (m *page) datasets(c *ConditionReport) {
	m.Line("")
	m.Line("### %s: data sets", c.Title)
	m.Line("")
	m.Line("Share of seconds that were right, in all and by activity.")
	rows := [][]string{}
	for _, d := range c.Datasets {
		row := []string{d.Dataset, fmt.Sprint(d.Subjects), fmt.Sprint(d.Recordings), fmt.Sprintf("%.0f", d.Seconds), d.Right.share()}
		for _, a := range d.Recall {
			row = append(row, a.Recall.share())
		}
		rows = append(rows, append(row, d.TransitOnFoot.percent(), d.OnFootTransit.percent(), d.FalseChanges.plain()))
	}
	titles := append([]string{"data set", "subjects", "recordings", "seconds", "right"}, names(everything)...)
	m.Table(append(titles, "transit called walk or run, %", "walk or run called transit, %", "false changes an hour"), rows)
}

func (m *page) details(c *ConditionReport) {
	if len(c.Details) == 0 {
		return
	}
	m.Line("")
	m.Line("### %s: what the labels say beside the activity", c.Title)
	m.Line("")
	m.Line("Share of seconds by answer.")
	rows := [][]string{}
	for _, d := range c.Details {
		row := []string{d.Dataset + ", " + d.Activity + ", " + d.Detail, fmt.Sprintf("%.0f", d.Seconds)}
		for _, share := range d.Shares {
			row = append(row, share.share())
		}
		rows = append(rows, row)
	}
	m.Table(append([]string{"", "seconds"}, answerNames()...), rows)
}

// worstShown is how many recordings the report for people lists.
const worstShown = 40

func (m *page) recordings(c *ConditionReport) {
	m.Line("")
	m.Line("### %s: recordings", c.Title)
	list := slices.Clone(c.RecordingList)
	slices.SortStableFunc(list, func(a, b RecordingReport) int {
		switch {
		case a.Right < b.Right:
			return -1
		case a.Right > b.Right:
			return 1
		}
		return 0
	})
	if len(list) > worstShown {
		m.Line("")
		m.Line("The %d worst of %d; report.json has all.", worstShown, len(list))
		list = list[:worstShown]
	}
	rows := [][]string{}
	for _, r := range list {
		wrong := "–"
		if r.Wrong != "" {
			wrong = fmt.Sprintf("%s, %s", r.Wrong, r.WrongPart.share())
		}
		rows = append(rows, []string{r.Recording, strings.TrimSuffix(r.Truth+" "+r.Detail, " "), fmt.Sprintf("%.0f", r.Seconds), r.Right.share(), wrong})
	}
	m.Table([]string{"recording", "truth", "seconds", "right", "most frequent wrong answer"}, rows)
}

func (m *page) folds(folds []FoldReport) {
	m.Line("")
	m.Line("## Models")
	rows := [][]string{}
	for _, f := range folds {
		missing := "–"
		if len(f.Missing) > 0 {
			missing = strings.Join(f.Missing, ", ")
		}
		groups := strings.Join(f.Groups, ", ")
		if groups == f.Name {
			groups = ""
		}
		rows = append(rows, []string{f.Name, groups, fmt.Sprint(f.Entries), fmt.Sprint(f.Examples), fmt.Sprint(f.Subjects), missing, f.Model[:12]})
	}
	m.Table([]string{"fold", "left out of training", "entries tested", "examples learned from", "subjects", "learned without", "SHA-256 of the model"}, rows)
}

const dash = "–"

func (n Number) defined() bool { return !math.IsNaN(float64(n)) && !math.IsInf(float64(n), 0) }

// share writes a share or an F1 with three decimals.
func (n Number) share() string { return n.format("%.3f", 1) }

// percent writes a small share in percent.
func (n Number) percent() string { return n.format("%.2f", 100) }

func (n Number) plain() string { return n.format("%.1f", 1) }

// delay writes seconds; what is not defined was not noticed.
func (n Number) delay() string {
	if !n.defined() {
		return fmt.Sprintf("over %d s", SpliceSeconds)
	}
	return n.format("%.1f s", 1)
}

func (n Number) format(format string, times float64) string {
	if !n.defined() {
		return dash
	}
	return fmt.Sprintf(format, float64(n)*times)
}

func (f Figure) share() string   { return f.with(Number.share) }
func (f Figure) percent() string { return f.with(Number.percent) }
func (f Figure) plain() string   { return f.with(Number.plain) }

func (f Figure) with(write func(Number) string) string {
	if !f.Low.defined() {
		return write(f.Value)
	}
	return fmt.Sprintf("%s (%s to %s)", write(f.Value), write(f.Low), write(f.High))
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// Summary returns the most important figures, a line each.
func (r *ActivityReport) Summary() string {
	var text strings.Builder
	for i := range r.Conditions {
		c := &r.Conditions[i]
		for _, w := range weightings(c) {
			fmt.Fprintf(&text, "%s, %s: macro-F1 %s, walk/run/other %s, right %s, ECE %s\n",
				c.Title, w.name, w.MacroF1.share(), w.WalkRunOtherF1.share(), w.Right.share(), w.ECE.share())
		}
		if c.Changes.Counted > 0 {
			fmt.Fprintf(&text, "%s: changes noticed in %s (median), %s (90th percentile)\n", c.Title, c.Changes.MedianS.delay(), c.Changes.P90S.delay())
		}
	}
	fmt.Fprintf(&text, "a hop costs %.2f times a 256-point real FFT\n", r.Cost.HopOverFFT256)
	return text.String()
}

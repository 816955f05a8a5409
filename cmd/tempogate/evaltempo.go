package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/tempogate/tempogate/bench/cadence"
	"github.com/tempogate/tempogate/bench/dataset"
	"github.com/tempogate/tempogate/bench/evaluation"
	"github.com/tempogate/tempogate/classifier/model"
)

type evalTempoCommand struct {
	Collection string `required:"" type:"existingdir" placeholder:"DIR" help:"Directory of labelled recordings with an index.csv."`
	Model      string `type:"existingfile" placeholder:"FILE" help:"A model of tempogate train to recognise the activity with, in place of the built-in one. Goes with the protocol fixed."`
	Protocol   string `enum:"subject,dataset,placement,fixed" default:"fixed" placeholder:"NAME" help:"What the models that recognise the activity have never met: subject, dataset, placement; or fixed, which trains nothing (the default)."`
	Folds      int    `default:"10" help:"With --protocol subject: how many folds to merge the subjects into. 0 leaves out one at a time."`
	Out        string `required:"" type:"path" placeholder:"DIR" help:"Directory for report.json, report.md and the pictures."`
	PNG        bool   `name:"png" help:"Write the pictures that the report shows as PNG too."`
	Fit        bool   `help:"Fit the constants of the estimator anew, with data sets left out, and add them to the report."`
	SkipBroken bool   `help:"List recordings that cannot be read in the report, instead of ending with the first."`
	Seed       uint64 `default:"1" help:"Of the simulated people and of training."`
}

// Validate checks the flags against each other.
func (c *evalTempoCommand) Validate() error {
	return checkTraining(c.Protocol, c.Model, c.Folds)
}

// Run measures, writes the report and prints what matters most.
func (c *evalTempoCommand) Run(app *appContext) error {
	collection, err := dataset.OpenCollection(c.Collection)
	if err != nil {
		return err
	}
	var m *model.Model
	if evaluation.Protocol(c.Protocol) == evaluation.Fixed {
		if m, err = readModel(c.Model); err != nil {
			return err
		}
	}
	// A place that cannot be written to is better found out now.
	if err := os.MkdirAll(c.Out, 0o755); err != nil {
		return err
	}
	bars := newBars(app)
	report, err := cadence.Run(app, collection, cadence.Config{
		Protocol: evaluation.Protocol(c.Protocol), Model: m, Merge: c.Folds,
		Seed: c.Seed, Fit: c.Fit, SkipBroken: c.SkipBroken, Progress: bars.show,
	})
	bars.finish()
	if err != nil {
		return err
	}
	report.Command = c.String()
	if err := report.Write(c.Out, c.PNG); err != nil {
		return err
	}
	_, err = fmt.Fprintf(app.stdout, "%s%s\n", report.Summary(), filepath.Join(c.Out, cadence.ReportMarkdown))
	return err
}

// String returns the command line that does the same again, wherever its flags
// came from.
func (c *evalTempoCommand) String() string {
	line := []string{"tempogate eval tempo", "--collection", shellQuoted(c.Collection)}
	if c.Model != "" {
		line = append(line, "--model", shellQuoted(c.Model))
	}
	line = append(line, "--protocol", c.Protocol)
	if c.Protocol == string(evaluation.LeaveOneSubjectOut) {
		line = append(line, "--folds", fmt.Sprint(c.Folds))
	}
	if c.Fit {
		line = append(line, "--fit")
	}
	if c.PNG {
		line = append(line, "--png")
	}
	if c.SkipBroken {
		line = append(line, "--skip-broken")
	}
	line = append(line, "--seed", fmt.Sprint(c.Seed), "--out", shellQuoted(c.Out))
	return strings.Join(line, " ")
}

// shellQuoted returns a value as a shell takes it for one word.
func shellQuoted(value string) string {
	if strings.ContainsFunc(value, func(r rune) bool { return strings.ContainsRune(" \t\n'\"\\$`*?[]{}()<>|&;#~!", r) }) {
		return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
	}
	return value
}

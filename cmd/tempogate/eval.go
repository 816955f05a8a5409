package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/tempogate/tempogate/bench/dataset"
	"github.com/tempogate/tempogate/bench/evaluation"
	"github.com/tempogate/tempogate/classifier/model"
)

// evalCommand measures how well things work, one command a thing.
type evalCommand struct {
	Activity evalActivityCommand `cmd:"" help:"How well activities are recognised on people, phones and vehicles that the model has never met."`
	Tempo    evalTempoCommand    `cmd:"" help:"How well the tempo follows the steps: counted, simulated, and those of an offline reference."`
}

type evalActivityCommand struct {
	Collection string   `required:"" type:"existingdir" placeholder:"DIR" help:"Directory of labelled recordings with an index.csv."`
	Model      string   `type:"existingfile" placeholder:"FILE" help:"A model of tempogate train to test, in place of the built-in one. Means the protocol fixed."`
	Protocol   string   `enum:"subject,dataset,placement,fixed,agreement," default:"" placeholder:"NAME" help:"What is left out of training and then tested, one at a time: subject, dataset (the default) or placement; or fixed, which trains nothing and tests a model (the default with --model); or agreement, which compares what a model says of the same motion at other rates and in other poses of the phone."`
	Folds      int      `default:"10" help:"With --protocol subject: how many folds to merge the subjects into. 0 leaves out one at a time."`
	Out        string   `required:"" type:"path" placeholder:"DIR" help:"Directory for report.json, report.md and the pictures."`
	PNG        bool     `name:"png" help:"Write the pictures as PNG too."`
	Timeline   []string `sep:"none" placeholder:"PATH" help:"A recording, or an entry of the index, whose probabilities to draw over time. May be repeated. The worst of each activity unless given."`
	Windows    string   `type:"path" placeholder:"FILE" help:"Write features, truth, probabilities and decision of every window to a CSV file; packed when it ends in .gz or .zst."`
	SkipBroken bool     `help:"List recordings that cannot be read in the report, instead of ending with the first."`
	Seed       uint64   `default:"1" help:"Of the resampling and of which recordings are spliced."`
}

// Validate checks the flags against each other and settles the protocol.
func (c *evalActivityCommand) Validate() error {
	fixed, agreement := string(evaluation.Fixed), string(evaluation.Agreement)
	switch {
	case c.Model != "" && c.Protocol == "":
		c.Protocol = fixed
	case c.Protocol == "":
		c.Protocol = string(evaluation.LeaveOneDatasetOut)
	case c.Protocol == agreement && (c.PNG || len(c.Timeline) > 0 || c.Windows != ""):
		return fmt.Errorf("--protocol %s draws no pictures and keeps no windows: it goes without --png, --timeline and --windows", agreement)
	}
	return checkTraining(c.Protocol, c.Model, c.Folds)
}

// checkTraining checks what a protocol trains with.
func checkTraining(protocol, model string, folds int) error {
	switch p := evaluation.Protocol(protocol); {
	case model != "" && p != evaluation.Fixed && p != evaluation.Agreement:
		return fmt.Errorf("--protocol %s trains models of its own: --model goes with --protocol fixed", protocol)
	case folds < 0 || folds == 1:
		return errors.New("--folds must be at least 2, or 0 for one subject at a time")
	}
	return nil
}

// Run measures, writes the report and prints what matters most.
func (c *evalActivityCommand) Run(app *appContext) error {
	collection, err := dataset.OpenCollection(c.Collection)
	if err != nil {
		return err
	}
	var m *model.Model
	protocol := evaluation.Protocol(c.Protocol)
	if protocol == evaluation.Fixed || protocol == evaluation.Agreement {
		if m, err = readModel(c.Model); err != nil {
			return err
		}
	}
	// A place that cannot be written to is better found out now.
	if err := os.MkdirAll(c.Out, 0o755); err != nil {
		return err
	}
	bars := newBars(app)
	if protocol == evaluation.Agreement {
		report, err := evaluation.RunAgreement(app, collection, evaluation.AgreementConfig{
			Model: m, Seed: c.Seed, SkipBroken: c.SkipBroken, Progress: bars.show,
		})
		bars.finish()
		if err != nil {
			return err
		}
		report.Command = c.String()
		if err := report.Write(c.Out); err != nil {
			return err
		}
		return c.say(app, report.Summary())
	}
	report, err := evaluation.RunActivity(app, collection, evaluation.ActivityConfig{
		Protocol: protocol, Model: m, Merge: c.Folds,
		Seed: c.Seed, SkipBroken: c.SkipBroken, Timelines: c.Timeline, Windows: c.Windows,
		Progress: bars.show,
	})
	bars.finish()
	if err != nil {
		return err
	}
	report.Command = c.String()
	if err := report.Write(c.Out, c.PNG); err != nil {
		return err
	}
	return c.say(app, report.Summary())
}

// say prints what matters most, and where the rest is.
func (c *evalActivityCommand) say(app *appContext, summary string) error {
	_, err := fmt.Fprintf(app.stdout, "%s%s\n", summary, filepath.Join(c.Out, evaluation.ReportMarkdown))
	return err
}

// String returns the command line that does the same again, wherever its flags
// came from.
func (c *evalActivityCommand) String() string {
	line := []string{"tempogate eval activity"}
	add := func(flag, value string) {
		line = append(line, flag, shellQuoted(value))
	}
	add("--collection", c.Collection)
	if c.Model != "" {
		add("--model", c.Model)
	}
	add("--protocol", c.Protocol)
	if c.Protocol == string(evaluation.LeaveOneSubjectOut) {
		add("--folds", fmt.Sprint(c.Folds))
	}
	for _, t := range c.Timeline {
		add("--timeline", t)
	}
	if c.Windows != "" {
		add("--windows", c.Windows)
	}
	if c.PNG {
		line = append(line, "--png")
	}
	if c.SkipBroken {
		line = append(line, "--skip-broken")
	}
	add("--seed", fmt.Sprint(c.Seed))
	add("--out", c.Out)
	return strings.Join(line, " ")
}

package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/tempogate/tempogate/bench/dataset"
	"github.com/tempogate/tempogate/bench/paper"
	"github.com/tempogate/tempogate/bench/training"
)

// trainCommand trains a model.
type trainCommand struct {
	Collection string `required:"" type:"existingdir" help:"Directory of labelled recordings with an index.csv."`
	Out        string `required:"" type:"path" help:"File to write the model to."`
	Seed       uint64 `default:"1" help:"Of the trees and of the variants. Same collection and seed, same bytes."`
}

// Run trains the model and writes it in one piece.
func (c *trainCommand) Run(ctx *appContext) error {
	collection, err := dataset.OpenCollection(c.Collection)
	if err != nil {
		return err
	}
	options := training.Defaults()
	options.Forest.Seed = c.Seed
	bars := newBars(ctx)
	m, err := training.Train(ctx, collection, options, bars.show)
	bars.finish()
	if err != nil {
		return err
	}
	if err := paper.WriteFile(c.Out, m.Append(nil)); err != nil {
		return err
	}
	fmt.Fprintf(ctx.stdout, "%s %s\n", m.Data, c.Out)
	return nil
}

// bars shows the progress of long work on standard error: one bar a stage on a
// terminal, and a line now and then elsewhere.
type bars struct {
	ctx      *appContext
	terminal bool

	mu    sync.Mutex
	stage string
	bar   *progressbar.ProgressBar
	told  time.Time // of the last line
}

func newBars(ctx *appContext) *bars { return &bars{ctx: ctx, terminal: isTerminal(ctx.stderr)} }

// lineEvery is how often a line tells of long work where nobody watches a bar.
const lineEvery = 10 * time.Second

func (b *bars) show(stage string, done, of int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.terminal {
		if now := time.Now(); done == of || b.stage != stage || now.Sub(b.told) >= lineEvery {
			b.stage, b.told = stage, now
			fmt.Fprintf(b.ctx.stderr, "%s: %d of %d\n", stage, done, of)
		}
		return
	}
	if b.stage != stage {
		b.end()
		b.stage = stage
		b.bar = progressbar.NewOptions(of,
			progressbar.OptionSetWriter(b.ctx.stderr),
			progressbar.OptionSetDescription(stage),
			progressbar.OptionSetWidth(30),
			progressbar.OptionShowCount(),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionThrottle(200_000_000),
		)
	}
	// Work in parallel may report out of order.
	if int64(done) > b.bar.State().CurrentNum {
		_ = b.bar.Set(done) // only the display can fail
	}
}

func (b *bars) finish() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.end()
}

func (b *bars) end() {
	if b.bar != nil {
		_ = b.bar.Exit() // work that was broken off has not come to its end
		fmt.Fprintln(b.ctx.stderr)
		b.bar = nil
	}
}

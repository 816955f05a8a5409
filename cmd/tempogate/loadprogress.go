package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/tempogate/tempogate/bench/load"
)

// A loadProgress shows on standard error how a load test goes: a line each
// second on a terminal, each tenth second elsewhere.
type loadProgress struct {
	app      *appContext
	config   load.Config
	terminal bool
	bars     *bars
	total    load.Interval
}

func newLoadProgress(app *appContext, config load.Config) *loadProgress {
	return &loadProgress{app: app, config: config, terminal: isTerminal(app.stderr), bars: newBars(app)}
}

// setup shows how many people have consented.
func (p *loadProgress) setup(done, of int) { p.bars.show("consenting", done, of) }

// tell shows a second.
func (p *loadProgress) tell(i load.Interval) {
	if i.Second == 0 {
		p.bars.finish()
	}
	p.total.Add(&i)
	if !p.terminal && i.Second%10 != 9 {
		return
	}
	c := &p.total.Counts
	line := fmt.Sprintf("%4d s  %6d sessions  %6d frames/s  p50 %8v  p99 %8v  max %8v  lost %d  shed %d  wrongly closed %d",
		i.Second+1, i.Sessions, i.Counts[load.Frames], i.Quantile(load.Latency, 50), i.Quantile(load.Latency, 99), i.Quantile(load.Latency, 100).Round(10*time.Microsecond),
		c[load.Lost], c[load.Shed], c[load.ClosedWrongly])
	if p.terminal {
		fmt.Fprintf(p.app.stderr, "\r\x1b[K%s", line)
	} else {
		fmt.Fprintln(p.app.stderr, line)
	}
}

// finish leaves the last line standing.
func (p *loadProgress) finish() {
	p.bars.finish()
	if p.terminal {
		fmt.Fprintln(p.app.stderr)
	}
}

// isTerminal reports whether somebody may be looking at w.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

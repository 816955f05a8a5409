package load

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"time"
)

// A line is what a process that does a part of a run says to the one that
// started it, as JSON.
type line struct {
	Done     int            `json:"done,omitempty"` // people who have consented
	Of       int            `json:"of,omitempty"`
	Prepared bool           `json:"prepared,omitempty"`
	Interval *Interval      `json:"interval,omitempty"`
	Notes    map[string]int `json:"notes,omitempty"`
	Error    string         `json:"error,omitempty"`
	Finished bool           `json:"finished,omitempty"`
}

// RunPart does one part of a run in a process of its own: it tells what happens
// on out, and begins when a line comes in.
func RunPart(ctx context.Context, config Config, in io.Reader, out io.Writer) error {
	var mu sync.Mutex
	encoder := json.NewEncoder(out)
	say := func(l line) {
		mu.Lock()
		defer mu.Unlock()
		encoder.Encode(l) // should nobody listen any more, in ends too
	}
	config.Setup = func(done, of int) {
		if done%100 == 0 || done == of {
			say(line{Done: done, Of: of})
		}
	}
	config.Tell = func(i Interval) { say(line{Interval: &i}) }
	config.Prepared = func(context.Context) error {
		say(line{Prepared: true})
		_, err := bufio.NewReader(in).ReadString('\n')
		return err
	}
	report, err := Run(ctx, config)
	last := line{Finished: true}
	if err != nil {
		last.Error = err.Error()
	} else {
		last.Notes = report.Notes
	}
	say(last)
	return err
}

// A child is a process that does a part.
type child struct {
	command *exec.Cmd
	in      io.WriteCloser
	lines   *json.Decoder
}

// RunProcesses does a run in several processes. command returns the command of
// one part, which has to call RunPart with config and its part. Each of config's
// functions is called as by Run, for all parts together.
func RunProcesses(ctx context.Context, config Config, parts int, command func(ctx context.Context, part int) *exec.Cmd) (*Report, error) {
	config.Parts = parts
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var children []*child
	defer func() {
		stop()
		for _, c := range children {
			c.in.Close()
			c.command.Wait()
		}
	}()
	for part := range parts {
		c, err := startChild(command(ctx, part))
		if err != nil {
			return nil, err
		}
		children = append(children, c)
	}
	if err := prepareAll(children, config.Setup); err != nil {
		return nil, err
	}
	if config.Prepared != nil {
		if err := config.Prepared(ctx); err != nil {
			return nil, err
		}
	}
	report := newReport(&config, time.Now())
	for _, c := range children {
		if _, err := io.WriteString(c.in, "begin\n"); err != nil {
			return nil, fmt.Errorf("load: a process does not begin: %w", err)
		}
	}
	m := merger{report: report, tell: config.Tell, parts: parts, waiting: map[int]*Interval{}, seen: map[int]int{}}
	errs := make([]error, parts)
	var readers sync.WaitGroup
	for i, c := range children {
		readers.Go(func() { errs[i] = m.follow(c) })
	}
	readers.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return report, nil
}

func startChild(command *exec.Cmd) (*child, error) {
	in, err := command.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	return &child{command, in, json.NewDecoder(out)}, nil
}

// prepareAll waits until every process is ready to begin.
func prepareAll(children []*child, setup func(done, of int)) error {
	var mu sync.Mutex
	done, of := make([]int, len(children)), make([]int, len(children))
	errs := make([]error, len(children))
	var all sync.WaitGroup
	for i, c := range children {
		all.Go(func() {
			for {
				l, err := c.next()
				if err != nil {
					errs[i] = err
					return
				}
				if l.Prepared {
					return
				}
				mu.Lock()
				done[i], of[i] = l.Done, l.Of
				if setup != nil {
					setup(sum(done), sum(of))
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

func sum(ns []int) (total int) {
	for _, n := range ns {
		total += n
	}
	return total
}

// next reads a line of a process.
func (c *child) next() (line, error) {
	var l line
	if err := c.lines.Decode(&l); err != nil {
		return l, fmt.Errorf("load: a process ended too soon: %w", err)
	}
	if l.Error != "" {
		return l, errors.New(l.Error)
	}
	return l, nil
}

// A merger puts the intervals of several processes together.
type merger struct {
	mu      sync.Mutex
	report  *Report
	tell    func(Interval)
	parts   int
	waiting map[int]*Interval // by second, not yet told
	seen    map[int]int
}

// follow takes what a process says until it has finished.
func (m *merger) follow(c *child) error {
	for {
		l, err := c.next()
		if err != nil {
			return err
		}
		m.mu.Lock()
		if l.Interval != nil {
			m.take(*l.Interval)
		}
		for note, n := range l.Notes {
			m.report.Notes[note] += n
		}
		m.mu.Unlock()
		if l.Finished {
			return nil
		}
	}
}

func (m *merger) take(i Interval) {
	m.report.add(i)
	whole := m.waiting[i.Second]
	if whole == nil {
		whole = &Interval{Second: i.Second}
		m.waiting[i.Second] = whole
	}
	whole.Add(&i)
	whole.Sessions += i.Sessions
	whole.OwnCPU += i.OwnCPU
	whole.CPU, whole.Memory = max(whole.CPU, i.CPU), max(whole.Memory, i.Memory)
	if m.seen[i.Second]++; m.seen[i.Second] == m.parts {
		if m.tell != nil {
			m.tell(*whole)
		}
		delete(m.waiting, i.Second)
	}
}

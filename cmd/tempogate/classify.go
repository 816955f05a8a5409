package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/tempogate/tempogate/bench/dataset"
	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/classifier/model"
	"github.com/tempogate/tempogate/classifier/tempo"
	"github.com/tempogate/tempogate/ingest/wire"
)

type classifyCommand struct {
	Files    []string    `arg:"" name:"file" type:"path" help:"Recordings, or directories that hold one."`
	Format   string      `default:"auto" enum:"auto,csv,wisdm,sisfall,sthar,phyphox,sensorlogger,oxford,geolife,fit" help:"Format of the recordings; found out by itself unless given: ${enum}."`
	Fixes    string      `type:"existingfile" placeholder:"FILE" help:"Fixes that belong to the recording."`
	Model    string      `type:"existingfile" placeholder:"FILE" help:"A model of tempogate train, in place of the built-in one."`
	BPMRange tempo.Range `name:"bpm-range" placeholder:"80-100" help:"Halve or double the tempo for music into this range of beats a minute."`
}

// Validate checks the flags.
func (c *classifyCommand) Validate() error {
	if c.Fixes != "" && len(c.Files) > 1 {
		return errors.New("--fixes goes with one recording")
	}
	return nil
}

// Run prints a line for each second of each recording.
func (c *classifyCommand) Run(app *appContext) error {
	m, err := readModel(c.Model)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(app.stdout)
	workspace := classifier.NewWorkspace()
	for _, file := range c.Files {
		recordings, err := dataset.Read(file, dataset.Options{Format: c.Format, Fixes: c.Fixes})
		if err != nil {
			return errors.Join(err, out.Flush())
		}
		for i := range recordings {
			name := ""
			if len(c.Files) > 1 || len(recordings) > 1 {
				name = recordings[i].Name
			}
			if err := classify(app, out, classifier.Config{Model: m, BPMRange: c.BPMRange}, workspace, &recordings[i], name); err != nil {
				return errors.Join(err, out.Flush())
			}
		}
	}
	return out.Flush()
}

// classify prints the lines of one recording. Where several recordings are
// printed, each line carries the name of its own.
func classify(app *appContext, out io.Writer, c classifier.Config, workspace *classifier.Workspace, r *dataset.Recording, name string) error {
	from, _, ok := r.Span()
	if !ok {
		return fmt.Errorf("%s: holds neither acceleration nor fixes", r.Name)
	}
	stream := classifier.NewStream(c)
	estimates, err := stream.Push(nil, workspace, r.Samples, r.Fixes)
	if err != nil {
		return fmt.Errorf("%s: %w", r.Name, err)
	}
	var line []byte
	for i := range estimates {
		if err := app.Err(); err != nil {
			return err
		}
		e := &estimates[i]
		line = wire.AppendEstimate(line[:0], e, float64(e.SensorTime-from)*1e-9)
		if name != "" {
			quoted, err := json.Marshal(name)
			if err != nil {
				return err
			}
			line = append(line[:len(line)-1], `,"recording":`...)
			line = append(append(line, quoted...), '}')
		}
		if _, err := out.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	return nil
}

// readModel reads a model file; without a name it is the built-in model.
func readModel(name string) (*model.Model, error) {
	if name == "" {
		return model.Default(), nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	m, err := model.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return m, nil
}

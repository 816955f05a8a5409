package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tempogate/tempogate/bench/dataset"
	"github.com/tempogate/tempogate/classifier/tempo"
	"github.com/tempogate/tempogate/ingest/client"
)

type replayCommand struct {
	serverFlags
	Files    []string    `arg:"" name:"file" type:"path" help:"Recordings, or directories that hold one."`
	Format   string      `default:"auto" help:"Format of the recordings; found out by itself unless given."`
	Fixes    string      `type:"existingfile" placeholder:"FILE" help:"Fixes that belong to the recording."`
	Speed    float64     `default:"1" help:"How many times faster than recorded; 0 for as fast as the server takes it, which may be more than it allows."`
	Form     string      `enum:"packed,json,packed-s2,json-s2" default:"packed" help:"How frames are written: ${enum}."`
	BPMRange tempo.Range `name:"bpm-range" placeholder:"80-100" help:"Halve or double the tempo for music into this range of beats a minute."`
}

// Validate checks the flags.
func (c *replayCommand) Validate() error {
	if c.Speed < 0 {
		return errors.New("--speed must not be negative")
	}
	if c.Fixes != "" && len(c.Files) > 1 {
		return errors.New("--fixes goes with one recording")
	}
	return nil
}

// Run streams the recordings one after the other, each on a stream of its own.
func (c *replayCommand) Run(app *appContext) error {
	form, err := client.ParseForm(c.Form)
	if err != nil {
		return err
	}
	person, err := c.client()
	if err != nil {
		return err
	}
	defer person.Close()
	for _, file := range c.Files {
		recordings, err := dataset.Read(file, dataset.Options{Format: c.Format, Fixes: c.Fixes})
		if err != nil {
			return err
		}
		for _, recording := range recordings {
			app.log.Info("replaying", "recording", recording.Name, "samples", len(recording.Samples), "fixes", len(recording.Fixes))
			stream, err := person.Stream(app, client.StreamOptions{Form: form, BPMRange: c.BPMRange})
			if err != nil {
				return withHint(err)
			}
			err = stream.Replay(app, recording.Samples, recording.Fixes, client.ReplayOptions{
				Speed: c.Speed,
				Answer: func(line []byte) error {
					_, err := fmt.Fprintf(app.stdout, "%s\n", line)
					return err
				},
			})
			if err != nil {
				return withHint(err)
			}
		}
	}
	return nil
}

// withHint adds to an error what somebody at a terminal can do about it.
func withHint(err error) error {
	var e *client.Error
	if !errors.As(err, &e) {
		return err
	}
	switch {
	case e.Code == "no_grant":
		return fmt.Errorf("%w (say yes with: tempogate consent grant)", err)
	case e.Code == "bad_token":
		return fmt.Errorf("%w (get a token with: tempogate token)", err)
	case e.Close == 4429 && strings.Contains(e.Detail, "readings"):
		return fmt.Errorf("%w (replay slower, or serve with a higher --max-samples-per-second)", err)
	}
	return err
}

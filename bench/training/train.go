package training

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/tempogate/tempogate/bench/dataset"
	"github.com/tempogate/tempogate/classifier/model"
)

// Progress is told how far a training is: a stage, and steps done of steps at
// most. Calls come from several goroutines.
type Progress func(stage string, done, of int)

// evaluateOnly names the data sets whose terms allow looking, not training a
// model that is given away.
var evaluateOnly = map[string]string{
	"geolife": "non-commercial research only",
}

// Trainable returns the entries that a shipped model may learn from and that
// hold acceleration.
func Trainable(entries []dataset.Entry) []dataset.Entry {
	var kept []dataset.Entry
	for _, e := range entries {
		if _, barred := evaluateOnly[e.Dataset]; !barred && hasAcceleration(e) {
			kept = append(kept, e)
		}
	}
	return kept
}

// hasAcceleration goes by the index; an index that does not say is believed to
// have it.
func hasAcceleration(e dataset.Entry) bool {
	return e.Signals == "" || slices.Contains(strings.Split(e.Signals, "+"), "acc")
}

// Train makes a model from a collection. The same collection, options and
// processor architecture give the same model, byte for byte.
func Train(ctx context.Context, c *dataset.Collection, o Options, progress Progress) (*model.Model, error) {
	if progress == nil {
		progress = func(string, int, int) {}
	}
	entries := Trainable(c.Entries)
	if len(entries) == 0 {
		return nil, fmt.Errorf("training: %s lists no recording with acceleration that may be trained on", c.Dir)
	}
	examples, err := Collect(ctx, c, entries, o.Forest.Seed, func(done int) { progress("reading", done, 2*len(entries)) })
	if err != nil {
		return nil, err
	}
	m, err := Fit(ctx, examples, o, func(done, of int) { progress("fitting", done, of) })
	if err != nil {
		return nil, err
	}
	m.Data = fingerprint(examples, o)
	return m, nil
}

// fingerprint is the SHA-256 of every example and of the options.
func fingerprint(examples []Example, o Options) string {
	h := sha256.New()
	fmt.Fprintf(h, "%+v\n", o)
	var buffer []byte
	for i := range examples {
		e := &examples[i]
		buffer = append(buffer[:0], e.Subject...)
		buffer = append(buffer, 0, byte(e.Class))
		buffer = binary.LittleEndian.AppendUint64(buffer, math.Float64bits(e.SpeedMPS))
		for _, x := range e.Features {
			buffer = binary.LittleEndian.AppendUint64(buffer, math.Float64bits(x))
		}
		h.Write(buffer)
	}
	return hex.EncodeToString(h.Sum(nil))
}

package evaluation

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/tempogate/tempogate/bench/dataset"
	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/classifier/feature"
	"github.com/tempogate/tempogate/classifier/model"
)

// WindowColumns returns the titles of the table of windows, in order:
//
//	recording, dataset, subject, placement   as in the index
//	fold          which model answered, as in the report
//	fixes_used    1 when the classifier was given the fixes, else 0
//	t_s           end of the window, seconds since the recording's first reading
//	source_hz     readings a second
//	speed_mps     m/s, empty without a usable fix
//	truth         one of the five activities, other, or empty where nobody said
//	detail        what the label says beside it: a vehicle, the code of the source
//	counted       1 when the second is in the report's figures
//	decision      one of the five, or unknown
//	window_...    probability of each activity, given this window alone
//	p_...         the same after the filter over time
//	cadence_spm   steps a minute, empty without
//	the features, named as in package feature with _ for spaces
func WindowColumns() []string {
	columns := []string{"recording", "dataset", "subject", "placement", "fold", "fixes_used", "t_s",
		"source_hz", "speed_mps", "truth", "detail", "counted", "decision"}
	for _, prefix := range []string{"window_", "p_"} {
		for _, a := range everything {
			columns = append(columns, prefix+a.String())
		}
	}
	columns = append(columns, "cadence_spm")
	for _, name := range feature.Names {
		columns = append(columns, strings.ReplaceAll(name, " ", "_"))
	}
	return columns
}

// observed is a copy of what the classifier saw at one hop.
type observed struct {
	sourceHz, speedMPS float64
	window             bool
	posterior          model.Scores
	features           feature.Vector
}

// windowRows turns the windows of one entry into rows. A nil one does nothing.
type windowRows struct {
	entry *dataset.Entry
	fold  string
	seen  []observed // of the recording under way, one an answer
	text  bytes.Buffer
	rows  *csv.Writer
	row   []string
}

func newWindowRows(wanted bool, entry *dataset.Entry, fold string) *windowRows {
	if !wanted {
		return nil
	}
	w := &windowRows{entry: entry, fold: fold}
	w.rows = csv.NewWriter(&w.text)
	return w
}

// observer returns what the stream is to call at each hop.
func (w *windowRows) observer() func(classifier.Observation) {
	if w == nil {
		return nil
	}
	w.seen = w.seen[:0]
	return func(o classifier.Observation) {
		s := observed{sourceHz: o.SourceHz, speedMPS: o.SpeedMPS}
		if o.Motion != nil {
			s.window, s.features, s.posterior = true, o.Motion.Features, *o.Posterior
		}
		w.seen = append(w.seen, s)
	}
}

// add writes a row for each window of the recording that was observed last.
func (w *windowRows) add(recording *dataset.Recording, o *outcome, answers []Answer, withFixes bool) error {
	if w == nil {
		return nil
	}
	if len(w.seen) != len(answers) {
		return fmt.Errorf("%d windows were seen and %d answered", len(w.seen), len(answers))
	}
	from, _, _ := recording.Span()
	for i := range answers {
		a, s := &answers[i], &w.seen[i]
		if !s.window {
			continue
		}
		counted := i >= o.skip && a.Truth != classifier.Unknown
		truth := ""
		switch {
		case a.Truth != classifier.Unknown:
			truth = a.Truth.String()
		case a.Labelled:
			truth = dataset.Other
		}
		w.row = append(w.row[:0], recording.Name, w.entry.Dataset, w.entry.Subject, w.entry.Placement, w.fold,
			digit(withFixes), number(float64(a.SensorTime-from)*1e-9), number(s.sourceHz), number(s.speedMPS),
			truth, a.Detail, digit(counted), a.Activity.String())
		for _, p := range s.posterior {
			w.row = append(w.row, number(p))
		}
		for _, p := range a.P {
			w.row = append(w.row, number(p))
		}
		w.row = append(w.row, number(a.CadenceSPM))
		for _, f := range s.features {
			w.row = append(w.row, number(f))
		}
		if err := w.rows.Write(w.row); err != nil {
			return err
		}
	}
	return nil
}

func digit(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// number writes seven digits, more than any sensor has; NaN is empty.
func number(v float64) string {
	if math.IsNaN(v) {
		return ""
	}
	return strconv.FormatFloat(v, 'g', 7, 64)
}

// bytes returns the rows so far.
func (w *windowRows) bytes() ([]byte, error) {
	if w == nil {
		return nil, nil
	}
	w.rows.Flush()
	return w.text.Bytes(), w.rows.Error()
}

// A windowLog is the file of all windows. Parts may come in any order and are
// written in that of their numbers, each packed by itself: both formats allow
// one such member after another. The file appears under its name when it is
// whole.
type windowLog struct {
	mu      sync.Mutex
	path    string
	file    *os.File
	pack    func([]byte) ([]byte, error)
	next    int
	waiting map[int][]byte
}

// newWindowLog begins the file. The name says how it is packed: .gz, .zst or
// not at all.
func newWindowLog(path string) (*windowLog, error) {
	l := &windowLog{path: path, waiting: map[int][]byte{}, pack: func(b []byte) ([]byte, error) { return b, nil }}
	switch filepath.Ext(path) {
	case ".gz":
		l.pack = packGzip
	case ".zst":
		l.pack = packZstd
	}
	var err error
	if l.file, err = os.CreateTemp(filepath.Dir(path), ".tempogate-windows-*"); err != nil {
		return nil, fmt.Errorf("evaluation: %w", err)
	}
	var titles bytes.Buffer
	rows := csv.NewWriter(&titles)
	err = rows.Write(WindowColumns())
	rows.Flush()
	if err == nil {
		err = l.write(titles.Bytes())
	}
	if err != nil {
		l.abandon()
		return nil, fmt.Errorf("evaluation: %w", err)
	}
	return l, nil
}

// add hands over a part; numbers count from 0 without a gap.
func (l *windowLog) add(number int, part []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting[number] = part
	for {
		part, ok := l.waiting[l.next]
		if !ok {
			return nil
		}
		delete(l.waiting, l.next)
		l.next++
		if err := l.write(part); err != nil {
			return fmt.Errorf("evaluation: %w", err)
		}
	}
}

func (l *windowLog) write(part []byte) error {
	if len(part) == 0 {
		return nil
	}
	packed, err := l.pack(part)
	if err != nil {
		return err
	}
	_, err = l.file.Write(packed)
	return err
}

// finish puts the file in its place.
func (l *windowLog) finish() error {
	f := l.file
	l.file = nil
	err := f.Chmod(0o644)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), l.path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the first error says what went wrong
		return fmt.Errorf("evaluation: %w", err)
	}
	return nil
}

// abandon removes a file that was not finished.
func (l *windowLog) abandon() {
	if l.file != nil {
		_ = l.file.Close() // of no use any more
		_ = os.Remove(l.file.Name())
	}
}

func packGzip(part []byte) ([]byte, error) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(part); err != nil {
		return nil, err
	}
	err := z.Close()
	return packed.Bytes(), err
}

func packZstd(part []byte) ([]byte, error) {
	var packed bytes.Buffer
	// One goroutine: the same bytes on every machine.
	z, err := zstd.NewWriter(&packed, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(z, bytes.NewReader(part)); err != nil {
		return nil, err
	}
	err = z.Close()
	return packed.Bytes(), err
}

package dataset

import (
	"bytes"
	"fmt"
	"io"

	"github.com/tempogate/tempogate/classifier"
)

// wisdmActivities says what the codes of WISDM 2019 mean here. While hands are
// at work the phone sits in the trouser pocket of somebody who sits or stands:
// those are Still, with the code kept in Label.Detail so that training can
// weigh them differently. Kicking, catching and dribbling are Unknown: they
// contain steps and are neither walking nor running.
var wisdmActivities = map[byte]classifier.Activity{
	'A': classifier.Walk,
	'B': classifier.Run,
	'C': classifier.Walk, // stairs
	'D': classifier.Still,
	'E': classifier.Still,
	'F': classifier.Still, // typing
	'G': classifier.Still, // teeth
	'H': classifier.Still, // soup
	'I': classifier.Still, // chips
	'J': classifier.Still, // pasta
	'K': classifier.Still, // drinking
	'L': classifier.Still, // sandwich
	'M': classifier.Unknown,
	'O': classifier.Unknown,
	'P': classifier.Unknown,
	'Q': classifier.Still, // writing
	'R': classifier.Still, // clapping
	'S': classifier.Still, // folding
}

// readWISDM reads lines "subject,code,nanoseconds,x,y,z;" in m/s². Each stretch
// of one activity of one subject is a recording, because the stretches are not
// in the order of time.
func readWISDM(l *lines, o Options, name string) ([]Recording, error) {
	var (
		recordings []Recording
		stretch    *samples
		subject    []byte
		code       byte
		read       int
		cells      [][]byte
		seen       = map[byte]int{}
	)
	finish := func() {
		if stretch == nil {
			return
		}
		seen[code]++
		r := Recording{Name: name + "#" + string(code)}
		if n := seen[code]; n > 1 {
			r.Name += fmt.Sprintf("-%d", n)
		}
		stretch.moveTo(&r)
		read += len(r.Samples)
		r.labelAll(wisdmActivities[code], string(code))
		recordings = append(recordings, r)
	}
	for {
		line, err := l.next()
		if err == io.EOF {
			finish()
			return recordings, nil
		}
		if err != nil {
			return nil, err
		}
		if cells = split(cells, endless(line), ','); len(cells) != 6 {
			return nil, l.wrongf("%d cells, not subject,code,time,x,y,z;", len(cells))
		}
		if len(cells[1]) != 1 {
			return nil, l.wrongf("column 2 is not the one letter of an activity")
		}
		if _, ok := wisdmActivities[cells[1][0]]; !ok {
			return nil, l.wrongf("column 2 is no letter of WISDM 2019 (A to S without N)")
		}
		if stretch == nil || cells[1][0] != code || !bytes.Equal(cells[0], subject) {
			finish()
			stretch = newSamples(o.MaxSamples - read)
			code, subject = cells[1][0], append(subject[:0], cells[0]...)
		}
		at, ok := integer(cells[2])
		if !ok {
			return nil, l.wrongf("column 3 is not a whole number of nanoseconds")
		}
		if err := addAxes(l, stretch, at, cells[3:6], 4, 1); err != nil {
			return nil, err
		}
	}
}

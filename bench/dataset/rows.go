package dataset

import (
	"bytes"
	"io"
)

// Formats without titles: one reading a line, told apart by how many cells
// there are.

// standardGravity is one g in m/s².
const standardGravity = 9.80665

// endless takes the semicolon from the end of a line.
func endless(line []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimRight(line, " \t"), []byte{';'})
}

// addAxes adds one reading from three cells, of which the first is in column
// first of the line, multiplied by scale.
func addAxes(l *lines, to *samples, at int64, cells [][]byte, first int, scale float64) error {
	var axes [3]float64
	for i := range axes {
		v, ok := number(cells[i])
		if !ok {
			return l.wrongf("column %d is not a number", first+i)
		}
		axes[i] = v * scale
	}
	if err := to.add(at, axes[0], axes[1], axes[2]); err != nil {
		return l.wrong(err)
	}
	return nil
}

// A steady format has no times: line n was measured n periods after the first.
type steady struct {
	format string
	width  int     // cells a line, the first three of which are the axes
	hertz  int64   // readings a second
	scale  float64 // m/s² a unit
}

var (
	// SisFall: an ADXL345 at ±16 g and 13 bits (columns 1 to 3), a gyroscope
	// and a second accelerometer. 32 g over 2^13 counts are 1/256 g each.
	sisfall = steady{format: "sisfall", width: 9, hertz: 200, scale: standardGravity / 256}

	// STMicroelectronics HAR: thousandths of g, at the rate in the file names.
	sthar = steady{format: "sthar", width: 3, hertz: 26, scale: standardGravity / 1000}
)

func (f steady) read(l *lines, o Options, r *Recording) error {
	s := newSamples(o.MaxSamples)
	var cells [][]byte
	for n := int64(0); ; n++ {
		line, err := l.next()
		if err == io.EOF {
			s.moveTo(r)
			return nil
		}
		if err != nil {
			return err
		}
		if cells = split(cells, endless(line), ','); len(cells) != f.width {
			return l.wrongf("%d cells, not %d", len(cells), f.width)
		}
		for i, cell := range cells[3:] {
			if _, ok := number(cell); !ok {
				return l.wrongf("column %d is not a number", i+4)
			}
		}
		// Multiplied, not added up, so that no rounding gathers.
		if err := addAxes(l, s, n*second/f.hertz, cells, 1, f.scale); err != nil {
			return err
		}
	}
}

// readOxford reads lines "nanoseconds,accuracy,x,y,z" in m/s².
func readOxford(l *lines, o Options, r *Recording) error {
	s := newSamples(o.MaxSamples)
	var cells [][]byte
	for {
		line, err := l.next()
		if err == io.EOF {
			s.moveTo(r)
			return nil
		}
		if err != nil {
			return err
		}
		if cells = split(cells, line, ','); len(cells) != 5 {
			return l.wrongf("%d cells, not time,accuracy,x,y,z", len(cells))
		}
		at, ok := integer(cells[0])
		if !ok {
			return l.wrongf("column 1 is not a whole number of nanoseconds")
		}
		if err := addAxes(l, s, at, cells[2:], 3, 1); err != nil {
			return err
		}
	}
}

// readFootContacts reads lines "nanoseconds,left,right", where 1 means that the
// foot is on the ground, about ten a second. A step is the change from 0 to 1:
// the feet that stand there when the file begins have not stepped.
func readFootContacts(l *lines, o Options, r *Recording) error {
	var (
		cells  [][]byte
		ground [2]bool
		first  = true
		last   int64
	)
	for {
		line, err := l.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if cells = split(cells, line, ','); len(cells) != 3 {
			return l.wrongf("%d cells, not time,left,right", len(cells))
		}
		at, ok := integer(cells[0])
		if !ok {
			return l.wrongf("column 1 is not a whole number of nanoseconds")
		}
		if at > timeLimit || at < -timeLimit {
			return l.wrong(errTime)
		}
		if !first && at < last {
			return l.wrongf("time runs backwards")
		}
		for i := range ground {
			cell := cells[1+i]
			if len(cell) != 1 || cell[0] != '0' && cell[0] != '1' {
				return l.wrongf("column %d is neither 0 nor 1", 2+i)
			}
			down := cell[0] == '1'
			if down && !ground[i] && !first {
				if len(r.Steps) >= o.MaxSamples {
					return l.wrong(ErrTooLarge)
				}
				r.Steps = append(r.Steps, Step{SensorTime: at, Foot: Foot(i)})
			}
			ground[i] = down
		}
		first, last = false, at
	}
}

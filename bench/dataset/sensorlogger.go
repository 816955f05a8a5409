package dataset

import (
	"fmt"
	"math"
	"slices"
	"sort"

	"github.com/tempogate/tempogate/classifier"
)

// Sensor Logger writes a table a sensor with the titles
// "time,seconds_elapsed,z,y,x": TotalAcceleration.csv includes gravity,
// Accelerometer.csv excludes it and Gravity.csv holds the difference.

// readSensorLogger reads an export of Sensor Logger.
func (d *directory) readSensorLogger(o Options, r *Recording) error {
	total, err := d.open(o, []string{"totalacceleration.csv"}, func(l *lines) error { return readTable(l, sensorLogger, o, r) })
	if err != nil {
		return err
	}
	if !total {
		if err := d.readGravityFree(o, r); err != nil {
			return err
		}
	}
	return d.readFixes(sensorLogger, o, r)
}

// readGravityFree reads Accelerometer.csv and adds Gravity.csv to it.
func (d *directory) readGravityFree(o Options, r *Recording) error {
	there, err := d.open(o, []string{"accelerometer.csv"}, func(l *lines) error { return readTable(l, sensorLogger, o, r) })
	if err != nil || !there {
		return err
	}
	var gravity Recording
	there, err = d.open(o, []string{"gravity.csv"}, func(l *lines) error { return readTable(l, sensorLogger, o, &gravity) })
	if err != nil {
		return err
	}
	if !there {
		return fmt.Errorf("dataset: %s: Accelerometer.csv excludes gravity and there is no Gravity.csv: export TotalAcceleration", d.path)
	}
	if missing := addGravity(r.Samples, gravity.Samples); missing > 0 {
		return fmt.Errorf("dataset: %s: %d of %d accelerations have no reading of Gravity.csv within a second", d.path, missing, len(r.Samples))
	}
	return nil
}

// addGravity adds to each acceleration the gravity at its time, on the straight
// line between the readings before and after, or the nearest at the ends. It
// returns how many accelerations have none within a second.
func addGravity(accelerations, gravity []classifier.Sample) (missing int) {
	for i := range accelerations {
		a := &accelerations[i]
		after := sort.Search(len(gravity), func(i int) bool { return gravity[i].SensorTime >= a.SensorTime })
		before := after - 1
		if after == len(gravity) {
			after = before
		}
		if before < 0 {
			before = after
		}
		if len(gravity) == 0 || min(abs(gravity[after].SensorTime-a.SensorTime), abs(a.SensorTime-gravity[before].SensorTime)) > second {
			missing++
			continue
		}
		g, h := &gravity[before], &gravity[after]
		part := 0.0
		if h.SensorTime > g.SensorTime {
			part = float64(a.SensorTime-g.SensorTime) / float64(h.SensorTime-g.SensorTime)
		}
		a.X += g.X + part*(h.X-g.X)
		a.Y += g.Y + part*(h.Y-g.Y)
		a.Z += g.Z + part*(h.Z-g.Z)
	}
	return missing
}

func abs(v int64) int64 {
	if v < 0 {
		return -v
	}
	return v
}

// readSensorLoggerFile reads one table alone. All its sensors have the same
// titles, so that only the values tell whether gravity is included: a phone in
// a pocket does not fall freely for half of the time.
func readSensorLoggerFile(l *lines, o Options, r *Recording) error {
	if err := readTable(l, sensorLogger, o, r); err != nil {
		return err
	}
	if len(r.Samples) == 0 || medianMagnitude(r.Samples) > standardGravity/2 {
		return nil
	}
	return &LineError{l.path, 0, fmt.Errorf("the acceleration excludes gravity: give TotalAcceleration.csv, or the folder with Accelerometer.csv and Gravity.csv")}
}

// medianMagnitude is the median length of the acceleration in m/s².
func medianMagnitude(samples []classifier.Sample) float64 {
	lengths := make([]float64, len(samples))
	for i, s := range samples {
		lengths[i] = math.Sqrt(s.X*s.X + s.Y*s.Y + s.Z*s.Z)
	}
	slices.Sort(lengths)
	return lengths[len(lengths)/2]
}

package classifier

import "fmt"

// An Activity is what a person is doing, as far as motion tells.
//
// The zero value is Unknown: too little evidence, or evidence that fits no
// class well enough.
type Activity uint8

// The classes. Unknown is the absence of a decision and never has a
// probability of its own.
const (
	Unknown Activity = iota
	Still            // sitting, standing, lying, or a phone at rest
	Walk             // walking, stairs included
	Run              // running, jogging
	Cycle            // riding a bicycle
	Transit          // inside a motor vehicle: car, bus, tram, metro, train
)

// Classes is the number of classes that have a probability (all but Unknown).
const Classes = 5

var activityNames = [...]string{"unknown", "still", "walk", "run", "cycle", "transit"}

// String returns the name that the wire and the reports use.
func (a Activity) String() string {
	if int(a) < len(activityNames) {
		return activityNames[a]
	}
	return fmt.Sprintf("Activity(%d)", uint8(a))
}

// ParseActivity is the inverse of String. It fails for a name that is no
// activity.
func ParseActivity(name string) (Activity, error) {
	for i, n := range activityNames {
		if n == name {
			return Activity(i), nil
		}
	}
	return Unknown, fmt.Errorf("classifier: no activity is called %q (known: still walk run cycle transit unknown)", name)
}

// Index returns the activity's place in Probabilities, 0 to Classes-1, and -1
// for Unknown.
func (a Activity) Index() int { return int(a) - 1 }

// ActivityAt is the inverse of Index.
func ActivityAt(index int) Activity { return Activity(index + 1) }

// Probabilities holds one value a class, in the order of Index: still, walk,
// run, cycle, transit. They sum to 1, or are all 0 where nothing is known yet.
type Probabilities [Classes]float64

// Of returns the probability of an activity, and 0 for Unknown.
func (p *Probabilities) Of(a Activity) float64 {
	if i := a.Index(); i >= 0 && i < Classes {
		return p[i]
	}
	return 0
}

package gait

// A Placement is where the simulated person carries the phone.
type Placement uint8

// The placements. Pocket is the zero value.
const (
	Pocket  Placement = iota // front trouser pocket: rides on the thigh
	Waist                    // belt, at the small of the back or the hip
	Hand                     // held in front of the body, looked at
	Armband                  // upper arm
	Bag                      // shoulder bag or rucksack
	Mount                    // strapped tight: chest, handlebar, dashboard, or lying on a table
	placements
)

var placementNames = [...]string{"pocket", "waist", "hand", "armband", "bag", "mount"}

// String returns the placement's name in lower case.
func (p Placement) String() string {
	if p < placements {
		return placementNames[p]
	}
	return "placement that does not exist"
}

// A carriage is what a placement does to the trunk's motion: how much of it
// arrives, what a swinging limb adds, how a foot contact is felt.
type carriage struct {
	up, forward, left float64 // part of the trunk's smooth motion that arrives

	// The limb: it swings once a stride about a joint, the phone a lever
	// away from it.
	walkSwing, runSwing, pedalSwing float64 // rad
	lever                           float64 // metres from the joint
	seated                          float64 // rad: how far the limb is raised on a bicycle or a seat

	strideShare float64 // median share of stride in stride and step, vertical
	lopsided    float64 // part of the step at three times the stride rate: one step felt more than the other

	// A foot contact, felt as a damped oscillation. Kicks in m/s² for a walk
	// of 1 m/s; own and other are the phone's side and the far side.
	strikeHz      vector
	strikeDamping float64
	strike        vector
	own, other    float64
	runStrikeHz   vector
	runStrike     vector // m/s² for a run of 1 m/s
	runUp         float64

	loose   float64 // deviation of what rattles about, for a walk of 1 m/s, m/s²
	road    float64 // part of a bicycle's road vibration that arrives
	fast    float64 // part of a vehicle's vibration above the seat's that arrives
	tremor  float64 // deviation while standing still, m/s²
	fidgets float64 // handlings a second while standing or riding
}

var carriages = [placements]carriage{
	Pocket: {
		up: 1.15, forward: 0.9, left: 1.1, lopsided: 0.45, strideShare: 0.06,
		walkSwing: 0.3, runSwing: 0.45, pedalSwing: 0.31, lever: 0.2, seated: 1.0,
		strikeHz: vector{8, 8, 8}, strikeDamping: 0.2, strike: vector{5.5, 4, 4.5}, own: 1.35, other: 0.5,
		runStrikeHz: vector{8, 8, 6}, runStrike: vector{4, 4, 8}, runUp: 1.3,
		loose: 0.5, road: 1, fast: 0.9, tremor: 0.05, fidgets: 0.02,
	},
	Waist: {
		up: 1, forward: 1.1, left: 1.2, lopsided: 0.06, strideShare: 0.0006,
		walkSwing: 0.02, runSwing: 0.04, pedalSwing: 0.03, lever: 0.1, seated: 0.2,
		strikeHz: vector{7, 7, 7}, strikeDamping: 0.25, strike: vector{6.5, 5, 4.8}, own: 1.05, other: 0.95,
		runStrikeHz: vector{14, 14, 7}, runStrike: vector{8, 7.5, 7.5}, runUp: 0.95,
		loose: 0.3, road: 0.8, fast: 0.8, tremor: 0.05, fidgets: 0.01,
	},
	Hand: {
		up: 0.8, forward: 0.5, left: 0.8, lopsided: 0.15, strideShare: 0.015,
		walkSwing: 0.07, runSwing: 0.25, pedalSwing: 0.02, lever: 0.3, seated: 0,
		strikeHz: vector{6, 6, 6}, strikeDamping: 0.25, strike: vector{3, 2, 3}, own: 1.1, other: 0.9,
		runStrikeHz: vector{7, 7, 7}, runStrike: vector{4, 3, 4}, runUp: 0.95,
		loose: 0.35, road: 0.7, fast: 0.5, tremor: 0.06, fidgets: 0.05,
	},
	Armband: {
		up: 1.25, forward: 0.6, left: 0.8, lopsided: 0.1, strideShare: 0.006,
		walkSwing: 0.2, runSwing: 0.4, pedalSwing: 0.02, lever: 0.18, seated: 0.3,
		strikeHz: vector{5.5, 5.5, 6}, strikeDamping: 0.25, strike: vector{2.2, 1.8, 3}, own: 1.1, other: 0.9,
		runStrikeHz: vector{8, 8, 7}, runStrike: vector{5, 4, 8}, runUp: 1.25,
		loose: 0.18, road: 0.7, fast: 0.8, tremor: 0.05, fidgets: 0.02,
	},
	Bag: {
		up: 1.15, forward: 1.1, left: 1.3, lopsided: 0.12, strideShare: 0.004,
		walkSwing: 0.08, runSwing: 0.15, pedalSwing: 0.03, lever: 0.4, seated: 0.2,
		strikeHz: vector{7, 7, 7}, strikeDamping: 0.22, strike: vector{3, 3, 2.6}, own: 1.2, other: 0.8,
		runStrikeHz: vector{9, 9, 7}, runStrike: vector{6, 6, 7}, runUp: 1.05,
		loose: 0.75, road: 0.8, fast: 0.7, tremor: 0.02, fidgets: 0.01,
	},
	Mount: {
		up: 1, forward: 0.9, left: 1.2, lopsided: 0.06, strideShare: 0.001,
		walkSwing: 0.03, runSwing: 0.04, pedalSwing: 0.01, lever: 0.1, seated: 0,
		strikeHz: vector{6, 6, 7}, strikeDamping: 0.22, strike: vector{5.3, 3.3, 2.8}, own: 1, other: 1,
		runStrikeHz: vector{12, 12, 7}, runStrike: vector{8, 7, 8}, runUp: 1,
		loose: 0.25, road: 1.3, fast: 1, tremor: 0, fidgets: 0,
	},
}

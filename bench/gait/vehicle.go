package gait

import "time"

// A vehicle is how one kind of vehicle drives and shakes.
//
// Deviations are of a usual ride at the vehicle's cruising speed; see the
// package comment for the model and docs/simulator.md for how they compare
// with recordings.
type vehicle struct {
	cruiseMPS float64
	brakeMPS2 float64 // hardest usual braking; starts are gentler
	bendMPS2  float64 // sideways in the sharpest usual bend
	change    float64 // part by which the cruising speed wanders
	stopEvery time.Duration
	haltS     float64
	steer     float64 // deviation of steering and of the foot on the pedal, m/s², ahead and sideways

	bounceHz, bounceDamping float64 // body on its springs
	bounce                  vector  // deviation, m/s², forward, left, up
	seatHz, seatDamping     float64 // seat, carriage frame, lap
	seat                    vector
	hopHz, hopDamping       float64 // wheels, bogies, floor
	hop                     vector
	engineHz                float64 // idling engine or traction, the same at rest
	engine                  float64
}

var vehicles = [...]vehicle{
	Car: {
		cruiseMPS: 13, brakeMPS2: 1.5, bendMPS2: 1.6, change: 0.25, stopEvery: 90 * time.Second, haltS: 14, steer: 0.12,
		bounceHz: 1.6, bounceDamping: 0.3, bounce: vector{0.10, 0.13, 0.22},
		seatHz: 5, seatDamping: 0.35, seat: vector{0.15, 0.15, 0.24},
		hopHz: 12, hopDamping: 0.2, hop: vector{0.32, 0.32, 0.5},
		engineHz: 26, engine: 0.04,
	},
	Bus: {
		cruiseMPS: 10, brakeMPS2: 1.3, bendMPS2: 1.5, change: 0.25, stopEvery: 60 * time.Second, haltS: 16, steer: 0.08,
		bounceHz: 1.3, bounceDamping: 0.25, bounce: vector{0.16, 0.20, 0.24},
		seatHz: 4.5, seatDamping: 0.35, seat: vector{0.18, 0.18, 0.26},
		hopHz: 9.5, hopDamping: 0.18, hop: vector{0.3, 0.3, 0.65},
		engineHz: 22, engine: 0.06,
	},
	Tram: {
		cruiseMPS: 9, brakeMPS2: 1.2, bendMPS2: 0.8, change: 0.1, stopEvery: 70 * time.Second, haltS: 20, steer: 0.1,
		bounceHz: 2.3, bounceDamping: 0.2, bounce: vector{0.10, 0.12, 0.16},
		seatHz: 4.5, seatDamping: 0.4, seat: vector{0.08, 0.09, 0.10},
		hopHz: 8, hopDamping: 0.2, hop: vector{0.075, 0.08, 0.11},
		engineHz: 18, engine: 0.015,
	},
	Metro: {
		cruiseMPS: 14, brakeMPS2: 1.2, bendMPS2: 1, change: 0.15, stopEvery: 85 * time.Second, haltS: 25, steer: 0.12,
		bounceHz: 2.1, bounceDamping: 0.2, bounce: vector{0.11, 0.16, 0.13},
		seatHz: 4.5, seatDamping: 0.4, seat: vector{0.13, 0.13, 0.16},
		hopHz: 8, hopDamping: 0.2, hop: vector{0.12, 0.13, 0.21},
		engineHz: 18, engine: 0.015,
	},
	Train: {
		cruiseMPS: 30, brakeMPS2: 0.6, bendMPS2: 0.25, change: 0.04, stopEvery: 360 * time.Second, haltS: 60, steer: 0.03,
		bounceHz: 1.5, bounceDamping: 0.2, bounce: vector{0.03, 0.03, 0.19},
		seatHz: 4.5, seatDamping: 0.4, seat: vector{0.025, 0.03, 0.055},
		hopHz: 10, hopDamping: 0.2, hop: vector{0.04, 0.045, 0.09},
		engineHz: 18, engine: 0.01,
	},
}

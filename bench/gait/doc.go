// Package gait simulates a phone that is carried while its owner stands,
// walks, runs, cycles or rides: acceleration samples and location fixes whose
// cadence, steps, speed and activity are known exactly.
//
// Most people need two functions: [Record] for a whole recording, and [New]
// for a stream of samples that is taken piece by piece with [Simulator.Next].
// [DemoWalk], [DemoRun], [DemoRide] and [DemoCycle] are plans to begin with.
//
// What comes out is simulated and always called so. It serves where the truth
// must be known to the last step (tests of tempo), where nobody's motion may
// be used (the demo, published recordings) and where thousands of phones are
// needed at once (the load generator). It is no replacement for recordings of
// real people, and no model should be trained on it. How near it comes to them is
// measured by TestAgainstRealRecordings and written down in
// docs/simulator.md.
//
// # The way a sample goes
//
//	plan ── steps ──┐
//	        pace ───┼── world ── sensor ── courier ── sample
//	        person ─┘
//
// The plan says what happens. Steps (foot contacts) and pace (speed, turning)
// follow from the plan and the seed alone, which is why [Truth] can tell them
// without running the simulation. The world moves the body part that carries
// the phone, 200 times a second. The sensor reads it at its own moments, along
// its own axes, with noise, resolution and range. The courier loses, doubles
// and reorders what the sensor read.
//
// # Walking
//
// A walker vaults over a stiff leg like an inverted pendulum (Cavagna and
// Margaria 1966; Cavagna, Heglund and Taylor 1977). A leg of length l over a
// step of length L lifts the hip by L²/8l (Zijlstra and Hof 2003 turn the same
// relation round to find the step length), so at f steps a second
//
//	vertical amplitude = L²/16l · (2πf)² = π²/4 · v²/l,  v = L·f
//
// of which two thirds remain because knee, ankle and pelvis flatten the arc.
// That intensity rises with the square of speed is what trunk-worn sensors
// show (Menz, Lord and Fitzpatrick 2003). Vertical and fore-and-aft motion
// repeat every step, sideways motion every stride (two steps). Step length
// over step rate, the walk ratio, is nearly constant for one person (Sekiya
// and Nagasaki 1998; about 0.0065 m per step a minute), which ties cadence to
// speed, close to the power law that Grieve and Gear (1966) found.
//
// Each foot that lands sends a transient up the leg that rises within 10 to
// 25 ms (Whittle 1999) and rings on in soft tissue, cloth and belt: a damped
// oscillation of 5 to 8 Hz as a phone feels it.
//
// # Running
//
// A runner bounces like a mass on a spring (Blickhan 1989; McMahon and Cheng
// 1990): the foot pushes with half a sine for a part d of the step, and the
// runner flies for the rest. As the push must carry the weight,
//
//	specific force = π/2d · g · sin(πu/d) for u < d, else 0,
//
// u being the part of the step that has passed: 2 to 3 g at the top, near 0 in
// flight. Contact time falls with speed (Weyand and others 2000), from a third
// of a second at a jog to half that, so d falls and intensity rises. The step
// rate rises only slowly with speed.
//
// # Where the phone is
//
// A [Placement] passes on more or less of the trunk's motion, adds the swing
// of a limb and feels foot contacts its own way. A phone on a limb that swings
// about a joint with angle p, a lever r away, feels across the limb
//
//	a·cos p + (g + b)·sin p + r·p̈
//
// with the trunk's fore-and-aft a and vertical b: gravity's turning and the
// swing's own acceleration nearly cancel for a thigh, as they do exactly for a
// free pendulum. In a trouser pocket the contacts of the phone's own leg are
// felt two to three times as hard as the other's, which is where the stride,
// half the step rate, gets its power from. [Config.StrideDominance] sets that
// share outright, up to the case in which nothing of the step is left and
// tempo estimates fall to half.
//
// # Cycling
//
// The thigh goes up and down with the pedal, 45 to 110 times a minute, about a
// seated leg's angle; crank and knee add a part at twice that rate. The road
// is felt as noise: ISO 8608 describes road profiles with a displacement power
// that falls with the square of the spatial frequency, so the vertical
// velocity under a wheel at speed v is white noise of a power proportional to
// v, here passed through rider (3.6 Hz) and frame (9 Hz). Cyclists have no
// cadence in steps; their pedal rate is kept apart in [State.PedalRPM].
//
// # Riding
//
// A [Vehicle] is the same road or rail through body on springs (1.3 to 2.2 Hz),
// seat and lap (4 to 6 Hz, Griffin 1990) and wheels or bogies (8 to 12 Hz), an
// engine that hums at rest too, and a driver who starts, brakes (0.6 to
// 1.5 m/s²), halts, wanders about the cruising speed and takes bends. Rails
// are smoother than roads. Halts belong to the ride: [State.Activity] stays
// Transit while [State.SpeedMPS] is 0.
//
// # Standing and sitting
//
// Sway below 1 Hz, tremor about 3.5 Hz, now and then a hand at the phone, and
// the sensor's noise. A [Mount] has only the noise.
//
// # Chance
//
// A [Config.Seed] stands for one person with one phone on one road: build,
// strength of step, limp, carrying side, looseness of the pocket, roughness
// of the road and two dozen such factors are drawn once. Step times vary from
// step to step by [Config.StepVariation] (healthy adults: 2 to 3 %, and late
// steps follow late ones, Hausdorff and others 1995) without adding up, so
// that the count over any stretch stays the plan's. All randomness comes from
// math/rand/v2's PCG, one stream for each part of the simulation.
//
// # Guarantees
//
//   - The same seed, config and plan give the same samples, bit for bit, on
//     the same architecture: TestSameSeedGivesTheSameBits. Taken in pieces or
//     as a whole: TestPiecesMakeTheWhole.
//   - Steps, their feet and their count are those of the truth: TestStepCount,
//     TestContactsAlternateAndVary. Their rate is in the samples:
//     TestCadenceIsInTheSamples.
//   - How the phone records changes nothing in the motion:
//     TestOrientationLeavesTheMagnitude, TestRateChangesTheReadingNotTheMotion.
//   - Rate, jitter, noise, duplicates, gaps and swapped batches are as asked:
//     TestRateAndJitter, TestNoiseResolutionAndRange, TestDuplicates, TestGaps,
//     TestSwappedBatches. Fixes too: TestFixesHaveTheAskedSpeed, TestFixErrors.
//   - A sample costs no allocation: TestNextAllocatesNothing.
//   - Every description of a recording begins with "simulated":
//     TestEveryDescriptionSaysSimulated.
//   - Intensity and spectrum lie within what real people show, to the
//     tolerances stated there: TestAgainstRealRecordings.
//
// # What is not simulated
//
// Stairs, slopes, turning on the spot, walking inside a vehicle, hands that
// use the phone while walking, a phone that is taken out or put away, drift of
// the sensor's zero and scale, and everything that a step does to a left and a
// right leg differently beyond its strength.
//
// # Sources
//
//   - Blickhan R (1989) The spring-mass model for running and hopping.
//     J Biomech 22:1217-1227.
//   - Cavagna GA, Margaria R (1966) Mechanics of walking. J Appl Physiol
//     21:271-278.
//   - Cavagna GA, Heglund NC, Taylor CR (1977) Mechanical work in terrestrial
//     locomotion. Am J Physiol 233:R243-R261.
//   - Grieve DW, Gear RJ (1966) The relationships between length of stride,
//     step frequency, time of swing and speed of walking for children and
//     adults. Ergonomics 9:379-399.
//   - Griffin MJ (1990) Handbook of Human Vibration. Academic Press.
//   - Hausdorff JM and others (1995) Is walking a random walk? J Appl Physiol
//     78:349-358.
//   - ISO 8608, Mechanical vibration: road surface profiles.
//   - McMahon TA, Cheng GC (1990) The mechanics of running: how does stiffness
//     couple with speed? J Biomech 23 Suppl 1:65-78.
//   - Menz HB, Lord SR, Fitzpatrick RC (2003) Acceleration patterns of the head
//     and pelvis when walking on level and irregular surfaces. Gait Posture
//     18:35-46.
//   - Sekiya N, Nagasaki H (1998) Reproducibility of the walking patterns of
//     normal young adults: test-retest reliability of the walk ratio. Gait
//     Posture 7:225-227.
//   - Weyand PG and others (2000) Faster top running speeds are achieved with
//     greater ground forces not more rapid leg movements. J Appl Physiol
//     89:1991-1999.
//   - Whittle MW (1999) Generation and attenuation of transient impulsive
//     forces beneath the foot. Gait Posture 10:264-275.
//   - Zijlstra W, Hof AL (2003) Assessment of spatio-temporal gait parameters
//     from trunk accelerations during human walking. Gait Posture 18:1-10.
//
// The sources give the form of the relations. Amplitudes, damping and the
// spread between people were set by comparison with the recordings that
// docs/simulator.md names.
package gait

package signal

// HalfBand shows the taps to the test that computes them anew.
func HalfBand() [4]float64 { return halfBand }

package feature

// Transform shows the transform to the test that compares it with gonum's.
func Transform(x [half]complex128) (y [half]complex128) {
	var pairs [2 * half]float64
	for j, c := range x {
		pairs[2*j], pairs[2*j+1] = real(c), imag(c)
	}
	transform((*points)(&y), new(points), &pairs)
	return y
}

package feature

// Transform shows the transform to the test that compares it with gonum's.
func Transform(x [half]complex128) (y [half]complex128) {
	from := points(x)
	transform((*points)(&y), &from)
	return y
}

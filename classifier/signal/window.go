package signal

// WindowLength is the number of rows in a full window: 5.12 s.
const WindowLength = 128

// A Window holds the newest rows of the even grid. The zero value is empty.
type Window struct {
	rows  [WindowLength]Row
	next  int // place of the next row
	count int // rows held
}

// Push takes one row, over the oldest when the window is full.
func (w *Window) Push(row Row) {
	w.rows[w.next] = row
	w.next = (w.next + 1) % WindowLength
	w.count = min(w.count+1, WindowLength)
}

// Len returns the number of rows held, 0 to WindowLength.
func (w *Window) Len() int { return w.count }

// Clear overwrites every row.
func (w *Window) Clear() { *w = Window{} }

// Axes copies the held rows in order of time, one slice an axis, into x, y and
// z, which must have room for WindowLength values, and returns their number.
func (w *Window) Axes(x, y, z []float64) int {
	start := w.next - w.count
	if start < 0 {
		start += WindowLength
	}
	n := 0
	for _, part := range [2][]Row{w.rows[start:min(start+w.count, WindowLength)], w.rows[:max(start+w.count-WindowLength, 0)]} {
		for _, row := range part {
			x[n], y[n], z[n] = float64(row[0]), float64(row[1]), float64(row[2])
			n++
		}
	}
	return n
}

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

// Axes copies the held rows in order of time, an axis each, to the front of x,
// y and z, and returns their number.
func (w *Window) Axes(x, y, z *[WindowLength]float64) int {
	start := w.next - w.count
	if start < 0 {
		start += WindowLength
	}
	older := w.rows[start:min(start+w.count, WindowLength)]
	newer := w.rows[:w.count-len(older)]
	copyAxes(x[:], y[:], z[:], older)
	copyAxes(x[len(older):], y[len(older):], z[len(older):], newer)
	return w.count
}

func copyAxes(x, y, z []float64, rows []Row) {
	x, y, z = x[:len(rows)], y[:len(rows)], z[:len(rows)]
	for i := range rows {
		row := &rows[i]
		x[i], y[i], z[i] = float64(row[0]), float64(row[1]), float64(row[2])
	}
}

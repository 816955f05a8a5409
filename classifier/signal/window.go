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

// Rows copies the held rows to the front of dst, in order of time, and returns
// their number.
func (w *Window) Rows(dst *[WindowLength]Row) int {
	start := w.next - w.count
	if start < 0 {
		start += WindowLength
	}
	older := copy(dst[:w.count], w.rows[start:])
	copy(dst[older:w.count], w.rows[:])
	return w.count
}

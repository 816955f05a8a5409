package ingest

// growStack sees to it that so many bytes of stack are there. A stack that has to
// grow in the middle of a frame is moved, and what was on the old one stays where
// it was.
//
//go:noinline
func growStack(bytes int) {
	var room [512]byte
	if bytes > len(room) {
		growStack(bytes - len(room))
	}
	touch(&room)
}

//go:noinline
func touch(*[512]byte) {}

const (
	// lineStack is what a frame needs below a session's first function, a little
	// less than a stack of 4 KiB has.
	lineStack = 2 << 10

	// pushStack is the same below the handler of a push, whose stack is deeper.
	pushStack = 4 << 10
)

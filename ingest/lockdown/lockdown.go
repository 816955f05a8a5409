package lockdown

// A Config says what to leave open. The zero value leaves nothing.
type Config struct {
	// Inspectable lets debuggers, and a search for residue, of the same user read
	// the memory.
	Inspectable bool
}

// A State says what holds for the process.
type State struct {
	CoreDumps   bool   // can be written
	Inspectable bool   // by other processes of the same user
	Swap        string // "none", "locked", "possible"

	// Warnings say what could not be had and what to do about it.
	Warnings []string
}

// How it stands with swap.
const (
	SwapNone     = "none"     // there is none that this process could use
	SwapLocked   = "locked"   // memory is locked
	SwapPossible = "possible" // memory can be swapped out
)

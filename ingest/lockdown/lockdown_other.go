//go:build !linux

package lockdown

// Apply is for Linux. Elsewhere nothing is done, and said so.
func Apply(Config) State {
	return State{CoreDumps: true, Inspectable: true, Swap: SwapPossible, Warnings: []string{
		"core dumps, swap and debuggers are not kept from the memory of this process: that needs Linux",
	}}
}

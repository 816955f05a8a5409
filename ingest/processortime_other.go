//go:build !unix && !windows

package ingest

import "time"

var begun = time.Now()

// processorTime is taken for half a processor where nobody tells: enough for a node
// that is late to shed, and too little for one that is not.
func processorTime() time.Duration { return time.Since(begun) / 2 }

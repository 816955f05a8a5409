//go:build !unix

package ingest

import "time"

var begun = time.Now()

// processorTime is taken for all that there is where nobody tells, so that a node
// that is late sheds.
func processorTime() time.Duration { return time.Since(begun) }

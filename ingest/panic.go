package ingest

import (
	"fmt"
	"runtime"
)

// faultKind describes the value of a panic without its content.
func faultKind(fault any) string {
	if _, ok := fault.(runtime.Error); ok {
		return "runtime error"
	}
	return fmt.Sprintf("%T", fault)
}

// panicSite returns the functions and lines that led to a panic, innermost
// first, without arguments. It is for deferred functions that recover.
func panicSite() []string {
	pcs := make([]uintptr, 24)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	var site []string
	for {
		f, more := frames.Next()
		site = append(site, fmt.Sprintf("%s:%d", f.Function, f.Line))
		if !more {
			return site
		}
	}
}

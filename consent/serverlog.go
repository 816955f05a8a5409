package consent

import (
	"fmt"
	"log/slog"
	"regexp"
	"sync/atomic"
)

// A serverLog passes what the embedded server warns of to the ledger's log,
// with principals and notices taken out. It ends no process: a fatal mishap of
// the store stops the ledger, and the ledger says no.
type serverLog struct {
	log   *slog.Logger
	fatal atomic.Pointer[string] // the first fatal mishap
	alarm func(text string)      // called with each error
}

var personInText = regexp.MustCompile(`\b(consent|notice|person|received|tempo)\.[0-9A-Za-z_.-]+`)

func withoutPeople(text string) string { return personInText.ReplaceAllString(text, "$1.*") }

func (s *serverLog) Noticef(string, ...any) {}
func (s *serverLog) Debugf(string, ...any)  {}
func (s *serverLog) Tracef(string, ...any)  {}

func (s *serverLog) Warnf(format string, v ...any) {
	s.log.Warn("ledger store", "says", withoutPeople(fmt.Sprintf(format, v...)))
}

func (s *serverLog) Errorf(format string, v ...any) {
	text := withoutPeople(fmt.Sprintf(format, v...))
	s.log.Error("ledger store", "says", text)
	s.alarm(text)
}

func (s *serverLog) Fatalf(format string, v ...any) {
	text := withoutPeople(fmt.Sprintf(format, v...))
	s.fatal.CompareAndSwap(nil, &text)
	s.log.Error("ledger store failed", "says", text)
}

package consent

import (
	"log/slog"
	"testing"
)

// FuzzRegister: whatever lies in the register, it is taken in or passed over, and
// nobody gets a record that is not theirs.
func FuzzRegister(f *testing.F) {
	secret := make([]byte, secretSize)
	f.Add("person.ada", secret)
	f.Add("person.", secret)
	f.Add("person.ada", secret[1:])
	f.Add("received.coach.abc", []byte(`{"estimates":3,"since":"2026-11-01T12:00:00Z","last":"2026-11-01T12:00:01Z"}`))
	f.Add("received.coach", []byte(`{}`))
	f.Add("other", []byte{})
	f.Fuzz(func(t *testing.T, subject string, body []byte) {
		l := gateOf(t, newClock())
		l.log = slog.New(slog.DiscardHandler)
		mine := &who{principal: "bea", secret: [secretSize]byte{1}}
		p := &person{state: Given, notice: l.onRecord(l.notice.SHA256), categories: []Category{Acceleration}, deadline: l.now().AddDate(1, 0, 0).UnixNano(), revision: 1, sequence: 2}
		l.state.people[mine.record()] = p
		if err := l.takeRegistered(1, subject, body); err != nil {
			t.Errorf("%q: %v", subject, err)
		}
		for principal, known := range l.register.people {
			if subject != personSubject+principal || len(body) != secretSize || known.who.principal != principal {
				t.Errorf("%q made %q known", subject, principal)
			}
			if known.state == Given && (principal != "bea" || known.who.secret != mine.secret) {
				t.Errorf("%q has somebody else's record", principal)
			}
		}
	})
}

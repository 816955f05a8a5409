package consent

import (
	"context"
	"sync"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// A watchedContext tells when somebody begins to wait with it.
type watchedContext struct {
	context.Context
	once   sync.Once
	waited chan struct{}
}

func (c *watchedContext) Done() <-chan struct{} {
	c.once.Do(func() { close(c.waited) })
	return c.Context.Done()
}

// A yes that waits on one node while the person says no through another one does
// not undo the no, whether its caller still waits or has gone. A no that waits is
// carried out.
func TestASlowYesDoesNotUndoANo(t *testing.T) {
	s := startServer(t, t.TempDir(), server.RANDOM_PORT)
	one := openTest(t, LedgerConfig{NATSURL: s.ClientURL()})
	two := openTest(t, LedgerConfig{NATSURL: s.ClientURL()})
	yes := GiveRequest{
		NoticeVersion: one.notice.Version, NoticeSHA256: one.notice.SHA256,
		Categories: []Category{Acceleration}, Method: "test",
	}
	// hold makes changes wait on the second node, as those before them would.
	hold := func(parent context.Context, change func(context.Context) error, meanwhile func()) error {
		t.Helper()
		two.putting <- struct{}{}
		ctx := &watchedContext{Context: parent, waited: make(chan struct{})}
		ended := make(chan error, 1)
		go func() { ended <- change(ctx) }()
		<-ctx.waited
		meanwhile()
		<-two.putting
		return <-ended
	}
	give(t, one, "ada", Acceleration)
	eventually(t, "the other node knows", func() bool { return two.Decide("ada", Acceleration).Allowed })

	err := hold(t.Context(), func(ctx context.Context) error { _, err := two.Give(ctx, "ada", yes); return err },
		func() { withdraw(t, one, "ada") })
	wantCode(t, err, CodeConsentChanged)
	wantReason(t, two, "ada", Acceleration, Withdrawn)

	// Somebody whom nobody knew when the yes was said.
	err = hold(t.Context(), func(ctx context.Context) error { _, err := two.Give(ctx, "bea", yes); return err },
		func() { give(t, one, "bea", Acceleration); withdraw(t, one, "bea") })
	wantCode(t, err, CodeConsentChanged)
	wantReason(t, two, "bea", Acceleration, Withdrawn)

	// Said once more, it counts; and a yes is not in the way of another.
	give(t, two, "ada", Acceleration)
	err = hold(t.Context(), func(ctx context.Context) error { _, err := two.Give(ctx, "ada", yes); return err },
		func() { give(t, one, "ada", Acceleration) })
	if err != nil {
		t.Error(err)
	}
	wantReason(t, two, "ada", Acceleration, Allowed)

	// A caller who has gone.
	withdraw(t, one, "ada")
	eventually(t, "the other node knows", func() bool { return !two.Decide("ada", Acceleration).Allowed })
	gone, cancel := context.WithCancel(t.Context())
	err = hold(gone, func(ctx context.Context) error { _, err := two.Give(ctx, "ada", yes); return err }, cancel)
	wantCode(t, err, CodeLedgerUnavailable)
	wantReason(t, two, "ada", Acceleration, Withdrawn)

	// A no is carried out, although its caller has gone and the person gave anew.
	give(t, one, "cyd", Acceleration)
	eventually(t, "the other node knows", func() bool { return two.Decide("cyd", Acceleration).Allowed })
	if err := hold(t.Context(), func(ctx context.Context) error { _, err := two.Withdraw(ctx, "cyd", "test"); return err },
		func() { give(t, one, "cyd", Acceleration) }); err != nil {
		t.Error(err)
	}
	wantReason(t, two, "cyd", Acceleration, Withdrawn)
}

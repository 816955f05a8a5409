package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/tempogate/tempogate/ingest/wire"
)

// Pauses between two attempts to connect.
const (
	firstPause   = 500 * time.Millisecond
	longestPause = 30 * time.Second
	goodStream   = 10 * time.Second // one that held so long was a good one: begin with short pauses again
)

// KeepStreaming opens streams one after the other, with growing pauses and some
// randomness, as docs/protocol.md asks for, and hands each to use. It returns
// when ctx is done, when use returns nil, and when there is no sense in trying
// again: the person has to be asked first, the token is not good, or the client
// breaks the protocol. Of those use returns the *Error that Receive gave it.
//
// use closes nothing; the stream is closed when it returns.
func (c *Client) KeepStreaming(ctx context.Context, options StreamOptions, use func(*Stream) error) error {
	pause := firstPause
	for {
		began := time.Now()
		wait, err := c.streamOnce(ctx, options, use)
		if err == nil || final(err) {
			return err
		}
		if time.Since(began) > goodStream {
			pause = firstPause
		}
		if wait == 0 {
			wait = pause/2 + rand.N(pause/2)
			pause = min(2*pause, longestPause)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

// streamOnce opens one stream and has it used. It returns how long the server
// wants to be left alone, 0 where it does not say.
func (c *Client) streamOnce(ctx context.Context, options StreamOptions, use func(*Stream) error) (time.Duration, error) {
	stream, err := c.Stream(ctx, options)
	if err != nil {
		var refused *Error
		if errors.As(err, &refused) {
			return refused.RetryAfter, err
		}
		return 0, err
	}
	defer stream.Close()
	stop := context.AfterFunc(ctx, func() { stream.Close() })
	defer stop()
	err = use(stream)
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	return time.Duration(stream.drained.Load()), err
}

// final reports whether it makes no sense to connect again.
func final(err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
	}
	switch {
	case e.Close == wire.CloseDone, e.Close == wire.CloseMalformed, e.Close == wire.CloseConsent, e.Close == wire.CloseTooLarge:
		return true
	case e.Close != 0, e.Status == 429, e.Status >= 500:
		return false
	}
	return true
}

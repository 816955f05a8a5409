package client

import (
	"context"
	"errors"
	"time"

	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/ingest/wire"
)

const (
	frameSpan = int64(time.Second) // sensor time that a frame of a replay covers
	patience  = 5 * time.Second    // for the server's goodbye, when the caller gives up
)

// ReplayOptions say how a recording is replayed.
type ReplayOptions struct {
	// Speed is how many times faster than it was recorded. 0 sends as fast as
	// the server takes it.
	Speed float64

	// Answer is called with each message of the server, in order. The line is
	// valid during the call only. An error ends the replay.
	Answer func(line []byte) error
}

// Replay sends a recording as the phone would have, a frame for each second of
// sensor time, says End, and returns when the server has closed the stream:
// nil for 1000, an *Error for every other close code. When ctx is done it says
// End early and returns the error of ctx.
//
// Readings are sent in the order given. Replay sends and receives on the
// stream and closes it; nothing but Withdraw may be called meanwhile.
func (s *Stream) Replay(ctx context.Context, samples []classifier.Sample, fixes []classifier.Fix, options ReplayOptions) error {
	live, over := context.WithCancel(ctx)
	sent := make(chan error, 1)
	go func() { sent <- s.sendAll(live, samples, fixes, options.Speed) }()

	err := s.receiveAll(options.Answer)
	gaveUp := ctx.Err()
	over()
	s.Close() // wakes a Send that the server does not take
	sendErr := <-sent

	var refused *wire.Error
	var closed *Error
	switch {
	case errors.As(sendErr, &refused): // a recording that no frame can hold
		return sendErr
	case errors.As(err, &closed) && closed.Close == wire.CloseDone:
		return gaveUp
	}
	return err
}

// receiveAll hands on every message until the stream ends.
func (s *Stream) receiveAll(answer func([]byte) error) error {
	for {
		line, err := s.ReceiveLine()
		if err != nil {
			return err
		}
		if answer == nil {
			continue
		}
		if err := answer(line); err != nil {
			return err
		}
	}
}

// sendAll sends a recording and End. Errors of the connection are left to the
// receiving side, which learns the reason.
func (s *Stream) sendAll(ctx context.Context, samples []classifier.Sample, fixes []classifier.Fix, speed float64) error {
	began := time.Now()
	var cut cutter
	for cut.start(samples, fixes); ; {
		frameSamples, frameFixes, due, more := cut.next()
		if !more {
			break
		}
		if speed > 0 && !sleepUntil(ctx, began.Add(time.Duration(float64(due)/speed))) || ctx.Err() != nil {
			s.SetReceiveDeadline(time.Now().Add(patience))
			break
		}
		if err := s.Send(frameSamples, frameFixes); err != nil {
			s.Close() // wakes the receiving side, should this be no error of the connection
			return err
		}
	}
	return s.End()
}

// sleepUntil waits, and reports whether it did so undisturbed.
func sleepUntil(ctx context.Context, t time.Time) bool {
	timer := time.NewTimer(time.Until(t))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// A cutter cuts a recording into the frames that a phone would have sent.
type cutter struct {
	samples []classifier.Sample
	fixes   []classifier.Fix
	began   int64 // sensor time of the first reading
	end     int64 // of the frame being cut
}

func (c *cutter) start(samples []classifier.Sample, fixes []classifier.Fix) {
	c.samples, c.fixes = samples, fixes
	c.began = c.first()
	c.end = c.began
}

// first returns the sensor time of the next reading of either kind.
func (c *cutter) first() int64 {
	switch {
	case len(c.samples) == 0 && len(c.fixes) == 0:
		return c.end
	case len(c.samples) == 0:
		return c.fixes[0].SensorTime
	case len(c.fixes) == 0:
		return c.samples[0].SensorTime
	}
	return min(c.samples[0].SensorTime, c.fixes[0].SensorTime)
}

// next cuts the next frame that holds anything. due is when its last moment
// was, in nanoseconds since the recording began.
func (c *cutter) next() (samples []classifier.Sample, fixes []classifier.Fix, due int64, more bool) {
	if len(c.samples) == 0 && len(c.fixes) == 0 {
		return nil, nil, 0, false
	}
	if first := c.first(); first >= c.end { // a new second; pauses are stepped over
		c.end += ((first-c.end)/frameSpan + 1) * frameSpan
	}
	n := 0
	for n < len(c.samples) && n < wire.MaxSamples && c.samples[n].SensorTime < c.end {
		n++
	}
	k := 0
	for k < len(c.fixes) && k < wire.MaxFixes && c.fixes[k].SensorTime < c.end {
		k++
	}
	samples, c.samples = c.samples[:n], c.samples[n:]
	fixes, c.fixes = c.fixes[:k], c.fixes[k:]
	return samples, fixes, c.end - c.began, true
}

package consent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// load calls each for every message of a stream that is there now, in order.
func (s *store) load(ctx context.Context, stream jetstream.Stream, each func(sequence uint64, subject string, body []byte) error) error {
	consumer, err := stream.CreateConsumer(ctx, readerConfig(1, ""))
	if err != nil {
		return err
	}
	defer s.leave(ctx, stream, consumer)
	const batch = 5000
	for {
		messages, err := consumer.FetchNoWait(batch)
		if err != nil {
			return err
		}
		n := 0
		for message := range messages.Messages() {
			at, err := message.Metadata()
			if err != nil {
				return err
			}
			if err := each(at.Sequence.Stream, message.Subject(), message.Data()); err != nil {
				return err
			}
			n++
		}
		if err := messages.Error(); err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
	}
}

// readerConfig is that of a reader from a sequence on.
func readerConfig(from uint64, subject string) jetstream.ConsumerConfig {
	return jetstream.ConsumerConfig{
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       from,
		FilterSubject:     subject,
		AckPolicy:         jetstream.AckNonePolicy,
		InactiveThreshold: readerIdle,
		MemoryStorage:     true, // a reader that is lost is made anew
		Replicas:          1,
	}
}

// leave has the server forget a reader. Best effort: it does after readerIdle
// anyway.
func (s *store) leave(ctx context.Context, stream jetstream.Stream, reader jetstream.Consumer) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readHeartbeat)
	defer cancel()
	_ = stream.DeleteConsumer(ctx, reader.CachedInfo().Name)
}

// errEnough ends a reading.
var errEnough = errors.New("enough")

// read calls each for every message of a stream from a sequence on, in order and
// without a gap, as they come. subject picks the entries of one subject; empty means all.
// It returns nil when each returns errEnough, and otherwise the first error:
// that of each, of the store, or of the context. body belongs to each.
func (s *store) read(ctx context.Context, stream jetstream.Stream, from uint64, subject string, each func(sequence uint64, subject string, body []byte) error) error {
	link := s.currentLink()
	consumer, err := stream.CreateConsumer(ctx, readerConfig(from, subject))
	if err != nil {
		return err
	}
	defer s.leave(ctx, stream, consumer)
	messages, err := consumer.Messages(jetstream.PullHeartbeat(readHeartbeat))
	if err != nil {
		return err
	}
	defer messages.Stop()
	defer context.AfterFunc(ctx, messages.Stop)()
	defer context.AfterFunc(link, messages.Stop)()
	for next := uint64(1); ; next++ {
		message, err := messages.Next()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return err
		}
		at, err := message.Metadata()
		if err != nil {
			return err
		}
		if at.Sequence.Consumer != next {
			return fmt.Errorf("reader was given message %d in place of %d", at.Sequence.Consumer, next)
		}
		if err := each(at.Sequence.Stream, message.Subject(), message.Data()); err != nil {
			if errors.Is(err, errEnough) {
				return nil
			}
			return err
		}
	}
}

// readThrough is read for a reading that comes to an end: one that breaks off, as
// when a cluster loses the server that was reading for us, goes on where it was. It
// gives up when nothing has come for as long as an election takes.
func (s *store) readThrough(ctx context.Context, stream jetstream.Stream, from uint64, subject string, each func(sequence uint64, subject string, body []byte) error) error {
	for last := time.Now(); ; {
		var refused error
		err := s.read(ctx, stream, from, subject, func(sequence uint64, subject string, body []byte) error {
			last = time.Now()
			if refused = each(sequence, subject, body); refused == nil {
				from = sequence + 1
			}
			return refused
		})
		if err == nil || refused != nil || s.embedded != nil || time.Since(last) > electionTimeout {
			return err
		}
		select {
		case <-time.After(reconnectWait):
		case <-ctx.Done():
			return err
		}
	}
}

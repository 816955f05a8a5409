package load

import (
	"context"
	"io"
	"math/rand/v2"
	"time"

	"github.com/tempogate/tempogate/ingest/framing"
)

// floodPeriod is how long floods last, and how long they pause, in turns: so one
// run on one machine shows what they do to everybody else.
const floodPeriod = 5 * time.Second

// flood opens a stream in every other period and sends on it without pause, as
// fast as the server takes it. When it is closed for that, it comes back.
func (r *runner) flood(ctx context.Context, number int) {
	rng := rand.New(rand.NewPCG(r.config.Seed, uint64(number)|1<<40))
	m := r.config.Motions[rng.IntN(len(r.config.Motions))]
	d, err := newDialer(r.config.URL, r.config.TLS, r.config.Sources)
	if err != nil {
		r.note(err)
		return
	}
	for ctx.Err() == nil {
		if !r.flooding.Load() {
			sleep(ctx, 10*time.Millisecond)
			continue
		}
		if err := r.floodOnce(ctx, d, m, number, rng); err != nil {
			r.tally.count(FloodsClosed, 1)
			sleep(ctx, 100*time.Millisecond)
		}
	}
}

func (r *runner) floodOnce(ctx context.Context, d *dialer, m *Motion, number int, rng *rand.Rand) error {
	conn, _, err := d.dial(ctx, number, r.token(number/r.config.SessionsPerPerson), 0)
	if err != nil {
		return err
	}
	defer conn.Close()
	read := make(chan struct{})
	go func() {
		io.Copy(io.Discard, conn)
		close(read)
	}()
	defer func() { conn.Close(); <-read }()
	var payload, message []byte
	for n := 0; r.flooding.Load() && ctx.Err() == nil; n++ {
		payload = m.appendPacked(payload[:0], m.turned[0], n)
		k := rng.Uint32()
		message = framing.AppendMasked(message[:0], framing.Binary, payload, [4]byte{byte(k), byte(k >> 8), byte(k >> 16), byte(k >> 24)})
		conn.SetWriteDeadline(time.Now().Add(floodPeriod))
		if _, err := conn.Write(message); err != nil {
			return err
		}
		r.tally.count(FloodFrames, 1)
	}
	return nil
}

// alternate turns floods on and off, beginning with the end of the ramp.
func (r *runner) alternate(ctx context.Context) {
	sleep(ctx, time.Until(r.steady))
	for ctx.Err() == nil {
		sleep(ctx, floodPeriod)
		r.flooding.Store(!r.flooding.Load())
	}
}

package demo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tempogate/tempogate/classifier"
	"github.com/tempogate/tempogate/consent"
	"github.com/tempogate/tempogate/ingest/client"
	"github.com/tempogate/tempogate/ingest/wire"
)

// A Config says where the demo happens.
type Config struct {
	URL   string    // of a running server
	Admin string    // of its admin listener
	Token string    // of somebody who was never asked
	Data  string    // directory of the shared collection; empty for simulated recordings
	Out   io.Writer // for people
}

// Run shows the main job. The error says which promise was not kept.
func Run(ctx context.Context, c Config) error {
	var scenes []scene
	var err error
	if c.Data != "" {
		fmt.Fprintf(c.Out, "Real recordings from %s. The built-in model was trained with them among others;\nhow well it does on people it has never met stands in docs/model.md.\n\n", c.Data)
		scenes, err = realScenes(c.Data)
	} else {
		fmt.Fprint(c.Out, "Simulated recordings, made by the project's own gait simulator (docs/simulator.md).\n\n")
		scenes, err = simulatedScenes()
	}
	if err != nil {
		return err
	}
	person, err := client.New(client.Config{URL: c.URL, Token: c.Token})
	if err != nil {
		return err
	}
	defer person.Close()
	d := &demo{Config: c, person: person}
	steps := []func(context.Context) error{
		d.readNotice,
		d.refusedWithoutGrant,
		d.grant,
		func(ctx context.Context) error { return d.streamAll(ctx, scenes) },
		func(ctx context.Context) error { return d.withdraw(ctx, &scenes[0]) },
		d.refusedAfterwards,
	}
	for i, step := range steps {
		fmt.Fprintf(c.Out, "%d. ", i+1)
		if err := step(ctx); err != nil {
			return fmt.Errorf("demo: %w", err)
		}
	}
	return nil
}

type demo struct {
	Config
	person *client.Client
	notice *consent.Notice
}

func (d *demo) readNotice(ctx context.Context) (err error) {
	if d.notice, err = d.person.Notice(ctx); err != nil {
		return err
	}
	fmt.Fprintf(d.Out, "The notice, %s version %s, sha256 %s…\n\n", d.notice.ID, d.notice.Version, d.notice.SHA256[:12])
	for _, line := range strings.Split(wrap(d.notice.Text, 76), "\n") {
		fmt.Fprintf(d.Out, "   | %s\n", line)
	}
	fmt.Fprintln(d.Out)
	return nil
}

func (d *demo) refusedWithoutGrant(ctx context.Context) error {
	fmt.Fprint(d.Out, "Streaming before saying yes: ")
	return d.refused(ctx)
}

func (d *demo) refusedAfterwards(ctx context.Context) error {
	fmt.Fprint(d.Out, "Streaming after taking it back: ")
	return d.refused(ctx)
}

// refused expects to be kept out.
func (d *demo) refused(ctx context.Context) error {
	stream, err := d.person.Stream(ctx, client.StreamOptions{})
	if err == nil {
		stream.Close()
		return errors.New("a stream was opened without a grant")
	}
	var refused *client.Error
	if !errors.As(err, &refused) || refused.Status != http.StatusForbidden {
		return err
	}
	fmt.Fprintf(d.Out, "%d %s. %s\n\n", refused.Status, refused.Code, refused.Detail)
	return nil
}

func (d *demo) grant(ctx context.Context) error {
	text, err := d.person.Grant(ctx, d.notice, []consent.Category{consent.Acceleration, consent.Location}, nil)
	if err != nil {
		return err
	}
	receipt, err := consent.ParseReceipt(text)
	if err != nil {
		return err
	}
	keys, err := d.person.Keys(ctx)
	if err != nil {
		return err
	}
	if err := receipt.Verify(keys); err != nil {
		return err
	}
	fmt.Fprintf(d.Out, "Saying yes to acceleration and location: a receipt of %d bytes, its signature verified.\n\n", len(text))
	return nil
}

func (d *demo) streamAll(ctx context.Context, scenes []scene) error {
	fmt.Fprint(d.Out, "Streaming over a WebSocket, packed frames, one a second of sensor time:\n\n")
	var outcomes []outcome
	for i := range scenes {
		s := &scenes[i]
		began := time.Now()
		var estimates []classifier.Estimate
		stream, err := d.person.Stream(ctx, client.StreamOptions{})
		if err != nil {
			return err
		}
		err = stream.Replay(ctx, s.samples, s.fixes, client.ReplayOptions{Answer: func(line []byte) error {
			m, err := wire.ParseMessage(line)
			if err == nil && m.Type == wire.TypeEstimate {
				estimates = append(estimates, m.Estimate)
			}
			return err
		}})
		if err != nil {
			return fmt.Errorf("streaming the %s: %w", s.name, err)
		}
		o := judge(s, estimates)
		o.took = time.Since(began).Seconds()
		outcomes = append(outcomes, o)
	}
	if err := table(d.Out, outcomes); err != nil {
		return err
	}
	fmt.Fprintln(d.Out)
	for _, o := range outcomes {
		fmt.Fprintf(d.Out, "   %s: %s\n", o.scene.name, o.scene.source)
	}
	fmt.Fprintln(d.Out)
	return nil
}

// withdraw streams a scene, takes consent back in the middle of it and expects
// the session to end.
func (d *demo) withdraw(ctx context.Context, s *scene) error {
	const speed, before = 40, 15 // estimates
	fmt.Fprintf(d.Out, "Taking it back in the middle of the %s, streamed at %d times real speed:\n", s.name, speed)
	stream, err := d.person.Stream(ctx, client.StreamOptions{})
	if err != nil {
		return err
	}
	var resident float64
	var acknowledged time.Time
	answers, late := 0, 0
	withdrawn := make(chan error, 1)
	err = stream.Replay(ctx, s.samples, s.fixes, client.ReplayOptions{Speed: speed, Answer: func([]byte) error {
		answers++
		if answers == before {
			var err error
			if resident, err = d.metric(ctx, "tempogate_raw_samples_resident"); err != nil {
				return err
			}
			go func() {
				err := d.person.Withdraw(ctx)
				acknowledged = time.Now()
				withdrawn <- err
			}()
		}
		if answers > before {
			late++
		}
		return nil
	}})
	closed := time.Now()
	var ended *client.Error
	if !errors.As(err, &ended) || ended.Close != wire.CloseConsent {
		return fmt.Errorf("the stream did not end with %d: %w", wire.CloseConsent, err)
	}
	if err := <-withdrawn; err != nil {
		return err
	}
	left, err := d.metric(ctx, "tempogate_raw_samples_resident")
	if err != nil {
		return err
	}
	if left != 0 {
		return fmt.Errorf("%v raw samples are left in the server", left)
	}
	fmt.Fprintf(d.Out, "   closed with %d, %q, %.1f ms after the withdrawal was acknowledged\n",
		ended.Close, ended.Detail, max(closed.Sub(acknowledged), 0).Seconds()*1e3)
	fmt.Fprintf(d.Out, "   raw samples held by the server: %.0f before, %.0f after\n\n", resident, left)
	return nil
}

// metric reads one value from the admin listener.
func (d *demo) metric(ctx context.Context, name string) (float64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, d.Admin+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, fmt.Errorf("the admin listener shows no %s", name)
}

// wrap breaks each line of a text at spaces, so that it has at most so many
// characters where words allow.
func wrap(text string, width int) string {
	var wrapped strings.Builder
	for i, line := range strings.Split(strings.TrimSpace(text), "\n") {
		if i > 0 {
			wrapped.WriteByte('\n')
		}
		at := 0
		for _, word := range strings.Fields(line) {
			switch n := utf8.RuneCountInString(word); {
			case at == 0:
				at = n
			case at+1+n > width:
				wrapped.WriteByte('\n')
				at = n
			default:
				wrapped.WriteByte(' ')
				at += 1 + n
			}
			wrapped.WriteString(word)
		}
	}
	return wrapped.String()
}

package client

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
)

// maxTempoLine bounds a line that a recipient gets, in bytes.
const maxTempoLine = 64 << 10

// Tempo calls each with every line that people let a recipient have, as they
// come, until the context ends, the server goes away or each fails, and returns
// that error; nil when the server went away. The client's Token is that of the
// recipient. A line is a JSON object:
//
//	{"person":"…","at":"2026-11-01T12:00:00Z","activity":"run","cadence_spm":163,"bpm":163,"speed_mps":3.1}
//
// person is the name by which this recipient knows somebody: always the same for
// one person, and another one for every other recipient. line is valid during
// the call only.
func (c *Client) Tempo(ctx context.Context, each func(line []byte) error) error {
	req, err := c.request(ctx, http.MethodGet, "/v1/tempo", nil)
	if err != nil {
		return err
	}
	// No timeout over the whole: it stays for as long as it is wanted.
	staying := *c.http
	staying.Timeout = 0
	resp, err := staying.Do(req)
	if err != nil {
		return fmt.Errorf("client: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return problemOf(resp)
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxTempoLine)
	for lines.Scan() {
		if len(lines.Bytes()) == 0 { // the connection lives
			continue
		}
		if err := each(lines.Bytes()); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("client: the tempo cannot be read: %w", err)
	}
	return nil
}

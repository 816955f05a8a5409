package client

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/tempogate/tempogate/ingest/wire"
)

// An Identity is what NewIdentity gives to a device.
type Identity struct {
	Token     string    `json:"token"`
	ExpiresAt time.Time `json:"expires_at"`
}

// NewIdentity asks for the identity of a person who did not exist before, where
// the operator gives them out; an *Error with the code "no_anonymous" says that
// this one does not. The client itself goes on with the token that it has:
// make one with Config.Token to speak for the new person.
func (c *Client) NewIdentity(ctx context.Context) (Identity, error) {
	var identity Identity
	err := c.call(ctx, http.MethodPost, "/v1/identity", nil, &identity)
	return identity, err
}

// Held is what a node has in memory of the person.
type Held struct {
	Sessions int `json:"sessions"` // live ones
	Readings int `json:"readings"` // in their windows
}

// Held returns what the node that answers has in memory of the person right
// now. After a withdrawal that is nothing.
func (c *Client) Held(ctx context.Context) (Held, error) {
	var held Held
	err := c.call(ctx, http.MethodGet, "/v1/held", nil, &held)
	return held, err
}

// A PushLink is an address for an app that can push readings and keep no token.
type PushLink struct {
	URL       string    `json:"url"`
	ExpiresAt time.Time `json:"expires_at"`
	QR        []string  `json:"qr"` // rows of the QR code from the top, '1' for dark
}

// NewPushLink makes such an address. It holds for the consent that is in force
// now, and not for a later one.
func (c *Client) NewPushLink(ctx context.Context) (PushLink, error) {
	var link PushLink
	err := c.call(ctx, http.MethodPost, "/v1/push", nil, &link)
	return link, err
}

// Pushed is what comes in from a person's apps.
type Pushed struct {
	Live     bool          // a push came lately
	Pushes   int           // of the live session
	Last     time.Duration // since the last one
	Waiting  int           // batches that came before their turn
	Estimate *wire.Message // the newest; nil when there is none
	Refused  string        // the reason of the gate, when pushes are turned away
}

// Pushed returns what comes in over the person's addresses.
func (c *Client) Pushed(ctx context.Context) (Pushed, error) {
	var answer struct {
		Live            bool
		Pushes, Waiting int
		LastS           float64 `json:"last_s"`
		Estimate        json.RawMessage
		Refused         string
	}
	if err := c.call(ctx, http.MethodGet, "/v1/push", nil, &answer); err != nil {
		return Pushed{}, err
	}
	pushed := Pushed{
		Live: answer.Live, Pushes: answer.Pushes, Waiting: answer.Waiting, Refused: answer.Refused,
		Last: time.Duration(answer.LastS * float64(time.Second)),
	}
	if len(answer.Estimate) > 0 {
		m, err := wire.ParseMessage(answer.Estimate)
		if err != nil {
			return Pushed{}, err
		}
		pushed.Estimate = &m
	}
	return pushed, nil
}

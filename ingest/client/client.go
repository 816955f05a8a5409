package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tempogate/tempogate/consent"
)

// Config configures a Client.
type Config struct {
	// URL is the address of the server, for example "http://127.0.0.1:8080".
	// ws and wss are taken as http and https.
	URL string

	// Token is the bearer token. Only Notice and Keys work without one.
	Token string

	// TLS is used for https and wss; the system's roots when nil.
	TLS *tls.Config

	// NetDial opens the connections, of calls and of streams; the default
	// dialer when nil. A load generator binds its source addresses here.
	NetDial func(ctx context.Context, network, address string) (net.Conn, error)

	// HTTPClient makes the calls, in place of one made from TLS and NetDial.
	HTTPClient *http.Client
}

// A Client speaks with one server for one person. Its methods may be called
// from any goroutine.
type Client struct {
	config Config
	base   *url.URL
	http   *http.Client
}

// callTimeout bounds a call for which the caller's context has no deadline.
const callTimeout = 30 * time.Second

// maxAnswer bounds the body of an answer that is read.
const maxAnswer = 16 << 20

// New returns a client. It does not connect.
func New(config Config) (*Client, error) {
	base, err := url.Parse(strings.TrimRight(config.URL, "/"))
	if err != nil {
		return nil, errors.New("client: the URL cannot be read: write http://host:port")
	}
	switch base.Scheme {
	case "ws":
		base.Scheme = "http"
	case "wss":
		base.Scheme = "https"
	}
	if base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, errors.New("client: the URL must be http://host:port or https://host:port")
	}
	c := &Client{config: config, base: base, http: config.HTTPClient}
	if c.http == nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.TLSClientConfig = config.TLS.Clone() // net/http adds protocols to it
		if config.NetDial != nil {
			transport.DialContext = config.NetDial
		}
		c.http = &http.Client{Transport: transport, Timeout: callTimeout}
	}
	return c, nil
}

// Close lets go of connections that are kept for further calls. Streams are
// closed on their own.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// An Error is an answer of the server that is not the one hoped for.
type Error struct {
	Status int    // of HTTP; 0 for the end of a stream
	Close  int    // close code of a stream; 0 for a call
	Code   string // stable, for example "no_grant"; "" for a stream
	Reason string // more about the code, for example "withdrawn"; may be empty
	Detail string // what to mend

	RetryAfter time.Duration // how long the server wants to be left alone; 0 where it does not say
}

// Error returns everything that is known, for people.
func (e *Error) Error() string {
	if e.Close != 0 {
		return fmt.Sprintf("client: stream closed: %d %s", e.Close, e.Detail)
	}
	return fmt.Sprintf("client: %d %s: %s", e.Status, e.Code, e.Detail)
}

// Notice returns the notice that people are asked under now, in the first of
// the languages (BCP 47) that it is there in, and otherwise in English. It is
// to be shown before Grant is called.
func (c *Client) Notice(ctx context.Context, languages ...string) (*consent.Notice, error) {
	req, err := c.request(ctx, http.MethodGet, "/v1/notice", nil)
	if err != nil {
		return nil, err
	}
	if len(languages) > 0 {
		req.Header.Set("Accept-Language", strings.Join(languages, ", "))
	}
	var notice consent.Notice
	if err := c.do(req, &notice); err != nil {
		return nil, err
	}
	return &notice, nil
}

// NoticeChanges returns what is different in the notice from an earlier
// version, for people who had said yes to that one.
func (c *Client) NoticeChanges(ctx context.Context, from, language string) (*consent.NoticeChanges, error) {
	query := url.Values{"from": {from}}
	if language != "" {
		query.Set("language", language)
	}
	var changes consent.NoticeChanges
	if err := c.call(ctx, http.MethodGet, "/v1/notice/changes?"+query.Encode(), nil, &changes); err != nil {
		return nil, err
	}
	return &changes, nil
}

// Keys returns the public keys by which receipts are verified.
func (c *Client) Keys(ctx context.Context) (consent.KeySet, error) {
	var keys consent.KeySet
	err := c.call(ctx, http.MethodGet, "/v1/keys", nil, &keys)
	return keys, err
}

// Grant says yes to a notice that was shown, for some of its categories and
// some of its recipients, and returns the signed receipt as the server sent
// it. consent.ParseReceipt reads it.
func (c *Client) Grant(ctx context.Context, notice *consent.Notice, categories []consent.Category, recipients []string) (json.RawMessage, error) {
	if recipients == nil {
		recipients = []string{}
	}
	var receipt json.RawMessage
	err := c.call(ctx, http.MethodPut, "/v1/consent", consent.GiveRequest{
		NoticeVersion: notice.Version,
		NoticeSHA256:  notice.SHA256,
		Categories:    categories,
		Recipients:    recipients,
	}, &receipt)
	return receipt, err
}

// Refuse says no to a notice that was shown, so that nobody has to be asked
// again, and returns the signed receipt as the server sent it. Whatever was in
// force ends.
func (c *Client) Refuse(ctx context.Context, notice *consent.Notice) (json.RawMessage, error) {
	var receipt json.RawMessage
	err := c.call(ctx, http.MethodPut, "/v1/consent", struct {
		consent.RefuseRequest
		Refused bool `json:"refused"`
	}{consent.RefuseRequest{NoticeVersion: notice.Version, NoticeSHA256: notice.SHA256}, true}, &receipt)
	return receipt, err
}

// Consent returns where the consent stands. An *Error with the code
// "never_asked" says that nobody has asked.
func (c *Client) Consent(ctx context.Context) (consent.Grant, error) {
	var grant consent.Grant
	err := c.call(ctx, http.MethodGet, "/v1/consent", nil, &grant)
	return grant, err
}

// Withdraw takes consent back, all of it when no category is named. When it
// returns nil, the change is on disk and live streams have been told.
func (c *Client) Withdraw(ctx context.Context, categories ...consent.Category) error {
	query := url.Values{}
	for _, category := range categories {
		query.Add("category", string(category))
	}
	path := "/v1/consent"
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return c.call(ctx, http.MethodDelete, path, nil, nil)
}

// Erase makes the server forget whose the record of this consent is, and returns
// the signed receipt of that as the server sent it. Whatever was in force ends
// first. Keep the receipts: nobody else can show any more whose record it was.
func (c *Client) Erase(ctx context.Context) (json.RawMessage, error) {
	var receipt json.RawMessage
	err := c.call(ctx, http.MethodDelete, "/v1/consent/identity", nil, &receipt)
	return receipt, err
}

// History returns every change of the consent, oldest first.
func (c *Client) History(ctx context.Context) ([]consent.Change, error) {
	var history []consent.Change
	err := c.call(ctx, http.MethodGet, "/v1/consent/history", nil, &history)
	return history, err
}

// Receipt returns the newest receipt as the server sent it.
func (c *Client) Receipt(ctx context.Context) (json.RawMessage, error) {
	var receipt json.RawMessage
	err := c.call(ctx, http.MethodGet, "/v1/consent/receipt", nil, &receipt)
	return receipt, err
}

// Export returns all that the server knows of the person, as it was sent;
// consent.Export has its fields.
func (c *Client) Export(ctx context.Context) (json.RawMessage, error) {
	var export json.RawMessage
	err := c.call(ctx, http.MethodGet, "/v1/consent/export", nil, &export)
	return export, err
}

// call makes one call. body is sent as JSON unless nil, and the answer read
// into answer unless nil.
func (c *Client) call(ctx context.Context, method, path string, body, answer any) error {
	req, err := c.request(ctx, method, path, body)
	if err != nil {
		return err
	}
	return c.do(req, answer)
}

func (c *Client) request(ctx context.Context, method, path string, body any) (*http.Request, error) {
	var sent io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("client: %w", err)
		}
		sent = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base.String()+path, sent)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.config.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.config.Token)
	}
	return req, nil
}

func (c *Client) do(req *http.Request, answer any) error {
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("client: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		return problemOf(resp)
	}
	if answer == nil {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(answer); err != nil {
		return fmt.Errorf("client: the answer to %s %s cannot be read: %w", req.Method, req.URL.Path, err)
	}
	return nil
}

// problemOf reads an error answer (RFC 9457), or makes one for a server that
// does not send them.
func problemOf(resp *http.Response) *Error {
	e := &Error{Status: resp.StatusCode, Code: "unknown", Detail: http.StatusText(resp.StatusCode)}
	if seconds, err := strconv.ParseUint(resp.Header.Get("Retry-After"), 10, 16); err == nil {
		e.RetryAfter = time.Duration(seconds) * time.Second
	}
	var p struct{ Code, Reason, Detail string }
	if json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&p) == nil && p.Code != "" {
		e.Code, e.Reason, e.Detail = p.Code, p.Reason, p.Detail
	}
	return e
}

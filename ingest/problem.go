package ingest

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/tempogate/tempogate/consent"
)

// A Problem is an error answer over HTTP, after RFC 9457
// (application/problem+json).
//
// Code is stable and meant for programs, Detail is meant for people and says
// what to mend. Reason says more about a code where there is more to say; for
// no_grant it is the reason of the gate.
type Problem struct {
	Type   string `json:"type"` // urn:tempogate:problem: and the code
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Code   string `json:"code"`
	Reason string `json:"reason,omitempty"`

	retryAfterS int // for the Retry-After header; 0 for none
}

// Codes of problems that the server itself finds. The codes of package consent
// are passed on as they are.
const (
	CodeBadToken            = "bad_token"            // 401
	CodeTokenInQuery        = "token_in_query"       // 401
	CodeNoGrant             = "no_grant"             // 403
	CodeOriginNotAllowed    = "origin_not_allowed"   // 403
	CodeNoAnonymous         = "no_anonymous"         // 403
	CodeBadCapability       = "bad_capability"       // 401
	CodeTooManyIdentities   = "too_many_identities"  // 429
	CodeTooMuch             = "too_much"             // 429
	CodeUnsupportedEncoding = "unsupported_encoding" // 415
	CodeNotFound            = "not_found"            // 404
	CodeMethodNotAllowed    = "method_not_allowed"   // 405
	CodeMalformed           = "malformed"            // 400
	CodeBadSubprotocol      = "bad_subprotocol"      // 400
	CodeBadBPMRange         = "bad_bpm_range"        // 400
	CodeTooLarge            = "too_large"            // 413
	CodeUpgradeRequired     = "upgrade_required"     // 426
	CodeTooManySessions     = "too_many_sessions"    // 429
	CodeInternal            = "internal"             // 500
	CodeLedgerUnavailable   = "ledger_unavailable"   // 503
	CodeIdentityUnavailable = "identity_unavailable" // 503
	CodeDraining            = "draining"             // 503
	problemTypePrefix       = "urn:tempogate:problem:"
	problemContentType      = "application/problem+json"
	jsonContentType         = "application/json"
	shortPauseS             = 5 // for a client that may simply try again
)

// problem returns a problem with the status's own text as its title.
func problem(status int, code, detail string) *Problem {
	return &Problem{
		Type:   problemTypePrefix + code,
		Title:  http.StatusText(status),
		Status: status,
		Detail: detail,
		Code:   code,
	}
}

// Error returns the code and the detail.
func (p *Problem) Error() string { return "ingest: " + p.Code + ": " + p.Detail }

// retryAfter sets the pause that the answer asks for.
func (p *Problem) retryAfter(seconds int) *Problem {
	p.retryAfterS = seconds
	return p
}

// because sets the reason.
func (p *Problem) because(reason string) *Problem {
	p.Reason = reason
	return p
}

// write answers a request with the problem.
func (p *Problem) write(w http.ResponseWriter) {
	body, err := json.Marshal(p)
	if err != nil { // strings and numbers only: cannot be
		body = []byte("{}")
	}
	h := w.Header()
	h.Set("Content-Type", problemContentType)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(body)+1))
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="tempogate"`)
	}
	if p.retryAfterS > 0 {
		h.Set("Retry-After", strconv.Itoa(p.retryAfterS))
	}
	w.WriteHeader(p.Status)
	w.Write(append(body, '\n'))
}

// consentStatus gives the status for each code of package consent that a
// request can cause. A code that is not here is a fault of this server.
var consentStatus = map[string]int{
	consent.CodeNeverAsked:        http.StatusNotFound,
	consent.CodeNoticeChanged:     http.StatusConflict,
	consent.CodeConsentChanged:    http.StatusConflict,
	consent.CodeUnknownVersion:    http.StatusNotFound,
	consent.CodeUnknownCategory:   http.StatusUnprocessableEntity,
	consent.CodeNoCategory:        http.StatusUnprocessableEntity,
	consent.CodeCategoryRequired:  http.StatusUnprocessableEntity,
	consent.CodeUnknownRecipient:  http.StatusUnprocessableEntity,
	consent.CodeRequestKeyReused:  http.StatusUnprocessableEntity,
	consent.CodeLedgerUnavailable: http.StatusServiceUnavailable,
}

// problemOf turns any error into a problem. Only what is made to be shown is
// shown: the text of an unknown error stays inside.
func problemOf(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	var e *consent.Error
	if errors.As(err, &e) {
		if status, ok := consentStatus[e.Code]; ok {
			p := problem(status, e.Code, e.Message)
			if status == http.StatusServiceUnavailable {
				p.retryAfter(shortPauseS)
			}
			return p
		}
	}
	return problem(http.StatusInternalServerError, CodeInternal,
		"the server failed; the operator finds the cause in its log")
}

// unrouted is called for a request that no route takes. The mux answers in
// plain text; this asks it what it would have said and says it as a problem.
func unrouted(mux http.Handler, w http.ResponseWriter, r *http.Request) {
	var asked silentWriter
	mux.ServeHTTP(&asked, r)
	if asked.status == http.StatusMethodNotAllowed {
		allow := asked.Header().Get("Allow")
		w.Header().Set("Allow", allow)
		problem(asked.status, CodeMethodNotAllowed, "this path takes "+allow).write(w)
		return
	}
	problem(http.StatusNotFound, CodeNotFound,
		"nothing is here; the calls are /v1/notice, /v1/consent, /v1/keys, /v1/held, /v1/identity, /v1/push and /v1/stream").write(w)
}

// silentWriter is a ResponseWriter that keeps only the status and the header.
type silentWriter struct {
	header http.Header
	status int
}

func (w *silentWriter) Header() http.Header {
	if w.header == nil {
		w.header = http.Header{}
	}
	return w.header
}

func (w *silentWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

func (w *silentWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return len(p), nil
}

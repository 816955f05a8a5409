package ingest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/tempogate/tempogate/consent"
)

// httpMethod is the method that the ledger notes for what is said over HTTP,
// streamMethod for what is said on a stream.
const (
	httpMethod   = "http"
	streamMethod = "stream"
)

// getKeys answers GET /v1/keys with the public keys that verify receipts.
func (s *Server) getKeys(w http.ResponseWriter, r *http.Request) error {
	return writeJSON(w, http.StatusOK, s.config.Ledger.Keys())
}

// putConsent answers PUT /v1/consent, a yes or a no.
func (s *Server) putConsent(w http.ResponseWriter, r *http.Request, principal string) error {
	said, err := readAnswer(http.MaxBytesReader(w, r.Body, maxBodyBytes))
	if err != nil {
		return err
	}
	ctx, err := requestKey(r)
	if err != nil {
		return err
	}
	var receipt *consent.Receipt
	if said.refused {
		receipt, err = s.config.Ledger.Refuse(ctx, principal, consent.RefuseRequest{
			NoticeVersion: said.NoticeVersion, NoticeSHA256: said.NoticeSHA256, Method: httpMethod,
		})
	} else {
		receipt, err = s.config.Ledger.Give(ctx, principal, said.GiveRequest)
	}
	if err != nil {
		return s.withChanges(err, said.NoticeVersion)
	}
	return writeJSON(w, http.StatusCreated, receipt)
}

// withChanges adds to notice_changed where to read what changed since the
// version that was answered to.
func (s *Server) withChanges(err error, from string) error {
	if !errors.Is(err, &consent.Error{Code: consent.CodeNoticeChanged}) {
		return err
	}
	p := problemOf(err)
	p.Detail += s.changesSince(from)
	return p
}

// changesSince says where to read what changed since a version of the notice,
// and nothing when nobody was ever shown that one.
func (s *Server) changesSince(version string) string {
	if _, err := s.config.Ledger.NoticeChanges(version, ""); err != nil {
		return ""
	}
	return "; GET /v1/notice/changes?from=" + url.QueryEscape(version) + " says what is different"
}

// getConsent answers GET /v1/consent.
func (s *Server) getConsent(w http.ResponseWriter, r *http.Request, principal string) error {
	grant, err := s.config.Ledger.Grant(principal)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, grant)
}

// deleteConsent answers DELETE /v1/consent. By the time of the answer the
// change is on disk and the live sessions of the person have been told.
func (s *Server) deleteConsent(w http.ResponseWriter, r *http.Request, principal string) error {
	query := r.URL.Query()
	var categories []consent.Category
	for _, c := range query["category"] {
		if c == "" {
			return problem(http.StatusUnprocessableEntity, consent.CodeUnknownCategory,
				"category is empty: name one, or leave it out to withdraw all")
		}
		categories = append(categories, consent.Category(c))
	}
	// A misspelt parameter must not widen or lose a withdrawal unseen.
	for name := range query {
		if name != "category" {
			return problem(http.StatusBadRequest, CodeMalformed,
				"the only parameter of DELETE /v1/consent is category")
		}
	}
	ctx, err := requestKey(r)
	if err != nil {
		return err
	}
	if _, err := s.config.Ledger.Withdraw(ctx, principal, httpMethod, categories...); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// requestKey returns the request's context, with the key from its
// Idempotency-Key header if there is one. The key is written plain or, as the
// draft of that header has it, in quotes.
func requestKey(r *http.Request) (context.Context, error) {
	given := r.Header.Values("Idempotency-Key")
	if len(given) == 0 {
		return r.Context(), nil
	}
	key := given[0]
	if inner, ok := strings.CutPrefix(key, `"`); ok && strings.HasSuffix(inner, `"`) {
		key = strings.TrimSuffix(inner, `"`)
	}
	if len(given) > 1 || consent.CheckRequestKey(key) != nil {
		return nil, problem(http.StatusBadRequest, CodeMalformed,
			"Idempotency-Key comes once and is 1 to 128 printable ASCII characters")
	}
	return consent.WithRequestKey(r.Context(), key), nil
}

// deleteIdentity answers DELETE /v1/consent/identity with the receipt of the
// erasure, the last thing that is said to this person. By then live sessions
// have been told, and nothing leads from the person to the record any more.
func (s *Server) deleteIdentity(w http.ResponseWriter, r *http.Request, principal string) error {
	if _, err := onlyParameters(r); err != nil { // somebody may believe that this erases a part
		return err
	}
	receipt, err := s.config.Ledger.Erase(r.Context(), principal, httpMethod)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, receipt)
}

// getHistory answers GET /v1/consent/history.
func (s *Server) getHistory(w http.ResponseWriter, r *http.Request, principal string) error {
	history, err := s.config.Ledger.History(r.Context(), principal)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, history)
}

// getReceipt answers GET /v1/consent/receipt.
func (s *Server) getReceipt(w http.ResponseWriter, r *http.Request, principal string) error {
	receipt, err := s.config.Ledger.Receipt(r.Context(), principal)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, receipt)
}

// getExport answers GET /v1/consent/export with all that is known of the person,
// as a file for them to keep.
func (s *Server) getExport(w http.ResponseWriter, r *http.Request, principal string) error {
	export, err := s.config.Ledger.Export(r.Context(), principal)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Disposition", `attachment; filename="tempogate-export.json"`)
	return writeJSON(w, http.StatusOK, export)
}

// writeJSON answers with a value. Nothing about a person may be cached.
func writeJSON(w http.ResponseWriter, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	h := w.Header()
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	h.Set("Content-Type", jsonContentType)
	h.Set("Content-Length", strconv.Itoa(len(body)+1))
	w.WriteHeader(status)
	w.Write(append(body, '\n'))
	return nil
}

// An answer is what somebody said to a notice: yes to some of it, or no.
type answer struct {
	consent.GiveRequest
	refused bool
}

// readAnswer reads the body of a PUT /v1/consent.
//
// encoding/json would take the last of two equal names, and a name in another
// case. Where somebody says yes to something, there must be one reading of it:
// names are exact and come once, and a no names nothing that it would allow.
// Unknown names are left alone, so that newer clients get along.
func readAnswer(body io.Reader) (answer, error) {
	said := answer{GiveRequest: consent.GiveRequest{Method: httpMethod}}
	members, err := readObject(body)
	if err != nil {
		return said, err
	}
	for _, m := range []struct {
		name, kind string
		target     any
	}{
		{"notice_version", "a string", &said.NoticeVersion},
		{"notice_sha256", "a string", &said.NoticeSHA256},
		{"categories", "a list of strings", &said.Categories},
		{"recipients", "a list of strings", &said.Recipients},
		{"refused", "true or false", &said.refused},
	} {
		raw, ok := members[m.name]
		if !ok {
			continue
		}
		if err := json.Unmarshal(raw, m.target); err != nil {
			return said, problem(http.StatusBadRequest, CodeMalformed, m.name+" must be "+m.kind)
		}
	}
	if said.refused && len(said.Categories)+len(said.Recipients) > 0 {
		return said, problem(http.StatusBadRequest, CodeMalformed,
			"the body says no with refused, and yes with categories or recipients: say one of them")
	}
	return said, nil
}

// readObject reads one JSON object with nothing after it and every name once.
func readObject(body io.Reader) (map[string]json.RawMessage, error) {
	text, err := io.ReadAll(body)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, problem(http.StatusRequestEntityTooLarge, CodeTooLarge,
			"the body is larger than "+strconv.Itoa(maxBodyBytes)+" bytes")
	case err != nil:
		return nil, problem(http.StatusBadRequest, CodeMalformed, "the body ended before it was whole")
	}
	notJSON := problem(http.StatusBadRequest, CodeMalformed, "the body must be one JSON object")
	if !json.Valid(text) { // nor what a decoder takes piece by piece and not as a whole: what is nested too deep
		return nil, notJSON
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		return nil, notJSON
	}
	members := make(map[string]json.RawMessage)
	for dec.More() {
		token, err := dec.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return nil, notJSON
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return nil, notJSON
		}
		if _, twice := members[name]; twice {
			return nil, problem(http.StatusBadRequest, CodeMalformed,
				"a name comes twice in the body: it must have one reading")
		}
		members[name] = raw
	}
	if _, err := dec.Token(); err != nil { // the closing brace
		return nil, notJSON
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, problem(http.StatusBadRequest, CodeMalformed, "something follows the JSON object in the body")
	}
	return members, nil
}

package ingest

import (
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/text/language"

	"github.com/tempogate/tempogate/consent"
)

// getNotice answers GET /v1/notice, in the language that ?language= or
// Accept-Language asks for if there is a notice in it. It asks nobody for a
// token: people read before they say anything.
func (s *Server) getNotice(w http.ResponseWriter, r *http.Request) error {
	query, err := onlyParameters(r, "language")
	if err != nil {
		return err
	}
	notice := s.noticeFor(r, query)
	h := w.Header()
	h.Add("Vary", "Accept-Language")
	h.Set("ETag", `"`+notice.SHA256+`"`)
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Language", notice.Language)
	return writeJSON(w, http.StatusOK, notice)
}

// noticeFor returns the current notice in the best language for a request: the
// one that the address asks for, then those of the header, then the default.
// Nobody is left without a notice because it is not there in their language.
func (s *Server) noticeFor(r *http.Request, query url.Values) *consent.Notice {
	offered := s.config.Ledger.Notices()
	tags := make([]language.Tag, len(offered))
	for i, n := range offered {
		tags[i] = language.Make(n.Language)
	}
	var wanted []language.Tag
	for _, list := range []string{query.Get("language"), r.Header.Get("Accept-Language")} {
		if parsed, _, err := language.ParseAcceptLanguage(list); err == nil {
			wanted = append(wanted, parsed...)
		}
	}
	_, best, _ := language.NewMatcher(tags).Match(wanted...)
	return offered[best]
}

// getNoticeChanges answers GET /v1/notice/changes?from=VERSION: what is
// different in the current notice, as JSON or as text.
func (s *Server) getNoticeChanges(w http.ResponseWriter, r *http.Request) error {
	query, err := onlyParameters(r, "from", "language")
	if err != nil {
		return err
	}
	if query.Get("from") == "" {
		return problem(http.StatusBadRequest, CodeMalformed, "from is missing: give the version that the earlier consent was to")
	}
	changes, err := s.config.Ledger.NoticeChanges(query.Get("from"), s.noticeFor(r, query).Language)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Add("Vary", "Accept, Accept-Language")
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Language", changes.Language)
	if !prefers("text/plain", r.Header.Values("Accept")) {
		return writeJSON(w, http.StatusOK, changes)
	}
	text := changes.String()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(http.StatusOK)
	w.Write([]byte(text))
	return nil
}

// onlyParameters returns the parameters of a request, each of which may come
// once and must be one of those named: a misspelt one must not pass unseen.
func onlyParameters(r *http.Request, names ...string) (url.Values, error) {
	query := r.URL.Query()
	known := 0
	for _, name := range names {
		if len(query[name]) > 1 {
			return nil, problem(http.StatusBadRequest, CodeMalformed, name+" may be given once")
		}
		if query.Has(name) {
			known++
		}
	}
	if known < len(query) && len(names) == 0 {
		return nil, problem(http.StatusBadRequest, CodeMalformed, "this call takes no parameters")
	}
	if known < len(query) {
		return nil, problem(http.StatusBadRequest, CodeMalformed, "the parameters of this call are "+strings.Join(names, " and "))
	}
	return query, nil
}

// prefers reports whether an Accept header names a kind, and application/json
// not or with less weight. Wildcards leave it at JSON.
func prefers(kind string, accept []string) bool {
	weights := map[string]float64{}
	for part := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		named, parameters, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		weight := 1.0
		if q, given := parameters["q"]; given {
			if weight, err = strconv.ParseFloat(q, 64); err != nil {
				continue
			}
		}
		weights[named] = weight
	}
	return weights[kind] > weights[jsonContentType]
}

package ingest

import "net/http"

// A held says what this node has in memory of one person at this moment.
type held struct {
	Sessions int `json:"sessions"` // live ones
	Readings int `json:"readings"` // in their windows
}

// getHeld answers GET /v1/held: what this node holds of the person's motion
// right now. After a withdrawal or the end of a session that is nothing.
func (s *Server) getHeld(w http.ResponseWriter, r *http.Request, principal string) error {
	var h held
	for _, session := range s.registry.appendSessions(nil) {
		if session.principal == principal {
			h.Sessions++
			h.Readings += int(session.resident.Load())
		}
	}
	return writeJSON(w, http.StatusOK, h)
}

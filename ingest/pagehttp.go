package ingest

import (
	"net/http"

	"github.com/tempogate/tempogate/ingest/web"
)

// pageRoutes are the running-mode page and the JavaScript client, where the
// operator wants them.
func (s *Server) pageRoutes() []route {
	if !s.config.Page {
		return nil
	}
	page := web.Handler()
	var routes []route
	for _, path := range web.Paths {
		routes = append(routes, route{"GET " + path, func(w http.ResponseWriter, r *http.Request) error {
			page.ServeHTTP(w, r)
			return nil
		}})
	}
	return routes
}

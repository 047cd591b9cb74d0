package webhooks

import (
	"encoding/json"
	"net/http"
)

// serveDescription serves the endpoints as an OpenAPI description, as FastAPI does. Tools
// that look for the paths of handlers find them there: "hf-tap listen", when a delivery
// went to another path, and "hf-tap doctor --forward".
func (s *Server) serveDescription(w http.ResponseWriter) {
	type object = map[string]any
	paths := object{}
	for _, e := range s.Endpoints() {
		paths[e.Path] = object{"post": object{"operationId": e.Name, "responses": object{"200": object{"description": "handled, accepted or ignored"}}}}
	}
	// No value of these can fail.
	text, _ := json.Marshal(object{"openapi": "3.1.0", "info": object{"title": "Webhooks", "version": "1"}, "paths": paths})
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, http.StatusOK, text)
}

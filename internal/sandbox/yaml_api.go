package sandbox

import (
	"net/http"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// frontMatter is the metadata at the start of a README.md.
var frontMatter = regexp.MustCompile(`(?s)\A---\r?\n(.*?\r?\n)?---(?:\r?\n|\z)`)

// validateYAML answers POST /api/validate-yaml, which the Python library calls
// before it uploads a README.md: whether the metadata is a YAML mapping. The
// Hub's checks of single fields are missing.
func (h *Hub) validateYAML(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Content string `json:"content"`
	}
	if !h.readJSON(w, r, &body) {
		return
	}
	m := frontMatter.FindStringSubmatch(body.Content)
	var metadata map[string]any
	if m != nil {
		if err := yaml.Unmarshal([]byte(m[1]), &metadata); err != nil {
			w.Header().Set("X-Error-Message", strings.Map(headerRune, err.Error()))
			answerJSON(w, http.StatusBadRequest, object{
				{"errors", []object{{{"message", err.Error()}}}}, {"warnings", []object{}},
			})
			return
		}
	}
	answerJSON(w, http.StatusOK, object{{"errors", []object{}}, {"warnings", []object{}}})
}

package webhooks

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/hf-tap/hf-tap/internal/loopback"
)

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

var pageTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("page").Parse(pageHTML))
})

// pageCSP is the policy that the page is sent with: the one style sheet in it,
// and nothing else. On the Hub, a Space is shown in a frame of huggingface.co.
func pageCSP() string {
	style := sha256.Sum256([]byte(pageCSS))
	frame := "'none'"
	if inSpace() {
		frame = "https://huggingface.co"
	}
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(style[:]) + "'; img-src data:; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors " + frame
}

// page is the data of the page.
type page struct {
	Style     template.CSS
	URL       string // of the server, without a slash at the end
	Endpoints []pageEndpoint
	Secret    bool
	Space     bool
	Local     bool   // the address is for this machine only
	Forward   string // what "hf-tap listen --forward" gets for the first endpoint
	Settings  string
	Guide     string
}

type pageEndpoint struct {
	URL     string
	Matches string
}

// servePage serves the page at "/", and a description of the endpoints for programs.
func (s *Server) servePage(w http.ResponseWriter, req *http.Request) {
	const description = "/openapi.json"
	switch {
	case req.URL.Path != "/" && req.URL.Path != "" && req.URL.Path != description:
		http.NotFound(w, req)
		return
	case req.Method != http.MethodGet && req.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	if req.URL.Path == description {
		s.serveDescription(w)
		return
	}
	var b bytes.Buffer
	if err := pageTemplate().Execute(&b, s.pageFor(req)); err != nil {
		s.config.Log.ErrorContext(req.Context(), "webhooks: page", "error", err)
		http.Error(w, "internal server error", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", pageCSP())
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write(b.Bytes()) // an error: the browser is gone
}

// pageFor returns the content of the page for a request. Without Config.URL, the
// server's address is the one that was requested.
func (s *Server) pageFor(req *http.Request) page {
	p := page{Style: template.CSS(pageCSS), URL: s.config.URL, Secret: s.secret.IsSet(), Space: inSpace(), Settings: settingsURL, Guide: guideURL}
	if p.URL == "" {
		p.URL = requestedURL(req)
		p.Local = loopback.Is(hostOf(req))
	}
	for _, e := range s.Endpoints() {
		var matches []string
		for _, m := range e.Matches {
			matches = append(matches, m.String())
		}
		p.Endpoints = append(p.Endpoints, pageEndpoint{URL: p.URL + e.Path, Matches: strings.Join(matches, " or ")})
	}
	if p.Local && len(p.Endpoints) > 0 {
		p.Forward = strings.TrimPrefix(p.Endpoints[0].URL, "http://")
	}
	return p
}

// requestedURL is the address at which a request reached the server, with the
// part that http.StripPrefix removed. Proxies say whether they were reached by
// https.
func requestedURL(req *http.Request) string {
	scheme := "http://"
	if req.TLS != nil || req.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https://"
	}
	prefix := ""
	if full, err := url.ParseRequestURI(req.RequestURI); err == nil {
		prefix = strings.TrimRight(strings.TrimSuffix(full.Path, req.URL.Path), "/")
	}
	return scheme + req.Host + prefix
}

// hostOf is the host that a request names, without its port.
func hostOf(req *http.Request) string { return (&url.URL{Host: req.Host}).Hostname() }

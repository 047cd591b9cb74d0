package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/hf-tap/hf-tap/internal/term"
)

// guard wraps every call: it ends the call with the server, turns a panic into an
// error, and makes the result printable and free of secrets. The tools themselves mask
// what an event carries; what this machine keeps is masked here, wherever it stands.
func (s *server) guard(next sdk.MethodHandler) sdk.MethodHandler {
	return func(ctx context.Context, method string, req sdk.Request) (result sdk.Result, err error) {
		ctx, cancel := s.within(ctx)
		defer cancel()
		defer func() {
			if p := recover(); p != nil {
				s.Log.Error("panic", "value", p, "stack", string(debug.Stack()))
				result, err = nil, &jsonrpc.Error{Code: jsonrpc.CodeInternalError, Message: fmt.Sprintf("hf-tap has a bug: %s; the log in the state folder says where", term.Line(fmt.Sprint(p)))}
			}
		}()
		if call, ok := req.(*sdk.CallToolRequest); ok && string(call.Params.Arguments) == "null" {
			call.Params.Arguments = nil // the SDK panics at null, which stands for no arguments
		}
		result, err = next(ctx, method, req)
		s.maskKept()
		if err == nil { // else the result is a nil of its type
			s.clean(result)
		}
		var wire *jsonrpc.Error
		if errors.As(err, &wire) {
			shown := *wire
			shown.Message = s.text(wire.Message)
			err = &shown
		}
		return result, err
	}
}

// maskKept masks the secret that this machine keeps, which may be another one since
// the last call.
func (s *server) maskKept() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if kept := s.Dir.KeptSecret(); kept != s.kept {
		s.kept = kept
		s.Notes.Mask.Add(kept)
	}
}

// clean makes the quoted texts of a result printable.
func (s *server) clean(result sdk.Result) {
	switch r := result.(type) {
	case *sdk.ReadResourceResult:
		for _, c := range r.Contents {
			c.Text = s.text(c.Text)
		}
	case *sdk.CallToolResult:
		raw, isValue := r.StructuredContent.(json.RawMessage)
		if isValue {
			r.StructuredContent = s.printable(raw)
		}
		for _, c := range r.Content {
			switch text, ok := c.(*sdk.TextContent); {
			case ok && isValue:
				text.Text = string(s.printable([]byte(text.Text)))
			case ok:
				text.Text = s.text(text.Text)
			}
		}
	}
}

// text returns a printable text without secrets.
func (s *server) text(text string) string { return term.Text(s.Notes.Mask.Text(text)) }

// printable rewrites the strings of a JSON text, so that each is printable once it is
// decoded.
func (s *server) printable(raw []byte) json.RawMessage {
	var out []byte
	for rest := raw; ; {
		begin := bytes.IndexByte(rest, '"')
		if begin < 0 {
			return append(out, rest...)
		}
		end := begin + 1
		for rest[end] != '"' { // the text is valid
			if rest[end] == '\\' {
				end++
			}
			end++
		}
		out = append(out, rest[:begin]...)
		out = append(out, s.literal(rest[begin:end+1])...)
		rest = rest[end+1:]
	}
}

// literal returns a JSON string that is printable and without secrets.
func (s *server) literal(quoted []byte) []byte {
	var said string
	if err := json.Unmarshal(quoted, &said); err != nil {
		return []byte(`"?"`)
	}
	shown := s.text(said)
	if shown == said {
		return quoted
	}
	b, err := plainJSON(shown)
	if err != nil {
		return []byte(`"?"`)
	}
	return b
}

// plainJSON returns a value as JSON, without the escapes for HTML.
func plainJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/jsonschema-go/jsonschema"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/hf-tap/hf-tap/internal/hint"
	"github.com/hf-tap/hf-tap/internal/present"
)

// tool is the description of a tool for clients, without its types.
type tool struct {
	name, title, text string
	reads             bool                     // it changes nothing
	repeats           bool                     // to call it twice is the same as once
	open              bool                     // it reaches what is not on this machine
	waits             bool                     // for something that may take long
	input             func(*jsonschema.Schema) // says more about the arguments; nil: there is nothing to say
}

// call is one call of a tool.
type call struct {
	request *sdk.CallToolRequest
}

// progress reports to the client how far the call is, if the client asked for it. total
// is 0 if it is unknown.
func (c call) progress(ctx context.Context, done, total float64, text string) {
	token := c.request.Params.GetProgressToken()
	if token == nil {
		return
	}
	// A client that does not take it has gone, or gets the result all the same.
	_ = c.request.Session.NotifyProgress(ctx, &sdk.ProgressNotificationParams{ProgressToken: token, Progress: done, Total: total, Message: text})
}

// addTool adds a tool. Its schemas are those of its types.
func addTool[In, Out any](s *server, t tool, do func(ctx context.Context, c call, in In) (Out, error)) {
	in, out := schemaOf[In](), schemaOf[Out]()
	if t.input != nil {
		t.input(in)
	}
	destructive := false
	sdk.AddTool(s.sdk, &sdk.Tool{
		Name: t.name, Title: t.title, Description: t.text, InputSchema: in, OutputSchema: out,
		Annotations: &sdk.ToolAnnotations{Title: t.title, ReadOnlyHint: t.reads, IdempotentHint: t.reads || t.repeats, DestructiveHint: &destructive, OpenWorldHint: &t.open},
	}, func(ctx context.Context, req *sdk.CallToolRequest, in In) (*sdk.CallToolResult, Out, error) {
		if !t.waits { // one that reads may hold a body of 32 MiB, and more than once
			select {
			case s.reading <- struct{}{}:
				defer func() { <-s.reading }()
			case <-ctx.Done():
				var none Out
				return nil, none, ctx.Err()
			}
		}
		result, err := do(ctx, call{req}, in)
		if err != nil {
			return nil, result, errors.New(errorText(err))
		}
		// The SDK sorts the keys of the value; what is read first comes first here.
		b, err := plainJSON(result)
		return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: string(b)}}}, result, err
	})
}

// errorText is an error with its hint, in the form of the command line.
func errorText(err error) string {
	text := present.Error(err)
	if next := hint.For(err); next != "" {
		text += "\nhint: " + next
	}
	return text
}

// schemaOf is the schema of a type. Slices in it are never null: some clients
// understand no type that is one of several.
func schemaOf[T any]() *jsonschema.Schema {
	s, err := jsonschema.For[T](nil)
	if err != nil {
		panic(fmt.Sprintf("the schema of %T: %v", *new(T), err)) // a mistake in this package, which every test meets
	}
	plainTypes(s)
	return s
}

func plainTypes(s *jsonschema.Schema) {
	if len(s.Types) == 2 && s.Types[0] == "null" {
		s.Type, s.Types = s.Types[1], nil
	}
	for _, p := range s.Properties {
		plainTypes(p)
	}
	if s.Items != nil {
		plainTypes(s.Items)
	}
}

// number sets the bounds and the default of a number in the schema of the arguments.
func number(s *jsonschema.Schema, name string, low, high, fallback int) {
	p := s.Properties[name]
	least, most := float64(low), float64(high)
	p.Minimum, p.Maximum = &least, &most
	if fallback >= low {
		p.Default = json.RawMessage(fmt.Sprint(fallback))
	}
}

package ngrok

import (
	"context"
	"log/slog"
)

// maskedLog returns a log for the SDK, which is not nil, and masks the token, which
// ngrok's messages quote.
func maskedLog(log *slog.Logger, token string) *slog.Logger {
	if log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(&maskHandler{log.Handler(), token})
}

type maskHandler struct {
	slog.Handler
	token string
}

func (h *maskHandler) Handle(ctx context.Context, r slog.Record) error {
	clean := slog.NewRecord(r.Time, r.Level, masked(r.Message, h.token), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(h.mask(a))
		return true
	})
	return h.Handler.Handle(ctx, clean)
}

func (h *maskHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	clean := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		clean[i] = h.mask(a)
	}
	return &maskHandler{h.Handler.WithAttrs(clean), h.token}
}

func (h *maskHandler) WithGroup(name string) slog.Handler {
	return &maskHandler{h.Handler.WithGroup(name), h.token}
}

func (h *maskHandler) mask(a slog.Attr) slog.Attr {
	switch v := a.Value.Resolve(); v.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(masked(v.String(), h.token))
	case slog.KindAny:
		a.Value = slog.StringValue(masked(v.String(), h.token))
	case slog.KindGroup:
		group := make([]slog.Attr, 0, len(v.Group()))
		for _, member := range v.Group() {
			group = append(group, h.mask(member))
		}
		a.Value = slog.GroupValue(group...)
	}
	return a
}

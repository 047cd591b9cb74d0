package cli_test

import "github.com/hf-tap/hf-tap/event"

func eventKind(s string) event.Kind { return event.Kind(s) }

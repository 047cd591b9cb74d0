package doctor

import (
	"cmp"
	"context"
	"net/url"
	"time"

	"github.com/hf-tap/hf-tap/internal/advice"
	"github.com/hf-tap/hf-tap/receiver"
)

// pathTime is how long a target may take to say at which paths it takes POST.
const pathTime = 3 * time.Second

// lookForPaths asks a target whether it takes POST at its path.
func lookForPaths(ctx context.Context, target *receiver.HTTPTarget, f *Finding) {
	ctx, cancel := context.WithTimeout(ctx, pathTime)
	defer cancel()
	defer target.CloseIdleConnections()
	paths, path := target.Paths(ctx, advice.Usual()...), pathOf(target.Name())
	switch {
	case paths.Here:
		f.Detail += ", and POST at " + path
		return
	case paths.NotHere:
		f.Detail += ", but not POST at " + path
	case len(paths.Others) > 0:
		f.Detail += ", and POST at another path than " + path
	case paths.Missing && path != "/":
		f.Detail += "; whether it takes POST at " + path + " is unknown" // some answer 404 to OPTIONS where they take POST
		return
	case paths.Missing:
		f.Detail += ", and answers 404 to OPTIONS " + path + ": it may not take POST there"
	default:
		return
	}
	f.Status, f.Hint = Warning, advice.Forward(target.Name(), paths.Others)
}

// pathOf is the path of a target's URL.
func pathOf(target string) string {
	u, err := url.Parse(target)
	if err != nil {
		return "/"
	}
	return cmp.Or(u.EscapedPath(), "/")
}

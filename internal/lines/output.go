package lines

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// ErrClosedOutput means that nobody reads the output any more. It ends a command, which
// is not a failure: "| head -1" ends like this.
var ErrClosedOutput = errors.New("the output is closed")

// WriteError explains the error of a write to the output: ErrClosedOutput if its
// reader went away. It is nil for nil.
func WriteError(err error) error {
	switch {
	case err == nil:
		return nil
	case isClosedPipe(err):
		return ErrClosedOutput
	}
	return fmt.Errorf("write the output: %w", err)
}

// OnlyClosedOutput reports whether nothing went wrong but that nobody reads the
// output any more.
func OnlyClosedOutput(err error) bool {
	return Only(err, func(err error) bool { return err == ErrClosedOutput })
}

// Only reports whether all errors that were joined in err are of a sort.
func Only(err error, sort func(error) bool) bool {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			if !Only(e, sort) {
				return false
			}
		}
		return true
	}
	return sort(err)
}

// UntilClosed calls do with a context that ends also when nobody reads the output
// any more; the cause is ErrClosedOutput then.
func UntilClosed(ctx context.Context, out io.Writer, do func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		watchPipe(ctx, out, func() { cancel(ErrClosedOutput) })
	}()
	defer func() {
		cancel(nil)
		<-watched
	}()
	return do(ctx)
}

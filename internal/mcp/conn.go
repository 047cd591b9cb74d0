package mcp

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// Bounds of a connection.
const (
	maxMessage = 16 << 20 // bytes of one message from the client
	maxQueue   = 32 << 20 // bytes of messages before their turn, about
	maxOpen    = 100      // requests that are being worked on, or whose answers nobody reads
	// lastWords is how long calls under way may take after the end of the input. Clients
	// wait 2 s before they send signals.
	lastWords = 1500 * time.Millisecond
)

// conn is the connection to the client: a JSON message on each line. The transport
// of the SDK ends at the first line that is not JSON; this one answers it and goes
// on. It notices the end of the input also while the client does not read, and begins
// no more requests then.
//
//	readLines ──queue──► Read ──► the SDK ──► Write
type conn struct {
	out   io.Writer
	ended chan struct{} // closed when the input has ended

	writing chan struct{} // one slot: held while a message is written

	mu      sync.Mutex
	queue   [][]byte            // lines, none of them empty; nil stands for one that is too long
	queued  int                 // bytes in it
	over    bool                // the input has ended
	open    map[jsonrpc.ID]bool // requests that are not answered; false: nor will be, the client has cancelled them
	changed chan struct{}       // closed and replaced when one of them changes

	closing sync.Once
	closed  chan struct{}
}

// newConn starts to read from in. The goroutine that reads ends with in.
func newConn(in io.Reader, out io.Writer) *conn {
	c := &conn{
		out: out, ended: make(chan struct{}), writing: make(chan struct{}, 1),
		open: map[jsonrpc.ID]bool{}, changed: make(chan struct{}), closed: make(chan struct{}),
	}
	go c.readLines(in)
	return c
}

// Connect is the conn itself, which is its own transport.
func (c *conn) Connect(context.Context) (sdk.Connection, error) { return c, nil }

// SessionID is empty: there is one session.
func (c *conn) SessionID() string { return "" }

// Close ends reads and writes that wait.
func (c *conn) Close() error {
	c.closing.Do(func() { close(c.closed) })
	return nil
}

// readLines splits the input into lines, and queues them.
func (c *conn) readLines(in io.Reader) {
	defer close(c.ended)
	defer c.change(func() { c.over = true })
	r := bufio.NewReaderSize(in, 64<<10)
	for {
		line, err := readLine(r)
		if line = bytes.TrimSpace(line); errors.Is(err, errTooLong) {
			line = nil
		}
		if len(line) > 0 || errors.Is(err, errTooLong) {
			if c.await(context.Background(), nil, func() bool { return c.queued < maxQueue }) != nil {
				return
			}
			c.change(func() { c.queue, c.queued = append(c.queue, line), c.queued+len(line) })
		}
		if err != nil && !errors.Is(err, errTooLong) {
			return // also what follows a broken read is not the client's
		}
	}
}

var errTooLong = errors.New("the message is too long")

// readLine reads to the end of a line. Of one that is too long it returns nothing.
func readLine(r *bufio.Reader) (line []byte, err error) {
	size := 0
	for {
		part, err := r.ReadSlice('\n')
		if size += len(part); size <= maxMessage {
			line = append(line, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case size > maxMessage && err == nil:
			return nil, errTooLong
		case size > maxMessage:
			return nil, err
		}
		return line, err
	}
}

// Read returns the next message. What is not a message is answered here.
func (c *conn) Read(ctx context.Context) (jsonrpc.Message, error) {
	for {
		ready := func() bool { return len(c.queue) > 0 && len(c.open) < maxOpen || len(c.queue) == 0 && c.over }
		if err := c.await(ctx, nil, ready); err != nil {
			return nil, err
		}
		line, more := c.next()
		if !more {
			// The SDK writes nothing any more after the end of the input.
			late := time.NewTimer(lastWords)
			defer late.Stop()
			_ = c.await(ctx, late.C, func() bool { return len(c.open) == 0 })
			return nil, io.EOF
		}
		msg, code, err := decode(line)
		if err == nil {
			c.note(msg)
			return msg, nil
		}
		if err := c.writeLine(ctx, refusal(code, err)); err != nil {
			return nil, err
		}
	}
}

// next takes the next line of the queue.
func (c *conn) next() (line []byte, more bool) {
	c.change(func() {
		if more = len(c.queue) > 0; more {
			line, c.queue = c.queue[0], c.queue[1:]
			c.queued -= len(line)
		}
	})
	return line, more
}

// decode reads a message. The code is that of its error.
func decode(line []byte) (msg jsonrpc.Message, code int, err error) {
	switch {
	case len(line) == 0:
		return nil, jsonrpc.CodeInvalidRequest, fmt.Errorf("%w: more than %d bytes", errTooLong, maxMessage)
	case !json.Valid(line):
		return nil, jsonrpc.CodeParseError, errors.New("the line is not JSON")
	case line[0] != '{':
		return nil, jsonrpc.CodeInvalidRequest, errors.New("the line is not a JSON object: send one message a line")
	}
	msg, err = jsonrpc.DecodeMessage(line)
	return msg, jsonrpc.CodeInvalidRequest, err
}

// refusal is the answer to input that is not a valid message.
func refusal(code int, err error) []byte {
	b, _ := json.Marshal(map[string]any{
		"jsonrpc": "2.0", "id": nil, "error": map[string]any{"code": code, "message": err.Error()},
	}) // of these types it does not fail
	return b
}

// note records a request as unanswered, and removes one that the client cancels:
// clients count an answer to a canceled request as an error.
func (c *conn) note(msg jsonrpc.Message) {
	req, ok := msg.(*jsonrpc.Request)
	switch {
	case !ok:
	case req.ID.IsValid():
		c.change(func() { c.open[req.ID] = true })
	case req.Method == "notifications/cancelled":
		var params sdk.CancelledParams
		if json.Unmarshal(req.Params, &params) != nil {
			return // the SDK reports it
		}
		if id, err := jsonrpc.MakeID(params.RequestID); err == nil {
			c.change(func() {
				if c.open[id] {
					c.open[id] = false
				}
			})
		}
	}
}

// change changes the state that await waits for.
func (c *conn) change(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
	close(c.changed)
	c.changed = make(chan struct{})
}

// await waits until a condition holds, or late fires.
func (c *conn) await(ctx context.Context, late <-chan time.Time, holds func() bool) error {
	for {
		c.mu.Lock()
		done, changed := holds(), c.changed
		c.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-late:
			return nil
		case <-c.closed:
			return io.EOF
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Write writes a message.
func (c *conn) Write(ctx context.Context, msg jsonrpc.Message) error {
	b, err := jsonrpc.EncodeMessage(msg)
	if err != nil {
		return fmt.Errorf("write a message: %w", err)
	}
	resp, ok := msg.(*jsonrpc.Response)
	if !ok {
		return c.writeLine(ctx, b)
	}
	defer c.change(func() { delete(c.open, resp.ID) })
	c.mu.Lock()
	wanted, asked := c.open[resp.ID]
	c.mu.Unlock()
	if asked && !wanted {
		return nil
	}
	return c.writeLine(ctx, b)
}

func (c *conn) writeLine(ctx context.Context, b []byte) error {
	select {
	case c.writing <- struct{}{}:
	case <-c.closed:
		return io.ErrClosedPipe
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-c.writing }()
	_, err := c.out.Write(append(b, '\n'))
	return err
}

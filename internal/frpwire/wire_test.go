package frpwire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"
)

func message(typ byte, length int64, body string) []byte {
	b := binary.BigEndian.AppendUint64([]byte{typ}, uint64(length))
	return append(b, body...)
}

func TestAMessageIsReadToItsEndAndNoFurther(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, TypeStartWorkConn, StartWorkConn{SrcAddr: "192.0.2.1", SrcPort: 7}); err != nil {
		t.Fatal(err)
	}
	b.WriteString("POST / HTTP/1.1")
	typ, body, err := Read(iotest.OneByteReader(&b))
	if err != nil || typ != TypeStartWorkConn {
		t.Fatalf("%q, %v", byte(typ), err)
	}
	if msg, err := Decode[StartWorkConn](body); err != nil || msg.SrcAddr != "192.0.2.1" || msg.SrcPort != 7 {
		t.Errorf("%+v, %v", msg, err)
	}
	if b.String() != "POST / HTTP/1.1" {
		t.Errorf("left are %q", b.String())
	}
}

// endless returns the same for ever and counts what is taken.
type endless struct {
	head  []byte
	what  byte
	taken int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.head)
	e.head = e.head[n:]
	for i := n; i < len(p); i++ {
		p[i] = e.what
	}
	e.taken += len(p)
	return len(p), nil
}

func TestWhatIsNoMessageIsAnErrorAtOnce(t *testing.T) {
	for name, head := range map[string][]byte{
		"a frame of a gigabyte":     message('1', 1<<30, ""),
		"of a byte too much":        message('1', MaxLength+1, ""),
		"of the most that there is": message('1', 1<<62, ""),
		"of a negative length":      message('1', -1, ""),
		"an unknown type":           message('!', 2, "{}"),
		"an endless line":           []byte("HTTP/1.1 200 OK "),
	} {
		src := &endless{head: head, what: 'x'}
		if _, _, err := Read(src); !errors.Is(err, ErrMessage) {
			t.Errorf("%s: %v", name, err)
		}
		if src.taken > 9 {
			t.Errorf("%s: %d bytes were read", name, src.taken)
		}
	}
	for name, c := range map[string]struct {
		data []byte
		want error
	}{
		"nothing":         {nil, io.EOF},
		"half a head":     {[]byte("1\x00\x00"), io.ErrUnexpectedEOF},
		"half a body":     {message('1', 10, "{}"), io.ErrUnexpectedEOF},
		"only the length": {message('1', 10, ""), io.ErrUnexpectedEOF},
	} {
		if _, _, err := Read(bytes.NewReader(c.data)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestJSONThatIsNoMessageIsAnError(t *testing.T) {
	for _, body := range []string{"", "[]", "{", `{"run_id":7}`, strings.Repeat("[", MaxLength), `{"run_id":` + strings.Repeat("[", MaxLength-20)} {
		if _, err := Decode[LoginResp]([]byte(body)); !errors.Is(err, ErrMessage) {
			t.Errorf("%.20q…: %v", body, err)
		}
	}
	if msg, err := Decode[LoginResp]([]byte(`{"run_id":"a","server_udp_port":7,"new":{}}`)); err != nil || msg.RunID != "a" {
		t.Errorf("%+v, %v", msg, err)
	}
}

func TestTheControlStreamIsEncryptedBothWays(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	for _, c := range []struct{ token, other string }{{"", ""}, {"geheim", "geheim"}} {
		left, err := NewControl(a, c.token)
		if err != nil {
			t.Fatal(err)
		}
		right, err := NewControl(b, c.other)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			for _, way := range [][2]*Control{{left, right}, {right, left}} {
				sent := make(chan error, 1)
				go func() { sent <- Write(way[0], TypePing, Ping{Timestamp: int64(i + 1)}) }()
				typ, body, err := Read(way[1])
				if err != nil || typ != TypePing {
					t.Fatal(byte(typ), err)
				}
				if msg, err := Decode[Ping](body); err != nil || msg.Timestamp != int64(i+1) {
					t.Errorf("%+v, %v", msg, err)
				}
				if err := <-sent; err != nil {
					t.Error(err)
				}
			}
		}
	}
}

func TestAnotherTokenReadsNothing(t *testing.T) {
	var b bytes.Buffer
	left, _ := NewControl(&b, "one")
	right, _ := NewControl(&b, "two")
	if err := Write(left, TypePong, Pong{Error: strings.Repeat("plain to see ", 10)}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "plain") {
		t.Error("it is not encrypted")
	}
	if _, body, err := Read(right); err == nil {
		t.Errorf("got %q", body)
	}
}

func TestTheKeyOfALogin(t *testing.T) {
	if got := PrivilegeKey("", 0); got != "cfcd208495d565ef66e7dff9f98764da" { // md5 of "0"
		t.Error(got)
	}
	if PrivilegeKey("a", 1) == PrivilegeKey("b", 1) || PrivilegeKey("a", 1) == PrivilegeKey("a", 2) {
		t.Error("it does not depend on the token and the time")
	}
}

func FuzzRead(f *testing.F) {
	f.Add(message('1', 2, "{}"))
	f.Add(message('1', 1<<30, "{}"))
	f.Add(message('2', -1, `{"error":"no"}`))
	f.Add(message('s', 33, `{"src_addr":"::1","src_port":701}`))
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bytes.NewReader(data)
		for {
			typ, body, err := Read(r)
			if err != nil {
				return
			}
			if len(body) > MaxLength || len(body) > len(data) {
				t.Fatalf("%d bytes", len(body))
			}
			_, _ = Decode[LoginResp](body)
			_, _ = Decode[NewProxyResp](body)
			_, _ = Decode[Pong](body)
			if start, err := Decode[StartWorkConn](body); err == nil {
				var again bytes.Buffer
				if err := Write(&again, typ, start); err != nil {
					t.Fatal(err)
				}
				if _, body, err := Read(&again); err != nil {
					t.Fatalf("%q: %v", body, err)
				}
			}
		}
	})
}

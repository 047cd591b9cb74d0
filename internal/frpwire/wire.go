// Package frpwire has the messages of frp's protocol, version 1, as frp 0.44 to
// 0.70 and gradio's fork of it speak them, and the encryption of the control
// stream.
//
// A message is a byte for its type, the length of what follows as a big-endian int64,
// and a JSON object.
package frpwire

import (
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// Type is a message's first byte.
type Type byte

// The types of messages that a tunnel needs.
const (
	TypeLogin         Type = 'o' // client: first message of the control stream
	TypeLoginResp     Type = '1'
	TypeNewProxy      Type = 'p' // client: from here on the control stream is encrypted
	TypeNewProxyResp  Type = '2'
	TypeReqWorkConn   Type = 'r' // server: open another stream
	TypeNewWorkConn   Type = 'w' // client: first message of that stream
	TypeStartWorkConn Type = 's' // server: somebody has connected, what follows are their bytes
	TypePing          Type = 'h' // client
	TypePong          Type = '4'
	TypeKill          Type = 'k' // server, gradio's fork only: the time of this login is over
)

// known are all message types that a server of either kind sends or accepts. Types that
// a tunnel does not use are skipped.
const known = "o1p2cwrsv3h4uinmd56k"

// MaxLength bounds a message's JSON. The longest that is ever needed has some
// hundred bytes; frp itself takes 10 KiB.
const MaxLength = 64 << 10

// Login asks for a session.
type Login struct {
	Version      string `json:"version,omitempty"`
	OS           string `json:"os,omitempty"`
	Arch         string `json:"arch,omitempty"`
	PrivilegeKey string `json:"privilege_key,omitempty"`
	Timestamp    int64  `json:"timestamp,omitempty"`
	RunID        string `json:"run_id,omitempty"`
	PoolCount    int    `json:"pool_count,omitempty"`
}

// LoginResp is the answer to Login: a session, or the reason why there is none.
type LoginResp struct {
	Version string `json:"version,omitempty"`
	RunID   string `json:"run_id,omitempty"`
	Error   string `json:"error,omitempty"`
}

// NewProxy asks for a public address.
type NewProxy struct {
	ProxyName      string `json:"proxy_name,omitempty"`
	ProxyType      string `json:"proxy_type,omitempty"`
	UseEncryption  bool   `json:"use_encryption,omitempty"`
	UseCompression bool   `json:"use_compression,omitempty"`
	SubDomain      string `json:"subdomain,omitempty"`
}

// NewProxyResp is the answer to NewProxy: the address, or the reason why there is
// none. Gradio's fork gives the hash of the name in place of the name.
type NewProxyResp struct {
	ProxyName  string `json:"proxy_name,omitempty"`
	RemoteAddr string `json:"remote_addr,omitempty"`
	Error      string `json:"error,omitempty"`
}

// NewWorkConn names the session that a stream belongs to.
type NewWorkConn struct {
	RunID        string `json:"run_id,omitempty"`
	PrivilegeKey string `json:"privilege_key,omitempty"`
	Timestamp    int64  `json:"timestamp,omitempty"`
}

// StartWorkConn starts the work connection of a visitor, with the visitor's address.
type StartWorkConn struct {
	ProxyName string `json:"proxy_name,omitempty"`
	SrcAddr   string `json:"src_addr,omitempty"`
	SrcPort   uint16 `json:"src_port,omitempty"`
	Error     string `json:"error,omitempty"`
}

// Ping asks for a sign of life.
type Ping struct {
	PrivilegeKey string `json:"privilege_key,omitempty"`
	Timestamp    int64  `json:"timestamp,omitempty"`
}

// Pong is the answer to Ping.
type Pong struct {
	Error string `json:"error,omitempty"`
}

// Empty is what a message without fields holds.
type Empty struct{}

// ErrMessage means that the bytes are not a valid message of frp.
var ErrMessage = errors.New("no message of frp's")

// PrivilegeKey proves at a time, in seconds since 1970, that the token is
// known.
func PrivilegeKey(token string, timestamp int64) string {
	sum := md5.Sum([]byte(token + strconv.FormatInt(timestamp, 10)))
	return hex.EncodeToString(sum[:])
}

// Read reads one message, and not a byte more: on a work connection the next
// one is the public client's. The length is looked at before anything is
// reserved for it.
func Read(r io.Reader) (Type, []byte, error) {
	var head [9]byte
	// One byte first: a peer with another protocol may send fewer than nine.
	if _, err := io.ReadFull(r, head[:1]); err != nil {
		return 0, nil, err
	}
	if !isKnown(head[0]) {
		return 0, nil, fmt.Errorf("%w: it starts with %q", ErrMessage, head[0])
	}
	if _, err := io.ReadFull(r, head[1:]); err != nil {
		return 0, nil, noEOF(err)
	}
	length := int64(binary.BigEndian.Uint64(head[1:]))
	if length < 0 || length > MaxLength {
		return 0, nil, fmt.Errorf("%w: it claims to have %d bytes", ErrMessage, length)
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(r, body); err != nil {
		return 0, nil, noEOF(err)
	}
	return Type(head[0]), body, nil
}

// Decode reads a message's fields.
func Decode[T any](body []byte) (T, error) {
	var msg T
	if err := json.Unmarshal(body, &msg); err != nil {
		return msg, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	return msg, nil
}

// Write writes a message in one call.
func Write(w io.Writer, typ Type, msg any) error {
	body, err := json.Marshal(msg)
	if err != nil {
		return err
	}
	b := make([]byte, 9, 9+len(body))
	b[0] = byte(typ)
	binary.BigEndian.PutUint64(b[1:], uint64(len(body)))
	_, err = w.Write(append(b, body...))
	return err
}

func isKnown(typ byte) bool {
	for i := range len(known) {
		if known[i] == typ {
			return true
		}
	}
	return false
}

// noEOF makes the end in the middle of a message an error.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

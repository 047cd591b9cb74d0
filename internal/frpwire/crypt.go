package frpwire

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1"
	"fmt"
	"io"
	"sync"
)

// Control is the control stream after the login, and a work connection of a
// proxy with use_encryption after its start: each direction is encrypted by
// AES-128 in CFB mode and begins with its IV. The key is made of the token,
// so that without one it hides nothing; TLS around it does.
type Control struct {
	conn  io.ReadWriter
	block cipher.Block
	in    cipher.Stream // nil until the other side's IV has come

	mu  sync.Mutex
	out cipher.Stream // nil until ours is sent
}

// NewControl encrypts what goes through conn from here on.
func NewControl(conn io.ReadWriter, token string) (*Control, error) {
	key, err := pbkdf2.Key(sha1.New, token, []byte("frp"), 64, aes.BlockSize)
	if err != nil {
		return nil, fmt.Errorf("make the key of the control stream: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("make the cipher of the control stream: %w", err)
	}
	return &Control{conn: conn, block: block}, nil
}

// Read decrypts. One goroutine may do it at a time.
func (c *Control) Read(p []byte) (int, error) {
	if c.in == nil {
		iv := make([]byte, aes.BlockSize)
		if _, err := io.ReadFull(c.conn, iv); err != nil {
			return 0, err
		}
		//lint:ignore SA1019 frp's protocol has this mode and no other
		c.in = cipher.NewCFBDecrypter(c.block, iv)
	}
	n, err := c.conn.Read(p)
	c.in.XORKeyStream(p[:n], p[:n])
	return n, err
}

// Write encrypts, whole messages one after the other.
func (c *Control) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var b []byte
	if c.out == nil {
		iv := make([]byte, aes.BlockSize)
		rand.Read(iv) // never fails
		//lint:ignore SA1019 frp's protocol has this mode and no other
		c.out = cipher.NewCFBEncrypter(c.block, iv)
		b = iv
	}
	start := len(b)
	b = append(b, p...)
	c.out.XORKeyStream(b[start:], b[start:])
	if _, err := c.conn.Write(b); err != nil {
		return 0, err
	}
	return len(p), nil
}

package receiver

import "sync/atomic"

// budget is a number of bytes that many share.
type budget struct {
	left atomic.Int64
}

// take reserves n bytes, all or none.
func (b *budget) take(n int64) bool {
	if b.left.Add(-n) >= 0 {
		return true
	}
	b.left.Add(n)
	return false
}

// give returns n bytes.
func (b *budget) give(n int64) { b.left.Add(n) }

package hub

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// BenchmarkParseHead reads the head of bodies of the usual size and of a
// bucket's upload, beside what encoding/json takes only to check them.
func BenchmarkParseHead(b *testing.B) {
	for _, size := range []int{1 << 10, 1 << 20} {
		body := bodyOf(size)
		b.Run(fmt.Sprintf("%dKB", size>>10), func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if ParseHead(body).WebhookID == "" {
					b.Fatal("no head")
				}
			}
		})
		b.Run(fmt.Sprintf("%dKB/json.Valid", size>>10), func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				if !json.Valid(body) {
					b.Fatal("not valid")
				}
			}
		})
	}
}

// bodyOf makes the body of a bucket's upload of about size bytes.
func bodyOf(size int) []byte {
	const file = `{"path":"data/shard-%05d.parquet","action":"add","xetHash":"55faef2f2f80cd1a087c35b729f228960739441d38073cd5aa4320751e137166","size":20}`
	head, tail, _ := strings.Cut(sampleBucket, `"updatedFiles":[`)
	_, tail, _ = strings.Cut(tail, `],`)
	var files []string
	for n := len(head) + len(tail); n < size; n += len(file) + 1 {
		files = append(files, fmt.Sprintf(file, len(files)))
	}
	return []byte(head + `"updatedFiles":[` + strings.Join(files, ",") + `],` + tail)
}

package redistest

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
)

var prefixes atomic.Int64

// Prefix returns a namespace that no other call in this test binary gets:
// [a-zA-Z0-9_.-]{1,64}, with the test's name in it, so that a key seen in
// MONITOR tells where it comes from.
func Prefix(tb testing.TB) string {
	tb.Helper()
	const longest = 64
	name := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '_', r == '.', r == '-':
			return r
		}
		return '-'
	}, tb.Name())
	prefix := fmt.Sprintf("t%d-%s", prefixes.Add(1), name)
	return prefix[:min(len(prefix), longest)]
}

package dashboard

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/dueq-io/dueq/queue"
)

func TestMask(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]string{
		"":                        "",
		"503 Service Unavailable": "503 Service Unavailable",
		"HTTP 503 from https://acme.example/cb/88123?token=x": "HTTP 503 from <url>",
		"status 404, retry in 30s":                            "status 404, retry in <n>s",
		"order 88123 not found":                               "order <n> not found",
		"order 88123 took 1.5 of 3,000 ms":                    "order <n> took <n> of <n> ms",
		"dial tcp 10.1.2.3:6379: connect: refused":            "dial tcp <address>: connect: refused",
		"dial tcp [fd00::1]:443: timeout":                     "dial tcp <address>: timeout",
		"user bob.smith+x@mail.example.com unknown":           "user <email> unknown",
		"job 01J9ZQ7QK5XW8Y is gone":                          "job <id> is gone",
		"id 6f1ed002-ab59-4b5c-9f3d-000000000001 again":       "id <id> again",
		"pointer 0xc000012345":                                "pointer <id>",
		"sha256 of utf8":                                      "sha<n> of utf<n>",
		"  two\t spaces ":                                     "two spaces",
		"\ue005 private":                                      "5 private",
	} {
		if got := mask(message); got != want {
			t.Errorf("%q: %q, want %q", message, got, want)
		}
	}
}

func TestFingerprint(t *testing.T) {
	t.Parallel()
	same := func(a, b group) bool { return a.ID == b.ID }
	base := fingerprint("cb", "exhausted", "timeout: order 1 of user a1b2c3d4e5")
	if base.Class != "timeout" || base.Message != "timeout: order <n> of user <id>" || len(base.ID) != fingerprintHex {
		t.Errorf("%+v", base)
	}
	for name, c := range map[string]struct {
		other group
		same  bool
	}{
		"other numbers":   {fingerprint("cb", "exhausted", "timeout: order 22 of user ff00ff00ff"), true},
		"another reason":  {fingerprint("cb", "rejected", "timeout: order 1 of user a1b2c3d4e5"), true},
		"a stack below":   {fingerprint("cb", "exhausted", "timeout: order 1 of user a1b2c3d4e5\ngoroutine 7"), true},
		"another kind":    {fingerprint("sms", "exhausted", "timeout: order 1 of user a1b2c3d4e5"), false},
		"another message": {fingerprint("cb", "exhausted", "refused: order 1 of user a1b2c3d4e5"), false},
	} {
		if same(base, c.other) != c.same {
			t.Errorf("%s: %+v", name, c.other)
		}
	}
	if g := errorGroup(&queue.JobInfo{Reason: queue.ReasonExpired}); g.Message != "expired" {
		t.Errorf("no message: %+v", g)
	}
}

// FuzzFingerprint: whatever a handler says, the group has a name that is text, bounded and free of
// digits that vary, and masking once is enough.
func FuzzFingerprint(f *testing.F) {
	for _, seed := range append(hostile, "HTTP 503 from https://a/1", "10.0.0.1", strings.Repeat("9", 5000), strings.Repeat("a1", 400), "\xff\xfe", "[::::]") {
		f.Add("kind", seed)
	}
	f.Fuzz(func(t *testing.T, kind, message string) {
		g := fingerprint(kind, "rejected", message)
		if len(g.ID) != fingerprintHex || !utf8.ValidString(g.Message) || !utf8.ValidString(g.Class) {
			t.Fatalf("%+v", g)
		}
		// Each byte becomes at most a mark of eleven.
		if len(g.Message) > 11*fingerprintBytes || strings.ContainsAny(g.Message, "\r\n\t") {
			t.Fatalf("%d bytes: %q", len(g.Message), g.Message)
		}
		if again := fingerprint(kind, "rejected", message); again != g {
			t.Fatalf("%+v, then %+v", g, again)
		}
		if other := fingerprint(kind, "rejected", message+"\nstack"); other.ID != g.ID && message != "" && !strings.Contains(message, "\n") && len(message) < fingerprintBytes {
			t.Fatalf("a stack makes another group of %q: %q", g.Message, other.Message)
		}
	})
}

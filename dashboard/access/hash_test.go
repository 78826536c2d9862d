package access

import (
	"errors"
	"strings"
	"testing"

	"github.com/dueq-io/dueq/queue"
)

func TestHash(t *testing.T) {
	t.Parallel()
	a, err := Hash("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	b, _ := Hash("correct horse")
	if a == b || !strings.HasPrefix(a, "$argon2id$v=19$m=19456,t=2,p=1$") || strings.Contains(a, "horse") {
		t.Errorf("%s and %s", a, b)
	}
	h, err := parseHash(a)
	if err != nil || !h.matches("correct horse") || h.matches("correct horsE") || h.matches("") || h.String() != a {
		t.Errorf("%v", err)
	}
	for _, password := range []string{"", "1234567", strings.Repeat("x", MaxPassword+1)} {
		if _, err := Hash(password); !errors.Is(err, queue.ErrInvalid) {
			t.Errorf("%d bytes: %v", len(password), err)
		}
	}
}

// TestHashOfElsewhere is one that the reference implementation has made: argon2 saltsaltsalt -id -t 2 -k 19456 -p 1 -l 32.
func TestHashOfElsewhere(t *testing.T) {
	t.Parallel()
	const salt, key = "c2FsdHNhbHRzYWx0", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	for text, want := range map[string]bool{
		"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + key:           true,
		"$argon2id$v=19$m=65536,t=10,p=4$" + salt + "$" + key:          true,
		"$argon2id$v=19$m=65537,t=2,p=1$" + salt + "$" + key:           false, // a login would take more memory
		"$argon2id$v=19$m=19455,t=2,p=1$" + salt + "$" + key:           false, // too cheap
		"$argon2id$v=19$m=19456,t=11,p=1$" + salt + "$" + key:          false,
		"$argon2id$v=19$m=19456,t=0,p=1$" + salt + "$" + key:           false,
		"$argon2id$v=19$m=19456,t=2,p=0$" + salt + "$" + key:           false,
		"$argon2id$v=19$m=19456,t=2,p=5$" + salt + "$" + key:           false,
		"$argon2id$v=16$m=19456,t=2,p=1$" + salt + "$" + key:           false,
		"$argon2i$v=19$m=19456,t=2,p=1$" + salt + "$" + key:            false,
		"$argon2id$v=19$m=19456,t=2,p=1,x=1$" + salt + "$" + key:       false,
		"$argon2id$v=19$m=19456,t=2,p=1$" + "c2FsdA" + "$" + key:       false,
		"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$AAAA":             false,
		"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$!":                false,
		"$argon2id$v=19$m=19456,t=2,p=1$" + salt:                       false,
		"$2y$05$bvIG6Nmid91Mu9RcmmWZfO5HJIMCT8riNW0hEp8f6/FuA2/mHZFpe": false,
		"plain": false, "": false,
	} {
		if _, err := parseHash(text); (err == nil) != want {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzParseHash(f *testing.F) {
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, text string) {
		h, err := parseHash(text)
		if err != nil {
			return
		}
		if h.memory > maxHashMemory || h.time > maxHashTime || h.threads > maxHashThreads || len(h.key) != keyBytes {
			t.Errorf("%q costs %+v", text, h)
		}
		if again, err := parseHash(h.String()); err != nil || again.String() != h.String() {
			t.Errorf("%q: %v", text, err)
		}
	})
}

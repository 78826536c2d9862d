package redact

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// canary is a secret that is nothing but a word: only where it stands tells. It may have anything in it
// that a password has.
var canary = rapid.Custom(func(t *rapid.T) string {
	return "cAnArY" + rapid.StringMatching(`[a-zA-Z0-9!$*_^~|]{4,20}`).Draw(t, "canary") + "yRaNaC"
})

// out says whether a secret came out: also a good part of it would be one.
func out(shown, secret string) bool {
	const part = 9
	return strings.Contains(shown, secret[:part]) || strings.Contains(shown, secret[len(secret)-part:])
}

var (
	secretName = rapid.SampledFrom([]string{
		"password", "PassWord", "db_password", "user.passwd", "token", "accessToken", "x-api-key", "API_KEY", "clientSecret", "Authorization", "cookie",
		"card", "cardNumber", "cvv", "pin", "otp", "pwd", "credentials", "private_key", "密码", "手机号", "konto",
	})
	innocent = rapid.StringMatching(`[a-z]{1,8}`)
	noise    = rapid.OneOf(rapid.StringN(0, 20, 60), rapid.SampledFrom([]string{"", `"`, `\`, "{", "}", "[", "]", "'", "<", ">", "=", ":", "&", "?", "#", "@", "//", "\n", "\t", "password", `\"`}))
)

// value is a value of JSON with secrets in it, all under a name that says so, or in a string that is
// redacted by itself.
func value(t *rapid.T, secret string, depth int) any {
	kind := rapid.IntRange(0, 6).Draw(t, "kind")
	if depth == 0 && kind > 2 {
		kind = 0
	}
	switch kind {
	case 0:
		return noise.Draw(t, "text")
	case 1:
		return rapid.Float64().Draw(t, "number")
	case 2:
		return map[string]any{secretName.Draw(t, "name"): secret}
	case 3:
		return []any{value(t, secret, depth-1), value(t, secret, depth-1)}
	case 4: // everything below the name of a secret is one
		return map[string]any{secretName.Draw(t, "name"): []any{map[string]any{innocent.Draw(t, "name"): secret}, secret}}
	case 5:
		inner, _ := json.Marshal(value(t, secret, depth-1))
		return map[string]any{innocent.Draw(t, "name"): string(inner)}
	default:
		return map[string]any{innocent.Draw(t, "name"): value(t, secret, depth-1), noise.Draw(t, "name"): line(t, secret)}
	}
}

// line is a line of text with a secret in it.
func line(t *rapid.T, secret string) string {
	name := secretName.Draw(t, "name")
	word := innocent.Draw(t, "word")
	switch rapid.IntRange(0, 14).Draw(t, "form") {
	case 0:
		return word + " " + name + "=" + secret + " " + word
	case 1:
		return word + " " + name + ": " + secret
	case 2:
		return fmt.Sprintf("%s {%q: %q, %q: 1}", word, name, secret, word)
	case 3:
		return fmt.Sprintf("%q", fmt.Sprintf(`{%q:%q}`, name, secret))
	case 4:
		return word + " https://" + word + ":" + secret + "@" + word + ".example/path failed"
	case 5:
		return "Get \"https://" + word + ".example/p?" + word + "=" + url.QueryEscape(secret) + "&x=1\": EOF"
	case 6:
		return "redis://:" + secret + "@10.0.0.1:6379/0"
	case 7:
		return word + ":" + secret + "@tcp(db:3306)/" + word
	case 8:
		return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("x")) + " " + secret
	case 9:
		return word + " Bearer " + secret
	case 10:
		return "<a><" + "Password" + ">" + secret + "</Password></a>"
	case 11:
		return "run --password " + secret + " --" + word
	case 12:
		return "Cookie: a=b; " + word + "=" + secret
	case 13:
		return "-----BEGIN PRIVATE KEY-----\n" + secret + "\n-----END PRIVATE KEY-----"
	default:
		return name + `={"` + word + `":["` + secret + `"` // never closed
	}
}

var fixed = New(Config{Keys: []string{"konto"}})

func TestNoCanaryInJSON(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		secret := canary.Draw(t, "secret")
		payload, err := json.Marshal(value(t, secret, 5))
		if err != nil {
			t.Fatal(err)
		}
		got := fixed.Payload("k", payload)
		if out(got, secret) {
			t.Fatalf("%s\ncame out of\n%s", got, payload)
		}
		if !strings.HasSuffix(got, more) && !json.Valid([]byte(got)) {
			t.Fatalf("%s\nis no JSON", got)
		}
	})
}

// TestNoCanaryInText plants secrets in lines, among lines of noise.
func TestNoCanaryInText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		secret := canary.Draw(t, "secret")
		text := ""
		for range rapid.IntRange(1, 4).Draw(t, "lines") {
			text += strings.ReplaceAll(noise.Draw(t, "noise"), secret, "") + "\n" + line(t, secret) + "\n"
		}
		for _, got := range []string{fixed.Text("k", text), fixed.Payload("k", []byte(text))} {
			if out(got, secret) {
				t.Fatalf("%q\ncame out of\n%q", got, text)
			}
		}
	})
}

// TestNoCanaryInBrokenJSON cuts JSON off, as those do who log the beginning of a body.
func TestNoCanaryInBrokenJSON(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		secret := canary.Draw(t, "secret")
		payload, err := json.Marshal(map[string]any{"a": noise.Draw(t, "noise"), secretName.Draw(t, "name"): []any{secret, map[string]any{"b": secret}}, "z": 1})
		if err != nil {
			t.Fatal(err)
		}
		broken := payload[:rapid.IntRange(0, len(payload)).Draw(t, "length")]
		if got := fixed.Payload("k", broken); out(got, secret) {
			t.Fatalf("%s\ncame out of\n%s", got, broken)
		}
	})
}

// TestNoPersonalData: addresses and numbers are masked wherever they stand.
func TestNoPersonalData(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		before := rapid.StringMatching(`[a-z ,;:"'(\n]{0,10}[ ,;"'(\n]`).Draw(t, "before")
		after := rapid.StringMatching(`[ ,;"')\n][a-z ,]{0,10}`).Draw(t, "after")
		mail := rapid.StringMatching(`[a-z][a-z0-9._+]{2,20}@[a-z]{2,9}\.(com|co\.uk|cn)`).Draw(t, "mail")
		phone := rapid.OneOf(rapid.StringMatching(`\+[1-9][0-9]{7,13}`), rapid.StringMatching(`1[3-9][0-9]{9}`), rapid.StringMatching(`\([2-9][0-9]{2}\) [0-9]{3}-[0-9]{4}`)).Draw(t, "phone")
		card := withCheckDigit(rapid.StringMatching(`[2-6][0-9]{14}`).Draw(t, "card"))
		for _, secret := range []string{mail, phone, card} {
			text := before + secret + after
			quoted, _ := json.Marshal(map[string]string{"x": text})
			for _, got := range []string{fixed.Text("k", text), fixed.Payload("k", quoted)} {
				if strings.Contains(got, secret) {
					t.Fatalf("%s came out of %q", secret, text)
				}
			}
		}
	})
}

func withCheckDigit(digits string) string {
	for d := range 10 {
		if s := digits + fmt.Sprint(d); luhn([]byte(s)) {
			return s
		}
	}
	panic("no digit")
}

// FuzzPayload: whatever the bytes, what comes out is text, of bounded length, and what stands below the
// name of a secret is not in it.
func FuzzPayload(f *testing.F) {
	for _, seed := range []string{"{}", "a=b&c=d", `{"a":"{\"b\":1}"}`, "x://y@z?q#f", "<a>b</a>", "\x00", "--pin 1", `"\ud800"`, "1e999", "password:"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		const secret = "cAnArYoFtHeFuZzEr"
		shown := []string{fixed.Payload("k", content), fixed.Text("k", string(content))}
		quoted, _ := json.Marshal(string(content))
		planted := fmt.Sprintf(`{"a":%s,"password":%q,"b":[%s]}`, quoted, secret, quoted)
		shown = append(shown, fixed.Payload("k", []byte(planted)))
		for _, text := range shown {
			if out(text, secret) && !bytes.Contains(content, []byte(secret[:9])) && !bytes.Contains(content, []byte(secret[len(secret)-9:])) {
				t.Errorf("%q came out of %q", text, planted)
			}
			if !utf8.ValidString(text) || len(text) > 3*maxShown {
				t.Errorf("%d bytes: %.100q", len(text), text)
			}
		}
	})
}

// TestBounded: a megabyte of anything takes a bounded time and memory.
func TestBounded(t *testing.T) {
	const size = maxPayload
	random := make([]byte, size)
	seed := uint64(1)
	for i := range random {
		seed = seed*6364136223846793005 + 1442695040888963407
		random[i] = byte(seed >> 56)
	}
	rep := func(s string) []byte { return bytes.Repeat([]byte(s), size/len(s)) }
	for name, payload := range map[string][]byte{
		"binary": random, "letters": rep("a"), "digits": rep("1"), "spaced digits": rep("4 "), "at": rep("a@"), "names": rep("password="), "colons": rep("a:"),
		"quotes": rep(`"`), "backslashes": rep(`\"`), "open": rep("{"), "nested": append(rep("[")[:9000], rep("]")[:9000]...), "tags": rep("<password>"),
		"urls": rep("a://b@c?d "), "plus": rep("+1 "), "pem": rep("-----BEGIN PRIVATE KEY-----"), "pairs": rep("a=b&"), "spaces": rep(" "), "keys": rep("eyJaaaaaa."),
		"numbers": []byte("[" + strings.Repeat("4111111111111111,", size/18) + "1]"), "one string": []byte(`"` + strings.Repeat("x ", size/2-2) + `"`),
		"string in string": []byte(`{"a":` + fmt.Sprintf("%q", `{"password":"`+strings.Repeat("y", size/2)+`"}`) + `}`),
		"secret":           []byte(`{"password":"` + strings.Repeat("y", size-20) + `"}`),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		began := time.Now()
		got := fixed.Payload("k", payload)
		took := time.Since(began)
		runtime.ReadMemStats(&after)
		allocated := (after.TotalAlloc - before.TotalAlloc) >> 20
		t.Logf("%-16s %8d bytes shown, %6.1f ms, %d MiB", name, len(got), float64(took.Microseconds())/1000, allocated)
		if len(got) > 3*maxShown || took > 30*time.Second || (allocated > 64 && !raceDetector) {
			t.Errorf("%s: %d bytes, %v, %d MiB", name, len(got), took, allocated)
		}
	}
	if got := fixed.Payload("k", make([]byte, maxPayload+1)); got != "[1048577 bytes, too many to look through]" {
		t.Errorf("%.100s", got)
	}
}

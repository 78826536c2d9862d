package redact

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"
)

const (
	// maxPayload is the longest payload that is looked through, and maxShown how much of one is shown,
	// in bytes.
	maxPayload = 1 << 20
	maxShown   = 64 << 10
	// maxNested is how deep JSON in strings of JSON is looked through.
	maxNested = 4
	// more stands for what is cut.
	more = "…"
)

// Payload returns what may be shown of a payload: JSON with its secrets hidden, indented; a form, a pair
// in each line; other text with what looks like secrets hidden. Of what is not text, or too long, it says
// so. It shows 64 KiB at most.
func (r *Redactor) Payload(kind string, payload []byte) string {
	if r.cfg.Kinds[kind].Hide {
		return fmt.Sprintf("[%d bytes, hidden]", len(payload))
	}
	if r.cfg.Payload != nil {
		size := len(payload)
		if payload = r.cfg.Payload(kind, bytes.Clone(payload)); payload == nil {
			return fmt.Sprintf("[%d bytes, hidden]", size)
		}
	}
	n := r.names(kind)
	switch {
	case len(payload) > maxPayload:
		return fmt.Sprintf("[%d bytes, too many to look through]", len(payload))
	case !utf8.Valid(payload) || bytes.IndexByte(payload, 0) >= 0:
		return fmt.Sprintf("[%d bytes, not text]", len(payload))
	case json.Valid(payload):
		return n.json(payload, "  ", 0)
	case form.Match(payload):
		if text, ok := n.form(string(payload)); ok {
			return text
		}
	}
	return n.text(string(payload))
}

// form is what a body of application/x-www-form-urlencoded looks like.
var form = regexp.MustCompile(`^[^\s=&]{1,256}=[^\s]*$`)

func (n names) form(text string) (string, bool) {
	var out strings.Builder
	for pair := range strings.SplitSeq(text, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, nameErr := url.QueryUnescape(name)
		value, valueErr := url.QueryUnescape(value)
		if nameErr != nil || valueErr != nil || !utf8.ValidString(name+value) {
			return "", false
		}
		if n.secret(name) {
			value = hidden
		} else {
			value = n.value(value, 0)
		}
		if out.Len() > maxShown {
			return out.String() + more, true
		}
		fmt.Fprintf(&out, "%s=%s\n", n.text(name), value)
	}
	return strings.TrimSuffix(out.String(), "\n"), true
}

// value is a string within another format, which may be JSON itself.
func (n names) value(s string, nested int) string {
	trimmed := strings.TrimSpace(s)
	if nested < maxNested && len(s) <= maxPayload && (strings.HasPrefix(trimmed, "{") || strings.HasPrefix(trimmed, "[")) && json.Valid([]byte(s)) {
		return n.json([]byte(s), "", nested+1)
	}
	return n.text(s)
}

// json redacts what is valid JSON. An empty indent writes it in one line.
func (n names) json(content []byte, indent string, nested int) string {
	d := json.NewDecoder(bytes.NewReader(content))
	d.UseNumber()
	w := &walker{names: n, decoder: d, indent: indent, nested: nested}
	w.walk(0)
	if w.out.Len() > maxShown {
		// It was cut where the next value would have begun: all that stands here is redacted.
		return strings.ToValidUTF8(w.out.String(), "") + more
	}
	return w.out.String()
}

// walker writes JSON anew, token by token, so that nothing comes out that it has not seen.
type walker struct {
	names
	decoder *json.Decoder
	out     strings.Builder
	indent  string
	nested  int
}

// walk writes one value, and says false when enough was shown.
func (w *walker) walk(depth int) bool {
	if w.out.Len() > maxShown {
		return false
	}
	token, err := w.decoder.Token()
	if err != nil {
		return false
	}
	switch token := token.(type) {
	case json.Delim:
		return w.inside(token, depth)
	case string:
		w.quote(w.value(token, w.nested))
	case json.Number:
		if text := w.text(token.String()); text != token.String() {
			w.quote(text)
		} else {
			w.out.WriteString(text)
		}
	case nil:
		w.out.WriteString("null")
	default:
		fmt.Fprint(&w.out, token)
	}
	return true
}

// inside writes an object or an array.
func (w *walker) inside(open json.Delim, depth int) bool {
	w.out.WriteString(open.String())
	empty := true
	for w.decoder.More() {
		if !empty {
			w.out.WriteByte(',')
		}
		empty = false
		w.line(depth + 1)
		if open == '{' && w.hide() {
			continue
		}
		if !w.walk(depth + 1) {
			return false
		}
	}
	closing, err := w.decoder.Token()
	if err != nil {
		return false
	}
	if !empty {
		w.line(depth)
	}
	fmt.Fprint(&w.out, closing)
	return true
}

// hide writes a name, and the value too where it is a secret.
func (w *walker) hide() bool {
	token, err := w.decoder.Token()
	name, ok := token.(string)
	if err != nil || !ok {
		return false
	}
	secret := w.secret(name)
	w.quote(w.text(name))
	w.out.WriteByte(':')
	if w.indent != "" {
		w.out.WriteByte(' ')
	}
	if secret {
		var value json.RawMessage
		if w.decoder.Decode(&value) != nil {
			return false
		}
		w.quote(hidden)
	}
	return secret
}

func (w *walker) quote(s string) {
	e := json.NewEncoder(&noNewline{&w.out})
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always can
}

// noNewline leaves out the one that an Encoder writes at the end.
type noNewline struct{ out *strings.Builder }

func (n *noNewline) Write(p []byte) (int, error) {
	n.out.Write(bytes.TrimSuffix(p, []byte("\n")))
	return len(p), nil
}

func (w *walker) line(depth int) {
	if w.indent == "" {
		return
	}
	w.out.WriteByte('\n')
	for range min(depth, maxIndent) {
		w.out.WriteString(w.indent)
	}
}

const maxIndent = 32

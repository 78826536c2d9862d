package dashboard

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"strings"

	"github.com/dueq-io/dueq/queue"
)

// payloadForm is what a payload is, of which a page may show something else.
type payloadForm struct {
	// Word is JSON, text or binary.
	Word phrase
	Size string

	bytes        int
	binary, json bool
}

func formOf(payload []byte) payloadForm {
	f := payloadForm{Word: say("text"), Size: formatBytes(len(payload)), bytes: len(payload), binary: !isText(payload)}
	if f.binary {
		f.Word = say("binary")
	} else if f.json = len(payload) > 0 && json.Valid(payload); f.json {
		f.Word = say("JSON")
	}
	return f
}

// name is Word for programs.
func (f *payloadForm) name() string {
	switch {
	case f.binary:
		return "binary"
	case f.json:
		return "json"
	default:
		return "text"
	}
}

// payloadView is a payload as a page shows it.
type payloadView struct {
	payloadForm
	Text string
	// Cut says that Text is not all of it.
	Cut bool
}

const (
	// shownPayload and shownBinary bound what a page shows of a payload, in bytes.
	shownPayload = 64 << 10
	shownBinary  = 1 << 10
)

// hiddenPayload shows what is left of a payload when its secrets are hidden, which is bounded.
func hiddenPayload(form payloadForm, shown []byte) payloadView {
	return payloadView{payloadForm: form, Text: string(shown)}
}

// wholePayload shows a payload with nothing hidden, and its beginning where it is long.
func wholePayload(payload []byte) payloadView {
	p := payloadView{payloadForm: formOf(payload)}
	if p.binary {
		p.Text, p.Cut = hex.Dump(payload[:min(len(payload), shownBinary)]), len(payload) > shownBinary
		return p
	}
	if p.json && len(payload) <= shownPayload {
		var b bytes.Buffer
		// A payload of brackets alone would grow by its indents to many times its size.
		if json.Indent(&b, payload, "", "  ") == nil && b.Len() <= shownPayload {
			payload = b.Bytes()
		}
	}
	if p.Cut = len(payload) > shownPayload; p.Cut {
		payload = payload[:shownPayload]
	}
	p.Text = strings.ToValidUTF8(string(payload), "")
	return p
}

// attempt is one failed attempt of a job.
type attempt struct {
	N    int
	When *moment
	// Text is the first line of the error, Stack what follows it.
	Text, Stack string
	Group       group
}

func newAttempts(j *queue.JobInfo, v *view) []attempt {
	var out []attempt
	for _, e := range j.Errors {
		first, rest, _ := strings.Cut(e.Error, "\n")
		out = append(out, attempt{
			N: e.Attempt, When: newMoment(e.At, v.now), Text: first, Stack: strings.TrimRight(rest, "\n"),
			Group: fingerprint(j.Kind, string(j.Reason), e.Error),
		})
	}
	return out
}

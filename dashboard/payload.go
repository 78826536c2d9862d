package dashboard

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"strings"

	"github.com/dueq-io/dueq/queue"
)

// payloadView is a payload as a page shows it.
type payloadView struct {
	// Form is json, text or binary.
	Form string
	Size string
	Text string
	// Cut says that Text is not all of it.
	Cut bool
}

const (
	// shownPayload and shownBinary bound what a page shows of a payload, in bytes.
	shownPayload = 64 << 10
	shownBinary  = 1 << 10
)

func newPayloadView(payload []byte) payloadView {
	p := payloadView{Form: "text", Size: formatBytes(len(payload))}
	if !isText(payload) {
		p.Form, p.Cut = "binary", len(payload) > shownBinary
		p.Text = hex.Dump(payload[:min(len(payload), shownBinary)])
		return p
	}
	if json.Valid(payload) && len(payload) > 0 {
		p.Form = "json"
		var b bytes.Buffer
		// A payload of brackets alone would grow by its indents to many times its size.
		if len(payload) <= shownPayload && json.Indent(&b, payload, "", "  ") == nil && b.Len() <= 4*shownPayload {
			payload = b.Bytes()
		}
	}
	p.Text = string(payload)
	if len(payload) > 4*shownPayload || (p.Form != "json" && len(payload) > shownPayload) {
		p.Text, p.Cut = strings.ToValidUTF8(p.Text[:shownPayload], ""), true
	}
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

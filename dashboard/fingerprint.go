package dashboard

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"

	"github.com/dueq-io/dueq/queue"
)

// group is what errors have in common that belong together.
type group struct {
	// ID is its fingerprint.
	ID string
	// Kind is that of the jobs, Class the part of the message before its first colon or the reason where
	// there is no message, Message the whole with what differs from job to job masked.
	Kind, Class, Message string
}

const (
	// fingerprintBytes is how much of a message counts: what follows is a stack, or lists of details.
	fingerprintBytes = 300
	fingerprintHex   = 16
)

// masks put a word in place of what differs from job to job. Their order matters: a URL has digits, too.
var masks = []struct {
	pattern *regexp.Regexp
	by      string
}{
	{regexp.MustCompile(`[a-zA-Z][a-zA-Z0-9+.-]*://[^\s"'<>]+`), "<url>"},
	{regexp.MustCompile(`[\w.+-]+@[\w-]+\.[\w.-]+`), "<email>"},
	{regexp.MustCompile(`\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b`), "<id>"},
	{regexp.MustCompile(`\b(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?\b`), "<address>"},
	{regexp.MustCompile(`\[[0-9a-fA-F:]*:[0-9a-fA-F:.]*\](?::\d+)?`), "<address>"},
	{regexp.MustCompile(`\b0x[0-9a-fA-F]+\b`), "<id>"},
	// A word with a digit among at least eight letters and digits is an ID.
	{regexp.MustCompile(`\b[A-Za-z0-9_]*\d[A-Za-z0-9_]*\b`), ""},
	{regexp.MustCompile(`[+-]?\d+(?:[.,:]\d+)*`), "<n>"},
}

var spaces = regexp.MustCompile(`\s+`)

// statuses are codes of HTTP where they say what kind of error it is; their digits are kept by turning
// them into letters for private use while the others are masked.
var statuses = regexp.MustCompile(`(?i)(?:^|\b(?:HTTP(?:/[\d.]+)?|status|code):? ?)[1-5]\d\d\b`)

const privateZero = '\ue000'

func hideDigits(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return privateZero + r - '0'
		}
		return r
	}, text)
}

func showDigits(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= privateZero && r <= privateZero+9 {
			return '0' + r - privateZero
		}
		return r
	}, text)
}

// mask replaces what differs from job to job in a message.
func mask(message string) string {
	const shortestID = 8
	message = statuses.ReplaceAllStringFunc(message, hideDigits)
	for _, m := range masks {
		if m.by != "" {
			message = m.pattern.ReplaceAllString(message, m.by)
			continue
		}
		message = m.pattern.ReplaceAllStringFunc(message, func(word string) string {
			if len(word) >= shortestID && strings.ContainsAny(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
				return "<id>"
			}
			return word
		})
	}
	return strings.TrimSpace(spaces.ReplaceAllString(showDigits(message), " "))
}

// fingerprint groups a failure by the kind of the job, the class of the error and its masked message.
// reason is why a job is dead, which tells where there is no message.
func fingerprint(kind, reason, message string) group {
	first, _, _ := strings.Cut(message, "\n")
	if len(first) > fingerprintBytes {
		first = strings.ToValidUTF8(first[:fingerprintBytes], "")
	}
	g := group{Kind: kind, Message: mask(strings.ToValidUTF8(first, "�"))}
	if g.Message == "" {
		g.Message = reason
	}
	g.Class, _, _ = strings.Cut(g.Message, ": ")
	digest := sha256.Sum256([]byte(kind + "\x00" + g.Class + "\x00" + g.Message))
	g.ID = hex.EncodeToString(digest[:])[:fingerprintHex]
	return g
}

// errorGroup is the group of a job's last failure.
func errorGroup(j *queue.JobInfo) group { return fingerprint(j.Kind, string(j.Reason), lastError(j)) }

// lastError is what the handler said last, empty where it said nothing.
func lastError(j *queue.JobInfo) string {
	if len(j.Errors) == 0 {
		return ""
	}
	return j.Errors[0].Error
}

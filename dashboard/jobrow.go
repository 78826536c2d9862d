package dashboard

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dueq-io/dueq/queue"
)

// jobRow is a job in a list.
type jobRow struct {
	Queue, ID, Kind string
	State           queue.State
	// Key names the job as it was seen, for a form: its queue, ID, state and time.
	Key string
	// Created is when it was enqueued.
	Created *moment
	// When is the moment that goes with the state, What which it is.
	When *moment
	What phrase
	// Failures is how often it failed, of Max times at most; 0: the worker's.
	Failures, Max int
	Cancelled     bool
	Tags          []string
	// Text is the beginning of the last error, Payload that of the payload where it is text.
	Text, Payload string
	// Bytes is how long the payload is, Binary that it is no text.
	Bytes  string
	Binary bool
	// Damaged says why the record cannot be read.
	Damaged phrase
}

// excerptRunes is how much of a text a list shows.
const excerptRunes = 140

func newJobRow(j *queue.JobInfo, now time.Time) jobRow {
	r := jobRow{
		Queue: j.Queue, ID: j.ID, Kind: j.Kind, State: j.State, Key: jobKey(j), Created: newMoment(j.Created, now), When: newMoment(j.At, now), What: stateMoment(j.State),
		Failures: j.Failures, Max: j.MaxAttempts, Cancelled: j.Cancelled, Tags: j.Tags,
		Text: excerpt(lastError(j)), Bytes: formatBytes(len(j.Payload)), Damaged: damage(j),
	}
	if j.State == queue.Done {
		r.When, r.What = newMoment(j.Ended(), now), say("ended")
	}
	if r.Binary = !isText(j.Payload); !r.Binary {
		r.Payload = excerpt(string(j.Payload))
	}
	return r
}

// damage says why a record cannot be read, nothing where it can.
func damage(j *queue.JobInfo) phrase {
	if j.Err == nil {
		return phrase{}
	}
	return say("its record cannot be read: it is damaged, or of a newer version")
}

// stateMoment says what the time of a state is.
func stateMoment(s queue.State) phrase {
	switch s {
	case queue.Delayed, queue.Retrying:
		return say("due")
	case queue.Ready:
		return say("was due")
	case queue.Leased:
		return say("lease ends")
	case queue.Dead:
		return say("died")
	default:
		return say("kept until")
	}
}

// stateWord is what a state is called.
func stateWord(s queue.State) phrase {
	switch s {
	case queue.Delayed:
		return say("Delayed")
	case queue.Ready:
		return say("Ready")
	case queue.Leased:
		return say("Running")
	case queue.Retrying:
		return say("Retrying")
	case queue.Dead:
		return say("Dead")
	default:
		return say("Done")
	}
}

// jobKey names a job as it was seen. An ID has no spaces.
func jobKey(j *queue.JobInfo) string {
	return strings.Join([]string{j.Queue, j.ID, string(j.State), strconv.FormatInt(j.At.UnixMilli(), 10)}, " ")
}

// excerpt is the beginning of a text, on one line.
func excerpt(text string) string {
	const most = 4 * excerptRunes
	cut := len(text) > most
	text = strings.ToValidUTF8(text[:min(len(text), most)], "")
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > excerptRunes {
		return string(runes[:excerptRunes]) + "…"
	}
	if cut {
		return text + "…"
	}
	return text
}

// isText says whether bytes are text that a page can show.
func isText(b []byte) bool {
	if !utf8.Valid(b) {
		return false
	}
	for _, r := range string(b) {
		if unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' {
			return false
		}
	}
	return true
}

// formatBytes writes a size: 612 B, 4.2 KiB, 1.0 MiB.
func formatBytes(n int) string {
	const unit = 1024
	switch {
	case n < unit:
		return strconv.Itoa(n) + " B"
	case n < unit*unit:
		return strconv.FormatFloat(float64(n)/unit, 'f', 1, 64) + " KiB"
	default:
		return strconv.FormatFloat(float64(n)/unit/unit, 'f', 1, 64) + " MiB"
	}
}

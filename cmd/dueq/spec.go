package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dueq-io/dueq/queue"
)

// spec is a job as a line of NDJSON has it, and as flags say it.
type spec struct {
	Queue         string            `json:"queue"`
	Kind          string            `json:"kind"`
	Payload       json.RawMessage   `json:"payload"`
	PayloadBase64 *string           `json:"payload_base64"`
	ID            string            `json:"id"`
	Replace       bool              `json:"replace"`
	Delay         string            `json:"delay"`
	Due           string            `json:"due"`
	Priority      string            `json:"priority"`
	Unique        string            `json:"unique"`
	UniqueFor     string            `json:"unique_for"`
	UniqueUntil   string            `json:"unique_until"`
	Expires       string            `json:"expires"`
	OnExpiry      string            `json:"on_expiry"`
	MaxAttempts   int               `json:"max_attempts"`
	Backoff       []string          `json:"backoff"`
	Retain        string            `json:"retain"`
	Tags          []string          `json:"tags"`
	Headers       map[string]string `json:"headers"`
}

// job makes the job; payload is the bytes that the spec came with, if they did not come in JSON.
func (s *spec) job(payload []byte) (queue.Job, error) {
	j := queue.Job{
		Queue: s.Queue, Kind: s.Kind, Payload: payload, ID: s.ID, MaxAttempts: s.MaxAttempts,
		Tags: s.Tags, Headers: s.Headers, Unique: queue.Unique{Key: s.Unique},
	}
	if s.Replace {
		j.IfExists = queue.Replace
	}
	var errs []error
	note := func(err error) { errs = append(errs, err) }
	note(s.times(&j))
	note(s.choices(&j))
	note(s.unique(&j))
	for _, text := range s.Backoff {
		var wait time.Duration
		note(parseDuration("backoff", text, &wait))
		j.Backoff = append(j.Backoff, wait)
	}
	return j, errors.Join(errs...)
}

func (s *spec) times(j *queue.Job) error {
	return errors.Join(
		parseDuration("delay", s.Delay, &j.Delay),
		parseDuration("retain", s.Retain, &j.Retain),
		parseTime("due", s.Due, &j.Due),
		parseExpiry(s.Expires, &j.Expires),
	)
}

func (s *spec) choices(j *queue.Job) error {
	return errors.Join(
		choose("priority", s.Priority, &j.Priority, map[string]queue.Priority{
			"high": queue.High, "normal": queue.Normal, "low": queue.Low,
		}, "high, normal or low"),
		choose("on_expiry", s.OnExpiry, &j.OnExpiry, map[string]queue.ExpiryPolicy{
			"bury": queue.BuryExpired, "drop": queue.DropExpired, "run": queue.RunExpired,
		}, "bury, drop or run"),
	)
}

func (s *spec) unique(j *queue.Job) error {
	if s.Unique == "" && (s.UniqueFor != "" || s.UniqueUntil != "") {
		return errors.New("unique_for and unique_until need unique, the key")
	}
	if s.UniqueFor != "" && s.UniqueUntil != "" {
		return errors.New("unique_for and unique_until cannot be used together")
	}
	if s.UniqueFor != "" {
		j.Unique.Scope = queue.ForWindow
		return parseDuration("unique_for", s.UniqueFor, &j.Unique.Window)
	}
	return choose("unique_until", s.UniqueUntil, &j.Unique.Scope, map[string]queue.UniqueScope{
		"done": queue.UntilDone, "started": queue.UntilStarted,
	}, "done or started")
}

// payload is the bytes of a payload in JSON: those of a string, or any other value as it is written.
func (s *spec) payload() ([]byte, error) {
	if s.PayloadBase64 != nil {
		if s.Payload != nil {
			return nil, errors.New("payload and payload_base64 cannot be used together")
		}
		out, err := base64.StdEncoding.DecodeString(*s.PayloadBase64)
		if err != nil {
			return nil, errors.New("payload_base64: not base64")
		}
		return out, nil
	}
	switch {
	case len(s.Payload) == 0, string(s.Payload) == "null":
		return nil, nil
	case s.Payload[0] != '"':
		return s.Payload, nil
	}
	var text string
	if err := json.Unmarshal(s.Payload, &text); err != nil {
		return nil, fmt.Errorf("payload: %w", err)
	}
	return []byte(text), nil
}

func parseDuration(what, text string, to *time.Duration) error {
	if text == "" {
		return nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("%s %q: want a duration such as 90s or 2h", what, text)
	}
	*to = d
	return nil
}

func parseTime(what, text string, to *time.Time) error {
	if text == "" {
		return nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return fmt.Errorf("%s %q: want a time such as 2026-01-31T15:04:05Z", what, text)
	}
	*to = t
	return nil
}

// parseExpiry also takes a duration from now.
func parseExpiry(text string, to *time.Time) error {
	if d, err := time.ParseDuration(text); err == nil {
		*to = time.Now().Add(d)
		return nil
	}
	if parseTime("expires", text, to) != nil {
		return fmt.Errorf("expires %q: want a duration such as 5m, or a time such as 2026-01-31T15:04:05Z", text)
	}
	return nil
}

func choose[T any](what, word string, to *T, among map[string]T, want string) error {
	if word == "" {
		return nil
	}
	value, ok := among[strings.ToLower(word)]
	if !ok {
		return fmt.Errorf("%s %q: want %s", what, word, want)
	}
	*to = value
	return nil
}

// payloadJSON is how a payload is shown in JSON, so that enqueue --stdin reads it back byte for byte: as
// a string where it is text, and otherwise in base64.
func payloadJSON(payload []byte) (text, encoded *string) {
	if utf8.Valid(payload) {
		s := string(payload)
		return &s, nil
	}
	s := base64.StdEncoding.EncodeToString(payload)
	return nil, &s
}

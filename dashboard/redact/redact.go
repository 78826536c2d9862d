// Package redact hides secrets and personal data in what a dashboard shows of jobs: payloads, errors,
// headers and addresses. It goes by the names of fields and by what secrets look like. It cannot know a
// secret that has neither: rules of [Config] name those.
package redact

import (
	"fmt"

	"github.com/dueq-io/dueq/queue"
)

// Config is what is hidden beside what looks like a secret by itself.
type Config struct {
	// Keys are parts of the names of further fields whose values are hidden, whatever their case and
	// the marks between their words: "account" hides AccountNo and sub_account. 64 at most.
	Keys []string
	// Kinds are rules for jobs of a kind.
	Kinds map[string]Kind
	// Payload, where set, makes of a payload what is to be shown of it, such as JSON of a binary
	// format. What it returns is then redacted as the payload itself would be; nil hides all of it. It
	// is called for one job at a time by any number of goroutines, and has to be quick.
	Payload func(kind string, payload []byte) []byte
}

// Kind is what is hidden of one kind of jobs.
type Kind struct {
	// Hide hides the whole payload.
	Hide bool
	// Keys are as Config.Keys, for this kind.
	Keys []string
}

const maxKeys = 64

// Validate returns queue.ErrInvalid for keys that are none.
func (c *Config) Validate() error {
	lists := [][]string{c.Keys}
	for _, kind := range c.Kinds {
		lists = append(lists, kind.Keys)
	}
	for _, keys := range lists {
		if len(keys) > maxKeys {
			return fmt.Errorf("%w: %d keys to redact: want at most %d", queue.ErrInvalid, len(keys), maxKeys)
		}
		for _, key := range keys {
			if plain(key) == "" {
				return fmt.Errorf("%w: key %q to redact: want letters or digits", queue.ErrInvalid, key)
			}
		}
	}
	return nil
}

// Redactor hides. It is safe for concurrent use.
type Redactor struct {
	cfg   Config
	every names
	kinds map[string]names
}

// New makes a Redactor of a valid Config.
func New(cfg Config) *Redactor {
	r := &Redactor{cfg: cfg, every: names{}.with(cfg.Keys), kinds: map[string]names{}}
	for kind, rule := range cfg.Kinds {
		r.kinds[kind] = r.every.with(rule.Keys)
	}
	return r
}

func (r *Redactor) names(kind string) names {
	if n, ok := r.kinds[kind]; ok {
		return n
	}
	return r.every
}

// Text returns a text of a job of a kind, such as an error, without secrets, 64 KiB of it at most.
func (r *Redactor) Text(kind, text string) string { return r.names(kind).text(text) }

// Headers returns a copy of headers of a job of a kind without secrets.
func (r *Redactor) Headers(kind string, headers map[string]string) map[string]string {
	if headers == nil {
		return nil
	}
	n := r.names(kind)
	out := make(map[string]string, len(headers))
	for name, value := range headers {
		if n.secret(name) {
			value = hidden
		}
		out[name] = n.text(value)
	}
	return out
}

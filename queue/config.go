package queue

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"
)

// Config is how a Client behaves. Every zero field is its default.
type Config struct {
	// Namespace is the first part of every key, so that environments and tenants can share a server:
	// 1 to 64 characters of [a-zA-Z0-9_.-]. Default: "dueq".
	Namespace string
	// Name is what Inspector.Fleet calls the program: 1 to 128 bytes of UTF-8 without control characters.
	// Default: the name of its executable.
	Name string
	// Beat is how often the program says what it does, for Inspector.Fleet: 100 ms to 1 min. It is taken to be gone
	// after ten times as long. Default: 1 s.
	Beat time.Duration
	// Queues are those that Enqueue takes jobs for, so that a misspelt name is ErrUnknownQueue and no
	// new queue that nobody serves. Default: any.
	Queues []string
	// MaxPayload is the largest payload that Enqueue takes, in bytes, up to 64 MiB. Default: 1 MiB.
	MaxPayload int
	// MaxDelay is how far ahead a job may be due. Default: 365 days.
	MaxDelay time.Duration
	// Durability is what must have happened before Enqueue returns nil. Default: Async().
	Durability Durability
	// Retries is how often a call is repeated that Redis is known not to have carried out: refused
	// connections, LOADING, READONLY, BUSY and the like, over about 3 s by default. Default: 7.
	// Negative: never.
	Retries int
	// Roles is what the client is used for: the start-up checks ask whether the Redis user may call what
	// these need. Default: all of Roles().
	Roles []Role
	// AcceptDataLoss turns what the start-up checks refuse into warnings.
	AcceptDataLoss bool
	// Logger receives warnings. Default: slog.Default().
	Logger *slog.Logger
}

const (
	defaultNamespace  = "dueq"
	defaultMaxPayload = 1 << 20
	limitMaxPayload   = 64 << 20
	defaultMaxDelay   = 365 * 24 * time.Hour
	limitMaxDelay     = 100 * defaultMaxDelay
	defaultRetries    = 7
	defaultBeat       = time.Second
	minBeat, maxBeat  = 100 * time.Millisecond, time.Minute
)

func (c Config) withDefaults() Config {
	c.Namespace = cmp.Or(c.Namespace, defaultNamespace)
	c.Name = cmp.Or(c.Name, strings.Map(printable, cut(strings.ToValidUTF8(filepath.Base(os.Args[0]), ""), maxMemberName)), "unknown")
	c.Beat = cmp.Or(c.Beat, defaultBeat)
	c.MaxPayload = cmp.Or(c.MaxPayload, defaultMaxPayload)
	c.MaxDelay = cmp.Or(c.MaxDelay, defaultMaxDelay)
	c.Retries = max(cmp.Or(c.Retries, defaultRetries), 0)
	c.Logger = cmp.Or(c.Logger, slog.Default())
	return c
}

func printable(r rune) rune {
	if unicode.IsControl(r) {
		return -1
	}
	return r
}

func (c *Config) validate() error {
	var errs []error
	if !validName(c.Namespace) {
		errs = append(errs, fmt.Errorf("%w: namespace %q: want 1 to %d characters of [a-zA-Z0-9_.-]",
			ErrInvalid, c.Namespace, maxNameBytes))
	}
	errs = append(errs, checkText("Name", c.Name, maxMemberName))
	if c.Beat < minBeat || c.Beat > maxBeat {
		errs = append(errs, fmt.Errorf("%w: Beat %v: want %v to %v", ErrInvalid, c.Beat, minBeat, maxBeat))
	}
	for _, name := range c.Queues {
		errs = append(errs, checkQueue(name))
	}
	if c.MaxPayload < 1 || c.MaxPayload > limitMaxPayload {
		errs = append(errs, fmt.Errorf("%w: MaxPayload %d: want 1 to %d bytes", ErrInvalid, c.MaxPayload, limitMaxPayload))
	}
	if c.MaxDelay < time.Millisecond || c.MaxDelay > limitMaxDelay {
		errs = append(errs, fmt.Errorf("%w: MaxDelay %v: want 1ms to %v", ErrInvalid, c.MaxDelay, limitMaxDelay))
	}
	return errors.Join(append(errs, checkRoles(c.Roles), c.Durability.validate())...)
}

// Durability is what must have happened to a job before Enqueue returns nil. Its zero value is Async.
type Durability struct {
	replicas int
	fsync    bool
	within   time.Duration
}

// Async asks for nothing more than Redis's answer. What that is worth when the server's machine fails
// depends on the server's AOF setting.
func Async() Durability { return Durability{} }

// Replicated asks that n replicas have received the job, within that time. Fewer is ErrUnconfirmed. It
// is no consensus: a replica that has not received the job may still be promoted.
func Replicated(n int, within time.Duration) Durability {
	return Durability{replicas: n, within: within}
}

// Fsynced asks that the server's AOF is on disk, within that time, by WAITAOF. Servers before Redis
// 7.2 are refused at start: run them with appendfsync always instead.
func Fsynced(within time.Duration) Durability { return Durability{fsync: true, within: within} }

func (d Durability) validate() error {
	switch {
	case d == Durability{}:
		return nil
	case !d.fsync && d.replicas < 1:
		return fmt.Errorf("%w: Replicated(%d): want at least 1", ErrInvalid, d.replicas)
	case d.within < time.Millisecond || d.within > time.Minute:
		return fmt.Errorf("%w: durability within %v: want 1ms to 1m", ErrInvalid, d.within)
	default:
		return nil
	}
}

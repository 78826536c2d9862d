package queue

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	maxNameBytes    = 64
	maxKindBytes    = 128
	maxIDBytes      = 128
	maxKeyBytes     = 256
	maxTags         = 16
	maxTagBytes     = 64
	maxHeaders      = 32
	maxHeaderBytes  = 8 << 10
	maxBackoffs     = 64
	maxMaxAttempts  = 1_000_000
	defaultIDRetain = time.Minute
)

// validName says whether s may stand in a key: a queue or a namespace.
func validName(s string) bool {
	if s == "" || len(s) > maxNameBytes {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '.', c == '-':
		default:
			return false
		}
	}
	return true
}

// checkQueue returns an ErrInvalid for a name that no queue can have.
func checkQueue(name string) error {
	if validName(name) {
		return nil
	}
	return fmt.Errorf("%w: queue %q: want 1 to %d characters of [a-zA-Z0-9_.-]", ErrInvalid, name, maxNameBytes)
}

// checkID returns an ErrInvalid for a string that cannot be a job's ID.
func checkID(id string) error {
	ok := id != "" && len(id) <= maxIDBytes
	for i := range len(id) {
		ok = ok && id[i] > ' ' && id[i] < 0x7f
	}
	if ok {
		return nil
	}
	return fmt.Errorf("%w: id %q: want 1 to %d visible ASCII characters", ErrInvalid, id, maxIDBytes)
}

// checkText returns an ErrInvalid for text that is empty, too long, not UTF-8 or has control characters.
func checkText(what, s string, limit int) error {
	ok := s != "" && len(s) <= limit && utf8.ValidString(s)
	for _, c := range s {
		ok = ok && !unicode.IsControl(c)
	}
	if ok {
		return nil
	}
	if len(s) > limit {
		return fmt.Errorf("%w: %s of %d bytes: want at most %d", ErrInvalid, what, len(s), limit)
	}
	return fmt.Errorf("%w: %s %q: want 1 to %d bytes of UTF-8 without control characters", ErrInvalid, what, s, limit)
}

// check returns all that is wrong with a job, joined.
func (c *Config) check(j *Job, now time.Time) error {
	errs := []error{checkQueue(j.Queue), checkText("kind", j.Kind, maxKindBytes)}
	if len(c.Queues) > 0 && !slices.Contains(c.Queues, j.Queue) {
		errs = append(errs, fmt.Errorf("%w: %q: want one of %s", ErrUnknownQueue, j.Queue, strings.Join(c.Queues, ", ")))
	}
	if j.ID != "" {
		errs = append(errs, checkID(j.ID))
	}
	if len(j.Payload) > c.MaxPayload {
		errs = append(errs, fmt.Errorf("%w: %d bytes: want at most %d", ErrTooLarge, len(j.Payload), c.MaxPayload))
	}
	errs = append(errs, c.checkTimes(j, now), c.checkOptions(j), checkLabels(j))
	return errors.Join(errs...)
}

func (c *Config) checkTimes(j *Job, now time.Time) error {
	var errs []error
	if !j.Due.IsZero() && j.Delay != 0 {
		errs = append(errs, fmt.Errorf("%w: both Due and Delay are set", ErrInvalid))
	}
	if err := c.checkDelay("Delay", j.Delay); err != nil {
		errs = append(errs, err)
	}
	if !j.Due.IsZero() {
		errs = append(errs, c.checkDue(j.Due, now))
	}
	if j.Expires.IsZero() && j.OnExpiry != BuryExpired {
		errs = append(errs, fmt.Errorf("%w: OnExpiry without Expires", ErrInvalid))
	}
	if !j.Expires.IsZero() && (j.Expires.UnixMilli() < 0 || j.OnExpiry < BuryExpired || j.OnExpiry > RunExpired) {
		errs = append(errs, fmt.Errorf("%w: Expires %v with policy %d", ErrInvalid, j.Expires, j.OnExpiry))
	}
	if len(j.Backoff) > maxBackoffs {
		errs = append(errs, fmt.Errorf("%w: %d backoffs: want at most %d", ErrInvalid, len(j.Backoff), maxBackoffs))
	}
	for _, d := range j.Backoff {
		errs = append(errs, c.checkDelay("Backoff", d))
	}
	if j.Retain > c.MaxDelay {
		errs = append(errs, fmt.Errorf("%w: Retain %v: want at most %v", ErrInvalid, j.Retain, c.MaxDelay))
	}
	return errors.Join(errs...)
}

func (c *Config) checkDelay(what string, d time.Duration) error {
	if d >= 0 && d <= c.MaxDelay {
		return nil
	}
	return fmt.Errorf("%w: %s %v: want 0 to %v", ErrInvalid, what, d, c.MaxDelay)
}

// checkDue compares with the caller's clock: the limit guards against a unit mistaken, not to the ms.
func (c *Config) checkDue(due, now time.Time) error {
	if due.UnixMilli() >= 0 && due.Before(now.Add(c.MaxDelay)) {
		return nil
	}
	return fmt.Errorf("%w: Due %v: want at most %v ahead", ErrInvalid, due, c.MaxDelay)
}

func (c *Config) checkOptions(j *Job) error {
	var errs []error
	if j.Priority < Normal || j.Priority > Low {
		errs = append(errs, fmt.Errorf("%w: priority %d", ErrInvalid, j.Priority))
	}
	if j.IfExists < Keep || j.IfExists > Replace {
		errs = append(errs, fmt.Errorf("%w: IfExists %d", ErrInvalid, j.IfExists))
	}
	if j.IfExists == Replace && j.ID == "" {
		errs = append(errs, fmt.Errorf("%w: IfExists: Replace needs an ID", ErrInvalid))
	}
	if j.MaxAttempts < 0 || j.MaxAttempts > maxMaxAttempts {
		errs = append(errs, fmt.Errorf("%w: MaxAttempts %d: want 1 to %d", ErrInvalid, j.MaxAttempts, maxMaxAttempts))
	}
	return errors.Join(append(errs, c.checkUnique(j.Unique))...)
}

func (c *Config) checkUnique(u Unique) error {
	switch {
	case u == Unique{}:
		return nil
	case u.Scope < UntilDone || u.Scope > ForWindow:
		return fmt.Errorf("%w: unique scope %d", ErrInvalid, u.Scope)
	case u.Scope == ForWindow && (u.Window < time.Millisecond || u.Window > c.MaxDelay):
		return fmt.Errorf("%w: unique window %v: want 1ms to %v", ErrInvalid, u.Window, c.MaxDelay)
	case u.Scope != ForWindow && u.Window != 0:
		return fmt.Errorf("%w: unique window without the scope ForWindow", ErrInvalid)
	default:
		return checkText("unique key", u.Key, maxKeyBytes)
	}
}

func checkLabels(j *Job) error {
	var errs []error
	if len(j.Tags) > maxTags {
		errs = append(errs, fmt.Errorf("%w: %d tags: want at most %d", ErrInvalid, len(j.Tags), maxTags))
	}
	for _, tag := range j.Tags {
		errs = append(errs, checkText("tag", tag, maxTagBytes))
	}
	size := 0
	for name, value := range j.Headers {
		size += len(name) + len(value)
		if name == "" {
			errs = append(errs, fmt.Errorf("%w: header without a name", ErrInvalid))
		}
	}
	if len(j.Headers) > maxHeaders || size > maxHeaderBytes {
		errs = append(errs, fmt.Errorf("%w: %d headers of %d bytes: want at most %d of %d", ErrInvalid,
			len(j.Headers), size, maxHeaders, maxHeaderBytes))
	}
	return errors.Join(errs...)
}

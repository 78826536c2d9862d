package queue

import "time"

// Job is what a producer hands in. A literal is enough: every zero field is a default.
type Job struct {
	// Queue is where the job waits: 1 to 64 characters of [a-zA-Z0-9_.-]. Required.
	Queue string
	// Kind names the handler that runs the job: 1 to 128 bytes of UTF-8 without control characters.
	// Required.
	Kind string
	// Payload is opaque to dueq and kept byte for byte, up to Config.MaxPayload bytes.
	Payload []byte

	// ID makes Enqueue idempotent when the caller chooses it: 1 to 128 visible ASCII characters.
	// Default: a UUIDv7 in 26 characters of Crockford base32, which sorts by time.
	ID string
	// IfExists says what Enqueue does when ID is in the queue already. Default: Keep.
	IfExists IfExists

	// Due is when the job is to run, to the millisecond, by Redis's clock; a time that has passed is
	// now. Set Due or Delay, not both. Default: at once.
	Due time.Time
	// Delay is how long after Enqueue the job is to run, 0 to Config.MaxDelay, rounded up to whole
	// milliseconds. It is counted by Redis, so the producer's clock plays no part.
	Delay time.Duration

	// Priority orders jobs that are ready; it does not preempt those that run. Default: Normal.
	Priority Priority
	// Unique keeps a second job with the same key out. Default: no lock.
	Unique Unique

	// Expires is the moment after which the job is not to start any more. Default: never.
	Expires time.Time
	// OnExpiry says what becomes of a job that has expired. Default: BuryExpired.
	OnExpiry ExpiryPolicy

	// MaxAttempts is how many failures the handler is allowed, 1 to 1,000,000; with the last the job
	// is dead. Default: the worker's, which is 25.
	MaxAttempts int
	// Backoff is the wait before each retry; the last entry repeats. At most 64 entries, each 0 to
	// Config.MaxDelay. Default: the worker's for the kind.
	Backoff []time.Duration
	// Retain is how long a finished job is kept in done, in which time its ID cannot be run again.
	// Default: 1 minute where the caller chose the ID, otherwise not at all. Negative: not at all.
	Retain time.Duration

	// Tags are for finding jobs: at most 16, each 1 to 64 bytes without control characters.
	Tags []string
	// Headers travel with the job: at most 32, together at most 8 KiB.
	Headers map[string]string
}

// Priority is the order in which ready jobs of one queue are leased.
type Priority int8

// The priorities. A queue serves High until none is left, then Normal, then Low.
const (
	Normal Priority = iota
	High
	Low
)

// String returns the word for the priority.
func (p Priority) String() string {
	switch p {
	case Normal:
		return "normal"
	case High:
		return "high"
	case Low:
		return "low"
	default:
		return "unknown"
	}
}

// IfExists is what Enqueue does with an ID that is in the queue already.
type IfExists int8

const (
	// Keep leaves the job that is there: Enqueue succeeds when kind and payload are the same and
	// answers ErrConflict when they are not.
	Keep IfExists = iota
	// Replace puts the new job, with its payload and due time, in the place of the one that is there,
	// in one step, whether it waits or has ended. A job that is running stays: ErrRunning.
	Replace
)

// Unique is a lock that a job takes when it is enqueued; while it holds, another job with the same
// key is refused with ErrDuplicate.
type Unique struct {
	// Key is what must be unique within the queue: 1 to 256 bytes without control characters. Empty:
	// no lock.
	Key string
	// Scope is how long the lock holds. Default: UntilDone.
	Scope UniqueScope
	// Window is the time that the scope ForWindow holds, 1 ms to Config.MaxDelay, whatever becomes of
	// the job; only cancelling the job ends it sooner.
	Window time.Duration
}

// UniqueScope is how long a Unique lock holds.
type UniqueScope int8

const (
	// UntilDone holds until the job is done, dead, expired or cancelled.
	UntilDone UniqueScope = iota
	// UntilStarted holds until a worker leases the job.
	UntilStarted
	// ForWindow holds for Unique.Window from the moment of Enqueue.
	ForWindow
)

// ExpiryPolicy is what becomes of a job whose Expires has passed before it started.
type ExpiryPolicy int8

const (
	// BuryExpired makes the job dead with the reason "expired".
	BuryExpired ExpiryPolicy = iota
	// DropExpired removes the job and counts it.
	DropExpired
	// RunExpired runs the job all the same; its handler sees Delivery.Expired.
	RunExpired
)

// State is where a job is. It is membership in one of the shard's sets, never a field of its own.
type State string

// The states of a job.
const (
	Delayed  State = "delayed"
	Ready    State = "ready"
	Leased   State = "leased"
	Retrying State = "retrying"
	Dead     State = "dead"
	Done     State = "done"
)

// States lists all states in the order of a job's life.
func States() []State { return []State{Delayed, Ready, Leased, Retrying, Dead, Done} }

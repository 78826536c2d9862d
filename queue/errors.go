package queue

import (
	"errors"
	"fmt"
)

var (
	// ErrInvalid is returned when a job, a name or a setting is not of the form that its field
	// describes. Nothing was sent to Redis.
	ErrInvalid = errors.New("invalid")
	// ErrTooLarge is returned when a payload is over Config.MaxPayload. Nothing was sent to Redis.
	ErrTooLarge = errors.New("payload too large")
	// ErrUnknownQueue is returned when a job is for none of Config.Queues, nothing being sent to Redis then, and
	// when there is no queue to be deleted.
	ErrUnknownQueue = errors.New("unknown queue")
	// ErrConflict is returned when the ID is in the queue with another kind or payload.
	ErrConflict = errors.New("id is in use with another payload")
	// ErrDuplicate is returned when another job holds the Unique key; errors.As finds a
	// *DuplicateError with its ID.
	ErrDuplicate = errors.New("duplicate of a job that holds the unique key")
	// ErrQueueFull is returned when the queue holds as many jobs as its limit allows.
	ErrQueueFull = errors.New("queue is full")
	// ErrIntakeClosed is returned when the intake of the queue was closed by an operator.
	ErrIntakeClosed = errors.New("intake of the queue is closed")
	// ErrPaused is returned when a lease finds the queue paused by an operator.
	ErrPaused = errors.New("queue is paused")
	// ErrNotFound is returned when the shard has no job of that ID.
	ErrNotFound = errors.New("no such job")
	// ErrRunning is returned when a job is leased. Cancel has flagged it then: its handler's context
	// ends at the next heartbeat, and the job is gone when the handler returns.
	ErrRunning = errors.New("job is running")
	// ErrEnded is returned when a job is done or dead, so that it cannot be cancelled or rescheduled.
	ErrEnded = errors.New("job has ended")
	// ErrAlreadyDue is returned when a job to be rescheduled is due already.
	ErrAlreadyDue = errors.New("job is already due")
	// ErrNotEnded is returned when a job to be requeued is neither dead nor done.
	ErrNotEnded = errors.New("job is neither dead nor done")
	// ErrMoved is returned when a job is no longer where it was seen: nothing was done to it.
	ErrMoved = errors.New("job has moved on")
	// ErrNotEmpty is returned when a queue to be deleted has jobs other than done ones.
	ErrNotEmpty = errors.New("queue has jobs")
	// ErrServed is returned when workers that are alive serve a queue to be deleted.
	ErrServed = errors.New("queue is served by workers")
	// ErrNoWorker is returned when no worker of that ID is alive.
	ErrNoWorker = errors.New("no such worker")
	// ErrLeaseLost is returned when the token of a delivery is no longer in force: another worker may
	// have the job. It is also the cause of the handler's context then.
	ErrLeaseLost = errors.New("lease lost")
	// ErrCancelled is returned when a job was cancelled while it ran; it is also the cause of its
	// handler's context then.
	ErrCancelled = errors.New("job cancelled")
	// ErrNoSession is returned when a session is not kept: it has ended, or never was.
	ErrNoSession = errors.New("no such session")
	// ErrChanged is returned when a sheet was changed by another since it was read.
	ErrChanged = errors.New("changed by another meanwhile")
	// ErrDamaged is returned when a record in Redis cannot be decoded.
	ErrDamaged = errors.New("damaged envelope")
	// ErrNewerVersion is returned when a record was written by a newer dueq.
	ErrNewerVersion = errors.New("envelope of a newer version")
	// ErrUnknown is returned when the connection failed after a call was sent, so that it may have
	// been carried out or not. Repeating Enqueue with the same ID is safe.
	ErrUnknown = errors.New("outcome unknown")
	// ErrUnavailable is returned when Redis could not be reached or refused to work until the retries
	// were used up. The call was not carried out.
	ErrUnavailable = errors.New("redis is unavailable")
	// ErrRedisFull is returned when Redis is at its maxmemory. The job was not enqueued.
	ErrRedisFull = errors.New("redis is out of memory")
	// ErrWrongType is returned when a key of ours holds a value of a type that dueq does not use
	// there: another program writes under the same names.
	ErrWrongType = errors.New("a key holds a value of the wrong type")
	// ErrUnconfirmed is returned when a job was enqueued but fewer replicas or disks than asked for
	// confirmed it in time; errors.As finds an *UnconfirmedError.
	ErrUnconfirmed = errors.New("enqueued but not confirmed")
	// ErrUnfit is returned when a server cannot keep dueq's promises: a wrong eviction policy, a
	// version that is too old, a missing permission.
	ErrUnfit = errors.New("redis server is unfit")
)

// DuplicateError is the ErrDuplicate of one job.
type DuplicateError struct {
	// Key is the unique key, Holder the ID of the job that holds it.
	Key, Holder string
}

// Error says which job holds the key.
func (e *DuplicateError) Error() string {
	return fmt.Sprintf("%v: job %s holds %q", ErrDuplicate, e.Holder, e.Key)
}

// Is reports that the error is an ErrDuplicate.
func (e *DuplicateError) Is(target error) bool { return target == ErrDuplicate }

// UnconfirmedError is the ErrUnconfirmed of one call.
type UnconfirmedError struct {
	// Want is how many confirmations were asked for, Got how many came in time.
	Want, Got int
}

// Error says how many confirmations came.
func (e *UnconfirmedError) Error() string {
	return fmt.Sprintf("%v: %d of %d confirmations", ErrUnconfirmed, e.Got, e.Want)
}

// Is reports that the error is an ErrUnconfirmed.
func (e *UnconfirmedError) Is(target error) bool { return target == ErrUnconfirmed }

// codeErrors maps the codes that scripts answer to errors; scripts that add a detail are handled by
// their caller.
var codeErrors = map[string]error{
	"LOST":      ErrLeaseLost,
	"CANCELLED": ErrCancelled,
	"UNKNOWN":   ErrNotFound,
	"RUNNING":   ErrRunning,
	"ENDED":     ErrEnded,
	"DUE":       ErrAlreadyDue,
	"LIVE":      ErrNotEnded,
	"MOVED":     ErrMoved,
	"CLOSED":    ErrIntakeClosed,
	"FULL":      ErrQueueFull,
	"PAUSED":    ErrPaused,
	"EXISTS":    ErrConflict,
	"DUPLICATE": ErrDuplicate,
}

// codeError returns the error for a script's code.
func codeError(code string) error {
	if code == "" {
		return nil
	}
	if err, ok := codeErrors[code]; ok {
		return err
	}
	return fmt.Errorf("script answered %q", code)
}

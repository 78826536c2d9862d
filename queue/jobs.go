package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// JobInfo is one job as it is in Redis.
type JobInfo struct {
	Job
	State State
	// Created is when the job was enqueued, by the producer's clock; zero if unknown.
	Created time.Time
	// At is the moment that goes with State, by Redis's clock: when a delayed or retrying job is due,
	// when a ready job became due (zero where it was not met in its list: Job looks at 1,000 entries at each end),
	// when a lease ends, when a dead job died, until when a done job is kept.
	At time.Time
	// Token is the fencing number of the lease, 0 when there is none; Cancelled says that the job was
	// cancelled while it ran.
	Token     int64
	Cancelled bool
	// Failures is how often the handler has failed, LostLeases how often a worker was lost with the
	// job, Reason why it is dead, Errors the last failures, newest first.
	Failures, LostLeases int
	Reason               Reason
	Errors               []Failure
	// LostAt is when the last leases were lost, newest first, at most 5, by Redis's clock.
	LostAt []time.Time
	// Run tells of a ready job when it was due and became ready, as At does, and of a done one how it came to be
	// done; otherwise it is zero. Of a leased job its worker tells (RunningJob).
	Run Run
	// Err is ErrDamaged or ErrNewerVersion when the record cannot be decoded; Payload is the whole
	// record then.
	Err error
}

// Job returns one job. It returns ErrNotFound when the queue has none of that ID.
func (in *Inspector) Job(ctx context.Context, queue, id string) (JobInfo, error) {
	if err := errors.Join(checkQueue(queue), checkID(id)); err != nil {
		return JobInfo{}, err
	}
	s := in.c.lineOf(queue).shard
	jobs, err := in.load(ctx, s, []string{id})
	if err != nil {
		return JobInfo{}, err
	}
	if len(jobs) == 0 {
		return JobInfo{}, fmt.Errorf("job %s in queue %s: %w", id, queue, ErrNotFound)
	}
	if jobs[0].State == Ready {
		err = in.meet(ctx, s, &jobs[0])
	}
	return jobs[0], err
}

var readyLists = map[Priority]string{High: "high", Normal: "ready", Low: "low"}

// readyLook is how many entries at each end of a ready list are looked at for a job.
const readyLook = 1000

// meet notes what the entry of a ready job says, where it is met. One of a job of that ID that was cancelled comes
// before it.
func (in *Inspector) meet(ctx context.Context, s *shard, job *JobInfo) error {
	pipe := in.c.rdb.Pipeline()
	list := s.keys[readyLists[job.Priority]]
	head, tail := pipe.LRange(ctx, list, 0, readyLook-1), pipe.LRange(ctx, list, -readyLook, -1)
	if err := exec(ctx, pipe); err != nil {
		return fmt.Errorf("read the ready jobs of %s: %w", s.queue, err)
	}
	job.met(splitEntries(slices.Concat(head.Val(), tail.Val())))
	return nil
}

// met notes of a ready job what its entry says, where that was met.
func (j *JobInfo) met(entries map[string]Run) {
	if run, ok := entries[j.ID]; ok && j.State == Ready {
		j.Due, j.At, j.Run = run.Due, run.Due, run
	}
}

// load reads the jobs of the ids that the shard has, in their order.
func (in *Inspector) load(ctx context.Context, s *shard, ids []string) ([]JobInfo, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	pipe := in.c.rdb.Pipeline()
	records := pipe.HMGet(ctx, s.keys["jobs"], ids...)
	notes := pipe.HMGet(ctx, s.keys["faults"], ids...)
	tokens := pipe.HMGet(ctx, s.keys["tokens"], ids...)
	places := make([]map[State]*redis.FloatCmd, len(ids))
	for i, id := range ids {
		places[i] = map[State]*redis.FloatCmd{}
		for state, key := range stateSets {
			places[i][state] = pipe.ZScore(ctx, s.keys[key], id)
		}
	}
	if err := exec(ctx, pipe); err != nil {
		return nil, fmt.Errorf("read jobs of %s: %w", s.queue, err)
	}
	var out []JobInfo
	for i, id := range ids {
		record, ok := records.Val()[i].(string)
		if !ok {
			continue
		}
		info := describe(id, record, places[i])
		info.Queue = s.queue
		if entry, ok := notes.Val()[i].(string); ok {
			f := parseFaults(entry)
			info.Failures, info.LostLeases, info.Reason, info.Errors = f.failures, f.lost, f.reason, f.errors
			info.LostAt, info.Run = f.lostAt, f.run
		}
		if token, ok := tokens.Val()[i].(string); ok {
			n, _ := strconv.ParseInt(token, 10, 64)
			info.Token, info.Cancelled = max(n, -n), n < 0
		}
		out = append(out, info)
	}
	return out, nil
}

// stateSets are the states that are ZSETs; ready is what is left.
var stateSets = map[State]string{Delayed: "delayed", Retrying: "retry", Leased: "leased", Dead: "dead", Done: "done"}

func describe(id, record string, places map[State]*redis.FloatCmd) JobInfo {
	e, err := decodeEnvelope(id, []byte(record))
	info := JobInfo{Job: e.job, Created: e.created, Err: err, State: Ready}
	if err != nil {
		info.Job = Job{ID: id, Payload: []byte(record)}
	}
	for state, place := range places {
		if place.Err() == nil {
			info.State, info.At = state, time.UnixMilli(int64(place.Val()))
		}
	}
	if info.State == Delayed || info.State == Retrying {
		info.Due = info.At
	}
	return info
}

// Query selects jobs of one queue.
type Query struct {
	// State is where to look. Empty: everywhere, in no order.
	State State
	// Kind and Tag, where set, are what jobs must have.
	Kind, Tag string
	// Match, where set, says of each job that has Kind and Tag whether it is selected.
	Match func(*JobInfo) bool
	// DueFrom and DueTo, where set, select delayed or retrying jobs that are due at DueFrom or after it, and
	// before DueTo, or dead ones that died then. They need one of those three as State.
	DueFrom, DueTo time.Time
	// Limit is how many jobs a page has at most, 1 to 500. Default: 100. Without a State a page may have
	// more: what Redis's HSCAN gives at once cannot be cut.
	Limit int
	// Scan is how many jobs one call looks at when Kind, Tag or Match is set, 1 to 10,000. Default: 1,000.
	Scan int
	// Cursor is the Cursor of the page before.
	Cursor string
}

// Page is a part of the jobs that a Query selects.
type Page struct {
	Jobs []JobInfo
	// Scanned is how many jobs were looked at.
	Scanned int
	// Cursor goes on with the next page; empty: there is none. Jobs that move meanwhile may be missed
	// or met twice.
	Cursor string
}

func (q Query) withDefaults() Query {
	if q.Limit == 0 {
		q.Limit = 100
	}
	if q.Scan == 0 {
		q.Scan = 1000
	}
	return q
}

func (q *Query) validate() error {
	var errs []error
	if q.State != "" && !slices.Contains(States(), q.State) {
		errs = append(errs, fmt.Errorf("%w: state %q: want one of %v", ErrInvalid, q.State, States()))
	}
	if q.Limit < 1 || q.Limit > maxBatch {
		errs = append(errs, fmt.Errorf("%w: limit %d: want 1 to %d", ErrInvalid, q.Limit, maxBatch))
	}
	if q.Scan < 1 || q.Scan > 10_000 {
		errs = append(errs, fmt.Errorf("%w: scan %d: want 1 to 10000", ErrInvalid, q.Scan))
	}
	if (!q.DueFrom.IsZero() || !q.DueTo.IsZero()) && q.State != Delayed && q.State != Retrying && q.State != Dead {
		errs = append(errs, fmt.Errorf("%w: a range of times needs state %s, %s or %s", ErrInvalid, Delayed, Retrying, Dead))
	}
	if _, err := strconv.ParseUint(q.Cursor, 10, 64); q.Cursor != "" && err != nil {
		errs = append(errs, fmt.Errorf("%w: cursor %q is not one of this list", ErrInvalid, q.Cursor))
	}
	return errors.Join(errs...)
}

// Jobs returns a page of jobs. Delayed and retrying jobs come in order of their due time, leased ones
// of their deadline, dead ones newest first, ready ones in the order in which they will run.
func (in *Inspector) Jobs(ctx context.Context, queue string, q Query) (Page, error) {
	q = q.withDefaults()
	if err := errors.Join(checkQueue(queue), q.validate()); err != nil {
		return Page{}, err
	}
	s := in.c.lineOf(queue).shard
	page := Page{Cursor: q.Cursor}
	for {
		want := q.Limit - len(page.Jobs)
		if q.chooses() {
			want = min(maxBatch, q.Scan-page.Scanned)
		}
		from, _ := strconv.ParseUint(page.Cursor, 10, 64)
		ids, next, err := in.ids(ctx, s, &q, page.Cursor, want)
		if err != nil {
			return Page{}, fmt.Errorf("list jobs of %s: %w", queue, err)
		}
		var entries map[string]Run
		if q.State == Ready {
			entries = splitEntries(ids)
		}
		jobs, err := in.load(ctx, s, ids)
		if err != nil {
			return Page{}, err
		}
		page.Scanned += len(ids)
		page.Cursor = next
		seen := 0
		for _, job := range jobs {
			if len(page.Jobs) == q.Limit && q.State != "" {
				// The page is full: the next one begins here.
				page.Scanned -= len(ids) - seen
				page.Cursor = strconv.FormatUint(from+uint64(seen), 10)
				return page, nil
			}
			seen += slices.Index(ids[seen:], job.ID) + 1
			job.met(entries)
			if q.matches(&job) {
				page.Jobs = append(page.Jobs, job)
			}
		}
		if next == "" || len(page.Jobs) >= q.Limit || page.Scanned >= q.Scan || !q.chooses() {
			return page, nil
		}
	}
}

// splitEntries turns entries of ready lists into ids, in place, and returns their times.
func splitEntries(entries []string) map[string]Run {
	runs := make(map[string]Run, len(entries))
	for i, entry := range entries {
		id, run := splitEntry(entry)
		entries[i], runs[id] = id, run
	}
	return runs
}

// chooses says whether jobs have to be looked at to know which are selected.
func (q *Query) chooses() bool { return q.Kind != "" || q.Tag != "" || q.Match != nil }

// matches also drops a job that has left the state since its id was read.
func (q *Query) matches(job *JobInfo) bool {
	return (q.State == "" || job.State == q.State) && (q.Kind == "" || job.Kind == q.Kind) &&
		(q.Tag == "" || slices.Contains(job.Tags, q.Tag)) && (q.Match == nil || q.Match(job))
}

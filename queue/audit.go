package queue

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// Disorder is a kind of damage that an audit finds.
type Disorder string

// The kinds of damage, and how each is mended.
const (
	// Orphan is a job that is in no place, so that nobody would run it: it becomes ready.
	Orphan Disorder = "orphan"
	// Twice is a job in more than one place: it stays in the safest, in the order leased, retrying, delayed,
	// ready, dead, done.
	Twice Disorder = "twice"
	// Stray is a place that names a job without a record: the place is cleared.
	Stray Disorder = "stray"
	// LeaseTorn is a lease without a token, which nobody can settle: the job becomes ready; or a token
	// without a lease: the token goes, or where the job is in no other place, its lease comes back.
	LeaseTorn Disorder = "lease"
	// Note is something noted of a job that does not exist: it goes.
	Note Disorder = "note"
	// Misranked is a job noted, or ready, under another priority than its record says: it is put right.
	Misranked Disorder = "priority"
	// Ghosts is a wrong count of entries to be dropped from a ready list: it is put right.
	Ghosts Disorder = "ghosts"
	// Damaged is a job that waits and whose record cannot be decoded: it becomes dead, its bytes kept.
	Damaged Disorder = "damaged"
	// Lock is a unique lock that no live job holds and no time ends: it goes.
	Lock Disorder = "lock"
	// Mark is a mark of idempotency that names no time: it goes.
	Mark Disorder = "mark"
	// Counter is a counter below what a recount gives: it is raised.
	Counter Disorder = "counter"
	// WrongType is a key that another program has made: it is renamed.
	WrongType Disorder = "type"
	// NoKeys is a name of a queue that has nothing: it goes.
	NoKeys Disorder = "empty"
	// NoName is a queue that is not among the names, so that no scheduler serves it: it is named.
	NoName Disorder = "unnamed"
)

// AuditConfig is how an audit is carried out.
type AuditConfig struct {
	// Repair mends what is found.
	Repair bool
	// Progress, where set, is called now and then with how many of the queue's jobs were looked at.
	Progress func(done, all int64)
}

// Finding is one thing that an audit found.
type Finding struct {
	Kind Disorder `json:"kind"`
	// ID names the job, or for a lock, a mark, a counter, a key or a queue its name.
	ID     string `json:"id"`
	Detail string `json:"detail"`
}

// AuditReport is what an audit found.
type AuditReport struct {
	Queue string `json:"queue"`
	// Jobs is how many records were looked at.
	Jobs int64 `json:"jobs"`
	// Found counts by kind, Findings are the first of them.
	Found    map[Disorder]int `json:"found"`
	Findings []Finding        `json:"findings"`
	// Mended says that all that was found was also mended.
	Mended bool `json:"mended"`
	// Unsettled is how many jobs moved too fast to be judged: they looked out of order for a moment, as
	// jobs on their way do. Audit again when the queue is less busy.
	Unsettled int `json:"unsettled"`
}

// maxFindings bounds what a report holds, whatever the damage.
const maxFindings = 1000

// Total is how many things were found.
func (r *AuditReport) Total() int {
	n := 0
	for _, count := range r.Found {
		n += count
	}
	return n
}

func (r *AuditReport) add(kind Disorder, id, detail string) {
	r.Found[kind]++
	if len(r.Findings) < maxFindings {
		r.Findings = append(r.Findings, Finding{Kind: kind, ID: id, Detail: detail})
	}
}

// auditor is one audit of one shard. It reads everything once, page by page and beside whoever works, and
// whatever then looks out of order is judged, and mended, by a script in one step.
type auditor struct {
	c      *Client
	s      *shard
	cfg    AuditConfig
	report *AuditReport
	// entries counts the entries of the ready lists, and ghosts those that are to be dropped, by the letter
	// of the list and the id. A slot is cleared when the record of its job is met.
	entries, ghosts map[string]int
	suspects        map[string]suspect
	// locks are the suspect unique keys, marks the suspect marks.
	locks []lockSuspect
	marks []string
	// highest is the job with the highest token.
	highest      string
	highestToken int64
}

// suspect is a job that looked out of order: the first bytes of its record when it was seen, and what the
// record says of its priority.
type suspect struct{ sum, rank string }

type lockSuspect struct{ key, sum, claim string }

// Audit looks for damage in a queue: jobs in no place or in two, places and notes of jobs that do not exist,
// leases without tokens, locks left behind, counters that a recount disproves, records that cannot be
// decoded, keys of a foreign type. It goes in bounded steps and is safe beside running workers, which it
// does not mistake for damage. It never loses a job, and never makes one run twice that would not have.
func (in *Inspector) Audit(ctx context.Context, queue string, cfg AuditConfig) (AuditReport, error) {
	report := AuditReport{Queue: queue, Found: map[Disorder]int{}, Findings: []Finding{}, Mended: cfg.Repair}
	if err := checkQueue(queue); err != nil {
		return report, err
	}
	if cfg.Progress == nil {
		cfg.Progress = func(int64, int64) {}
	}
	a := &auditor{
		c: in.c, s: in.c.lineOf(queue).shard, cfg: cfg, report: &report,
		entries: map[string]int{}, ghosts: map[string]int{}, suspects: map[string]suspect{},
	}
	foreign, err := a.types(ctx)
	if err == nil && foreign {
		return report, nil // the rest cannot be read
	}
	for _, step := range []func(context.Context) error{
		a.surveyLists, a.surveyGhosts, a.surveyJobs, a.surveySets, a.surveyNotes, a.surveyUnique, a.surveyMarks,
		a.judge, a.judgeLocks, a.judgeCounts,
	} {
		if err == nil {
			err = step(ctx)
		}
	}
	if err != nil {
		report.Mended = false
		return report, fmt.Errorf("audit queue %s: %w", queue, err)
	}
	return report, nil
}

// suspectAll notes ids of which no record was seen.
func (a *auditor) suspectAll(ids []string) {
	for _, id := range ids {
		if _, ok := a.suspects[id]; !ok {
			a.suspects[id] = suspect{}
		}
	}
}

// repairFlag is the first argument of the audit's scripts.
func (a *auditor) repairFlag() string {
	if a.cfg.Repair {
		return "1"
	}
	return "0"
}

// recordSum is what the scripts know a record by: its version and checksum.
func recordSum(record string) string { return record[:min(len(record), checksumEnd)] }

// rankLetters are how the ghosts hash names the ready lists.
var rankLetters = map[string]string{"high": "h", "ready": "n", "low": "l"}

func rankLetter(p Priority) string {
	switch p {
	case High:
		return "h"
	case Low:
		return "l"
	default:
		return "n"
	}
}

// auditPage is how many members one command of an audit reads, judgePage how many jobs a script judges.
const (
	auditPage = 500
	judgePage = 100
	// judgeLimit bounds the entries of ready lists that one script reads again.
	judgeLimit = 5000
	// restoredLease is the time that the holder of a token has to speak before its job is reaped.
	restoredLease = DefaultLease
)

// judge looks at the suspects again, each time against lists that were just read. Those on which it gets no
// further while jobs pour in are left unsettled.
func (a *auditor) judge(ctx context.Context) error {
	ids := slices.Sorted(maps.Keys(a.suspects))
	const patience = 3
	for fruitless := 0; len(ids) > 0 && fruitless < patience; fruitless++ {
		spots, err := a.locate(ctx, ids)
		if err != nil {
			return err
		}
		for len(ids) > 0 {
			page := spots.page(ids)
			settled, err := a.judgePage(ctx, page, spots)
			if err != nil {
				return err
			}
			if !settled {
				break
			}
			ids, fruitless = ids[len(page):], 0
		}
	}
	a.report.Unsettled = len(ids)
	return nil
}

func (a *auditor) judgePage(ctx context.Context, ids []string, spots *spots) (settled bool, err error) {
	limit := judgeLimit + spots.count(ids)
	args := []any{a.c.shift(), a.repairFlag(), limit, restoredLease.Milliseconds(), spots.tails, spots.heads}
	for _, id := range ids {
		s := a.suspects[id]
		args = append(args, id, s.sum, s.rank, spots.seen[id])
	}
	words, err := a.run(ctx, auditScript, args)
	if err != nil || len(words) == 1 {
		return false, err
	}
	for i := 0; i+2 < len(words); i += 3 {
		n, _ := words[i].(int64)
		if n < 1 || int(n) > len(ids) {
			return false, fmt.Errorf("audit: unexpected position %d", n)
		}
		a.report.add(Disorder(text(words[i+1])), ids[n-1], text(words[i+2]))
	}
	return true, nil
}

func (a *auditor) run(ctx context.Context, sc *script, args []any) ([]any, error) {
	reply, err := a.c.run(ctx, a.s, sc, args)
	if err != nil {
		return nil, err
	}
	words, ok := reply.([]any)
	if !ok {
		return nil, fmt.Errorf("%s: unexpected reply %T", sc.verb, reply)
	}
	return words, nil
}

func text(word any) string {
	s, _ := word.(string)
	return s
}

func (a *auditor) judgeLocks(ctx context.Context) error {
	for page := range slices.Chunk(a.locks, judgePage) {
		args := []any{a.c.shift(), a.repairFlag()}
		for _, l := range page {
			args = append(args, l.key, l.sum, l.claim)
		}
		words, err := a.run(ctx, auditLockScript, args)
		if err != nil {
			return err
		}
		for i := 0; i+1 < len(words); i += 2 {
			if n, _ := words[i].(int64); n >= 1 && int(n) <= len(page) {
				a.report.add(Lock, page[n-1].key, text(words[i+1]))
			}
		}
	}
	return nil
}

// judgeCounts comes last: what was mended before may have changed what there is to count.
func (a *auditor) judgeCounts(ctx context.Context) error {
	marks := a.marks
	for first := true; first || len(marks) > 0; first = false {
		page := marks[:min(len(marks), judgePage)]
		marks = marks[len(page):]
		args := []any{a.c.shift(), a.repairFlag(), a.highest}
		for _, mark := range page {
			args = append(args, mark)
		}
		words, err := a.run(ctx, auditCountsScript, args)
		if err != nil {
			return err
		}
		for i := 0; i+2 < len(words); i += 3 {
			if kind := Disorder(text(words[i])); kind == Mark || first {
				a.report.add(kind, text(words[i+1]), text(words[i+2]))
			}
		}
	}
	return nil
}

package queue

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"
)

// model is what one queue is meant to be, in plain Go: no Redis, no I/O, and its own idea of each verb
// in place of the scripts'. Times are in ms.
type model struct {
	now  int64
	jobs map[string]*modelJob
	// ready are the three lists. A slot whose job has left it is a ghost, see ghost.
	ready map[string][]slot
	locks map[string]modelLock
	marks map[string]int64
	stats map[string]int64
	hints map[string]int

	token          int64
	maxLen         int
	paused, closed bool
	// named says that the queue is among the names.
	named         bool
	reaped, grace int64
	spared        int64
	reapedEver    bool

	// replaced and kept are what the sums of the counters need: jobs that another took the place of,
	// and acks that left their job in done.
	replaced, kept int64
	history        history
	// wakes is when the mover next looks by itself. handling says that a process has taken a hint and
	// will act on it.
	wakes    int64
	handling map[string]bool
}

type modelJob struct {
	job Job
	// at is the state, score what its ZSET says.
	at        string
	score     int64
	token     int64
	cancelled bool
	faults    *faults
	claims    bool
}

// slot is an entry of a ready list: a job, when it was due, and since when it is ready.
type slot struct {
	id         string
	due, ready int64
	job        *modelJob
}

// modelLock is a unique lock. until is 0 where an event ends it.
type modelLock struct {
	id    string
	until int64
}

func newModel(now time.Time) *model {
	return &model{
		now: now.UnixMilli(), jobs: map[string]*modelJob{}, ready: map[string][]slot{}, locks: map[string]modelLock{},
		marks: map[string]int64{}, stats: map[string]int64{}, hints: map[string]int{}, handling: map[string]bool{},
		wakes: math.MaxInt64, history: history{}, named: true,
	}
}

func (m *model) ghost(s slot) bool { return m.jobs[s.id] != s.job || s.job.at != "ready" }

func (m *model) count(verb string, n int) {
	if n > 0 {
		m.stats[verb] += int64(n)
		m.history.at(m.now).verb(verb, int64(n))
	}
}

func (m *model) signal(hint string) { m.hints[hint] = max(m.hints[hint], 1) }

// push makes jobs ready, at the head or at the tail of their list, in their order. due says since when.
func (m *model) push(head bool, ids []string, due func(id string) int64) {
	if len(ids) == 0 {
		return
	}
	part := map[string][]slot{}
	for _, id := range ids {
		j := m.jobs[id]
		list := rankNames[j.job.Priority]
		part[list] = append(part[list], slot{id, due(id), m.now, j})
		j.at, j.token, j.cancelled = "ready", 0, false
	}
	for list, slots := range part {
		if len(m.ready[list]) == 0 {
			m.signal("wake")
		}
		if head {
			m.ready[list] = slices.Concat(slots, m.ready[list])
		} else {
			m.ready[list] = append(m.ready[list], slots...)
		}
	}
}

// later is when a delay is over: never early, so it counts from the end of the ms that has begun.
func (m *model) later(delay time.Duration) int64 {
	if delay == 0 {
		return m.now
	}
	return m.now + 1 + ceilMS(delay)
}

// since is the moment now, for push.
func (m *model) since(string) int64 { return m.now }

// wait puts a job into a set of waiting jobs.
func (m *model) wait(id, set string, due int64) {
	j := m.jobs[id]
	j.at, j.score, j.token = set, due, 0
}

func (m *model) end(id, set string, score int64) {
	j := m.jobs[id]
	j.at, j.score, j.token, j.cancelled = set, score, 0, false
}

// head is the earliest score of a set.
func (m *model) head(sets ...string) int64 {
	first := int64(math.MaxInt64)
	for _, j := range m.jobs {
		if slices.Contains(sets, j.at) {
			first = min(first, j.score)
		}
	}
	return first
}

// members are the ids of a set in the order of Redis.
func (m *model) members(set string) []string {
	var ids []string
	for id, j := range m.jobs {
		if j.at == set {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b string) int {
		return cmp.Or(cmp.Compare(m.jobs[a].score, m.jobs[b].score), cmp.Compare(a, b))
	})
	return ids
}

// heldBy is the job that holds a unique key, "" when it is free.
func (m *model) heldBy(key string) string {
	if l, ok := m.locks[key]; ok && (l.until == 0 || l.until > m.now) {
		return l.id
	}
	return ""
}

// unlock is what an event of a job's life ("started", "done" or "gone") does to its unique key.
func (m *model) unlock(id, event string) {
	j := m.jobs[id]
	u := j.job.Unique
	if !j.claims || event == "started" && u.Scope != UntilStarted {
		return
	}
	j.claims = false
	if (u.Scope != ForWindow || event == "gone") && m.heldBy(u.Key) == id {
		delete(m.locks, u.Key)
	}
}

func (m *model) remove(id, event string) {
	m.unlock(id, event)
	delete(m.jobs, id)
}

// live is how many jobs count for the limit of a queue.
func (m *model) live() int {
	n := 0
	for _, j := range m.jobs {
		if j.at != "dead" && j.at != "done" {
			n++
		}
	}
	return n
}

// enqueue takes a batch of jobs whose IDs are chosen and whose Due or Delay say when. A job that is to
// replace another of the batch goes in a call after that one's.
func (m *model) enqueue(batch []Job) []error {
	m.named = true
	for i, job := range batch {
		if job.IfExists == Replace && slices.ContainsFunc(batch[:i], func(j Job) bool { return j.ID == job.ID }) {
			return append(m.enqueueTogether(batch[:i]), m.enqueue(batch[i:])...)
		}
	}
	return m.enqueueTogether(batch)
}

func (m *model) enqueueTogether(batch []Job) []error {
	answers := make([]error, len(batch))
	first := m.head("delayed")
	fresh := map[string]Job{}
	// A key that this batch frees by replacing its holder is free only for the next batch, and the
	// same goes for the room.
	keys, room := map[string]string{}, m.maxLen-m.live()
	for key := range m.locks {
		keys[key] = m.heldBy(key)
	}
	var accepted, now []Job
	for i, job := range batch {
		before := m.jobs[job.ID]
		earlier, twice := fresh[job.ID]
		if !twice && before != nil {
			earlier = before.job
		}
		var err error
		switch {
		case twice, before != nil && job.IfExists == Keep:
			if answers[i] = ErrConflict; earlier.Kind == job.Kind && string(earlier.Payload) == string(job.Payload) {
				answers[i] = nil
			}
			continue
		case before != nil && before.at == "leased":
			err = ErrRunning
		case m.closed:
			err = ErrIntakeClosed
		case before == nil && m.maxLen > 0 && room < 1:
			err = ErrQueueFull
		case job.Unique.Key != "" && keys[job.Unique.Key] != "" && keys[job.Unique.Key] != job.ID:
			err = ErrDuplicate
		}
		if answers[i] = err; err != nil {
			continue
		}
		fresh[job.ID] = job
		accepted = append(accepted, job)
		if job.Unique.Key != "" {
			keys[job.Unique.Key] = job.ID
		}
		if before == nil {
			room--
		}
	}
	for _, job := range accepted {
		if m.jobs[job.ID] != nil {
			m.remove(job.ID, "gone")
			m.replaced++
		}
	}
	for _, job := range accepted {
		if due := m.add(job); due == m.now {
			now = append(now, job)
		}
	}
	var ids []string
	for _, job := range now {
		ids = append(ids, job.ID)
	}
	m.push(false, ids, m.since)
	m.count("enqueue", len(accepted))
	if m.head("delayed") < first {
		m.signal("tick")
	}
	return answers
}

// add lets one job in and returns its due time.
func (m *model) add(job Job) int64 {
	due := m.later(job.Delay)
	if !job.Due.IsZero() {
		due = max(m.now, job.Due.UnixMilli())
	}
	j := &modelJob{job: job, score: due, at: "delayed", claims: job.Unique.Key != ""}
	m.jobs[job.ID] = j
	if j.claims {
		l := modelLock{id: job.ID}
		if job.Unique.Scope == ForWindow {
			l.until = m.now + ceilMS(job.Unique.Window)
		}
		m.locks[job.Unique.Key] = l
	}
	return due
}

// lines is the shard as keyspace.lines says it.
func (m *model) lines() map[string][]string {
	out := map[string][]string{}
	put := func(name string, format string, args ...any) {
		out[name] = append(out[name], fmt.Sprintf(format, args...))
	}
	for id, j := range m.jobs {
		put("jobs", "%s: %s", id, jobLine(&j.job))
		if j.at != "ready" {
			put(j.at, "%s: %d", id, j.score)
		}
		if j.at == "leased" {
			put("tokens", "%s: %s%d", id, map[bool]string{true: "-"}[j.cancelled], j.token)
		}
		if f := j.faults; f != nil {
			put("faults", "%s: %s", id, faultsLine(f))
		}
		if p := j.job.Priority; p != Normal {
			put("priority", "%s: %s", id, map[Priority]string{High: "h", Low: "l"}[p])
		}
		if j.claims {
			put("unique", "job:%s: %s %s", id, map[UniqueScope]string{UntilDone: "d", UntilStarted: "s", ForWindow: "w"}[j.job.Unique.Scope], j.job.Unique.Key)
		}
	}
	for key, l := range m.locks {
		put("unique", "key:%s: %d %s", key, l.until, l.id)
	}
	for mark, until := range m.marks {
		put("marks", "%s: %d", mark, until)
	}
	for verb, n := range m.stats {
		put("stats", "%s: %d", verb, n)
	}
	ghosts := map[string]int{}
	for list, slots := range m.ready {
		for _, s := range slots {
			put(list, "%013d%013d%s", s.due, s.ready, s.id)
			if m.ghost(s) {
				ghosts[rankLetters[list]+s.id]++
			}
		}
	}
	for of, n := range ghosts {
		put("ghosts", "%s: %d", of, n)
	}
	for hint, n := range m.hints {
		out[hint] = slices.Repeat([]string{"1"}, n)
	}
	m.metaLines(put)
	for _, name := range slices.Concat(hashNames, zsetNames) {
		slices.Sort(out[name])
	}
	return out
}

func (m *model) metaLines(put func(string, string, ...any)) {
	fields := map[string]string{}
	if m.token > 0 {
		fields["token"] = strconv.FormatInt(m.token, 10)
	}
	if m.maxLen > 0 {
		fields["max_len"] = strconv.Itoa(m.maxLen)
	}
	if m.paused {
		fields["paused"] = "since"
	}
	if m.closed {
		fields["closed"] = "since"
	}
	if m.reapedEver {
		fields["reaped"], fields["grace"] = strconv.FormatInt(m.reaped, 10), strconv.FormatInt(m.grace, 10)
		fields["spared"] = strconv.FormatInt(m.spared, 10)
	}
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		put("meta", "%s: %s", field, fields[field])
	}
}

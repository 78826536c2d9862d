package queue

import (
	"math"
	"slices"
	"strconv"
	"time"
)

// promote returns how many jobs moved and the time until the next is due, negative when none waits.
func (m *model) promote(limit int) Promotion {
	var p Promotion
	for _, set := range []string{"delayed", "retry"} {
		due := slices.DeleteFunc(m.members(set), func(id string) bool { return m.jobs[id].score > m.now })
		due = due[:min(len(due), limit)]
		for _, id := range due {
			m.history.at(m.now).PromoteLag[partOf(m.now-m.jobs[id].score)]++
		}
		m.push(false, due, func(id string) int64 { return m.jobs[id].score })
		p.Moved += len(due)
	}
	m.count("promote", p.Moved)
	m.handling["tick"] = false
	m.wakes = max(m.head("delayed", "retry"), m.now)
	if p.Next = untilNext(m.head("delayed", "retry"), m.now); p.Next > 0 {
		p.Next -= pinnedMicros * time.Microsecond
	}
	return p
}

// untilNext is the time from now until a head, -1 of some unit (which is for the caller to ignore)
// where there is none.
func untilNext(head, now int64) time.Duration {
	if head == math.MaxInt64 {
		return -1
	}
	return time.Duration(max(0, head-now)) * time.Millisecond
}

// leasedJob is what a model says of one delivery.
type leasedJob struct {
	id                              string
	token                           int64
	failures, lost, errors, attempt int
	due, ready, leasedAt, deadline  int64
}

func (m *model) lease(n int, lease time.Duration) (out []leasedJob, more bool, err error) {
	if m.paused {
		return nil, false, ErrPaused
	}
	m.handling["wake"] = false
	n = m.together(n)
	for _, list := range listNames {
		for ; n > 0 && len(m.ready[list]) > 0; n-- {
			s := m.ready[list][0]
			m.ready[list] = m.ready[list][1:]
			if m.ghost(s) {
				continue
			}
			out = append(out, m.take(s, lease))
		}
		more = more || len(m.ready[list]) > 0
	}
	m.count("lease", len(out))
	// Only a call that met an entry passes the hint on; with n > 0 that is one for which more holds.
	if more {
		m.signal("wake")
	}
	return out, more, nil
}

// together is how many of the first n entries one lease may take: none beside a job that workers were lost
// with twice.
func (m *model) together(n int) int {
	met := 0
	for _, list := range listNames {
		for _, s := range m.ready[list] {
			if j := m.jobs[s.id]; met < n && j != nil && j.faults != nil && j.faults.lost >= suspectAfter {
				return max(met, 1)
			}
			met++
		}
	}
	return n
}

func (m *model) take(s slot, lease time.Duration) leasedJob {
	j := s.job
	m.token++
	m.history.at(m.now).Lateness[partOf(m.now-s.due)]++
	j.at, j.token, j.score = "leased", m.token, m.now+lease.Milliseconds()
	m.unlock(s.id, "started")
	out := leasedJob{id: s.id, token: m.token, attempt: 1, due: s.due, ready: s.ready, leasedAt: m.now, deadline: j.score}
	if f := j.faults; f != nil {
		out.failures, out.lost, out.errors, out.attempt = f.failures, f.lost, len(f.errors), f.failures+f.lost+1
	}
	return out
}

// settlement is one delivery's part in a settling call.
type settlement struct {
	d      *Delivery
	delay  time.Duration
	reason Reason
	failed bool
	mark   string
	keep   time.Duration
}

// settle carries out ack, retry, snooze, release or bury on a batch.
func (m *model) settle(verb string, batch []settlement) []error {
	answers := make([]error, len(batch))
	seen, first := map[string]bool{}, map[string]int64{"retry": m.head("retry"), "delayed": m.head("delayed")}
	var released, ended []string
	dues := map[string]int64{}
	for i, st := range batch {
		j := m.jobs[st.d.ID]
		if j == nil || j.at != "leased" || j.token != st.d.Token || seen[st.d.ID] {
			answers[i] = ErrLeaseLost
			continue
		}
		seen[st.d.ID] = true
		switch {
		case verb == "ack":
			m.ack(j, st)
		case j.cancelled:
			answers[i] = ErrCancelled
			ended = append(ended, st.d.ID)
		case verb == "retry":
			m.fail(j, st.d, true, "")
			m.wait(st.d.ID, "retry", m.later(st.delay))
			m.count(verb, 1)
		case verb == "snooze":
			m.wait(st.d.ID, "delayed", m.later(st.delay))
			m.count(verb, 1)
		case verb == "release":
			released = append(released, st.d.ID)
			dues[st.d.ID] = st.d.Due.UnixMilli()
		case st.reason == reasonDropped:
			m.remove(st.d.ID, "done")
			m.count("drop", 1)
		default:
			m.fail(j, st.d, st.failed, st.reason)
			if st.failed {
				m.history.at(m.now).Failed++
			}
			if st.reason == ReasonExpired {
				m.history.at(m.now).Expired++
			}
			m.unlock(st.d.ID, "done")
			m.end(st.d.ID, "dead", m.now)
			m.count(verb, 1)
		}
	}
	m.push(true, released, func(id string) int64 { return dues[id] })
	m.count("release", len(released))
	for _, id := range ended {
		m.remove(id, "gone")
	}
	m.count("cancel", len(ended))
	if m.head("retry") < first["retry"] || m.head("delayed") < first["delayed"] {
		m.signal("tick")
	}
	return answers
}

func (m *model) ack(j *modelJob, st settlement) {
	if st.mark != "" {
		m.marks[st.mark] = m.now + st.keep.Milliseconds()
	}
	m.count("ack", 1)
	if j.job.Retain <= 0 {
		m.remove(j.job.ID, "done")
		return
	}
	f := faults{}
	if j.faults != nil {
		f = faults{failures: j.faults.failures, lost: j.faults.lost, lostAt: j.faults.lostAt}
	}
	f.run, f.errors = st.d.Run(), st.d.Errors
	j.faults = &f
	m.unlock(j.job.ID, "done")
	m.end(j.job.ID, "done", m.now+j.job.Retain.Milliseconds())
	m.kept++
}

// fail notes how an attempt ended: the errors that the delivery brought, and one more for a failure.
func (m *model) fail(j *modelJob, d *Delivery, failed bool, reason Reason) {
	f := faults{reason: reason, errors: d.Errors}
	if j.faults != nil {
		f.failures, f.lost, f.lostAt = j.faults.failures, j.faults.lost, j.faults.lostAt
	}
	if failed {
		f.failures++
		f.errors = append([]Failure{{Run: d.Run()}}, f.errors...)
	}
	f.errors = f.errors[:min(maxFailures, len(f.errors))]
	j.faults = &f
}

func (m *model) extend(all []*Delivery, lease time.Duration) []error {
	answers := make([]error, len(all))
	seen := map[string]bool{}
	for i, d := range all {
		j := m.jobs[d.ID]
		if j == nil || j.at != "leased" || j.token != d.Token || seen[d.ID] {
			answers[i] = ErrLeaseLost
			continue
		}
		if j.cancelled {
			answers[i] = ErrCancelled
		}
		j.score, seen[d.ID] = m.now+lease.Milliseconds(), true
		m.count("extend", 1)
	}
	return answers
}

func (m *model) cancel(ids []string) []error {
	answers := make([]error, len(ids))
	for i, id := range ids {
		switch j := m.jobs[id]; {
		case j == nil:
			answers[i] = ErrNotFound
		case j.at == "leased":
			answers[i], j.cancelled = ErrRunning, true
		case j.at == "done":
			answers[i] = ErrEnded
		default:
			m.remove(id, "gone")
			m.count("cancel", 1)
		}
	}
	return answers
}

func (m *model) reschedule(ids []string, delay time.Duration) []error {
	answers := make([]error, len(ids))
	delayed, retry := m.head("delayed"), m.head("retry")
	// All are judged before the first is moved: a job may be named twice.
	for i, id := range ids {
		switch j := m.jobs[id]; {
		case j == nil:
			answers[i] = ErrNotFound
		case j.at == "leased":
			answers[i] = ErrRunning
		case j.at == "dead" || j.at == "done":
			answers[i] = ErrEnded
		case j.at == "ready" || j.score <= m.now:
			answers[i] = ErrAlreadyDue
		}
	}
	for i, id := range ids {
		if answers[i] == nil {
			m.wait(id, m.jobs[id].at, m.later(delay))
			m.count("reschedule", 1)
		}
	}
	if m.head("delayed") < delayed || m.head("retry") < retry {
		m.signal("tick")
	}
	return answers
}

func (m *model) requeue(ids []string) []error {
	answers := make([]error, len(ids))
	var back []string
	for i, id := range ids {
		switch j := m.jobs[id]; {
		case j == nil:
			answers[i] = ErrNotFound
		case j.at != "dead" && j.at != "done" || slices.Contains(back, id):
			answers[i] = ErrNotEnded
		default:
			j.faults = nil
			back = append(back, id)
		}
	}
	m.push(false, back, m.since)
	m.count("requeue", len(back))
	return answers
}

// purge removes jobs; the locks and marks that went with it are what the shard no longer has, because
// the order of a hash is Redis's own: see lapsed.
func (m *model) purge(cfg PurgeConfig, left *keyspace) (p Purged, unjust []string) {
	p.Dead = m.purgeSet("dead", cfg.DeadAge >= 0, m.now-cfg.DeadAge.Milliseconds(), cfg.DeadKeep, cfg.Limit)
	p.Done = m.purgeSet("done", true, m.now, cfg.DoneKeep, cfg.Limit)
	m.count("purge_dead", p.Dead)
	m.count("purge_done", p.Done)
	for key, l := range m.locks {
		if _, ok := left.hash["unique"]["key:"+key]; !ok {
			delete(m.locks, key)
			p.Locks++
			if l.until == 0 || l.until > m.now {
				unjust = append(unjust, "lock "+key+" until "+strconv.FormatInt(l.until, 10))
			}
		}
	}
	for mark, until := range m.marks {
		if _, ok := left.hash["marks"][mark]; !ok {
			delete(m.marks, mark)
			p.Marks++
			if until > m.now {
				unjust = append(unjust, "mark "+mark)
			}
		}
	}
	return p, unjust
}

func (m *model) purgeSet(set string, aged bool, last int64, keep, limit int) int {
	ids := m.members(set)
	n := 0
	for aged && n < len(ids) && m.jobs[ids[n]].score <= last {
		n++
	}
	if keep >= 0 {
		n = max(n, len(ids)-keep)
	}
	n = min(n, limit)
	for _, id := range ids[:n] {
		m.remove(id, "gone")
	}
	return n
}

package queue

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"time"
)

// begin is extend for one whose handler starts.
func (m *model) begin(d *Delivery, lease time.Duration) error {
	answer := m.extend([]*Delivery{d}, lease)[0]
	if j := m.jobs[d.ID]; !errors.Is(answer, ErrLeaseLost) && j.faults != nil && j.faults.lost > 0 {
		f := *j.faults
		f.begun = d.token
		j.faults = &f
	}
	return answer
}

// blamed says whether one more lost lease is held against a job.
func (m *model) blamed(j *modelJob, most int) bool {
	f := faults{}
	if j.faults != nil {
		f = *j.faults
	}
	return f.lost+1 >= most && (f.lost < suspectAfter || f.begun == strconv.FormatInt(j.token, 10) || f.lost+1 >= 10*most)
}

func (m *model) reap(cfg ReapConfig) Reaping {
	cfg = cfg.withDefaults()
	r := Reaping{Next: -time.Millisecond}
	if m.head("leased") == math.MaxInt64 {
		return r // not even the time is noted: nothing is there to be judged by it
	}
	if m.head("leased") <= m.now && m.now >= m.grace && m.now-m.reaped > cfg.Stall.Milliseconds() {
		m.grace, m.spared = m.now+cfg.Grace.Milliseconds(), m.reaped
	}
	m.grace = min(m.grace, m.now+cfg.Grace.Milliseconds())
	m.reapedEver, m.reaped = true, m.now
	lapsed := slices.DeleteFunc(m.members("leased"), func(id string) bool {
		score := m.jobs[id].score
		return score > m.now || m.now < m.grace && score > m.spared
	})
	var back, buried, ended []string
	for _, id := range lapsed[:min(len(lapsed), cfg.Limit)] {
		j := m.jobs[id]
		if j.cancelled {
			ended = append(ended, id)
			continue
		}
		to := &back
		if m.blamed(j, cfg.MaxLost) {
			to = &buried
		}
		m.lose(j)
		*to = append(*to, id)
	}
	m.push(false, back, m.since)
	for _, id := range buried {
		m.jobs[id].faults.reason = ReasonCrashLoop
		m.unlock(id, "done")
		m.end(id, "dead", m.now)
	}
	for _, id := range ended {
		m.remove(id, "gone")
	}
	m.count("reap", len(back))
	m.count("bury", len(buried))
	m.count("cancel", len(ended))
	r.Readied, r.Buried, r.Next = len(back), len(buried), -1
	if head := m.head("leased"); head != math.MaxInt64 {
		if head > m.spared {
			head = max(head, m.grace)
		}
		r.Next = untilNext(head, m.now)
	}
	return r
}

// lose counts a worker that was lost with a job.
func (m *model) lose(j *modelJob) {
	f := faults{}
	if j.faults != nil {
		f.failures, f.lost, f.errors, f.lostAt = j.faults.failures, j.faults.lost, j.faults.errors, j.faults.lostAt
	}
	f.lost++
	f.lostAt = append([]time.Time{time.UnixMilli(m.now)}, f.lostAt[:min(len(f.lostAt), maxFailures-1)]...)
	j.faults = &f
}

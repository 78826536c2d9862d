package queue

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"pgregory.net/rapid"
)

// Few ids and keys, so that jobs meet; few times, so that they tie.
var (
	chosenIDs  = rapid.SampledFrom([]string{"a", "b", "c", "d", "e"})
	someDelays = rapid.SampledFrom([]time.Duration{0, time.Millisecond, 1500 * time.Microsecond, time.Second, 30 * time.Second, time.Minute, time.Hour})
	someLeases = rapid.SampledFrom([]time.Duration{time.Second, 5 * time.Second, 30 * time.Second})
	someLimits = rapid.SampledFrom([]int{1, 2, 5, maxBatch})
)

// job draws a job with an ID, whose Retain is spelled out so that the model need not know the default.
func (m *machine) job(t *rapid.T) Job {
	j := Job{
		Queue: m.queue, ID: chosenIDs.Draw(t, "id"), Kind: rapid.SampledFrom([]string{"sms", "call"}).Draw(t, "kind"),
		Payload:  []byte(rapid.SampledFrom([]string{"x", ""}).Draw(t, "payload")),
		Priority: rapid.SampledFrom([]Priority{Normal, Normal, High, Low}).Draw(t, "priority"),
		IfExists: rapid.SampledFrom([]IfExists{Keep, Replace}).Draw(t, "exists"),
		Retain:   rapid.SampledFrom([]time.Duration{-1, time.Minute, time.Hour}).Draw(t, "retain"),
	}
	if rapid.Bool().Draw(t, "generated") {
		j.ID, j.IfExists = newID(), Keep
	}
	switch rapid.IntRange(0, 2).Draw(t, "when") {
	case 1:
		j.Delay = someDelays.Draw(t, "delay")
	case 2:
		j.Due = m.now.Add(rapid.SampledFrom([]time.Duration{-time.Hour, 0, 1, time.Minute}).Draw(t, "due"))
	}
	if key := rapid.SampledFrom([]string{"", "", "k", "l"}).Draw(t, "key"); key != "" {
		j.Unique = Unique{Key: key, Scope: rapid.SampledFrom([]UniqueScope{UntilDone, UntilStarted, ForWindow}).Draw(t, "scope")}
		if j.Unique.Scope == ForWindow {
			j.Unique.Window = rapid.SampledFrom([]time.Duration{time.Second, time.Hour}).Draw(t, "window")
		}
	}
	if rapid.IntRange(0, 3).Draw(t, "rich") == 0 {
		j.MaxAttempts, j.Backoff = 3, []time.Duration{0, time.Minute}
		j.Tags, j.Headers = []string{"t"}, map[string]string{"h": "v", "w": ""}
		j.Expires, j.OnExpiry = m.now.Add(time.Hour), DropExpired
	}
	return j
}

// asKept is the job as its record says it: times are in whole ms.
func asKept(j Job) Job {
	if j.Due.After(j.Due.Truncate(time.Millisecond)) {
		j.Due = j.Due.Truncate(time.Millisecond).Add(time.Millisecond)
	}
	return j
}

func (m *machine) enqueue(t *rapid.T) {
	job := m.job(t)
	m.do(t, step{
		name: fmt.Sprintf("enqueue %+v", job), repeats: job.IfExists == Keep && m.admits(job),
		call: func(*rapid.T) string {
			_, err := m.Enqueue(context.Background(), job)
			return verdicts(err)
		},
		want: func(*rapid.T) string { return verdicts(m.model.enqueue([]Job{asKept(job)})...) },
	})
}

func (m *machine) enqueueBatch(t *rapid.T) {
	batch := make([]Job, rapid.IntRange(1, 5).Draw(t, "jobs"))
	kept, repeats := make([]Job, len(batch)), true
	for i := range batch {
		batch[i] = m.job(t)
		kept[i] = asKept(batch[i])
		repeats = repeats && batch[i].IfExists == Keep
	}
	m.do(t, step{
		name: fmt.Sprintf("enqueue %+v", batch), repeats: repeats && m.admits(batch...),
		call: func(t *rapid.T) string {
			results, err := m.EnqueueMany(context.Background(), batch)
			all := make([]error, len(results))
			for i, r := range results {
				all[i] = r.Err
			}
			if (err == nil) != (errors.Join(all...) == nil) {
				t.Fatalf("results %v, but %v", all, err)
			}
			return verdicts(all...)
		},
		want: func(*rapid.T) string { return verdicts(m.model.enqueue(kept)...) },
	})
}

// admits says that the queue refuses none of the jobs for a reason that can pass, such as a length or a
// lock, so that the same call is idempotent.
func (m *machine) admits(jobs ...Job) bool {
	free := m.model.maxLen == 0 && !m.model.closed
	for _, j := range jobs {
		free = free && j.Unique.Key == ""
	}
	return free
}

func (m *machine) promote(t *rapid.T)    { m.promoteUpTo(t, someLimits.Draw(t, "limit")) }
func (m *machine) promoteAll(t *rapid.T) { m.promoteUpTo(t, maxBatch) }

func (m *machine) promoteUpTo(t *rapid.T, limit int) {
	m.do(t, step{
		name: fmt.Sprint("promote ", limit),
		call: func(t *rapid.T) string {
			p, err := m.b.Promote(context.Background(), m.queue, limit)
			if err != nil {
				t.Fatal(err)
			}
			return fmt.Sprint(p.Moved, " ", shown(p.Next))
		},
		want: func(*rapid.T) string {
			p := m.model.promote(limit)
			return fmt.Sprint(p.Moved, " ", shown(p.Next))
		},
	})
}

func shown(next time.Duration) string {
	if next < 0 {
		return "none"
	}
	return next.String()
}

func (m *machine) lease(t *rapid.T)    { m.leaseUpTo(t, someLimits.Draw(t, "limit")) }
func (m *machine) leaseAll(t *rapid.T) { m.leaseUpTo(t, maxBatch) }

func (m *machine) leaseUpTo(t *rapid.T, n int) {
	lease := someLeases.Draw(t, "lease")
	m.do(t, step{
		name: fmt.Sprint("lease ", n, " for ", lease),
		call: func(t *rapid.T) string {
			got, more, err := m.b.Lease(context.Background(), m.queue, n, lease)
			m.deliveries = append(m.deliveries, got...)
			m.deliveries = m.deliveries[max(0, len(m.deliveries)-10):]
			out := []string{verdicts(err), fmt.Sprint(more)}
			for _, d := range got {
				if d.Token <= m.lastToken {
					t.Fatalf("token %d after %d", d.Token, m.lastToken)
				}
				m.lastToken = d.Token
				out = append(out, fmt.Sprint(leasedJob{
					d.ID, d.Token, d.Failures, d.LostLeases, len(d.Errors), d.Attempt,
					d.Due.UnixMilli(), d.Ready.UnixMilli(), d.LeasedAt.UnixMilli(), d.Deadline.UnixMilli(),
				}))
			}
			return strings.Join(out, " | ")
		},
		want: func(*rapid.T) string {
			jobs, more, err := m.model.lease(n, lease)
			out := []string{verdicts(err), fmt.Sprint(more)}
			for _, j := range jobs {
				out = append(out, fmt.Sprint(j))
			}
			return strings.Join(out, " | ")
		},
	})
}

// needsLease has rapid draw another action while nothing was leased: its Skip ends no test.
func (m *machine) needsLease(t *rapid.T) {
	if len(m.deliveries) == 0 {
		t.Skip("nothing was leased yet")
	}
}

// settlement draws how to settle one of the deliveries handed out.
func (m *machine) settlement(t *rapid.T) settlement {
	m.needsLease(t)
	st := settlement{
		d: rapid.SampledFrom(m.deliveries).Draw(t, "delivery"), delay: someDelays.Draw(t, "delay"),
		reason: ReasonExpired, failed: rapid.Bool().Draw(t, "failed"),
	}
	if st.failed {
		st.reason = ReasonRejected
	} else if rapid.Bool().Draw(t, "drop") {
		st.reason = reasonDropped
	}
	if rapid.Bool().Draw(t, "mark") {
		st.mark, st.keep = fmt.Sprint("mark ", rapid.IntRange(1, 2).Draw(t, "number")), time.Minute
	}
	return st
}

var settleVerbs = rapid.SampledFrom([]string{"ack", "retry", "snooze", "release", "bury"})

var errTest = errors.New("the handler failed")

func (m *machine) settle(t *rapid.T) {
	st, verb := m.settlement(t), settleVerbs.Draw(t, "verb")
	m.do(t, step{
		name: fmt.Sprint(verb, " ", st.d.ID, " token ", st.d.Token), repeats: true,
		call: func(*rapid.T) string { return verdicts(m.carryOut(verb, st)) },
		want: func(*rapid.T) string { return verdicts(m.model.settle(verb, []settlement{st})...) },
	})
}

func (m *machine) carryOut(verb string, st settlement) error {
	ctx, d := context.Background(), *st.d
	switch {
	case verb == "ack":
		if st.mark != "" {
			d.Mark(st.mark, st.keep)
		}
		return m.b.Ack(ctx, &d)
	case verb == "retry":
		return m.b.Retry(ctx, &d, st.delay, errTest)
	case verb == "snooze":
		return m.b.Snooze(ctx, &d, st.delay)
	case verb == "release":
		return m.b.Release(ctx, &d)
	case st.reason == reasonDropped:
		return m.b.Drop(ctx, &d)
	default:
		return m.b.Bury(ctx, &d, st.reason, map[bool]error{true: errTest}[st.failed])
	}
}

// settleBatch settles several deliveries in one call of the script; one may be among them twice.
func (m *machine) settleBatch(t *rapid.T) {
	batch, verb := make([]settlement, rapid.IntRange(1, 5).Draw(t, "deliveries")), settleVerbs.Draw(t, "verb")
	for i := range batch {
		batch[i] = m.settlement(t)
	}
	m.do(t, step{
		name: fmt.Sprint(verb, " of ", len(batch)), repeats: true,
		call: func(*rapid.T) string {
			return verdicts(gather(m.Client, m.queue, verb, len(batch), func(i int) error { return m.carryOut(verb, batch[i]) })...)
		},
		want: func(*rapid.T) string { return verdicts(m.model.settle(verb, batch)...) },
	})
}

// gather makes n calls of a verb that go to Redis together and in their order, as calls do that come
// while another is in flight.
func gather(c *Client, queue, verb string, n int, call func(int) error) []error {
	g := groupOf(c, queue, verb)
	hold := func(is func() bool, set int) {
		for {
			g.mu.Lock()
			if is() {
				g.flying = set
				g.mu.Unlock()
				return
			}
			g.mu.Unlock()
			runtime.Gosched()
		}
	}
	hold(func() bool { return g.flying == 0 }, g.flights)
	var wg sync.WaitGroup
	out := make([]error, n)
	for i := range n {
		wg.Go(func() { out[i] = call(i) })
		hold(func() bool { return len(g.waiting) == i+1 }, g.flights)
	}
	hold(func() bool { return true }, 1)
	g.fly()
	wg.Wait()
	return out
}

func (m *machine) extend(t *rapid.T) {
	m.needsLease(t)
	all, lease := rapid.SliceOfN(rapid.SampledFrom(m.deliveries), 1, 5).Draw(t, "deliveries"), someLeases.Draw(t, "lease")
	m.do(t, step{
		name: fmt.Sprint("extend ", len(all), " for ", lease),
		call: func(t *rapid.T) string {
			got, err := m.b.Extend(context.Background(), all, lease)
			if err != nil {
				t.Fatal(err)
			}
			return verdicts(got...)
		},
		want: func(*rapid.T) string { return verdicts(m.model.extend(all, lease)...) },
	})
}

func (m *machine) begin(t *rapid.T) {
	m.needsLease(t)
	d, lease := rapid.SampledFrom(m.deliveries).Draw(t, "delivery"), someLeases.Draw(t, "lease")
	m.do(t, step{
		name: fmt.Sprint("begin ", d.ID, " for ", lease),
		call: func(*rapid.T) string { return verdicts(m.b.Begin(context.Background(), d, lease)) },
		want: func(*rapid.T) string { return verdicts(m.model.begin(d, lease)) },
	})
}

// ids draws ids to act on: of jobs that are there, and of some that are not.
func (m *machine) ids(t *rapid.T) []string {
	var there []string
	for id := range m.model.jobs {
		there = append(there, id)
	}
	slices.Sort(there)
	return rapid.SliceOfN(rapid.SampledFrom(append(there, "a", "nobody")), 1, 4).Draw(t, "ids")
}

package dashboard

import (
	"errors"
	"html"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dueq-io/dueq/dashboard/access"
	"github.com/dueq-io/dueq/queue"
)

// sampleJobs are a job of each state at noon.
func sampleJobs() []queue.JobInfo {
	at := func(d time.Duration) time.Time { return noon.Add(d) }
	job := func(id string, s queue.State, d time.Duration) queue.JobInfo {
		return queue.JobInfo{
			Job:   queue.Job{Queue: "callbacks", Kind: "http.callback", ID: id, Payload: []byte(`{"url":"https://acme.example/cb"}`), Retain: time.Minute},
			State: s, At: at(d), Created: at(-time.Hour),
		}
	}
	retrying := job("01J9ZQ7QK5XW8Y0000000RETRY", queue.Retrying, 3*time.Minute)
	retrying.MaxAttempts, retrying.Failures, retrying.LostLeases, retrying.Priority = 8, 7, 1, queue.High
	retrying.Backoff = []time.Duration{time.Second, time.Minute}
	retrying.Tags, retrying.Headers = []string{"acme", "eu"}, map[string]string{"traceparent": "00-4bf9", "x-tenant": "acme"}
	retrying.Unique = queue.Unique{Key: "order:88123", Scope: queue.ForWindow, Window: time.Hour}
	retrying.Expires, retrying.OnExpiry = at(24*time.Hour), queue.DropExpired
	retrying.Errors = []queue.Failure{
		{At: at(-time.Minute), Attempt: 7, Error: "HTTP 503: upstream overloaded\ngoroutine 7 [running]:\nmain.call()\n\t/app/main.go:7", Run: queue.Run{Due: at(-80 * time.Second), Ready: at(-80*time.Second + 4*time.Millisecond), Started: at(-70 * time.Second)}},
		{At: at(-5 * time.Minute), Attempt: 6, Error: "timeout after 10s"},
	}
	retrying.LostAt = []time.Time{at(-30 * time.Minute)}
	dead := job("dead", queue.Dead, -10*time.Minute)
	dead.Reason, dead.Failures, dead.Errors = queue.ReasonRejected, 1, []queue.Failure{{At: at(-10 * time.Minute), Attempt: 1, Error: "no such order 7"}}
	running := job("running", queue.Leased, 20*time.Second)
	running.Token, running.Cancelled = 4711, true
	damaged := job("damaged", queue.Dead, -time.Hour)
	damaged.Err, damaged.Reason, damaged.Payload, damaged.Kind = errors.New("x"), queue.ReasonDamaged, []byte{0, 1, 2, 0xff}, ""
	ready, done := job("ready", queue.Ready, -3*time.Second), job("done", queue.Done, 30*time.Second)
	done.Payload = []byte{0, 1}
	return []queue.JobInfo{
		retrying, dead, running, damaged, ready, job("delayed", queue.Delayed, 26*time.Hour), done,
	}
}

// listOf is a list of jobs as a page shows it.
func listOf(v *view, jobs []queue.JobInfo, f jobFilter) jobList {
	l := jobList{Several: f.Queue == "", Scanned: 2000, Picky: true, Next: "/dueq/jobs?cursor=x", First: "/dueq/jobs", Fields: f.pairs(), Back: "/dueq/jobs"}
	for i := range jobs {
		l.Rows = append(l.Rows, newJobRow(&jobs[i], v.now))
	}
	l.Acts, l.All = choicesFor(&f)
	return l
}

// jobPages are the pages of jobs, each with its data.
func jobPages(v *view, jobs []queue.JobInfo) map[string]struct {
	page string
	data any
} {
	f := jobFilter{Queue: jobs[0].Queue, State: queue.Dead, Kind: jobs[0].Kind, From: noon.Add(-time.Hour), Bound: noon}
	list := newJobsPage(v, &f, []phrase{say("The range ends before it begins.")})
	list.List = listOf(v, jobs, jobFilter{})
	groups := groupsOf(jobs, v.now)
	ask := &actPage{
		Title: say("Delete %s?").of(formatJobs(3118)), Act: &actInfoView{actDelete, say("Delete")}, To: "act", Filter: f.pairs(), Bound: newMoment(noon, noon),
		Fields: f.pairs(), Some: []jobRef{{jobs[0].Queue, jobs[0].ID}}, More: true, Word: jobs[0].Queue, Final: true, Back: "/dueq/jobs",
		Wrong: say("What was typed is not %s.", jobs[0].Queue),
	}
	entry := queue.JournalEntry{
		Time: noon.Add(-time.Minute), User: jobs[0].Queue, Role: "operator", IP: jobs[0].Kind, Action: "requeue", Queue: jobs[0].Queue,
		Filter: jobs[0].Kind, Bound: jobs[0].Kind, Count: 3, Reason: jobs[0].Kind, Result: jobs[0].Kind,
	}
	return map[string]struct {
		page string
		data any
	}{
		"jobs":     {"jobs", list},
		"job":      {"job", newJobPage(v, &jobs[0], hiddenPayload(formOf(jobs[0].Payload), jobs[0].Payload))},
		"revealed": {"job", newJobPage(v, &jobs[3], wholePayload(jobs[3].Payload))},
		"queue": {"queue", &queuePage{
			Name: jobs[0].Queue, State: queue.Dead, List: listOf(v, jobs, jobFilter{Queue: jobs[0].Queue, State: queue.Dead}), Acts: true, Closed: true, MaxLen: 7, Back: "/dueq/queue", MoreLink: "jobs?state=dead",
		}},
		"recent": {"queue", &queuePage{
			Name: jobs[0].Queue, State: tabRecent, List: newRecentList(v, &queue.Recent{Jobs: jobs, Scanned: 2000, Total: 61_234, Cut: true}), Back: "/dueq/queue",
		}},
		"errors":  {"errors", &errorsPage{Rows: groups, Sampled: 6, All: 900, Some: true, More: 2, Queue: jobs[0].Queue, Queues: []string{jobs[0].Queue, "sms"}}},
		"act":     {"act", ask},
		"journal": {"journal", &journalPage{Rows: []journalRow{{entry, newMoment(entry.Time, noon), deedWord(entry.Action)}, {entry, nil, deedWord(jobs[0].Kind)}}, Next: "journal?before=1-1"}},
		"problem": {"problem", problemOf(queue.ErrNotFound)},
	}
}

func TestGoldenJobPages(t *testing.T) {
	t.Parallel()
	d := fake(t, Config{BasePath: "/dueq"}, nil)
	for _, tongue := range d.tongues.all {
		v := viewOf(d, degradedFrame(), noon)
		v.tongue, v.query = tongue, url.Values{"name": {"callbacks"}, "state": {"dead"}}
		for name, p := range jobPages(v, sampleJobs()) {
			page, err := d.pages[p.page].whole(d, v, p.data)
			if err != nil {
				t.Fatal(err)
			}
			if name != "job" && tongue != english {
				continue // one page in each language is enough to read
			}
			golden(t, name+strings.TrimPrefix("-"+tongue.Tag, "-en")+".html", page)
		}
		p := d.pages["queues"]
		v.query = url.Values{"sort": {"ready"}}
		page, err := p.whole(d, v, queuesPage{})
		if err != nil {
			t.Fatal(err)
		}
		if tongue == english {
			golden(t, "queues.html", page)
		}
	}
}

// TestHostileJobsAreText: whatever producers and handlers have written, pages of jobs have the elements of
// those of harmless ones, and no link leads elsewhere.
func TestHostileJobsAreText(t *testing.T) {
	t.Parallel()
	d := fake(t, Config{BasePath: "/dueq"}, nil)
	v := viewOf(d, degradedFrame(), noon)
	v.id.Role = access.Admin
	v.query = url.Values{"name": {"callbacks"}, "state": {"dead"}}
	calm := map[string][]string{}
	for name, p := range jobPages(v, sampleJobs()) {
		page, err := d.pages[p.page].whole(d, v, p.data)
		if err != nil {
			t.Fatal(err)
		}
		calm[name] = elements(string(page))
	}
	for _, text := range hostile {
		jobs := sampleJobs()
		for i := range jobs {
			j := &jobs[i]
			j.Queue, j.Kind, j.ID, j.Payload, j.Tags, j.Headers = text, text, text, []byte(text), []string{text}, map[string]string{text: text}
			j.Unique.Key, j.Reason = text, queue.Reason(text)
			for n := range j.Errors {
				j.Errors[n].Error = text + "\n" + text
			}
		}
		for name, p := range jobPages(v, jobs) {
			page, err := d.pages[p.page].whole(d, v, p.data)
			if err != nil {
				t.Fatal(err)
			}
			got := slices.DeleteFunc(elements(string(page)), func(tag string) bool { return slices.Contains(calm[name], tag) })
			if len(got) > 0 {
				t.Errorf("%s with %q: elements %q", name, text, got)
			}
			for _, m := range link.FindAllStringSubmatch(string(page), -1) {
				if !strings.HasPrefix(m[1], "/dueq/") && !strings.HasPrefix(m[1], "#") {
					t.Errorf("%s with %q: link to %q", name, text, m[1])
				}
			}
			if name == "job" && strings.Count(string(page), html.EscapeString(text)) == 0 && !strings.ContainsAny(text, "\r\n\x00+") {
				t.Errorf("%s does not show %q", name, text)
			}
		}
	}
}

package dashboard

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dueq-io/dueq/dashboard/access"
	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

// crewFrame is a frame with a fleet, in which every name is the one given.
func crewFrame(name string) *frame {
	process := func(id string, beat time.Duration) queue.Process {
		return queue.Process{ID: id, Name: name, Host: name, PID: 7, Version: name, Started: noon.Add(-time.Hour), Beat: noon.Add(-beat), Every: time.Second}
	}
	worker := func(id string, state queue.WorkerState, beat time.Duration, queues ...string) queue.WorkerInfo {
		w := queue.WorkerInfo{Process: process(id, beat), ID: id, Name: name}
		w.State, w.Concurrency, w.Busy, w.Queues, w.Counts = state, 20, 1, map[string]int{}, map[string]int64{"done": 7}
		for _, q := range queues {
			w.Queues[q] = 2
			w.Running = append(w.Running, queue.RunningJob{ID: name, Queue: q, Kind: name, Attempt: 2, Since: noon.Add(-time.Minute)})
		}
		return w
	}
	f := busyFrame()
	f.fleet = queue.Fleet{
		Now: noon,
		Workers: []queue.WorkerInfo{
			worker("w/1", queue.WorkerRunning, time.Second, "sms", name), worker("w/2", queue.WorkerQuiet, time.Second, "sms"),
			worker("w/3", queue.WorkerRunning, 8*time.Second, "callbacks"),
		},
		Producers: []queue.ProducerInfo{{
			Process: process("p", 0), Enqueued: 70, Rejected: 3,
			Queues: []queue.Produced{{Queue: "sms", Enqueued: 60, Rejected: 1, Last: noon}, {Queue: name, Enqueued: 10, Rejected: 2, Last: noon}},
		}},
		Schedulers: []queue.SchedulerInfo{{Process: process("s", 0), SchedulerReport: queue.SchedulerReport{Queues: []string{"sms"}, Counts: map[string]int64{"promoted": 9}}}},
	}
	f.gone = []queue.WorkerInfo{worker("w/0", queue.WorkerRunning, time.Minute, "callbacks")}
	f.servers = []queue.ServerInfo{{
		Addr: name, Version: name, Mode: name, Role: name, Policy: name, Used: 9, Limit: 10, Slots: []string{name},
		Replicas: []queue.ReplicaInfo{{Addr: name, State: name}},
	}}
	f.errors = []failure{{group: group{ID: "g", Kind: name, Message: name}, queue: "sms", dead: 2, retrying: 1, last: noon, job: "job?id=1"}}
	f.join()
	return f
}

func TestGoldenNumberPages(t *testing.T) {
	t.Parallel()
	d := fake(t, Config{BasePath: "/dueq", Access: access.Config{Anonymous: access.Admin}}, nil)
	for _, name := range []string{"schedule", "workers", "producers", "charts", "redis"} {
		v := viewOf(d, crewFrame("prod-1"), noon)
		p := d.pages[name]
		var data any
		if p.data != nil {
			var err error
			if data, err = p.data(t.Context(), v); err != nil {
				t.Fatal(err)
			}
		}
		html, err := p.whole(d, v, data)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name+".html", html)
	}
}

func TestHostileFleet(t *testing.T) {
	t.Parallel()
	d := fake(t, Config{Access: access.Config{Anonymous: access.Admin}}, nil)
	for _, page := range []string{"overview", "schedule", "workers", "producers", "charts", "redis"} {
		calm := elements(string(fragmentOf(t, d, page, crewFrame("calm"))))
		for _, name := range hostile {
			fragment := string(fragmentOf(t, d, page, crewFrame(name)))
			if got := elements(fragment); strings.Join(got, " ") != strings.Join(calm, " ") {
				t.Errorf("%s: %q has elements %q, want %q", page, name, got, calm)
			}
			for _, m := range link.FindAllStringSubmatch(fragment, -1) {
				if !strings.HasPrefix(m[1], "/") && !strings.HasPrefix(m[1], "#") {
					t.Errorf("%s: %q: link to %q", page, name, m[1])
				}
			}
		}
	}
}

// TestFleetInSight: somebody who sees one queue learns nothing of others from who serves or fills them.
func TestFleetInSight(t *testing.T) {
	t.Parallel()
	f := crewFrame("secret")
	part := f.of(access.Identity{Role: access.Admin, Queues: []string{"sms"}})
	said := fmt.Sprintf("%+v %+v", part.fleet, part.gone)
	said = strings.NewReplacer("Name:secret", "", "Host:secret", "", "Version:secret", "", "ID:secret", "", "Kind:secret", "").Replace(said)
	if strings.Contains(said, "secret") || strings.Contains(said, "callbacks") {
		t.Error(said)
	}
	if len(part.fleet.Workers) != 2 || len(part.gone) != 0 || part.fleet.Producers[0].Enqueued != 60 || len(part.fleet.Schedulers) != 1 {
		t.Errorf("%+v", part.fleet)
	}
	if len(f.fleet.Workers) != 3 || len(f.fleet.Workers[0].Queues) != 2 || f.fleet.Producers[0].Enqueued != 70 {
		t.Errorf("the whole has lost something: %+v", f.fleet)
	}
	hooks := f.of(access.Identity{Role: access.Admin, Queues: []string{"callbacks"}})
	if len(hooks.topErrors(noon)) != 0 || len(f.topErrors(noon)) != 1 {
		t.Error("errors of queues out of sight")
	}
}

// TestQueriesAreClamped: no number in an address reaches Redis, and what is not there is a page that says so.
func TestQueriesAreClamped(t *testing.T) {
	t.Parallel()
	d := sampledNow(t, Config{})
	for path, want := range map[string]int{
		"/charts?queue=sms&range=1000000d":                      http.StatusOK,
		"/charts?queue=sms&range=-1":                            http.StatusOK,
		"/charts?queue=nowhere":                                 http.StatusNotFound,
		"/charts?queue=%3Cscript%3E":                            http.StatusNotFound,
		"/charts.csv":                                           http.StatusNotFound,
		"/charts.csv?queue=sms&range=9e99":                      http.StatusOK,
		"/schedule?reach=1000000d":                              http.StatusOK,
		"/schedule?queue=nowhere":                               http.StatusNotFound,
		"/api/v1/schedule?reach=x":                              http.StatusOK,
		"/api/v1/schedule?queue=nowhere":                        http.StatusNotFound,
		"/api/v1/series?queue=sms&range=x":                      http.StatusOK,
		"/api/v1/series?queue=nowhere":                          http.StatusNotFound,
		"/api/v1/series?queue=" + strings.Repeat("x", 8000):     http.StatusNotFound,
		"/schedule?queue=" + url.QueryEscape("\x00\xff\r\n<b>"): http.StatusNotFound,
	} {
		got := request(t, d, http.MethodGet, path)
		if got.status != want || strings.Contains(got.body, "<script>") {
			t.Errorf("%.60s: %d, want %d", path, got.status, want)
		}
	}
	if n := len(d.collector.wishes.active()); n > 4 {
		t.Errorf("%d wishes", n)
	}
	for i := range 100 {
		d.collector.wishes.add([]wish{{wishSeries, fmt.Sprint(i), "1h"}})
	}
	if n := len(d.collector.wishes.active()); n != maxWishes {
		t.Errorf("%d wishes at once", n)
	}
}

// TestSeriesAsTableAndCSV: the page, the JSON and the CSV have what the inspector says.
func TestSeriesAsTableAndCSV(t *testing.T) {
	t.Parallel()
	client := open(t, redistest.URL(t))
	populate(t, client)
	d := newDashboard(t, client, Config{})
	run(t, d)
	sum := func(s *queue.Series) (in, done, failed, started int64) {
		for i := range s.Buckets {
			b := &s.Buckets[i]
			in, done, failed, started = in+b.Enqueued, done+b.Done, failed+b.Failed, started+b.Lateness.Count()
		}
		return in, done, failed, started
	}
	var s queue.Series
	got := request(t, d, http.MethodGet, "/api/v1/series?queue=sms&range=15m")
	if err := json.Unmarshal([]byte(got.body), &s); err != nil || got.status != http.StatusOK {
		t.Fatalf("%d %v", got.status, err)
	}
	if in, done, failed, started := sum(&s); in != 43 || done != 4 || failed != 5 || started != 12 || s.Step != 10*time.Second {
		t.Errorf("in %d, done %d, failed %d, started %d, step %v", in, done, failed, started, s.Step)
	}
	got = request(t, d, http.MethodGet, "/charts.csv?queue=sms&range=15m")
	lines, err := csv.NewReader(strings.NewReader(got.body)).ReadAll()
	if err != nil || len(lines) != len(s.Buckets)+1 || got.header.Get("Content-Disposition") != `attachment; filename="dueq-sms.csv"` {
		t.Fatalf("%v: %d lines, %v", err, len(lines), got.header)
	}
	total := 0
	for _, line := range lines[1:] {
		n, err := strconv.Atoi(line[1])
		if err != nil {
			t.Fatal(err)
		}
		total += n
	}
	if total != 43 || lines[0][1] != "enqueued" {
		t.Errorf("%d enqueued in the CSV", total)
	}
	page := request(t, d, http.MethodGet, "/charts?queue=sms&range=15m").body
	if n := strings.Count(page, "data-at="); n != len(s.Buckets) {
		t.Errorf("%d rows in the table", n)
	}
}

// TestWorkersAreTold: who may, what of, and what the journal has of it.
func TestWorkersAreTold(t *testing.T) {
	t.Parallel()
	client := open(t, redistest.URL(t))
	d := withPeople(t, client, Config{Interval: minInterval})
	run(t, d)
	working(t, client, workerConfig("sms"), nothing)
	working(t, client, workerConfig("sms", "mail"), nothing)
	var ids map[int]string
	redistest.Eventually(t, awhile, func() bool {
		d.collector.watch()
		ids = map[int]string{}
		for _, w := range d.collector.latest.Load().fleet.Workers {
			ids[len(w.Queues)] = w.ID
		}
		return len(ids) == 2
	}, "the workers are not seen")
	tell := func(who, act, id string) answer {
		t.Helper()
		return newPerson(t, d).enter(who).post("/workers/act", "act", act, "worker", id)
	}
	tell("viewer", "quiet", ids[1]).want(t, http.StatusForbidden)
	tell("sms-operator", "quiet", ids[2]).want(t, http.StatusNotFound) // it also serves a queue out of sight
	tell("operator", "explode", ids[1]).want(t, http.StatusBadRequest)
	tell("operator", "quiet", "nobody/1").want(t, http.StatusNotFound)
	tell("operator", "quiet", "").want(t, http.StatusNotFound)
	if n := d.collector.latest.Load().tally().quiet; n != 0 {
		t.Fatalf("%d workers are quiet", n)
	}
	tell("sms-operator", "quiet", ids[1]).leads(t, "/workers")
	redistest.Eventually(t, awhile, func() bool {
		d.collector.watch()
		return d.collector.latest.Load().tally().quiet == 1
	}, "the worker is not quiet")
	page := newPerson(t, d).enter("operator").get("/workers").want(t, http.StatusOK)
	if !strings.Contains(page.body, "drained") || strings.Contains(newPerson(t, d).enter("viewer").get("/workers").body, `name="act"`) {
		t.Error("the page does not show it, or offers what a viewer may not do")
	}
	tell("operator", "stop", ids[1]).leads(t, "/workers")
	redistest.Eventually(t, awhile, func() bool {
		d.collector.watch()
		return len(d.collector.latest.Load().fleet.Workers) == 1
	}, "the worker does not stop")
	entries, err := client.Desk().Journal(t.Context(), "", 10)
	if err != nil || len(entries) < 2 || entries[0].Action != "stop worker" || entries[0].User != "operator" || entries[0].Filter != "worker "+ids[1] {
		t.Errorf("%+v, %v", entries, err)
	}
}

// Who speaks up rarely is not taken for silent before five of its own beats are missing.
func TestSilenceIsCountedInBeats(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		every, ago time.Duration
		silent     bool
	}{{time.Second, 5 * time.Second, false}, {time.Second, 5100 * time.Millisecond, true}, {30 * time.Second, 2 * time.Minute, false}, {30 * time.Second, 151 * time.Second, true}} {
		m := members{now: noon}
		if got := m.silent(&queue.Process{Beat: noon.Add(-c.ago), Every: c.every}); got != c.silent {
			t.Errorf("%v after a beat, of one each %v: silent is %v", c.ago, c.every, got)
		}
	}
}

// What a beat says of a running job is anybody's who can write to Redis: it may leave out all times, of a job that does
// not know its own either.
func TestStepsOfARunWithoutTimes(t *testing.T) {
	t.Parallel()
	j := queue.JobInfo{Job: queue.Job{Queue: "sms", ID: "x"}, State: queue.Leased, At: noon}
	if got := steps(&j, &running{Worker: "w"}, noon); len(got) != 1 {
		t.Errorf("%+v", got)
	}
	r := running{Worker: "w", Attempt: 1, Run: queue.Run{Started: noon.Add(-time.Second)}}
	if got := steps(&j, &r, noon); len(got) != 2 || got[0].Note.String() != "on w" {
		t.Errorf("%+v", got)
	}
}

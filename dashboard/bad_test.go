package dashboard

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dueq-io/dueq/dashboard/access"
	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

// TestBadInput: whatever a browser asks for that cannot be, it gets a page that says so, under a status
// that says so too, and nothing changes.
func TestBadInput(t *testing.T) {
	t.Parallel()
	client, d, p := operable(t)
	before := whole(t, client, "sms")
	long := strings.Repeat("x", longestField+1)
	for _, c := range []struct {
		path   string
		status int
		words  string
	}{
		{"/jobs?find=none", 404, "No queue has a job of the ID none"},
		{"/jobs?find=" + url.QueryEscape("a b"), 400, "That is no ID of a job"},
		{"/jobs?find=" + url.QueryEscape("<script>"), 404, "&lt;script&gt;"},
		{"/jobs?find=" + url.QueryEscape(strings.Repeat("x", 129)), 400, "That is no ID of a job"},
		{"/jobs?find=%00", 400, "That is no ID of a job"},
		{"/job?queue=sms&id=none", 404, "There is nothing under this address"},
		{"/job?queue=sms&id=", 400, "cannot be asked for"},
		{"/job?queue=sms&id=%0a", 400, "cannot be asked for"},
		{"/job?queue=none&id=x", 404, "There is nothing under this address"},
		{"/job?queue=..%2f..&id=x", 404, "There is nothing under this address"},
		{"/job", 404, "There is nothing under this address"},
		{"/queue?name=none", 404, "There is nothing under this address"},
		{"/queue?name=" + long, 404, "There is nothing under this address"},
		{"/queue?name=sms&state=lost", 400, "There is no such state."},
		{"/queue?name=sms&state=dead&cursor=none:3", 400, "That is no page of this list"},
		{"/queue?name=sms&state=dead&cursor=sms:x", 400, "cannot be asked for"},
		{"/jobs?queue=sms&state=dead&cursor=7", 400, "That is no page of this list"},
		{"/jobs?state=dead&cursor=sms:-1", 400, "cannot be asked for"},
		{"/jobs?state=dead&cursor=sms:99999999999999999999999", 400, "cannot be asked for"},
		{"/jobs?queue=sms&state=dead&cursor=sms:99999999", 200, "No such job."},
		{"/jobs?state=dead&cursor=zzz:0", 200, "No such job."},
		{"/jobs?state=lost", 400, "There is no such state."},
		{"/jobs?queue=none", 404, "There is nothing under this address"},
		{"/jobs?kind=" + long, 400, "A field has more than 256 bytes."},
		{"/jobs?state=delayed&from=yesterday", 400, "A time is written like"},
		{"/jobs?state=delayed&from=%2B275760-09-13T00:00&to=9999-12-31T00:00", 400, "A time is written like"},
		{"/jobs?state=delayed&from=0001-01-01", 400, "A time is written like"},
		{"/jobs?state=delayed&from=99999999999999999", 400, "A time is written like"},
		{"/jobs?state=delayed&from=-1", 400, "A time is written like"},
		{"/jobs?state=delayed&from=1970-01-01&to=9999-12-31", 200, "k.delayed"}, // more than a million days
		{"/jobs?state=delayed&from=2030-01-01&to=2029-01-01", 400, "The range ends before it begins."},
		{"/jobs?state=ready&from=2030-01-01", 400, "A range of times goes with the states"},
		{"/jobs?from=2030-01-01", 400, "A range of times goes with the states"},
		{"/jobs?state=dead&group=" + url.QueryEscape("<b>"), 200, "None among the jobs looked at."},
		{"/errors?queue=none", 404, "There is nothing under this address"},
		{"/operation?id=none", 404, "There is nothing under this address"},
		{"/operation?id=" + url.QueryEscape("a:b*"), 404, "There is nothing under this address"},
		{"/operation", 404, "There is nothing under this address"},
		{"/journal?before=x", 400, "cannot be asked for"},
		{"/queues?sort=none&dir=sideways&name=" + url.QueryEscape("[a"), 200, "No queue has this in its name."},
	} {
		got := p.get(c.path)
		if c.words == "No such job." {
			c.words = "such job"
		}
		if got.status != c.status || !strings.Contains(strings.ReplaceAll(got.body, "None among the jobs looked at", "such job"), strings.ReplaceAll(c.words, "None among the jobs looked at.", "such job")) {
			t.Errorf("%s: %d, want %d with %q: %s", c.path, got.status, c.status, c.words, content(got.body))
		}
		if !strings.Contains(got.body, "</html>") || strings.Contains(got.body, "<script>") {
			t.Errorf("%s: no whole page, or more than one", c.path)
		}
	}
	(&deed{t, client, d, p, before}).same("after all that was asked for")
}

// content is the inside of a page.
func content(page string) string {
	_, after, _ := strings.Cut(page, "<main")
	inside, _, _ := strings.Cut(after, "</main>")
	return inside
}

// TestBadForms: a form that is none, is for nothing, or for something that is not there, changes nothing.
func TestBadForms(t *testing.T) {
	t.Parallel()
	client, d, p := operable(t)
	before := whole(t, client, "sms")
	dead := keys(t, client, "sms", of(before, queue.Dead))
	for _, c := range []struct {
		path, form string
		status     int
		words      string
	}{
		{"/act", "", 400, "There is no such action."},
		{"/act", "act=drop&scope=jobs&job=" + url.QueryEscape(dead[0]), 400, "There is no such action."},
		{"/act", "act=delete", 400, "does not say to which jobs"},
		{"/act", "act=delete&scope=jobs", 400, "No job was selected."},
		{"/act", "act=delete&scope=jobs&job=sms", 400, "What was selected is no job."},
		{"/act", "act=requeue&scope=jobs&job=sms+a+lost+1", 400, "What was selected is no job."},
		{"/act", "act=requeue&scope=jobs&job=sms+a+dead+x", 400, "What was selected is no job."},
		{"/act", "act=requeue&scope=jobs&job=none+a+dead+1", 303, ""}, // moved on
		{"/act", "act=requeue&scope=jobs&job=a%2Fb+a+dead+1", 400, "cannot be asked for"},
		{"/act", "act=requeue&scope=jobs" + strings.Repeat("&job=sms+a+dead+1", maxPicked+1), 400, "More than 1000 jobs were selected."},
		{"/act", "act=delete&scope=filter&sure=yes&typed=sms", 400, "Choose a queue and a state."},
		{"/act", "act=delete&scope=filter&queue=sms&sure=yes&typed=sms", 400, "Choose a queue and a state."},
		{"/act", "act=delete&scope=filter&state=dead&sure=yes&typed=", 400, "Choose a queue and a state."},
		{"/act", "act=delete&scope=filter&queue=sms&state=dead&from=x&sure=yes&typed=sms", 400, "A time is written like"},
		{"/act", "act=delete&scope=filter&queue=none&state=dead&sure=yes&typed=none", 200, "There is nothing to do."},
		{"/act", "act=reschedule&scope=filter&queue=sms&state=delayed&sure=yes&when=-5m", 400, "lies in the past"},
		{"/act", "act=reschedule&scope=filter&queue=sms&state=delayed&sure=yes&when=soon", 400, "The new time is no time"},
		{"/queue/act", "", 400, "There is no such action."},
		{"/queue/act", "queue=none&do=pause", 404, "There is nothing under this address"},
		{"/queue/act", "queue=sms&do=limit&limit=many", 400, "A limit is a number"},
		{"/queue/act", "queue=sms&do=limit&limit=-1", 400, "A limit is a number"},
		{"/queue/act", "queue=sms&do=limit&limit=99999999999999999999", 400, "A limit is a number"},
		{"/job/reveal", "queue=sms&id=none&reason=x", 404, "There is nothing under this address"},
		{"/job/reveal", "queue=sms&id=" + of(before, queue.Dead)[0], 400, "Say why"},
		{"/operation/stop", "id=none", 404, "There is nothing under this address"},
		{"/act", "act=%zz", 400, "did not arrive whole"},
		{"/queue/act", "do=%zz", 400, "did not arrive whole"},
		{"/job/reveal", "id=%zz", 400, "did not arrive whole"},
		{"/act", "job=" + strings.Repeat("x", maxBody), 400, "did not arrive whole"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, c.path, strings.NewReader(c.form))
		r.Host = "localhost"
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		d.ServeHTTP(w, r)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.words) {
			t.Errorf("%s %.90s: %d, want %d with %q: %s", c.path, c.form, w.Code, c.status, c.words, content(w.Body.String()))
		}
	}
	(&deed{t, client, d, p, before}).same("afterwards")
	infos, err := client.Inspector().Queues(t.Context())
	if err != nil || len(infos) != 2 || infos[1].MaxLen != 0 || infos[1].Paused {
		t.Errorf("%+v, %v", infos, err)
	}
}

// TestCutOffForm: a body that ends before it should, because the browser went away, is no order.
func TestCutOffForm(t *testing.T) {
	t.Parallel()
	client, d, p := operable(t)
	before := whole(t, client, "sms")
	address := strings.TrimPrefix(serve(t, d), "http://")
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{"act": {"requeue"}, "scope": {"jobs"}, "job": keys(t, client, "sms", of(before, queue.Dead))}.Encode()
	_, err = fmt.Fprintf(conn, "POST /act HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", len(form)+1, form)
	if err == nil {
		err = conn.(*net.TCPConn).CloseWrite()
	}
	if err != nil {
		t.Fatal(err)
	}
	var answer bytes.Buffer
	if _, err := answer.ReadFrom(conn); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if !strings.HasPrefix(answer.String(), "HTTP/1.1 400") || !strings.Contains(answer.String(), "did not arrive whole") {
		t.Errorf("%.300s", answer.String())
	}
	(&deed{t, client, d, p, before}).same("afterwards")
}

// TestQueueGoneMeanwhile: what somebody has open is not there any more.
func TestQueueGoneMeanwhile(t *testing.T) {
	t.Parallel()
	client, rdb := open(t, redistest.URL(t)), redistest.Client(t)
	place(t, client, "sms", queue.Dead, 3)
	d := newDashboard(t, client, Config{Interval: minInterval, Access: access.Config{Anonymous: access.Admin}})
	run(t, d)
	p := newPerson(t, d)
	page := p.get("/queue?name=sms&state=dead").want(t, http.StatusOK, "k.dead")
	picked := hiddenField(page.body, "job")
	left, err := rdb.Keys(t.Context(), client.Namespace()+":*sms*").Result()
	if err == nil {
		err = rdb.Del(t.Context(), append(left, client.Namespace()+":queues")...).Err()
	}
	if err != nil {
		t.Fatal(err)
	}
	redistest.Eventually(t, time.Minute, func() bool { return p.get("/queue?name=sms").status == http.StatusNotFound })
	p.post("/queue/act", "queue", "sms", "do", "pause").want(t, http.StatusNotFound)
	got := p.post("/act", "act", "requeue", "scope", "jobs", "job", picked)
	if got.status != http.StatusSeeOther || !strings.Contains(got.header.Get("Location"), "done=0&moved=1") {
		t.Errorf("%d to %s", got.status, got.header.Get("Location"))
	}
	p.get("/").want(t, http.StatusOK)
	if again, err := rdb.Keys(t.Context(), client.Namespace()+":*sms*").Result(); err != nil || len(again) != 0 {
		t.Errorf("made anew: %v, %v", again, err)
	}
}

// TestBigPayloads: a payload of a MiB makes a page of a bounded size, whatever is in it.
func TestBigPayloads(t *testing.T) {
	t.Parallel()
	client := open(t, redistest.URL(t))
	const size = 1 << 20
	for id, payload := range map[string][]byte{
		"binary":   bytes.Repeat([]byte{0, 0xff, 0x1b, '<'}, size/4),
		"markup":   bytes.Repeat([]byte("<script>alert(1)</script>"), size/25),
		"brackets": bytes.Repeat([]byte("["), size),
		"json":     slices.Concat([]byte("["), bytes.Repeat([]byte("[],"), size/3-2), []byte("0]")),
		"line":     bytes.Repeat([]byte("x"), size),
		"half":     append(bytes.Repeat([]byte("x"), shownPayload-1), "ü"...),
	} {
		if _, err := client.Enqueue(t.Context(), queue.Job{Queue: "sms", Kind: "k", ID: id, Payload: payload, Delay: time.Hour}); err != nil {
			t.Fatal(err)
		}
	}
	d := newDashboard(t, client, Config{Interval: minInterval, Access: access.Config{Anonymous: access.Admin}})
	run(t, d)
	p := newPerson(t, d)
	for _, id := range []string{"binary", "markup", "brackets", "json", "line", "half"} {
		for _, got := range []answer{p.get("/job?queue=sms&id=" + id), p.post("/job/reveal", "queue", "sms", "id", id, "reason", "test")} {
			got.want(t, http.StatusOK, "iB")
			const most = 10 * shownPayload // each byte is an entity of five or six
			if len(got.body) > most || strings.Contains(got.body, "<script>") {
				t.Errorf("%s: a page of %d bytes", id, len(got.body))
			}
		}
	}
	if got := p.get("/jobs"); got.status != http.StatusOK || len(got.body) > 100<<10 || strings.Contains(got.body, "<script>") {
		t.Errorf("a list of %d bytes", len(got.body))
	}
	file := p.post("/job/reveal", "queue", "sms", "id", "markup", "reason", "test", "as", "file")
	if file.header.Get("Content-Type") != "text/plain; charset=utf-8" || file.header.Get("Content-Disposition") != `attachment; filename="sms-markup.txt"` || len(file.body) < size-25 {
		t.Errorf("%v, %d bytes", file.header, len(file.body))
	}
}

// TestUnknownNamesCostNothing: whoever asks for ever new names of queues fills no memory here. It runs
// alone, since it measures the memory of the process.
func TestUnknownNamesCostNothing(t *testing.T) {
	_, d, _ := operable(t)
	ask := func(n int) {
		for i := range n {
			for _, path := range []string{"/queue?name=q%d", "/job?queue=q%d&id=x", "/jobs?queue=q%d", "/operation?id=o%d"} {
				request(t, d, http.MethodGet, fmt.Sprintf(path, i))
			}
		}
	}
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	ask(50)
	before := heap()
	ask(500)
	if grown := int64(heap()) - int64(before); grown > 20<<20 {
		t.Errorf("%d KiB more", grown>>10)
	}
	if n := len(d.distant.all); n != 0 {
		t.Errorf("%d operations are remembered", n)
	}
}

// TestRedisAwayWhileLooking: pages that read Redis say that it is away, and name no host.
func TestRedisAwayWhileLooking(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client, err := queue.Config{Namespace: redistest.Prefix(t), Logger: silent, Retries: -1}.Open(t.Context(), server.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	place(t, client, "sms", queue.Dead, 3)
	d := newDashboard(t, client, Config{Access: access.Config{Anonymous: access.Admin}})
	run(t, d)
	page, err := client.Inspector().Jobs(context.Background(), "sms", queue.Query{State: queue.Dead, Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	id := page.Jobs[0].ID
	server.Stop()
	p := newPerson(t, d)
	for _, path := range []string{"/jobs", "/job?queue=sms&id=" + id, "/queue?name=sms&state=dead", "/errors", "/journal", "/jobs?find=" + id} {
		got := p.get(path).want(t, http.StatusServiceUnavailable, "Redis cannot be read")
		if strings.Contains(got.body, strings.TrimPrefix(server.URL(), "unix://")) || strings.Contains(content(got.body), "dial") {
			t.Errorf("%s names the server", path)
		}
	}
	p.post("/act", "act", "requeue", "scope", "jobs", "job", jobKey(&page.Jobs[0])).want(t, http.StatusServiceUnavailable, "Redis cannot be read")
}

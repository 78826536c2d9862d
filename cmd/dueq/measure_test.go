package main

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

func TestBench(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	r := dueq(t, "bench", "--jobs", "500", "--concurrency", "8", "--payload", "100", "--redis", server.URL()).want(t, exitOK)
	wantWords(t, r.out, "500 jobs of 100 bytes", "enqueue", "process", "both at once", "JOBS/S")
	if r.err != "" {
		t.Errorf("a pipe gets %q", r.err)
	}
	results := decode[[]benchResult](t, dueq(t, "bench", "--jobs", "300", "--payload", "0", "--json", "--redis", server.URL()))
	if len(results) != 3 || results[0].JobsPerSec <= 0 || results[0].P50MS == nil || results[1].P50MS != nil || results[2].P99MS != nil {
		t.Errorf("%+v", results)
	}
	if keys := server.Client().Keys(t.Context(), "*").Val(); len(keys) != 0 {
		t.Errorf("left %v", keys)
	}
	dueq(t, "bench", "--jobs", "200", "--redis", "memory://").want(t, exitOK)
}

func TestBenchLeavesNothingWhenInterrupted(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := server.Client()
	d := background(t, "bench", "--jobs", "1000000", "--payload", "10", "--redis", server.URL())
	redistest.Eventually(t, patience, func() bool { return client.DBSize(t.Context()).Val() > 0 })
	d.stop().want(t, exitFailed)
	if keys := client.Keys(t.Context(), "*").Val(); len(keys) != 0 {
		t.Errorf("left %v", keys)
	}
}

func TestDoctor(t *testing.T) {
	t.Parallel()
	server := redistest.StartTCP(t, "--appendonly", "yes", "--maxmemory", "100mb", "--requirepass", "p/w")
	target := "redis://:" + url.QueryEscape("p/w") + "@" + server.Addr()
	r := dueq(t, "doctor", "--redis", target).want(t, exitOK)
	wantWords(t, r.out, "redis://:xxxxx@", "standalone", "clock", "ms from this machine", "no findings")
	d := decode[diagnosis](t, dueq(t, "doctor", "--json", "--redis", target))
	if len(d.Fatal)+len(d.Warnings) != 0 || d.Mode != "standalone" || d.ClockAheadMS == nil || d.RoundTripMS == nil {
		t.Errorf("%+v", d)
	}
	r = dueq(t, "doctor", "--redis", "memory://").want(t, exitOK)
	wantWords(t, r.out, "keeps nothing")
}

func TestDoctorOfAnUnfitServer(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--maxmemory-policy", "allkeys-lru")
	r := dueq(t, "doctor", "--redis", server.URL())
	r.failed(t, "unfit: 1 fatal finding")
	wantWords(t, r.out, "fatal", "noeviction", "warning", "no AOF")
	r = dueq(t, "doctor", "--json", "--redis", server.URL())
	r.failed(t, "unfit")
	if d := decode[diagnosis](t, r); len(d.Fatal) != 1 || len(d.Warnings) == 0 {
		t.Errorf("%+v", d)
	}
}

func TestDoctorOfAUserWithoutRights(t *testing.T) {
	t.Parallel()
	server := redistest.StartTCP(t)
	if err := server.Client().Do(t.Context(), "ACL", "SETUSER", "weak", "on", ">pw", "~*", "+@all", "-zadd").Err(); err != nil {
		t.Fatal(err)
	}
	r := dueq(t, "doctor", "--redis", "redis://weak:pw@"+server.Addr()).want(t, exitFailed)
	wantWords(t, r.out, "fatal", "grant the user")
}

// Doctor names the damage that is planted and exits 1, mends it, and has nothing more to say.
func TestDoctorAudits(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.dead(p.client(), "sms", "a", "b")
	p.dead(p.client(), "mail", "c")
	rdb := redistest.Client(t)
	key := func(name string) string { return p.namespace + ":{sms}:" + name }
	if err := rdb.ZRem(t.Context(), key("dead"), "a").Err(); err != nil {
		t.Fatal(err)
	}
	if err := rdb.SRem(t.Context(), p.namespace+":queues", "sms").Err(); err != nil {
		t.Fatal(err)
	}
	r := p.dueq("doctor")
	r.failed(t, "2 findings", "--repair")
	wantWords(t, r.out, "orphan a", "queue sms: 2 jobs", "queue mail: 1 job in", "unnamed", "in order")
	r = p.dueq("doctor", "--queue", "mail").want(t, exitOK)
	if strings.Contains(r.out, "queue sms") {
		t.Errorf("not narrowed: %s", r.out)
	}
	d := decode[diagnosis](t, p.dueq("doctor", "--json", "--repair").want(t, exitOK))
	if len(d.Names) != 1 || len(d.Audits) != 2 || d.Audits[1].Found[queue.Orphan] != 1 || !d.Audits[1].Mended {
		t.Errorf("%+v", d)
	}
	if j := p.job(p.client(), "sms", "a"); j.State != queue.Ready {
		t.Errorf("it is %s", j.State)
	}
	p.dueq("doctor").want(t, exitOK)
	if err := rdb.Del(t.Context(), key("jobs")).Err(); err != nil {
		t.Fatal(err)
	}
	if err := rdb.Set(t.Context(), key("jobs"), "x", 0).Err(); err != nil {
		t.Fatal(err)
	}
	r = p.dueq("doctor", "--queue", "sms")
	r.failed(t, "1 finding")
	wantWords(t, r.out, "type", "moved away")
	p.dueq("doctor", "--queue", "not/a/queue").failed(t, "could not be audited")
}

// What could not be judged is no all-clear.
func TestDoctorOfABusyQueue(t *testing.T) {
	t.Parallel()
	d := diagnosis{Audits: []auditView{{AuditReport: queue.AuditReport{Queue: "sms", Unsettled: 2, Mended: true}}}}
	if err := d.damage(true); !errors.Is(err, errUnsettled) || !strings.Contains(err.Error(), "2 jobs") {
		t.Errorf("got %v", err)
	}
	var out buffer
	if err := d.print(&process{out: &out}, true); err != nil || strings.Contains(out.String(), "no findings") {
		t.Errorf("%v, %s", err, out.String())
	}
}

func TestWipeLeavesTheNeighbours(t *testing.T) {
	t.Parallel()
	for _, server := range []*redistest.Server{redistest.Start(t), redistest.StartCluster(t)} {
		c := server.Client()
		for _, key := range []string{"mine:{a}:jobs", "mine:{b}:jobs", "mine:queues", "mine2:{a}:jobs", "other"} {
			if err := c.Set(t.Context(), key, "x", 0).Err(); err != nil {
				t.Fatal(err)
			}
		}
		if err := wipe(t.Context(), server.URL(), "mine"); err != nil {
			t.Fatal(err)
		}
		left := c.Keys(t.Context(), "*").Val()
		slices.Sort(left)
		if !slices.Equal(left, []string{"mine2:{a}:jobs", "other"}) {
			t.Errorf("left %v", left)
		}
	}
}

func TestRawClientOfEachURL(t *testing.T) {
	t.Parallel()
	for _, target := range []string{
		"redis://localhost", "rediss://localhost", "unix:///tmp/x", "redis+cluster://u:p@a:1,b:2", "rediss+cluster://a:1",
		"redis+sentinel://u:p@a:1,b:2/master/3?sentinel_password=s",
	} {
		c, err := rawClient(target)
		if err != nil {
			t.Errorf("%s: %v", target, err)
			continue
		}
		_ = c.Close()
	}
	if _, err := rawClient("redis+sentinel://a/master/x"); err == nil {
		t.Error("a database that is no number was taken")
	}
}

func TestQuantiles(t *testing.T) {
	t.Parallel()
	samples := make([]time.Duration, 100)
	for i := range samples {
		samples[i] = time.Duration(100 - i)
	}
	if got := quantiles(samples, 0, median, ninetyNinth, 1); !slices.Equal(got, []time.Duration{1, 50, 99, 100}) {
		t.Errorf("%v", got)
	}
	if got := quantiles([]time.Duration{7}, median, ninetyNinth); !slices.Equal(got, []time.Duration{7, 7}) {
		t.Errorf("%v", got)
	}
}

func TestLatenessKeepsTheNewest(t *testing.T) {
	t.Parallel()
	var l lateness
	for range keptSamples {
		l.note(time.Hour, false)
	}
	for range keptSamples {
		l.note(time.Millisecond, false)
	}
	l.note(time.Millisecond, true)
	if s := l.summary(); s.P99 != 1 || s.Early != 1 || s.starts != keptSamples {
		t.Errorf("%+v", s)
	}
}

func TestShort(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0s", 40 * time.Microsecond: "0.0ms", 1500 * time.Microsecond: "1.5ms", 15 * time.Millisecond: "15ms",
		1500 * time.Millisecond: "1.5s", 59 * time.Second: "59s", time.Minute: "1m", 61 * time.Second: "1m1s", time.Hour: "1h",
		90 * time.Minute: "1h30m", 47 * time.Hour: "47h", 49 * time.Hour: "2d1h", 240 * time.Hour: "10d", -time.Second: "-1.0s",
	} {
		if got := short(d); got != want {
			t.Errorf("%d is %s, want %s", d, got, want)
		}
	}
}

func TestVisible(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain": "plain", "é€😀": "é€😀", "a\nb": `a\nb`, "\x1b[1m": `\x1b[1m`, "\xff": `\xff`, "\u202e": `\u202e`, "\x00": `\x00`,
		"\uFFFD": "\uFFFD", strings.Repeat("é", 30): strings.Repeat("é", 20) + "…",
	} {
		if got := visible(in, 20); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}

package main

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/dueq-io/dueq/internal/redistest"
)

func checkSummary(t *testing.T, s summary) {
	t.Helper()
	if s.Done == 0 || s.Retried == 0 || s.Dead == 0 || s.Early != 0 || s.Enqueued < s.Done+s.Dead {
		t.Errorf("%+v", s)
	}
	if s.P50 < 0 || s.P99 < s.P50 {
		t.Errorf("lateness %+v", s)
	}
}

func TestDemoInMemory(t *testing.T) {
	t.Parallel()
	began := time.Now()
	r := dueq(t, "demo", "--for", "4s", "--listen", "127.0.0.1:0").want(t, exitOK)
	if took := time.Since(began); took < 4*time.Second || took > 4*time.Second+patience {
		t.Errorf("took %v", took)
	}
	wantWords(t, r.out, "nothing is kept", "http://127.0.0.1:", "enqueued  callback-1", "retry     callback-1", "done      sms-",
		"dead      callback-2", "exhausted after 3 attempts: 500 Internal Server Error: out of order", "After 4", "early     none", "lateness")
	if strings.Contains(r.out, "\x1b") || r.err != "" {
		t.Errorf("escapes in a pipe, or errors: %q", r.err)
	}
	aligned := regexp.MustCompile(`^ *\d+\.\d\ds {2}[a-z]+ * {2}[a-z]+-\d+ +\S`)
	_, body, _ := strings.Cut(r.out, "WHAT\n")
	body, _, _ = strings.Cut(body, "\n\n")
	for line := range strings.Lines(body) {
		if !aligned.MatchString(line) || line[20:22] == "  " {
			t.Errorf("not aligned: %q", line)
		}
	}
}

func TestDemoJSON(t *testing.T) {
	t.Parallel()
	r := dueq(t, "demo", "--for", "4s", "--json", "--listen", "127.0.0.1:0").want(t, exitOK)
	checkSummary(t, decode[summary](t, r))
	keys := decode[map[string]float64](t, r)
	for _, key := range []string{"enqueued", "done", "retried", "dead", "early", "lateness_p50_ms", "lateness_p99_ms"} {
		if _, ok := keys[key]; !ok {
			t.Errorf("no %s in %s", key, r.out)
		}
	}
	if len(keys) != 7 || r.err != "" {
		t.Errorf("printed %s and %q", r.out, r.err)
	}
}

func TestDemoOnARealServerLeavesNothing(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	r := dueq(t, "demo", "--for", "4s", "--json", "--listen", "127.0.0.1:0", "--redis", server.URL()).want(t, exitOK)
	checkSummary(t, decode[summary](t, r))
	if keys := server.Client().Keys(t.Context(), "*").Val(); len(keys) != 0 {
		t.Errorf("left %v", keys)
	}
}

func TestDemoEndsWhenInterrupted(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	d := background(t, "demo", "--listen", "127.0.0.1:0", "--redis", server.URL(), "--namespace", "mine")
	redistest.Eventually(t, patience, func() bool { return strings.Contains(d.out.String(), "enqueued  callback-1") })
	r := d.stop().want(t, exitOK)
	wantWords(t, r.out, "in the namespace mine-demo-", "which is removed at the end", "waiting")
	if keys := server.Client().Keys(t.Context(), "*").Val(); len(keys) != 0 {
		t.Errorf("left %v", keys)
	}
}

func TestDemoOnACluster(t *testing.T) {
	t.Parallel()
	server := redistest.StartCluster(t)
	r := dueq(t, "demo", "--for", "4s", "--json", "--listen", "127.0.0.1:0", "--redis", server.URL()).want(t, exitOK)
	checkSummary(t, decode[summary](t, r))
	if n := server.Client().DBSize(t.Context()).Val(); n != 0 {
		t.Errorf("left %d keys", n)
	}
}

func TestDemoJobsShowAllSoon(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for number := 1; number <= 200; number++ {
		job, about := demoJob(number)
		if job.Delay < firstDelay || job.Delay > longestDelay || about == "" {
			t.Errorf("job %d is due in %v", number, job.Delay)
		}
		if job.Delay == firstDelay {
			seen[job.Queue+endpointOf(number)] = true
		}
	}
	if !seen["sms"] || !seen["callbackflaky"] || !seen["callbackbroken"] {
		t.Errorf("the first jobs are %v", seen)
	}
}

package main

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

func TestSchedulerPromotes(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	c := p.client()
	d := background(t, p.args("scheduler", "--metrics-listen", "127.0.0.1:0")...)
	base := strings.TrimSuffix(d.address(), "/metrics")
	p.dueq("enqueue", "q", "k", "--id", "x", "--delay", "50ms").want(t, exitOK)
	p.becomes(c, "x", queue.Ready)
	redistest.Eventually(t, patience, func() bool { // counted after the call that promoted
		_, text := get(t, base+"/metrics")
		return strings.Contains(text, "dueq_scheduler_promoted_total 1")
	}, "the job is not in the metrics")
	d.stop().want(t, exitOK)
}

func TestSchedulerOfSomeQueues(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	c := p.client()
	enqueueAll(t, c,
		queue.Job{Queue: "q", Kind: "k", ID: "x", Delay: time.Millisecond}, queue.Job{Queue: "other", Kind: "k", ID: "x", Delay: time.Millisecond},
	)
	d := background(t, p.args("scheduler", "--queue", "q")...)
	p.becomes(c, "x", queue.Ready)
	d.stop().want(t, exitOK)
	if j := p.job(c, "other", "x"); j.State != queue.Delayed {
		t.Errorf("%s", j.State)
	}
}

func TestDashboardServes(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	enqueueAll(t, p.client(), queue.Job{Queue: "sms", Kind: "k"})
	d := background(t, p.args("dashboard", "--listen", "127.0.0.1:0")...)
	base := strings.TrimSuffix(d.address(), "/")
	redistest.Eventually(t, patience, func() bool {
		_, text := get(t, base+"/api/v1/queues")
		return strings.Contains(text, `"sms"`)
	})
	for _, path := range []string{"/", "/metrics", "/healthz"} {
		if code, _ := get(t, base+path); code != http.StatusOK {
			t.Errorf("%s: %d", path, code)
		}
	}
	d.stop().want(t, exitOK)
}

// TestDashboardStopsWithAStreamOpen: a browser that watches must not hold the process.
func TestDashboardStopsWithAStreamOpen(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	d := background(t, p.args("dashboard", "--listen", "127.0.0.1:0")...)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.address()+"events/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status)
	}
	if _, err := resp.Body.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	d.stop().want(t, exitOK)
}

func TestDashboardForOthersOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	d := background(t, p.args("dashboard", "--listen", "0.0.0.0:0", "--insecure-no-auth", "--host", "dueq.example", "--base-path", "/ops")...)
	_, port, err := net.SplitHostPort(strings.TrimSuffix(strings.TrimPrefix(d.address(), "http://"), "/ops/"))
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]int{"dueq.example": http.StatusOK, "evil.example": http.StatusForbidden} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:"+port+"/ops/", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %s", host, resp.Status)
		}
	}
	d.stop().want(t, exitOK)
}

func TestTakenPortIsAnError(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	l := taken(t)
	for _, line := range []string{"dashboard --listen", "demo --listen", "worker --queue q --exec true --metrics-listen", "scheduler --metrics-listen"} {
		r := dueq(t, p.args(append(strings.Fields(line), l.Addr().String())...)...).want(t, exitFailed)
		wantWords(t, r.err, "address already in use")
	}
}

func taken(t *testing.T) net.Listener {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func TestListenGoesOnToTheNextPort(t *testing.T) {
	t.Parallel()
	first := taken(t)
	l, err := listen(t.Context(), first.Addr().String(), sparePorts)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if a, b := first.Addr().(*net.TCPAddr).Port, l.Addr().(*net.TCPAddr).Port; b <= a || b > a+sparePorts {
		t.Errorf("port %d after %d", b, a)
	}
	o := demoOptions{listen: first.Addr().String(), moved: true}
	if text := o.pageText(l); !strings.HasSuffix(text, "/, as "+o.listen+" is taken") {
		t.Errorf("%s", text)
	}
}

// child runs the command in a process of its own, as a shell does.
func child(t *testing.T, args ...string) (*exec.Cmd, *daemon) {
	t.Helper()
	d := &daemon{t: t, ended: make(chan int, 1)}
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), asCommand+"=1")
	cmd.Stdout, cmd.Stderr = &d.out, &d.err
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = cmd.Wait()
		d.ended <- cmd.ProcessState.ExitCode()
	}()
	return cmd, d
}

func TestSignals(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	c := p.client()
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		name := strings.ReplaceAll(sig.String(), " ", "-")
		file := filepath.Join(t.TempDir(), "pids")
		enqueueAll(t, c, queue.Job{Queue: name, Kind: "k", ID: "x"})
		cmd, d := child(t, p.args("worker", "--queue", name, "--exec", family(file), "--grace", "1h")...)
		pids := members(t, file)
		for _, words := range []string{"stopping", ""} {
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			d.says(words)
		}
		d.wait().want(t, exitOK)
		gone(t, pids)
		if j := p.job(c, name, "x"); j.State != queue.Ready || j.Failures != 0 {
			t.Errorf("%v: %s with %d failures", sig, j.State, j.Failures)
		}
	}
}

func TestProcessSaysNothingMoreThanTheError(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]int{"queues --redis redis://127.0.0.1:1": exitFailed, "nonsense": exitUsage, "version": exitOK} {
		_, d := child(t, strings.Fields(line)...)
		r := d.wait().want(t, want)
		if lines := strings.Count(r.err, "\n"); lines != want {
			t.Errorf("%s: %d lines of errors:\n%s", line, lines, r.err)
		}
	}
}

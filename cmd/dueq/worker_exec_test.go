package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

// becomes waits until a job of the queue q is in the state.
func (p *place) becomes(c *queue.Client, id string, state queue.State) queue.JobInfo {
	p.t.Helper()
	var j queue.JobInfo
	redistest.Eventually(p.t, patience, func() bool {
		var err error
		j, err = c.Inspector().Job(p.t.Context(), "q", id)
		return err == nil && j.State == state
	}, "job %s is not %s", id, state)
	return j
}

func TestWorkerExecGivesTheJobToTheCommand(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	c := p.client()
	enqueueAll(t, c, queue.Job{
		Queue: "q", Kind: "sms.send", ID: "x", Payload: []byte("pay\x00load\n"), Retain: time.Hour, Delay: 50 * time.Millisecond,
		Headers: map[string]string{"x-tenant": "a b"},
	})
	d := background(t, p.args("worker", "--queue", "q=2", "--exec",
		`echo "$DUEQ_JOB_ID $DUEQ_JOB_QUEUE $DUEQ_JOB_KIND $DUEQ_JOB_ATTEMPT $DUEQ_JOB_HEADER_X_TENANT $DUEQ_JOB_HEADERS"; test -n "$DUEQ_JOB_TOKEN" && od -An -c`)...)
	p.becomes(c, "x", queue.Done)
	r := d.stop().want(t, exitOK)
	want := "x q sms.send 1 a b {\"x-tenant\":\"a b\"}\n   p   a   y  \\0   l   o   a   d  \\n\n"
	if r.out != want {
		t.Errorf("the command saw %q, want %q", r.out, want)
	}
}

func TestWorkerExecEndings(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	c := p.client()
	again := []time.Duration{time.Hour}
	for id, script := range map[string]string{
		"done": "exit 0", "failed": "echo first >&2; echo last >&2; exit 3", "tempfail": "exit 75", "dead": "echo no use >&2; exit 100",
		"missing": "no-such-command-here", "signalled": "kill -9 $$", "deaf": "exec <&-; exit 0",
		"noisy": "head -c 100000 /dev/zero | tr '\\0' x >&2; echo end >&2; exit 1",
	} {
		enqueueAll(t, c, queue.Job{Queue: "q", Kind: "k", ID: id, Payload: []byte(script), Retain: time.Hour, Backoff: again})
	}
	d := background(t, p.args("worker", "--queue", "q", "--exec", `sh -c "$(cat)"`)...)
	defer d.stop()
	p.becomes(c, "done", queue.Done)
	p.becomes(c, "deaf", queue.Done)
	for id, word := range map[string]string{
		"failed": "exit status 3: first\nlast", "tempfail": "exit status 75", "missing": "no-such-command-here", "noisy": "xend",
		"signalled": "137",
	} {
		j := p.becomes(c, id, queue.Retrying)
		if len(j.Errors) != 1 || !strings.Contains(j.Errors[0].Error, word) || j.Failures != 1 {
			t.Errorf("%s: %d failures, %+v", id, j.Failures, j.Errors)
		}
	}
	j := p.becomes(c, "dead", queue.Dead)
	if j.Reason != queue.ReasonRejected || !strings.Contains(j.Errors[0].Error, "exit status 100: no use") {
		t.Errorf("dead: %s, %+v", j.Reason, j.Errors)
	}
}

func TestWorkerExecRetriesUntilDead(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	c := p.client()
	enqueueAll(t, c, queue.Job{Queue: "q", Kind: "k", ID: "x", Backoff: []time.Duration{time.Millisecond}})
	d := background(t, p.args("worker", "--queue", "q", "--exec", "exit 1", "--max-attempts", "3")...)
	j := p.becomes(c, "x", queue.Dead)
	d.stop().want(t, exitOK)
	if j.Failures != 3 || j.Reason != queue.ReasonExhausted {
		t.Errorf("%d failures, %s", j.Failures, j.Reason)
	}
}

// family is a command with a child that outlives it unless the group is killed; both ignore being asked to
// stop. It notes the IDs of both in the file.
func family(file string) string {
	return fmt.Sprintf(`trap '' TERM; sleep 600 & echo "$$ $!" > %s.new; mv %s.new %s; wait`, file, file, file)
}

// members waits for the note of a family.
func members(t *testing.T, file string) []int {
	t.Helper()
	var pids []int
	redistest.Eventually(t, patience, func() bool {
		text, err := os.ReadFile(file)
		pids = nil
		for word := range strings.FieldsSeq(string(text)) {
			pid, _ := strconv.Atoi(word)
			pids = append(pids, pid)
		}
		return err == nil && len(pids) == 2
	}, "the command does not run")
	return pids
}

// gone waits until no process is left. One that nobody has waited for yet counts as gone.
func gone(t *testing.T, pids []int) {
	t.Helper()
	for _, pid := range pids {
		redistest.Eventually(t, patience, func() bool {
			stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			return syscall.Kill(pid, 0) != nil || (err == nil && strings.Contains(string(stat), ") Z "))
		}, "process %d is still there", pid)
	}
}

func TestWorkerExecKillsTheGroupAtShutdown(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	c := p.client()
	file := filepath.Join(t.TempDir(), "pids")
	enqueueAll(t, c, queue.Job{Queue: "q", Kind: "k", ID: "x"})
	d := background(t, p.args("worker", "--queue", "q", "--exec", family(file), "--grace", "0s")...)
	pids := members(t, file)
	d.stop().want(t, exitOK)
	gone(t, pids)
	if j := p.job(c, "q", "x"); j.State != queue.Ready || j.Failures != 0 {
		t.Errorf("%s with %d failures", j.State, j.Failures)
	}
}

func TestWorkerSecondSignalGivesJobsBack(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	c := p.client()
	file := filepath.Join(t.TempDir(), "pids")
	enqueueAll(t, c, queue.Job{Queue: "q", Kind: "k", ID: "x"})
	d := background(t, p.args("worker", "--queue", "q", "--exec", family(file), "--grace", "1h")...)
	pids := members(t, file)
	d.stopping()
	d.says("a second signal gives running jobs back at once")
	close(d.hurry)
	d.wait().want(t, exitOK)
	gone(t, pids)
	if j := p.job(c, "q", "x"); j.State != queue.Ready || j.Failures != 0 {
		t.Errorf("%s with %d failures", j.State, j.Failures)
	}
}

func TestWorkerLetsCommandsFinishInTheGrace(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	c := p.client()
	file := filepath.Join(t.TempDir(), "go")
	enqueueAll(t, c, queue.Job{Queue: "q", Kind: "k", ID: "x", Retain: time.Hour})
	d := background(t, p.args("worker", "--queue", "q", "--exec", "echo begun; until test -e "+file+"; do sleep 0.01; done")...)
	redistest.Eventually(t, patience, func() bool { return d.out.String() == "begun\n" })
	d.stopping()
	d.says("stopping")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	d.wait().want(t, exitOK)
	if j := p.job(c, "q", "x"); j.State != queue.Done {
		t.Errorf("%s", j.State)
	}
}

func TestWorkerExecTimeout(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	c := p.client()
	file := filepath.Join(t.TempDir(), "pids")
	enqueueAll(t, c, queue.Job{Queue: "q", Kind: "k", ID: "x", Backoff: []time.Duration{time.Hour}})
	d := background(t, p.args("worker", "--queue", "q", "--exec", family(file), "--timeout", "50ms")...)
	pids := members(t, file)
	j := p.becomes(c, "x", queue.Retrying)
	gone(t, pids)
	d.stop().want(t, exitOK)
	if len(j.Errors) != 1 || !strings.Contains(j.Errors[0].Error, "ran for too long") {
		t.Errorf("%+v", j.Errors)
	}
}

func TestWorkerExecCancelledJobIsKilled(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	c := p.client()
	file := filepath.Join(t.TempDir(), "pids")
	enqueueAll(t, c, queue.Job{Queue: "q", Kind: "k", ID: "x"})
	d := background(t, p.args("worker", "--queue", "q", "--exec", family(file), "--lease", "1s")...)
	pids := members(t, file)
	p.dueq("cancel", "q", "x").want(t, exitOK)
	gone(t, pids)
	redistest.Eventually(t, patience, func() bool {
		info, err := c.Inspector().Queue(t.Context(), "q")
		return err == nil && info.Leased == 0
	})
	d.stop().want(t, exitOK)
	p.dueq("job", "q", "x").failed(t, "no such job")
}

// TestWorkerExecDoesNotWaitForWhatWasLeftBehind: a process in the background holds the output open.
func TestWorkerExecDoesNotWaitForWhatWasLeftBehind(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	c := p.client()
	enqueueAll(t, c, queue.Job{Queue: "q", Kind: "k", ID: "x", Retain: time.Hour})
	d := background(t, p.args("worker", "--queue", "q", "--exec", "setsid sleep 30 & exit 0")...)
	p.becomes(c, "x", queue.Done)
	d.stop().want(t, exitOK)
}

func TestWorkerWithoutSchedulerLeavesDelayedJobs(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	c := p.client()
	d := background(t, p.args("worker", "--queue", "q", "--exec", "exit 0", "--no-scheduler")...)
	d.says("worker starts")
	enqueueAll(t, c,
		queue.Job{Queue: "q", Kind: "k", ID: "delayed", Delay: time.Millisecond}, queue.Job{Queue: "q", Kind: "k", ID: "now", Retain: time.Hour},
	)
	p.becomes(c, "now", queue.Done)
	if j := p.job(c, "q", "delayed"); j.State != queue.Delayed {
		t.Errorf("%s", j.State)
	}
	d.stop().want(t, exitOK)
}

func TestWorkerFromFile(t *testing.T) {
	p := newPlace(t)
	c := p.client()
	inFolderWith(t, "redis: "+p.url+"\nnamespace: "+p.namespace+"\nworker:\n  queues: [q]\n  exec: exit 0\n")
	enqueueAll(t, c, queue.Job{Queue: "q", Kind: "k", ID: "x", Retain: time.Hour})
	d := background(t, "worker")
	p.becomes(c, "x", queue.Done)
	d.stop().want(t, exitOK)
}

package scheduler_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/scheduler"
)

// victimURL tells a process of this test binary to be a scheduler there, in a namespace.
const (
	victimURL   = "DUEQ_TEST_VICTIM_URL"
	victimSpace = "DUEQ_TEST_VICTIM_SPACE"
)

// victim is a scheduler that says on its standard output that it runs, and ends when its standard input
// does.
func victim() int {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	c, err := queue.Config{Namespace: os.Getenv(victimSpace), Logger: quiet}.Open(ctx, os.Getenv(victimURL))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	s, err := scheduler.New(c, scheduler.Config{Logger: quiet})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("up")
	_ = s.Run(ctx)
	return 0
}

// spawn starts a victim on the queues of a client of the shared Redis, and waits until it is up.
func spawn(t *testing.T, c *queue.Client) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), self)
	cmd.Env = append(os.Environ(), victimURL+"="+redistest.URL(t), victimSpace+"="+c.Namespace())
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // fails only when it is gone already
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "up\n" {
		t.Fatalf("the process says %q, %v", line, err)
	}
	return cmd
}

// Four movers on many due jobs, two of which are killed in the middle of it: no job is lost, and none is
// ready twice.
func TestKilledMoversLoseNothing(t *testing.T) {
	t.Parallel()
	const jobs = 8000
	c := open(t, redistest.URL(t), redistest.Prefix(t))
	victims := []*exec.Cmd{spawn(t, c), spawn(t, c)}
	due := time.Now().Add(4 * time.Second)
	enqueue(t, c, times(jobs, queue.Job{Queue: "q", Kind: "k", Due: due})...)
	if early := info(t, c); early.Ready != 0 || time.Until(due) < 0 {
		t.Fatalf("%d are ready %v before they are due", early.Ready, time.Until(due))
	}
	redistest.Eventually(t, patience, func() bool { return info(t, c).Ready > 0 }, "nothing was promoted")
	for _, v := range victims {
		if err := v.Process.Kill(); err != nil {
			t.Fatal(err)
		}
	}
	run(t, c, scheduler.Config{})
	run(t, c, scheduler.Config{})
	redistest.Eventually(t, patience, func() bool { return info(t, c).Delayed == 0 }, "not all were promoted")
	q := info(t, c)
	if q.Ready != jobs || q.Counts["promote"] != jobs {
		t.Errorf("%d ready, %d promotions, want %d", q.Ready, q.Counts["promote"], jobs)
	}
	seen := map[string]bool{}
	for range jobs / 500 {
		for _, d := range lease(t, c, 500, time.Minute) {
			seen[d.ID] = true
		}
	}
	if q := info(t, c); len(seen) != jobs || q.Leased != jobs || q.Ready != 0 {
		t.Errorf("%d different jobs, %d leased, %d ready; want %d, %d, 0", len(seen), q.Leased, q.Ready, jobs, jobs)
	}
}

// Row 56: nothing is kept in a process. Every process of ours ends, Redis is restarted from its AOF, and
// every job is where it was, due when it was.
func TestNothingIsKeptInMemory(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	namespace := redistest.Prefix(t)
	c := open(t, server.URL(), namespace)
	_, stop := run(t, c, scheduler.Config{})
	for i := range 100 {
		enqueue(t, c, queue.Job{Queue: "q", Kind: "k", Delay: time.Duration(i+1) * time.Hour}, queue.Job{Queue: "q", Kind: "k", Payload: []byte{byte(i)}})
	}
	for i, d := range lease(t, c, 30, time.Hour) {
		switch i % 3 {
		case 0:
			if err := c.Broker().Retry(t.Context(), d, time.Hour, fmt.Errorf("no %d", i)); err != nil {
				t.Fatal(err)
			}
		case 1:
			if err := c.Broker().Bury(t.Context(), d, queue.ReasonRejected, fmt.Errorf("no %d", i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	stop()
	before := dump(t, c)
	if len(before) != 200 {
		t.Fatalf("%d jobs", len(before))
	}
	_ = c.Close()
	server.Kill()
	server.Restart()
	after := dump(t, open(t, server.URL(), namespace))
	for id, job := range before {
		if after[id] != job {
			t.Errorf("job %s was %s, is %s", id, job, after[id])
		}
	}
	if len(after) != len(before) {
		t.Errorf("%d jobs, were %d", len(after), len(before))
	}
}

// dump is every job of the queue as text, by ID.
func dump(t *testing.T, c *queue.Client) map[string]string {
	t.Helper()
	out := map[string]string{}
	query := queue.Query{Limit: 500}
	for {
		page, err := c.Inspector().Jobs(t.Context(), "q", query)
		if err != nil {
			t.Fatal(err)
		}
		for _, job := range page.Jobs {
			out[job.ID] = fmt.Sprint(job.State, job.At.UnixMilli(), job.Due.UnixMilli(), job.Kind, job.Payload, job.Token, job.Failures, job.Reason, job.Errors)
		}
		if query.Cursor = page.Cursor; query.Cursor == "" {
			return out
		}
	}
}

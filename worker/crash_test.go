package worker_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/worker"
)

const (
	// victimURL tells a process of this test binary to be a worker there, in a namespace and with a
	// lease.
	victimURL   = "DUEQ_TEST_VICTIM_URL"
	victimSpace = "DUEQ_TEST_VICTIM_SPACE"
	victimLease = "DUEQ_TEST_VICTIM_LEASE"
)

// victim is a worker whose handlers say on its standard output that they have started, and then block,
// or end the process. It ends by itself when its standard input does.
func victim() int {
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	ctx := context.Background()
	c, err := queue.Config{Namespace: os.Getenv(victimSpace), Logger: quiet}.Open(ctx, os.Getenv(victimURL))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	cfg := only("q")
	cfg.Concurrency = 10
	if cfg.Lease, err = time.ParseDuration(os.Getenv(victimLease)); err != nil {
		fmt.Println(err)
		return 1
	}
	w, err := worker.New(c, cfg)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	w.Handle("hold", worker.HandlerFunc(func(_ context.Context, d *queue.Delivery) error {
		fmt.Println(d.ID)
		select {}
	}))
	w.Handle("exit", worker.HandlerFunc(func(context.Context, *queue.Delivery) error {
		os.Exit(3)
		return nil
	}))
	fmt.Println(w.Run(ctx))
	return 0
}

// process is a running victim and what it says.
type process struct {
	*exec.Cmd
	said chan string
}

// spawn starts a victim on the queues of a client of the shared Redis.
func spawn(t *testing.T, c *queue.Client, lease time.Duration) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), self)
	cmd.Env = append(os.Environ(), victimURL+"="+redistest.URL(t), victimSpace+"="+c.Namespace(), victimLease+"="+lease.String())
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
	p := &process{Cmd: cmd, said: make(chan string, 1000)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			p.said <- lines.Text()
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // fails only when it is gone already
		_ = stdin.Close()
		<-done
		_ = cmd.Wait()
	})
	return p
}

// A worker is killed with 10 jobs running: all of them run again within the lease and a second, and
// nothing is counted as a failure.
func TestKilledWorkersJobsRunAgain(t *testing.T) {
	t.Parallel()
	const jobs, lease = 10, 2 * time.Second
	client := open(t, redistest.URL(t))
	schedule(t, client)
	var ids, held []string
	for range jobs {
		ids = append(ids, enqueue(t, client, queue.Job{Queue: "q", Kind: "hold"}))
	}
	v := spawn(t, client, lease)
	for range jobs {
		held = append(held, next(t, v.said))
	}
	again := make(chan *queue.Delivery, 2*jobs)
	heir := run(t, client, only("q"), handlers{"hold": func(_ context.Context, d *queue.Delivery) error { again <- d; return nil }})
	// It is killed in full life: after heartbeats have kept its jobs beyond their first lease.
	redistest.Eventually(t, patience, func() bool { return info(t, client, "q").Counts["extend"] >= 4*jobs }, "no heartbeats")
	if heir.Stats().Started != 0 {
		t.Fatal("a job was doubled while its worker was alive")
	}
	killed := time.Now()
	if err := v.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for range jobs {
		d := next(t, again)
		got = append(got, d.ID)
		if d.Failures != 0 || d.LostLeases != 1 || d.Attempt != 2 || len(d.Errors) != 0 {
			t.Errorf("job %s: %d failures, %d leases lost, attempt %d; want 0, 1, 2", d.ID, d.Failures, d.LostLeases, d.Attempt)
		}
	}
	took := time.Since(killed)
	t.Logf("all %d jobs ran again %v after the kill, with a lease of %v", jobs, took, lease)
	if took > lease+time.Second {
		t.Errorf("that took longer than the lease and a second")
	}
	for _, list := range [][]string{ids, held, got} {
		slices.Sort(list)
	}
	if !slices.Equal(ids, held) || !slices.Equal(ids, got) {
		t.Errorf("enqueued %v\nheld %v\nran again %v", ids, held, got)
	}
	stats(t, heir, worker.Stats{Started: jobs, Done: jobs})
	empty(t, client, "q")
}

// A payload that ends each process that runs it is dead after three, and says why.
func TestJobThatKillsWorkersIsBuried(t *testing.T) {
	t.Parallel()
	client := open(t, redistest.URL(t))
	schedule(t, client)
	id := enqueue(t, client, queue.Job{Queue: "q", Kind: "exit"})
	for life := range 3 {
		v := spawn(t, client, time.Second)
		if state, err := v.Process.Wait(); err != nil || state.ExitCode() != 3 {
			t.Fatalf("life %d: %v, %v", life, state, err)
		}
		want := queue.Ready
		if life == 2 {
			want = queue.Dead
		}
		if job := reaches(t, client, "q", id, want); job.LostLeases != life+1 || job.Failures != 0 {
			t.Errorf("after life %d: %d leases lost, %d failures", life, job.LostLeases, job.Failures)
		}
	}
	if job := reaches(t, client, "q", id, queue.Dead); job.Reason != queue.ReasonCrashLoop {
		t.Errorf("dead with the reason %q", job.Reason)
	}
}

// Workers are restarted in a loop under load: nothing is lost, and what was not finished runs again with
// nothing counted against it.
func TestRestartsUnderLoadLoseNothing(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, client *queue.Client) {
		const jobs, fleet, restarts = 1200, 2, 8
		schedule(t, client)
		ran := make(chan *queue.Delivery, 10*jobs)
		h := handlers{"k": func(ctx context.Context, d *queue.Delivery) error {
			ran <- d
			select {
			case <-time.After(time.Duration(d.Token%40) * time.Millisecond):
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}}
		cfg := only("q")
		cfg.Grace = -1
		finished := make(chan error, fleet)
		for range fleet {
			go func() {
				for range restarts {
					w, err := worker.New(client, cfg)
					if err != nil {
						finished <- err
						return
					}
					w.Handle("k", h["k"])
					stop := begin(t, w)
					<-time.After(80 * time.Millisecond)
					if err := stop(); err != nil {
						finished <- err
						return
					}
				}
				finished <- nil
			}()
		}
		for range jobs / 100 {
			enqueue(t, client, slices.Repeat([]queue.Job{{Queue: "q", Kind: "k"}}, 100)...)
			<-time.After(50 * time.Millisecond)
		}
		for range fleet {
			if err := next(t, finished); err != nil {
				t.Error(err)
			}
		}
		cfg.Concurrency = 100
		run(t, client, cfg, h)
		redistest.Eventually(t, patience, func() bool { return info(t, client, "q").Counts["ack"] == jobs }, "%d acks", jobs)
		empty(t, client, "q")
		seen := map[string]bool{}
		for len(ran) > 0 {
			d := <-ran
			seen[d.ID] = true
			if d.Attempt != 1 || d.LostLeases != 0 || d.Failures != 0 {
				t.Errorf("a restart was charged to %s: attempt %d, %d leases lost", d.ID, d.Attempt, d.LostLeases)
			}
		}
		counts := info(t, client, "q").Counts
		if len(seen) != jobs || counts["reap"]+counts["retry"]+counts["bury"] != 0 || counts["release"] == 0 {
			t.Errorf("%d of %d jobs ran; counts %v", len(seen), jobs, counts)
		}
		t.Logf("%d jobs were given back over %d restarts", counts["release"], fleet*restarts)
	})
}

// What is given back goes to the head: it was there first.
func TestReleasedJobIsNext(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, client *queue.Client) {
		cfg := only("q")
		cfg.Grace, cfg.Concurrency = -1, 1
		started := make(chan string, 10)
		w := build(t, client, cfg, handlers{"k": func(ctx context.Context, d *queue.Delivery) error {
			started <- d.ID
			<-ctx.Done()
			return fmt.Errorf("stopped: %w", context.Cause(ctx))
		}})
		stop := begin(t, w)
		first := enqueue(t, client, queue.Job{Queue: "q", Kind: "k"})
		enqueue(t, client, slices.Repeat([]queue.Job{{Queue: "q", Kind: "k"}}, 5)...)
		next(t, started)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		page, err := client.Inspector().Jobs(t.Context(), "q", queue.Query{State: queue.Ready})
		if err != nil || len(page.Jobs) != 6 || page.Jobs[0].ID != first {
			t.Fatalf("%d jobs, the first is %s, %v; want 6 and %s", len(page.Jobs), page.Jobs[0].ID, err, first)
		}
		if job := page.Jobs[0]; job.Failures != 0 || job.LostLeases != 0 || strings.Contains(fmt.Sprint(job.Errors), "stopped") {
			t.Errorf("charged: %+v", job)
		}
	})
}

package main

import (
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dueq-io/dueq/examples/internal/exampletest"
	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

func TestMain(m *testing.M) { redistest.Main(m) }

// running is an example that runs, and the queue it uses as another program sees it.
type running struct {
	*exampletest.Program
	address string
	info    func() queue.QueueInfo
	client  *queue.Client
}

func start(t *testing.T, scale string) running {
	t.Helper()
	namespace := redistest.Prefix(t)
	client, err := queue.Config{Namespace: namespace, Logger: slog.New(slog.DiscardHandler)}.Open(t.Context(), redistest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	p := exampletest.Start(t, run, "--redis", redistest.URL(t), "--namespace", namespace,
		"--listen", "127.0.0.1:0", "--scale", scale)
	r := running{Program: p, address: p.Address(t), client: client}
	r.info = func() queue.QueueInfo {
		queues, err := client.Inspector().Queues(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(queues) == 0 {
			return queue.QueueInfo{}
		}
		return queues[0]
	}
	return r
}

func (r *running) dial(t *testing.T) net.Conn {
	t.Helper()
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", r.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// awaitNoJobs waits until not one job of any connection is left, in whatever state.
func (r *running) awaitNoJobs(t *testing.T) {
	t.Helper()
	redistest.Eventually(t, exampletest.Patience, func() bool {
		info, left := r.info(), int64(0)
		for _, state := range queue.States() {
			left += info.State(state)
		}
		return left == 0
	}, "no job left")
}

// exchange sends a byte and waits for it to come back; false: the server has closed the connection.
func exchange(t *testing.T, c net.Conn) bool {
	t.Helper()
	if _, err := c.Write([]byte(".")); err != nil {
		return false
	}
	if err := c.SetReadDeadline(time.Now().Add(exampletest.Patience)); err != nil {
		t.Error(err)
	}
	got := make([]byte, 1)
	if _, err := io.ReadFull(c, got); err != nil {
		if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
			t.Error("neither an echo nor the end:", err)
		}
		return false
	}
	return got[0] == '.' // rather than the goodbye
}

// awaitEnd reads until the server closes the connection, and returns when that was.
func awaitEnd(t *testing.T, c net.Conn) time.Time {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(exampletest.Patience)); err != nil {
		t.Error(err)
	}
	if _, err := io.Copy(io.Discard, c); err != nil {
		t.Error("not closed by the server:", err)
	}
	return time.Now()
}

func TestIdleIsClosed(t *testing.T) {
	t.Parallel()
	const idle = time.Second
	r := start(t, "900")
	began := time.Now()
	c := r.dial(t)
	if took := awaitEnd(t, c).Sub(began); took < idle {
		t.Errorf("closed after %v, want %v", took, idle)
	}
	r.awaitNoJobs(t)
}

func TestActiveLivesOn(t *testing.T) {
	t.Parallel()
	const idle = 3 * time.Second
	r := start(t, "300")
	c := r.dial(t)
	beat := time.NewTicker(idle / 20)
	defer beat.Stop()
	var last time.Time
	for began := time.Now(); time.Since(began) < 2*idle; <-beat.C {
		now := time.Now()
		if !exchange(t, c) {
			t.Fatalf("closed %v after the last byte", time.Since(last))
		}
		last = now
	}
	if took := awaitEnd(t, c).Sub(last); took < idle {
		t.Errorf("closed %v after the last byte, want %v", took, idle)
	}
	r.awaitNoJobs(t)
	if n := r.info().Counts["reschedule"]; n == 0 {
		t.Error("never rescheduled")
	}
}

func TestClosedLeavesNoJob(t *testing.T) {
	t.Parallel()
	r := start(t, "1")
	c := r.dial(t)
	if !exchange(t, c) {
		t.Fatal("no echo")
	}
	if n := r.info().Delayed; n != 1 {
		t.Errorf("%d jobs wait, want 1", n)
	}
	c.Close()
	r.awaitNoJobs(t)
	if n := r.info().Counts["cancel"]; n != 1 {
		t.Errorf("%d jobs cancelled", n)
	}
}

// TestStopLeavesNoJob stops the server while a connection is open.
func TestStopLeavesNoJob(t *testing.T) {
	t.Parallel()
	r := start(t, "1")
	c := r.dial(t)
	if !exchange(t, c) {
		t.Fatal("no echo")
	}
	r.Stop(t)
	awaitEnd(t, c)
	r.awaitNoJobs(t)
}

// TestBurst sends many bytes, each read on its own, and counts how often the alarm was moved.
func TestBurst(t *testing.T) {
	t.Parallel()
	const idle = 15 * time.Minute / 45
	r := start(t, "45")
	c := r.dial(t)
	began := time.Now()
	for range 500 {
		if !exchange(t, c) {
			t.Fatal("closed")
		}
	}
	most := int64(time.Since(began) / (idle / postponeEach))
	if n := r.info().Counts["reschedule"]; n > most {
		t.Errorf("rescheduled %d times in %v, want at most %d", n, time.Since(began), most)
	}
}

// TestLostAlarm cancels the job behind the server's back: a byte that comes later sets it again.
func TestLostAlarm(t *testing.T) {
	t.Parallel()
	r := start(t, "45")
	c := r.dial(t)
	if !exchange(t, c) {
		t.Fatal("no echo")
	}
	name := r.info().Name
	page, err := r.client.Inspector().Jobs(t.Context(), name, queue.Query{State: queue.Delayed})
	if err != nil || len(page.Jobs) != 1 {
		t.Fatal(page, err)
	}
	id := page.Jobs[0].ID
	if err := r.client.Cancel(t.Context(), name, id); err != nil {
		t.Fatal(err)
	}
	redistest.Eventually(t, exampletest.Patience, func() bool {
		return exchange(t, c) && r.info().Delayed == 1
	}, "the alarm is set again")
}

// TestDataAgainstAlarm sends data about as rarely as alarms go off, so that both often come together.
func TestDataAgainstAlarm(t *testing.T) {
	t.Parallel()
	const idle = 20 * time.Millisecond
	r := start(t, "45000")
	var byAlarm, byClient atomic.Int64
	var clients sync.WaitGroup
	for range 16 {
		clients.Go(func() {
			for range 20 {
				c, err := new(net.Dialer).DialContext(t.Context(), "tcp", r.address)
				if err != nil {
					t.Error(err)
					return
				}
				if talk(t, c, idle) {
					byAlarm.Add(1)
				} else {
					byClient.Add(1)
				}
			}
		})
	}
	clients.Wait()
	r.awaitNoJobs(t)
	if n := r.Count(`the alarm" `) + r.Count("level=ERROR"); n > 0 {
		t.Errorf("%d complaints", n)
	}
	t.Logf("%d closed by their alarm, %d by their client; %v", byAlarm.Load(), byClient.Load(), r.info().Counts)
	if byAlarm.Load() == 0 {
		t.Error("no alarm went off")
	}
}

// talk sends a few bytes at random times, and says whether the server closed the connection. That must
// not be within the idle time of a byte it has answered.
func talk(t *testing.T, c net.Conn, idle time.Duration) bool {
	t.Helper()
	defer c.Close()
	var answered time.Time
	for range 5 {
		<-time.After(rand.N(idle + idle/5))
		sent := time.Now()
		if !exchange(t, c) {
			if took := time.Since(answered); took < idle {
				t.Errorf("closed %v after a byte that was answered", took)
			}
			return true
		}
		answered = sent
	}
	return false
}

func TestWrongFlags(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--scale", "0"}, {"--scale", "NaN"}, {"now"}, {"--redis", "mysql://x"}} {
		if err := run(t.Context(), args, io.Discard); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
}

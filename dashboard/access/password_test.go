package access

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// ofUsers checks passwords of users alice and bob, in no time: verify says what is right.
func ofUsers(t *testing.T, verify func(h *hash, password string) bool) *passwords {
	t.Helper()
	h := &hash{memory: hashMemory, time: hashTime, threads: hashThreads, salt: make([]byte, saltBytes), key: make([]byte, keyBytes)}
	costly := *h
	costly.time = 3
	p, err := newPasswords([]User{{Name: "alice", Hash: h.String()}, {Name: "bob", Hash: costly.String()}, {Name: "proxied"}})
	if err != nil {
		t.Fatal(err)
	}
	p.verify = verify
	return p
}

func right(_ *hash, password string) bool { return password == "right" }

func TestCheck(t *testing.T) {
	t.Parallel()
	p := ofUsers(t, right)
	for _, c := range []struct {
		name, password string
		want           error
	}{
		{"alice", "right", nil},
		{"alice", "wrong", ErrRefused},
		{"nobody", "right", ErrRefused},
		{"", "", ErrRefused},
		{"proxied", "right", ErrRefused},
		{"alice", strings.Repeat("x", MaxPassword+1), ErrRefused},
		{strings.Repeat("x", maxName+1), "right", ErrRefused},
	} {
		if err := p.check(t.Context(), c.name, c.password, "192.0.2.1"); !errors.Is(err, c.want) || (c.want == nil) != (err == nil) {
			t.Errorf("%q %q: %v", c.name, c.password, err)
		}
	}
}

// TestUnknownUserCostsAsMuch: one hash is computed for a user who does not exist, of a user who does, and
// of the same one each time.
func TestUnknownUserCostsAsMuch(t *testing.T) {
	t.Parallel()
	costs := map[string][]uint32{}
	name := ""
	p := ofUsers(t, func(h *hash, _ string) bool { costs[name] = append(costs[name], h.time); return false })
	seen := map[uint32]bool{}
	for i := range 40 {
		name = fmt.Sprint("nobody", i)
		for range 2 {
			_ = p.check(t.Context(), name, "x", fmt.Sprint("address", i))
		}
		if c := costs[name]; len(c) != 2 || c[0] != c[1] {
			t.Fatalf("%s costs %v", name, c)
		}
		seen[costs[name][0]] = true
	}
	if len(seen) != 2 {
		t.Errorf("strangers cost %v, users 2 or 3", seen)
	}
}

func TestThrottle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := ofUsers(t, right)
		try := func(name, password, address string) error { return p.check(t.Context(), name, password, address) }
		for range 200 { // whoever knows the password is never throttled
			if err := try("alice", "right", "a"); err != nil {
				t.Fatal(err)
			}
		}
		for i := range userBurst {
			if err := try("alice", "wrong", fmt.Sprint("from", i)); !errors.Is(err, ErrRefused) {
				t.Fatal(i, err)
			}
		}
		var throttled *ThrottledError
		if err := try("alice", "right", "b"); !errors.As(err, &throttled) || throttled.Wait <= 0 || throttled.Wait > userEvery {
			t.Fatalf("after %d failures: %v", userBurst, err)
		}
		if err := try("bob", "right", "b"); err != nil {
			t.Errorf("another user: %v", err)
		}
		pass(t, throttled.Wait) // a lock is a delay
		if err := try("alice", "right", "b"); err != nil {
			t.Errorf("after the wait: %v", err)
		}
	})
}

func pass(t *testing.T, d time.Duration) {
	t.Helper()
	<-time.After(d)
}

// TestThrottledAddressCostsItsVictimNothing: who tries all names is stopped, and the names are not.
func TestThrottledAddressCostsItsVictimNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := ofUsers(t, right)
		for i := range 1000 {
			err := p.check(t.Context(), fmt.Sprint("nobody", i), "x", "evil")
			if _, throttled := errors.AsType[*ThrottledError](err); throttled != (i >= addressBurst) {
				t.Fatal(i, err)
			}
		}
		for range 1000 {
			if _, throttled := errors.AsType[*ThrottledError](p.check(t.Context(), "alice", "x", "evil")); !throttled {
				t.Fatal("not throttled")
			}
		}
		if err := p.check(t.Context(), "alice", "right", "home"); err != nil {
			t.Error(err)
		}
	})
}

// TestBusy: no more hashes at once than there are places, and nobody waits for ever for one.
func TestBusy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int64
		release := make(chan struct{})
		p := ofUsers(t, func(*hash, string) bool {
			for n := now.Add(1); n > most.Load(); {
				most.Store(n)
			}
			<-release
			now.Add(-1)
			return true
		})
		var all sync.WaitGroup
		var busy atomic.Int64
		const crowd = hashesAtOnce + hashesWaiting + 10
		for i := range crowd {
			all.Go(func() {
				if err := p.check(t.Context(), fmt.Sprint("nobody", i), "right", fmt.Sprint(i)); errors.Is(err, ErrBusy) {
					busy.Add(1)
				}
			})
		}
		synctest.Wait()
		if n := busy.Load(); n < 10 {
			t.Errorf("%d of %d were sent away", n, crowd)
		}
		pass(t, hashPatience)
		synctest.Wait()
		if n := busy.Load(); n != crowd-hashesAtOnce {
			t.Errorf("%d of %d gave up", n, crowd)
		}
		close(release)
		all.Wait()
		if most.Load() != hashesAtOnce {
			t.Errorf("%d hashes at once", most.Load())
		}
		p.verify = right
		if err := p.check(t.Context(), "alice", "right", "home"); err != nil {
			t.Errorf("what was not tried is counted: %v", err)
		}
	})
}

// TestMemoryIsFlat: ten thousand logins, each of another name from another address and so none throttled,
// leave nothing, and at no time take more than a few hashes do.
func TestMemoryIsFlat(t *testing.T) {
	h, err := Hash("correct horse")
	if err != nil {
		t.Fatal(err)
	}
	p, err := newPasswords([]User{{Name: "alice", Role: Admin, Hash: h}})
	if err != nil {
		t.Fatal(err)
	}
	heap := func() uint64 { runtime.GC(); var m runtime.MemStats; runtime.ReadMemStats(&m); return m.HeapAlloc }
	before := heap()
	var most atomic.Uint64
	done := make(chan struct{})
	var watch, all sync.WaitGroup
	watch.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most.Store(max(most.Load(), m.HeapAlloc))
			select {
			case <-tick.C:
			case <-done:
				return
			}
		}
	})
	const logins, crowd = 10_000, 250 // more at once than wait for a place
	var tried, computed atomic.Int64
	for range crowd {
		all.Go(func() {
			for i := tried.Add(1); i <= logins; i = tried.Add(1) {
				if err := p.check(t.Context(), fmt.Sprint("user", i), "wrong password", fmt.Sprint("address", i)); errors.Is(err, ErrRefused) {
					computed.Add(1)
				}
			}
		})
	}
	all.Wait()
	close(done)
	watch.Wait()
	after := heap()
	// Each hash is garbage at once, and the collector lets garbage grow to the size of what is in use.
	const oneHash, limit = hashMemory << 10, 10 * hashMemory << 10
	t.Logf("%d of %d were computed", computed.Load(), logins)
	t.Logf("heap %d KiB before, %d KiB at most, %d KiB after; a hash takes %d KiB", before>>10, most.Load()>>10, after>>10, oneHash>>10)
	if most.Load() > limit {
		t.Errorf("%d MiB at most, want %d at most", most.Load()>>20, limit>>20)
	}
	if after > before+1<<20 {
		t.Errorf("%d KiB stay", (after-before)>>10)
	}
}

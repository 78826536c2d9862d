package node_test

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dueq-io/dueq/test/chaos/node"
)

func start(t *testing.T, cfg node.Config) *node.Redis {
	t.Helper()
	r, err := node.Start(t.Context(), cfg)
	must(t, err)
	t.Cleanup(func() { must(t, r.Close()) })
	return r
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestKillAndRestartKeepWhatAOFKept(t *testing.T) {
	t.Parallel()
	for aof, want := range map[node.AOF]int64{node.Always: 1, node.Off: 0} {
		r := start(t, node.Config{AOF: aof})
		must(t, r.Client().Set(t.Context(), "key", "value", 0).Err())
		addr := r.Addr()
		must(t, r.Kill())
		if r.Client().Ping(t.Context()).Err() == nil {
			t.Error("a killed server answered")
		}
		must(t, r.Restart(t.Context()))
		if n := r.Client().Exists(t.Context(), "key").Val(); n != want || r.Addr() != addr {
			t.Errorf("AOF %s: %d keys on %s, want %d on %s", aof, n, r.Addr(), want, addr)
		}
	}
}

func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	r := start(t, node.Config{})
	must(t, r.Client().Ping(t.Context()).Err())
	must(t, r.Pause())
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if r.Client().Ping(ctx).Err() == nil {
		t.Error("a paused server answered")
	}
	must(t, r.Resume())
	must(t, r.Client().Ping(t.Context()).Err())
}

func TestRefusedSettingSaysWhy(t *testing.T) {
	t.Parallel()
	_, err := node.Start(t.Context(), node.Config{Args: []string{"--no-such-setting", "1"}})
	if err == nil || !strings.Contains(err.Error(), "no-such-setting") {
		t.Fatalf("got %v", err)
	}
}

func TestPowerCutLosesOnlyWhatWasNotSynced(t *testing.T) {
	t.Parallel()
	r := start(t, node.Config{AOF: node.Everysec, Shim: true})
	ctx := t.Context()
	must(t, r.Client().ConfigSet(ctx, "appendfsync", "always").Err())
	must(t, r.Client().Set(ctx, "synced", "1", 0).Err())
	must(t, r.Client().ConfigSet(ctx, "appendfsync", "no").Err())
	for i := range 100 {
		must(t, r.Client().Set(ctx, "unsynced"+strconv.Itoa(i), "1", 0).Err())
	}
	cut, err := r.PowerCut()
	must(t, err)
	must(t, r.Restart(ctx))
	if keys := r.Client().Keys(ctx, "*").Val(); cut == 0 || len(keys) != 1 || keys[0] != "synced" {
		t.Errorf("%d bytes cut, left are %v, want only what was synced", cut, keys)
	}
}

func TestFullDiskRefusesWritesUntilThereIsRoom(t *testing.T) {
	t.Parallel()
	r := start(t, node.Config{AOF: node.Everysec, Shim: true})
	set := func() error { return r.Client().Set(t.Context(), "key", "value", 0).Err() }
	must(t, set())
	must(t, r.FillDisk(true))
	eventually(t, func() bool { err := set(); return err != nil && strings.HasPrefix(err.Error(), "MISCONF") })
	must(t, r.FillDisk(false))
	eventually(t, func() bool { return set() == nil })
}

func TestShiftClock(t *testing.T) {
	t.Parallel()
	r := start(t, node.Config{Shim: true})
	for _, shift := range []time.Duration{time.Hour, -time.Hour, 0, 1500 * time.Millisecond} {
		must(t, r.ShiftClock(shift))
		got, err := r.Client().Time(t.Context()).Result()
		must(t, err)
		// What is left is how long the answer took.
		if off := time.Until(got) - shift; off > time.Millisecond || off < -time.Second {
			t.Errorf("shifted by %v, the clock is %v off that", shift, off)
		}
	}
}

func eventually(t *testing.T, done func() bool) {
	t.Helper()
	tick, deadline := time.NewTicker(5*time.Millisecond), time.NewTimer(20*time.Second)
	defer tick.Stop()
	defer deadline.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatal("not within 20 s")
		}
	}
}

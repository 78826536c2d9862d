package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

// overviewOf is what a dashboard with some troubles answers.
func overviewOf(t *testing.T, queues int) *overview {
	t.Helper()
	const row = `{"name":"q%02d","ready":%d,"overdue":1,"oldest_ready_ns":%d,"rates":{"in_per_s":1.25,"out_per_s":%d},"lately":{"started":5,"late_p99_ns":%d,"attempts_ended":10,"error_share":0.%d},"crew":{"workers_taking_jobs":%d}}`
	rows := make([]string, queues)
	for i := range rows {
		rows[i] = fmt.Sprintf(row, i, 100+i, (queues-i)*int(time.Second), i%3, i*int(time.Second), i%10, i%4)
	}
	text := `{"verdict":{"level":"down","text":"oldest ready job waits 6m","findings":[{"level":"down","queue":"q03","text":"oldest ready job waits 6m"},{"level":"degraded","queue":"q01","text":"x"}]},
		"sampled_at":"2026-01-02T12:00:00Z","age_ms":900,"queues":[` + strings.Join(rows, ",") + `]}`
	var o overview
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Fatal(err)
	}
	return &o
}

// screenOf is a model that was shown an overview.
func screenOf(o *overview, width, height int) *topModel {
	m := newTopModel("prod", paint{}, nil)
	m.Update(tea.WindowSizeMsg{Width: width, Height: height})
	m.Update(reading{overview: o})
	return m
}

func press(m *topModel, keys ...string) {
	for _, key := range keys {
		code := []rune(key)[0]
		switch key {
		case "space":
			code = tea.KeySpace
		case "down":
			code = tea.KeyDown
		case "end":
			code = tea.KeyEnd
		}
		msg := tea.KeyPressMsg{Code: code}
		if len(key) == 1 {
			msg.Text = key
		}
		m.Update(msg)
	}
}

// names are the queues on the screen, in order.
func names(m *topModel) (out []string) {
	for _, line := range m.screen()[4:] {
		if fields := strings.Fields(line); len(fields) > 1 && strings.Contains(fields[0], "q") && len(strings.Trim(fields[0], "!x")) == 3 {
			out = append(out, strings.Trim(fields[0], "!x"))
		}
	}
	return out
}

// Whatever its size, the screen fits.
func TestTopFitsTheTerminal(t *testing.T) {
	t.Parallel()
	o := overviewOf(t, 60)
	o.Queues[0].Name = "a\x1b[31mname\n" + strings.Repeat("x", 90)
	o.Queues[0].Ready = 1 << 50
	for _, size := range [][2]int{{80, 24}, {200, 50}, {40, 10}, {10, 3}, {1, 1}, {300, 100}} {
		m := screenOf(o, size[0], size[1])
		for range 200 {
			m.Update(reading{overview: o})
		}
		lines := m.screen()
		if len(lines) > max(2, size[1]) {
			t.Errorf("%v: %d lines", size, len(lines))
		}
		for _, line := range lines {
			if utf8.RuneCountInString(line) > size[0] || strings.ContainsAny(line, "\x1b\n") {
				t.Errorf("%v: %q", size, line)
			}
		}
	}
	lines := screenOf(overviewOf(t, 5), 80, 24).screen()
	wantWords(t, strings.Join(lines, "\n"), "dueq prod  DOWN  q03: oldest ready job waits 6m (and 1 more)", "900ms old  510 ready", "xq03", "!q01", "q quit", "WRK  OUT", "▁")
}

func TestTopOrders(t *testing.T) {
	t.Parallel()
	m := screenOf(overviewOf(t, 4), 80, 24)
	for key, want := range map[string]string{
		"w": "q03 q01 q00 q02", "n": "q00 q01 q02 q03", "r": "q03 q02 q01 q00", "o": "q00 q01 q02 q03", "l": "q03 q02 q01 q00",
		"u": "q02 q01 q00 q03", "e": "q03 q02 q01 q00", "k": "q03 q02 q01 q00", "i": "q00 q01 q02 q03", "d": "q00 q01 q02 q03",
	} {
		press(m, key)
		if got := strings.Join(names(m), " "); got != want {
			t.Errorf("%s: %s, want %s", key, got, want)
		}
	}
}

func TestTopScrollsAndHolds(t *testing.T) {
	t.Parallel()
	m := screenOf(overviewOf(t, 60), 80, 24)
	press(m, "n", "down", "down")
	if got := names(m); got[0] != "q02" || len(got) != 19 {
		t.Errorf("%v", got)
	}
	wantWords(t, m.keysLine(), "3-21 of 60")
	press(m, "end")
	if got := names(m); got[len(got)-1] != "q59" {
		t.Errorf("%v", got)
	}
	m.Update(reading{overview: overviewOf(t, 3)}) // there are fewer now
	m.Update(tea.WindowSizeMsg{Width: 80, Height: 24})
	if got := names(m); len(got) != 3 {
		t.Errorf("%v", got)
	}
	press(m, "space")
	m.Update(reading{overview: overviewOf(t, 2)})
	if got := names(m); len(got) != 3 || !strings.Contains(m.screen()[1], "HELD") {
		t.Errorf("%v under %s", got, m.screen()[1])
	}
	press(m, "space")
	m.Update(reading{overview: overviewOf(t, 2)})
	if got := names(m); len(got) != 2 {
		t.Errorf("%v", got)
	}
}

func TestTopWithoutRedis(t *testing.T) {
	t.Parallel()
	m := newTopModel("prod", paint{}, nil)
	wantWords(t, m.screen()[0], "dueq prod", "…")
	_, again := m.Update(reading{err: errors.New("open redis://h: no\nroute")})
	if wantWords(t, m.screen()[0], "AWAY", "no; route", "trying again"); again == nil {
		t.Error("does not try again")
	}
	m.Update(reading{overview: overviewOf(t, 1)})
	m.Update(reading{err: errors.New("gone")})
	wantWords(t, strings.Join(m.screen(), "\n"), "STALE  gone", "STALE, from 12:00:00 UTC", "q00")
	o := overviewOf(t, 1)
	o.Stale = true
	m.Update(reading{overview: o})
	wantWords(t, m.screen()[1], "STALE, from 12:00:00 UTC")
}

// The program itself, with keys that come and a terminal that is written to.
func TestTopRuns(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	enqueueAll(t, p.client(), queue.Job{Queue: "sms", Kind: "k"})
	in, keys := io.Pipe()
	out := &buffer{}
	cfg := defaults()
	cfg.redis, cfg.namespace = p.url, p.namespace
	proc := &process{in: in, out: out, errOut: out}
	f := newFeed(cfg, proc)
	ctx, cancel := contextOf(t)
	defer cancel()
	fed, ended := make(chan struct{}), make(chan error, 1)
	go func() { f.run(ctx); close(fed) }()
	go func() { ended <- topLive(ctx, proc, p.namespace, f, tea.WithWindowSize(80, 24)) }()
	redistest.Eventually(t, patience, func() bool { return strings.Contains(out.String(), "sms") }, "no queue on the screen")
	if _, err := keys.Write([]byte("q")); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Fatal("q does not quit")
	}
	cancel()
	<-fed
}

func TestTopOnce(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	enqueueAll(t, p.client(), queue.Job{Queue: "sms", Kind: "k"}, queue.Job{Queue: "sms", Kind: "k", Delay: time.Hour})
	lines := strings.Split(p.dueq("top", "--once").want(t, exitOK).out, "\n")
	if !slices.Equal(strings.Fields(lines[1])[:2], []string{"QUEUE", "READY"}) || !slices.Equal(strings.Fields(lines[2])[:2], []string{"sms", "1"}) {
		t.Errorf("%q", lines)
	}
	p.dueq("top").misused(t, "--once")
	dueq(t, "top", "--once", "--redis", "redis://127.0.0.1:1").failed(t, "127.0.0.1:1")
}

func TestSmallNumbers(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0", 99_999: "99999", 100_000: "100k", 1_250_000: "1.2M", 99_900_000_000: "99.9G"} {
		if got := amount(n); got != want || len(got) > 6 {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
	if got := sparkline([]float64{9, 0, 1, 2, 4}, 4); got != "▁▃▅█" {
		t.Errorf("%s", got)
	}
	if got := sparkline([]float64{0, 0}, 4); got != "▁▁" {
		t.Errorf("%s", got)
	}
}

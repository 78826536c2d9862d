package alarm

import (
	"errors"
	"math"
	"testing"

	"github.com/dueq-io/dueq/queue"
)

func TestFormatAndParse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		signal Signal
		value  float64
		text   string
	}{
		{Depth, 100000, "100000"},
		{DeadGrowth, 0, "0"},
		{NoWorker, 1, "1"},
		{OldestReady, 300, "5m"},
		{Overdue, 0.25, "250ms"},
		{Lateness, 3600, "1h"},
		{RedisAway, 90, "1m30s"},
		{OldestReady, 3605, "1h0m5s"},
		{ErrorRate, 0.25, "25%"},
		{RedisMemory, 0.805, "80.5%"},
	} {
		if got := c.signal.Format(c.value); got != c.text {
			t.Errorf("%s of %v: %q, want %q", c.signal, c.value, got, c.text)
		}
		if got, err := c.signal.Parse(c.text); err != nil || math.Abs(got-c.value) > 1e-9 {
			t.Errorf("%s of %q: %v, %v; want %v", c.signal, c.text, got, err, c.value)
		}
	}
	for signal, texts := range map[Signal][]string{
		Depth: {"", "ten", "5m", "1.5"}, OldestReady: {"", "300", "5 minutes"}, ErrorRate: {"", "0.25", "%", "a%"},
	} {
		for _, text := range texts {
			if got, err := signal.Parse(text); !errors.Is(err, queue.ErrInvalid) {
				t.Errorf("%s of %q: %v, %v", signal, text, got, err)
			}
		}
	}
}

func TestEverySignalHasWordsAndARule(t *testing.T) {
	t.Parallel()
	for _, s := range Signals() {
		if s.Words() == string(s) {
			t.Errorf("%s has no words", s)
		}
		r := Rule{Name: "x", Signal: s, Above: 0.5}.withDefaults()
		if err := r.validate(); err != nil {
			t.Error(err)
		}
		if s.OfQueue() != r.Covers("sms") || s.OfQueue() == r.Covers("") {
			t.Errorf("%s covers the wrong", s)
		}
	}
}

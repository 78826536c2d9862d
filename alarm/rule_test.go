package alarm

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dueq-io/dueq/queue"
)

func TestRuleRefusals(t *testing.T) {
	t.Parallel()
	good := Rule{Name: "backlog", Signal: Depth, Queues: "sms*", Above: 100, Clear: 50, For: time.Minute}
	if err := good.validate(); err != nil {
		t.Fatal(err)
	}
	for words, change := range map[string]func(r *Rule){
		"name of rule":          func(r *Rule) { r.Name = "a b" },
		"name of rule \"\"":     func(r *Rule) { r.Name = "" },
		"want one of [depth":    func(r *Rule) { r.Signal = "cpu" },
		"pattern with * and ?":  func(r *Rule) { r.Queues = "sms[" },
		"is of Redis":           func(r *Rule) { r.Signal, r.Above, r.Clear = RedisMemory, 0.5, 0.4 },
		"want 0 or more":        func(r *Rule) { r.Above = math.NaN() },
		"above -1":              func(r *Rule) { r.Above, r.Clear = -1, -1 },
		"such as 1000":          func(r *Rule) { r.Above, r.Clear = 0, 0 },
		"at most 100%":          func(r *Rule) { r.Signal, r.Above = ErrorRate, 25 },
		"at most above":         func(r *Rule) { r.Clear = 101 },
		"for 25h0m0s":           func(r *Rule) { r.For = 25 * time.Hour },
		"for -1s: want 0 to 24": func(r *Rule) { r.For = -time.Second },
	} {
		r := good
		change(&r)
		if err := r.validate(); !errors.Is(err, queue.ErrInvalid) || !strings.Contains(err.Error(), words) {
			t.Errorf("want %q, got %v", words, err)
		}
	}
	if _, err := CheckRules([]Rule{good, good}); err == nil || !strings.Contains(err.Error(), "two rules") {
		t.Errorf("twice the same name: %v", err)
	}
	if _, err := CheckRules(make([]Rule, maxRules+1)); !errors.Is(err, queue.ErrInvalid) {
		t.Errorf("too many: %v", err)
	}
}

func TestDefaultRulesAreGood(t *testing.T) {
	t.Parallel()
	rules, err := CheckRules(DefaultRules())
	if err != nil || !slices.Equal(rules, DefaultRules()) {
		t.Errorf("%v, %v", rules, err)
	}
}

func TestCovers(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string][]bool{"*": {true, true}, "sms": {true, false}, "sms*": {true, true}, "sms-?k": {false, true}} {
		r := Rule{Signal: Depth, Queues: pattern}
		for i, name := range []string{"sms", "sms-uk"} {
			if r.Covers(name) != want[i] {
				t.Errorf("%s covers %s: %v", pattern, name, !want[i])
			}
		}
	}
}

func TestSilenceRefusals(t *testing.T) {
	t.Parallel()
	now := time.UnixMilli(0)
	for words, s := range map[string]Silence{
		"why":             {Until: now.Add(time.Hour), By: "op"},
		"by whom":         {Until: now.Add(time.Hour), Why: "x"},
		"within the next": {Until: now, By: "op", Why: "x"},
		"next 30 days":    {Until: now.Add(31 * 24 * time.Hour), By: "op", Why: "x"},
		"silence: rule":   {Rule: "a b", Until: now.Add(time.Hour), By: "op", Why: "x"},
		"silence: queues": {Queues: "a/b", Until: now.Add(time.Hour), By: "op", Why: "x"},
		"1 to 200 bytes":  {Until: now.Add(time.Hour), By: "op", Why: strings.Repeat("x", maxSilenceText+1)},
	} {
		s = s.withDefaults()
		if err := s.validate(now); !errors.Is(err, queue.ErrInvalid) || !strings.Contains(err.Error(), words) {
			t.Errorf("want %q, got %v", words, err)
		}
	}
}

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/dueq-io/dueq/dashboard"
)

// thresholdText is where the verdict on some queues turns, as it stands in dueq.yaml: under queues a name or a
// pattern, and thresholds by their names.
type thresholdText map[string]string

const (
	thresholdQueues = "queues"
	// never is the threshold that nothing reaches.
	never = "off"
)

// thresholdFields are the names of thresholds and how each is read.
var thresholdFields = map[string]func(t *dashboard.Thresholds, text string) error{
	"ready_degraded":    span(func(t *dashboard.Thresholds) *time.Duration { return &t.ReadyDegraded }),
	"ready_down":        span(func(t *dashboard.Thresholds) *time.Duration { return &t.ReadyDown }),
	"overdue_degraded":  span(func(t *dashboard.Thresholds) *time.Duration { return &t.OverdueDegraded }),
	"overdue_down":      span(func(t *dashboard.Thresholds) *time.Duration { return &t.OverdueDown }),
	"lateness_degraded": span(func(t *dashboard.Thresholds) *time.Duration { return &t.LatenessDegraded }),
	"lateness_down":     span(func(t *dashboard.Thresholds) *time.Duration { return &t.LatenessDown }),
	"errors_degraded":   share(func(t *dashboard.Thresholds) *float64 { return &t.ErrorsDegraded }),
	"errors_down":       share(func(t *dashboard.Thresholds) *float64 { return &t.ErrorsDown }),
	"dead_degraded": func(t *dashboard.Thresholds, text string) error {
		if text == never {
			t.DeadDegraded = -1
			return nil
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 1 {
			return fmt.Errorf("%q: want a number of jobs from 1 on, or off", text)
		}
		t.DeadDegraded = n
		return nil
	},
}

func span(field func(*dashboard.Thresholds) *time.Duration) func(*dashboard.Thresholds, string) error {
	return func(t *dashboard.Thresholds, text string) error {
		if text == never {
			*field(t) = -1
			return nil
		}
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 {
			return fmt.Errorf("%q: want a duration such as 30s, or off", text)
		}
		*field(t) = d
		return nil
	}
}

func share(field func(*dashboard.Thresholds) *float64) func(*dashboard.Thresholds, string) error {
	return func(t *dashboard.Thresholds, text string) error {
		if text == never {
			*field(t) = -1
			return nil
		}
		percent, found := strings.CutSuffix(text, "%")
		n, err := strconv.ParseFloat(strings.TrimSpace(percent), 64)
		if !found || err != nil || n <= 0 || n > 100 {
			return fmt.Errorf("%q: want a percentage such as 5%%, or off", text)
		}
		*field(t) = n / 100
		return nil
	}
}

// parseThresholds takes a list of a file, or a variable that holds one as YAML or JSON.
func parseThresholds(value any) ([]thresholdText, error) {
	if text, ok := value.(string); ok {
		value = nil
		if err := yaml.Unmarshal([]byte(text), &value); err != nil {
			return nil, errors.New("want a list of thresholds, as YAML or JSON")
		}
	}
	list, ok := value.([]any)
	if !ok {
		return nil, errors.New("want a list of thresholds")
	}
	out := make([]thresholdText, len(list))
	for i, item := range list {
		given, ok := item.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("thresholds %d: want queues, and thresholds by their names", i+1)
		}
		out[i] = thresholdText{}
		for name, value := range given {
			out[i][name] = strings.TrimSpace(fmt.Sprint(value))
			if value == false {
				out[i][name] = never // what YAML 1.1 reads off as
			}
		}
	}
	_, err := thresholdsOf(out)
	return out, err
}

// thresholdsOf are the thresholds by queues, or what is wrong with them, also with one beside another.
func thresholdsOf(texts []thresholdText) (map[string]dashboard.Thresholds, error) {
	out := make(map[string]dashboard.Thresholds, len(texts))
	for i, text := range texts {
		queues := text[thresholdQueues]
		if _, twice := out[queues]; twice || queues == "" {
			return nil, fmt.Errorf("thresholds %d: want queues, a name or a pattern that no other has", i+1)
		}
		var t dashboard.Thresholds
		for _, name := range slices.Sorted(maps.Keys(text)) {
			if name == thresholdQueues {
				continue
			}
			read, known := thresholdFields[name]
			if !known {
				return nil, fmt.Errorf("thresholds of %s: no such field: %s (there are %s)",
					queues, name, strings.Join(slices.Sorted(maps.Keys(thresholdFields)), ", "))
			}
			if err := read(&t, text[name]); err != nil {
				return nil, fmt.Errorf("thresholds of %s: %s: %w", queues, name, err)
			}
		}
		out[queues] = t
	}
	return out, dashboard.CheckThresholds(out)
}

// yaml is the thresholds on one line; JSON is YAML.
func (t thresholdText) yaml() string {
	text, err := json.Marshal(t)
	if err != nil {
		return ""
	}
	return string(text)
}

package main

import (
	"testing"
	"time"
)

func TestThresholdsAreChecked(t *testing.T) {
	for thresholds, words := range map[string][]string{
		"slow":                                     {"dashboard.thresholds", "want a list of thresholds"},
		"[slow]":                                   {"thresholds 1", "want queues"},
		"[{ready_down: 5m}]":                       {"thresholds 1", "want queues"},
		"[{queues: sms}, {queues: sms}]":           {"thresholds 2", "no other has"},
		"[{queues: sms, ready: 5m}]":               {"thresholds of sms", "no such field: ready", "ready_down"},
		"[{queues: sms, ready_down: 5}]":           {"thresholds of sms", "ready_down", "want a duration"},
		"[{queues: sms, ready_down: -5s}]":         {"want a duration"},
		"[{queues: sms, errors_down: 5}]":          {"errors_down", "want a percentage"},
		"[{queues: sms, errors_down: 101%}]":       {"want a percentage"},
		"[{queues: sms, dead_degraded: many}]":     {"dead_degraded", "want a number of jobs"},
		"[{queues: sms, dead_degraded: [1]}]":      {"want a number of jobs"},
		"[{queues: sms, lateness_down: {of: 1s}}]": {"want a duration"},
		"[{queues: sms, ready_degraded: 5m, ready_down: 1m}, {queues: '['}]": {
			"dueq.yaml: dashboard.thresholds", "sms", "ReadyDown", `"["`,
		},
	} {
		t.Run(thresholds, func(t *testing.T) {
			inFolderWith(t, "dashboard:\n  thresholds: "+thresholds+"\n")
			dueq(t, "config").failed(t, words...)
		})
	}
	// A dashboard that is told nonsense does not begin.
	inFolderWith(t, "redis: memory://\ndashboard:\n  thresholds: [{queues: sms, ready_down: 1s}]\n")
	dueq(t, "dashboard", "--listen", "127.0.0.1:0").failed(t, "dueq.yaml: dashboard.thresholds", "sms", "ReadyDown")
	inFolderWith(t, "dashboard:\n  thresholds:\n    - {queues: Report*, ready_down: off, errors_degraded: 7.5%}\n")
	r := dueq(t, "config").want(t, exitOK)
	wantWords(t, r.out, `{"errors_degraded":"7.5%","queues":"Report*","ready_down":"off"}`)
	inFolderWith(t, "redis: memory://\n")
	wantWords(t, dueq(t, "config").want(t, exitOK).out, "thresholds: []")
}

func TestThresholdsAreRead(t *testing.T) {
	texts, err := parseThresholds(`[{"queues": "a*", "ready_degraded": "1m", "lateness_down": "off", "errors_down": "50%", "dead_degraded": 7}]`)
	if err != nil {
		t.Fatal(err)
	}
	all, err := thresholdsOf(texts)
	if got := all["a*"]; err != nil || got.ReadyDegraded != time.Minute || got.LatenessDown >= 0 || got.ErrorsDown != 0.5 || got.DeadDegraded != 7 || got.ReadyDown != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

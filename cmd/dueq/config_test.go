package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/dueq-io/dueq/alarm"
)

// settle is what dueq config shows of one setting.
func settle(t *testing.T, key string, args ...string) (value any, origin string) {
	t.Helper()
	for _, s := range decode[[]shownSetting](t, dueq(t, append([]string{"config", "--json"}, args...)...).want(t, exitOK)) {
		if s.Key == key {
			return s.Value, s.Origin
		}
	}
	t.Fatalf("no setting %s", key)
	return nil, ""
}

func inFolderWith(t *testing.T, file string) {
	t.Helper()
	dir := t.TempDir()
	if file != "" {
		if err := os.WriteFile(filepath.Join(dir, "dueq.yaml"), []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
}

func TestFlagOverEnvironmentOverFileOverDefault(t *testing.T) {
	const file, env, flag = "redis://file", "redis://env", "redis://flag"
	for _, c := range []struct {
		name, file, env string
		args            []string
		want, origin    string
	}{
		{"none", "", "", nil, "redis://localhost:6379/0", fromDefault},
		{"file", "redis: " + file, "", nil, file, fromFile},
		{"environment", "redis: " + file, env, nil, env, fromEnvironment},
		{"flag", "redis: " + file, env, []string{"--redis", flag}, flag, fromFlag},
		{"flag that says the default", "redis: " + file, env, []string{"--redis=redis://localhost:6379/0"}, "redis://localhost:6379/0", fromFlag},
		{"null in the file", "redis:", "", nil, "redis://localhost:6379/0", fromDefault},
	} {
		t.Run(c.name, func(t *testing.T) {
			inFolderWith(t, c.file)
			if c.env != "" {
				t.Setenv("DUEQ_REDIS", c.env)
			}
			if value, origin := settle(t, "redis", c.args...); value != c.want || origin != c.origin {
				t.Errorf("%v from %s, want %s from %s", value, origin, c.want, c.origin)
			}
		})
	}
}

func TestEverySettingHasItsVariableAndItsLine(t *testing.T) {
	other := map[string]string{
		"string": "other", "bool": "true", "int": "7", "length": "7m0s", "list": "a,b",
		"rules": `[{name: deep, signal: depth, above: 7}]`, "thresholds": `[{queues: "sms*", ready_down: 7m}]`,
	}
	kind := func(s *setting) string {
		switch s.field(defaults()).(type) {
		case *string:
			return "string"
		case *bool:
			return "bool"
		case *int:
			return "int"
		case *[]string:
			return "list"
		case *[]alarm.Rule:
			return "rules"
		case *[]thresholdText:
			return "thresholds"
		default:
			return "length"
		}
	}
	for i := range settings {
		s := &settings[i]
		if s.key == "log_level" || s.key == "log_format" {
			continue
		}
		t.Run(s.key, func(t *testing.T) {
			line := other[kind(s)]
			if kind(s) == "list" {
				line = "[a, b]"
			}
			if section := s.section(); section != "" {
				inFolderWith(t, section+":\n  "+strings.TrimPrefix(s.key, section+".")+": "+line+"\n")
			} else {
				inFolderWith(t, s.key+": "+line+"\n")
			}
			fromLine, origin := settle(t, s.key)
			if origin != fromFile {
				t.Errorf("origin %s, want the file", origin)
			}
			t.Setenv(s.env(), other[kind(s)])
			fromVariable, origin := settle(t, s.key)
			if origin != fromEnvironment {
				t.Errorf("origin %s, want the environment", origin)
			}
			if yamlValue(fromLine) != yamlValue(fromVariable) {
				t.Errorf("%v in the file is %v in the environment", fromLine, fromVariable)
			}
		})
	}
}

func TestFileIsCheckedWhole(t *testing.T) {
	for file, words := range map[string][]string{
		"reddis: x":                      {"no such setting", "reddis"},
		"worker:\n  leese: 3s\n  a: 1":   {"worker.a, worker.leese"},
		"worker: 3":                      {"no such setting: worker"},
		"worker:\n  lease: 30":           {"worker.lease", "want a duration such as 30s"},
		"worker:\n  lease: soon":         {"worker.lease", "want a duration"},
		"worker:\n  concurrency: many":   {"worker.concurrency", "want a whole number"},
		"worker:\n  concurrency: 1.5":    {"want a whole number"},
		"worker:\n  strict: maybe":       {"worker.strict", "true or false"},
		"worker:\n  queues: {a: 1}":      {"no such setting: worker.queues.a"},
		"worker:\n  queues: [1]":         {"want a list"},
		"redis: 5":                       {"redis", "want text"},
		"redis: a\nredis: b":             {"already defined"},
		"redis: [":                       {"read settings from dueq.yaml"},
		"worker:\n  max_attempts: 0":     {"0 is no value"},
		"scheduler:\n  dead_age: 0s":     {"0 is no value"},
		"max_payload: x\nlog_level: 1\n": {"max_payload", "log_level"},
	} {
		t.Run(file, func(t *testing.T) {
			inFolderWith(t, file)
			dueq(t, "config").failed(t, words...)
		})
	}
	inFolderWith(t, "worker:\nscheduler:\n")
	dueq(t, "config").want(t, exitOK)
}

func TestVariablesAreChecked(t *testing.T) {
	inFolderWith(t, "")
	t.Setenv("DUEQ_WORKER_LEASE", "soon")
	dueq(t, "config").failed(t, "DUEQ_WORKER_LEASE", "want a duration")
}

func TestAnotherFileByFlag(t *testing.T) {
	inFolderWith(t, "namespace: here")
	other := filepath.Join(t.TempDir(), "other.conf")
	if err := os.WriteFile(other, []byte("namespace: there"), 0o600); err != nil {
		t.Fatal(err)
	}
	if value, _ := settle(t, "namespace"); value != "here" {
		t.Errorf("namespace %v", value)
	}
	if value, _ := settle(t, "namespace", "--config", other); value != "there" {
		t.Errorf("namespace %v", value)
	}
}

// TestConfigPrintsAFile reads what config prints as the file it is in the form of.
func TestConfigPrintsAFile(t *testing.T) {
	inFolderWith(t, "namespace: \"yes\"\nworker:\n  queues: [a=1, b]\n  exec: 'say \"hi\": #1'\n")
	t.Setenv("DUEQ_WORKER_LEASE", "7s")
	r := dueq(t, "config", "--log-level", "warn").want(t, exitOK)
	wantWords(t, r.out, "# dueq.yaml: worker.queues", "# DUEQ_WORKER_LEASE", "# --log-level", "# default")
	var read map[string]any
	if err := yaml.Unmarshal([]byte(r.out), &read); err != nil {
		t.Fatal(err)
	}
	worker, _ := read["worker"].(map[string]any)
	if read["namespace"] != "yes" || read["log_level"] != "warn" || worker["lease"] != "7s" || worker["exec"] != `say "hi": #1` {
		t.Errorf("reads as %v", read)
	}
	inFolderWith(t, r.out)
	dueq(t, "config").want(t, exitOK)
}

// TestFlagsOfTheSameNameAreOfTheirCommand: worker and scheduler both have --queue.
func TestFlagsOfTheSameNameAreOfTheirCommand(t *testing.T) {
	c := &cli{process: &process{}}
	cmd := c.worker()
	if err := cmd.Flags().Parse([]string{"--queue", "a", "--queue", "b=2"}); err != nil {
		t.Fatal(err)
	}
	cmd.Flags().String(configFlag, "", "")
	cfg, err := readConfig(cmd.Flags())
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.worker.queues) != 2 || len(cfg.scheduler.queues) != 0 {
		t.Errorf("worker %v, scheduler %v", cfg.worker.queues, cfg.scheduler.queues)
	}
}

func TestMaskURL(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"redis://localhost":                             "redis://localhost",
		"redis://:p@localhost":                          "redis://:xxxxx@localhost",
		"redis://u:p@h,h2":                              "redis://u:xxxxx@h,h2",
		"redis://token@h":                               "redis://xxxxx@h",
		"redis://u:p/a#s@s@h/0":                         "redis://u:xxxxx@h/0",
		"redis+sentinel://h/m?sentinel_password=p&db=1": "redis+sentinel://h/m?sentinel_password=xxxxx&db=1",
		"u:p@h":     "u:xxxxx@h",
		"memory://": "memory://",
		"":          "",
	} {
		if got := maskURL(in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}

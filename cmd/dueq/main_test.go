package main

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dueq-io/dueq/internal/redistest"
)

func TestWrongUsageExits2WithAHint(t *testing.T) {
	t.Parallel()
	for line, word := range map[string]string{
		"nonsense":                               `unknown command "nonsense"`,
		"queus":                                  "did you mean queues?",
		"queues --nonsense":                      "unknown flag: --nonsense",
		"jobs":                                   "got 0 arguments; want dueq jobs QUEUE",
		"jobs a b":                               "got 2 arguments",
		"job a":                                  "want dueq job QUEUE ID",
		"job a b --payload --json":               "--payload and --json cannot be used together",
		"version x":                              "got 1 argument",
		"enqueue a":                              "want dueq enqueue {QUEUE KIND",
		"enqueue a k --delay soon":               `delay "soon"`,
		"enqueue a k --due tomorrow":             `due "tomorrow"`,
		"enqueue a k --delay 1s --due 2026":      "--delay and --due cannot be used together",
		"enqueue a k --priority urgent":          "high, normal or low",
		"enqueue a k --unique-for 1h":            "need unique",
		"enqueue a k --header x":                 "name=value",
		"enqueue a k --backoff 1m,x":             `backoff "x"`,
		"enqueue --stdin a --id x":               "leave out a, --id",
		"reschedule a b":                         "--delay or --due",
		"reschedule a b --delay x":               "want a duration",
		"reschedule a b --delay 1s --due x":      "cannot be used together",
		"cancel a":                               "--tag, --kind or --state",
		"cancel a b --tag x":                     "--tag, --kind or --state",
		"requeue a":                              "--all",
		"requeue a b --all":                      "--all",
		"requeue a b --kind k":                   "--kind and --tag go with --all",
		"purge a":                                "want --dead",
		"purge a --dead --older-than -1s":        "--older-than",
		"limit a":                                "want --max-len",
		"limit a --max-len many":                 "invalid argument",
		"worker":                                 "--queue NAME",
		"worker --queue a":                       "--exec COMMAND or --post URL",
		"worker --queue a=x --exec true":         "whole number",
		"worker --queue a,a --exec true":         "named twice",
		"worker --queue a --exec b --post c":     "cannot be used together",
		"worker --queue a --post ftp://x":        "--post: want a URL",
		"worker --queue a --lease x --exec b":    "invalid argument",
		"worker --queue a --exec b --timeout=-":  "invalid argument",
		"bench --jobs 0":                         "--jobs 0",
		"bench --jobs 1000000 --payload 9999999": "--payload",
		"demo --for -1s":                         "--for",
		"queues --watch --every 1ms":             "--every",
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			dueq(t, strings.Fields(line)...).misused(t, word)
		})
	}
}

func TestFailuresExit1InOneLine(t *testing.T) {
	t.Parallel()
	const down = "redis://127.0.0.1:1/0"
	for line, word := range map[string]string{
		"queues --redis " + down:                             "is the server running, and is the address right?",
		"enqueue a k --redis " + down:                        "redis is unavailable",
		"worker --queue a --exec true --redis " + down:       "redis is unavailable",
		"scheduler --redis " + down:                          "redis is unavailable",
		"dashboard --listen 127.0.0.1:0 --redis " + down:     "redis is unavailable",
		"doctor --redis " + down:                             "redis is unavailable",
		"bench --redis " + down:                              "redis is unavailable",
		"demo --listen 127.0.0.1:0 --redis " + down:          "redis is unavailable",
		"queues --redis mysql://x":                           "scheme",
		"queues --redis localhost:6379":                      "scheme",
		"queues --redis redis://localhost/x":                 "invalid database number",
		"queues --config /nonexistent.yaml":                  "/nonexistent.yaml",
		"dashboard --listen 0.0.0.0:0":                       "--insecure-no-auth",
		"dashboard --listen :0":                              "--insecure-no-auth",
		"dashboard --listen nonsense":                        "host:port",
		"demo --listen 192.0.2.1:0":                          "the demo has no login",
		"worker --queue a --exec b --concurrency 0":          "--concurrency",
		"worker --queue a --exec b --log-level loud":         "debug, info, warn or error",
		"enqueue a k @/nonexistent":                          "read the payload",
		"jobs a/b --redis " + "memory://" + " --namespace n": "",
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			r := dueq(t, strings.Fields(line)...)
			if word == "" {
				// The line before it says that nothing is kept.
				r.err = r.err[strings.Index(r.err, "\n")+1:]
			}
			r.failed(t, word)
		})
	}
}

func TestHelpIsNoError(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"", "help", "--help", "help enqueue", "worker --help"} {
		r := dueq(t, strings.Fields(line)...).want(t, exitOK)
		if r.err != "" || !strings.Contains(r.out, "Usage:") {
			t.Errorf("%q: out %q, err %q", line, r.out, r.err)
		}
	}
	r := dueq(t)
	for _, name := range []string{
		"demo", "worker", "scheduler", "dashboard", "enqueue", "cancel", "reschedule", "queues", "workers", "jobs", "job",
		"requeue", "purge", "limit", "pause", "resume", "close", "open", "doctor", "acl", "bench", "config", "version",
	} {
		if !strings.Contains(r.out, "\n  "+name+" ") {
			t.Errorf("help does not list %s", name)
		}
	}
}

// TestPasswordsAreNeverShown tries each way in which a password has come to light in other programs.
func TestPasswordsAreNeverShown(t *testing.T) {
	t.Parallel()
	const secret = "zauber/sesame#1"
	server := redistest.StartTCP(t, "--requirepass", "another")
	dir := t.TempDir()
	file := filepath.Join(dir, "dueq.yaml")
	if err := os.WriteFile(file, []byte("redis: redis://:"+secret+"@localhost/0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	escaped := url.QueryEscape(secret)
	for _, target := range []string{
		"redis://:" + secret + "@localhost:1/0",
		"redis://user:" + secret + "@localhost:1/0",
		"redis://:" + escaped + "@localhost:1/0",
		"redis://:" + escaped + "@" + server.Addr(),
		"redis://user:" + escaped + "@" + server.Addr() + "?read_timeout=x",
		"redis+cluster://:" + escaped + "@" + server.Addr(),
		"redis+sentinel://:" + escaped + "@localhost:1/master?sentinel_password=" + escaped,
		"unix://:" + escaped + "@/nonexistent.sock",
		"nonsense://:" + escaped + "@localhost",
		"://:" + escaped + "@localhost",
		"redis://:%zz" + escaped + "@localhost",
		"redis://:" + secret + "@@localhost:port",
	} {
		for _, line := range []string{
			"queues", "doctor", "config", "config --json", "enqueue q k", "worker --queue q --exec true",
			"demo --listen 127.0.0.1:0", "bench", "jobs", "queues --every 1ns",
		} {
			r := dueq(t, append(strings.Fields(line), "--redis", target)...)
			for _, part := range []string{"sesame", "zauber"} {
				if strings.Contains(r.out+r.err, part) {
					t.Errorf("%s of %s shows the password:\n%s%s", line, target, r.out, r.err)
				}
			}
		}
	}
	if r := dueq(t, "queues", "--config", file); strings.Contains(r.err, "sesame") {
		t.Errorf("the file's password is shown: %s", r.err)
	}
}

func TestWrongPasswordSaysSo(t *testing.T) {
	t.Parallel()
	server := redistest.StartTCP(t, "--requirepass", "right")
	dueq(t, "queues", "--redis", "redis://:wrong@"+server.Addr()).failed(t, "WRONGPASS", "redis://:xxxxx@")
	dueq(t, "queues", "--redis", "redis://"+server.Addr()).failed(t, "NOAUTH")
	dueq(t, "queues", "--redis", "redis://:right@"+server.Addr()).want(t, exitOK)
}

func TestVersion(t *testing.T) {
	t.Parallel()
	if r := dueq(t, "version").want(t, exitOK); !strings.HasPrefix(r.out, "dueq ") {
		t.Errorf("printed %q", r.out)
	}
	if v := decode[map[string]string](t, dueq(t, "version", "--json")); v["version"] == "" || v["go"] == "" {
		t.Errorf("printed %v", v)
	}
}

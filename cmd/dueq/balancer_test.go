package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/dueq-io/dueq/internal/redistest"
)

// balance starts haproxy before servers, and returns its address. A machine without haproxy fails the
// test: make need-haproxy installs it.
func balance(t *testing.T, servers ...string) string {
	t.Helper()
	program, err := exec.LookPath("haproxy")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/haproxy"); err != nil {
			t.Fatal("haproxy is missing; install it with: apt-get install haproxy")
		}
	}
	l := taken(t)
	addr := l.Addr().String()
	_ = l.Close()
	var b strings.Builder
	fmt.Fprintf(&b, `
defaults
  mode http
  timeout connect 1s
  timeout client 1m
  timeout server 1m
  retries 3
  option redispatch 1
  option forwardfor
  option httpchk GET /healthz
frontend all
  bind %s
  default_backend dashboards
backend dashboards
  balance roundrobin
`, addr)
	for i, server := range servers {
		fmt.Fprintf(&b, "  server d%d %s check inter 100ms fall 1 rise 1\n", i, server)
	}
	var log buffer
	cmd := exec.CommandContext(t.Context(), program, "-db", "-f", writeFile(t, b.String()))
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	redistest.Eventually(t, patience, func() bool {
		c, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	}, "haproxy does not listen")
	return "http://" + addr + "/"
}

// TestKilledDashboardSignsNobodyOut: of two behind a balancer, both serve a browser that has signed in at
// one, and when that one is killed the browser goes on at the other, without one request that fails.
func TestKilledDashboardSignsNobodyOut(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	users := writeFile(t, userLine(t, "alice", "--role", "admin"))
	args := p.args("dashboard", "--listen", "127.0.0.1:0", "--users-file", users, "--trusted-proxy", "127.0.0.1")
	one, first := child(t, args...)
	_, second := child(t, args...)
	host := func(d *daemon) string { return strings.Trim(strings.TrimPrefix(d.address(), "http://"), "/") }
	base := balance(t, host(first), host(second))
	alice := browser(t, first.address(), "alice") // cookies are those of a host, whatever its port
	ask := func(base string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"sessions", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Close = true // the balancer chooses anew for each connection
		res, err := alice.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if body, err := io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusOK || !strings.Contains(string(body), "this one") {
			t.Errorf("%s, %v: %s", res.Status, err, body)
		}
	}
	ask(second.address())
	for range 10 { // by both, in turn
		ask(base)
	}
	if err := one.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-first.ended
	const after = 20 // the balancer does not know yet, and then it does
	for range after {
		ask(base)
	}
	t.Logf("figure: %d requests after the kill, all answered as signed in", after)
}

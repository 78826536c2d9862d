package queue_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

// freePort returns a port of 127.0.0.1 on which nobody listens.
func freePort(t *testing.T) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port := split(listener.Addr().String())
	return port
}

// startSentinel starts a Sentinel that watches a master as "mymaster", and returns its address.
func startSentinel(t *testing.T, master string, more ...string) string {
	t.Helper()
	port, dir := freePort(t), t.TempDir()
	host, masterPort := split(master)
	conf := fmt.Sprintf("port %s\nbind 127.0.0.1\ndir %s\nsentinel monitor mymaster %s %s 1\n", port, dir, host, masterPort)
	for _, line := range more {
		conf += line + "\n"
	}
	file := filepath.Join(dir, "sentinel.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), cmp.Or(os.Getenv("REDIS_SERVER"), "redis-server"), file, "--sentinel")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	addr := "127.0.0.1:" + port
	client := redis.NewClient(&redis.Options{Addr: addr})
	defer client.Close()
	redistest.Eventually(t, 10*time.Second, func() bool {
		err := client.Ping(t.Context()).Err()
		return err == nil || redis.HasErrorPrefix(err, "NOAUTH")
	}, "the sentinel did not start")
	return addr
}

// redis+sentinel:// asks a Sentinel for the master and works on it, each with a password of its own.
func TestOpenSentinel(t *testing.T) {
	t.Parallel()
	master := redistest.StartTCP(t, "--requirepass", secret)
	sentinel := startSentinel(t, master.Addr(), "sentinel auth-pass mymaster "+secret, "requirepass of-sentinel")
	url := "redis+sentinel://:" + secret + "@127.0.0.1:1," + sentinel + "/mymaster/1?sentinel_password=of-sentinel"
	h := open(t, url, queue.Config{})
	mainPath(t, h)
	if n := h.rdb.DBSize(h.ctx).Val(); n == 0 {
		t.Error("database 1 is empty")
	}

	for what, bad := range map[string]string{
		"no such master":          "redis+sentinel://:" + secret + "@" + sentinel + "/other?sentinel_password=of-sentinel",
		"the sentinel's password": "redis+sentinel://:" + secret + "@" + sentinel + "/mymaster?sentinel_password=wrong",
		"the master's password":   "redis+sentinel://:wrong@" + sentinel + "/mymaster?sentinel_password=of-sentinel",
	} {
		if _, err := queue.Open(t.Context(), bad); !errors.Is(err, queue.ErrUnavailable) && !errors.Is(err, queue.ErrUnfit) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

package queue_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

// oneServer asks for the servers of a URL, of which there is to be one.
func oneServer(t *testing.T, url string) (*queue.Client, queue.ServerInfo) {
	t.Helper()
	c, err := queue.Config{Namespace: redistest.Prefix(t)}.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	all, err := c.Inspector().Servers(t.Context())
	if err != nil || len(all) != 1 {
		t.Fatalf("%+v, %v", all, err)
	}
	return c, all[0]
}

func TestServersSayWhatTheyAre(t *testing.T) {
	t.Parallel()
	const limit = 64 << 20
	server := redistest.StartTCP(t, "--maxmemory", "64mb", "--maxmemory-policy", "noeviction", "--appendonly", "yes")
	if err := server.Client().MSet(t.Context(), "a", 1, "b", 2).Err(); err != nil {
		t.Fatal(err)
	}
	_, got := oneServer(t, server.URL())
	if got.Err != nil || got.Role != "master" || got.Mode != "standalone" || !strings.HasPrefix(got.Version, "7.") && !strings.HasPrefix(got.Version, "8.") {
		t.Errorf("%+v", got)
	}
	if got.Limit != limit || got.Used < 100<<10 || got.Used > limit || got.Policy != "noeviction" || got.MemoryShare() != float64(got.Used)/limit {
		t.Errorf("memory: %+v", got)
	}
	if got.RTT <= 0 || got.RTT > 5*time.Second || got.Clients < 1 || got.Keys != 2 || !got.AOF || got.Troubled || got.Addr == "" {
		t.Errorf("%+v", got)
	}
}

func TestServersOfAReplicatedOne(t *testing.T) {
	t.Parallel()
	master := redistest.StartTCP(t)
	host, port, _ := strings.Cut(master.Addr(), ":")
	redistest.StartTCP(t, "--replicaof", host+" "+port)
	c, _ := oneServer(t, master.URL())
	redistest.Eventually(t, 20*time.Second, func() bool {
		all, err := c.Inspector().Servers(t.Context())
		return err == nil && len(all[0].Replicas) == 1 && all[0].Replicas[0].State == "online" &&
			strings.HasPrefix(all[0].Replicas[0].Addr, "127.0.0.1:")
	}, "the replica is not seen")
}

func TestServersOfACluster(t *testing.T) {
	t.Parallel()
	_, got := oneServer(t, redistest.StartCluster(t).URL())
	if got.Err != nil || got.Mode != "cluster" || strings.Join(got.Slots, " ") != "0-16383" || got.Addr == "" {
		t.Errorf("%+v", got)
	}
}

func TestServersEmbedded(t *testing.T) {
	t.Parallel()
	_, got := oneServer(t, "memory://")
	if got.Err != nil || got.Mode != "memory" || got.RTT <= 0 || got.MemoryShare() != 0 {
		t.Errorf("%+v", got)
	}
}

func TestServersAway(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	c, _ := oneServer(t, server.URL())
	server.Kill()
	all, err := c.Inspector().Servers(t.Context())
	if err != nil || len(all) != 1 || all[0].Err == nil || all[0].Version != "" {
		t.Errorf("%+v, %v", all, err)
	}
	if !errors.Is(all[0].Err, queue.ErrUnavailable) && !errors.Is(all[0].Err, queue.ErrUnknown) {
		t.Errorf("error %v", all[0].Err)
	}
}

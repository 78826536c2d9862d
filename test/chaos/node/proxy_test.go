package node_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dueq-io/dueq/test/chaos/node"
)

func TestProxyHarmsUntilItIsHealed(t *testing.T) {
	t.Parallel()
	server := start(t, node.Config{})
	for name, harm := range map[string]func(*node.Proxy) error{
		"half-open": (*node.Proxy).HalfOpen,
		"delay":     func(p *node.Proxy) error { return p.Delay(time.Minute, 0) },
		"slice":     func(p *node.Proxy) error { return p.Slice(1, 10*time.Millisecond) },
		"cut":       func(p *node.Proxy) error { return p.CutAfter(2) },
		"reset":     func(p *node.Proxy) error { return p.Reset(0) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := node.StartProxy(server.Addr())
			must(t, err)
			t.Cleanup(p.Close)
			ping := func() error {
				client := redis.NewClient(&redis.Options{Addr: p.Addr(), MaxRetries: -1, ContextTimeoutEnabled: true})
				defer client.Close()
				ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
				defer cancel()
				return client.Ping(ctx).Err()
			}
			must(t, ping())
			must(t, harm(p))
			began := time.Now()
			if err := ping(); err == nil && time.Since(began) < 20*time.Millisecond {
				t.Error("a PING went through unharmed")
			}
			p.Heal(t.Context())
			eventually(t, func() bool { return ping() == nil })
		})
	}
}

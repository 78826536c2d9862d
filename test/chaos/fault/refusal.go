package fault

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/test/chaos/node"
)

var refusal = Row{
	Share: Quiet,
	Name:  "wrong-redis",
	Bar:   "a Redis that would lose jobs is refused at start, in one line that says why",
	Break: refuseRedis,
}

func refuseRedis(ctx context.Context, r *Run) error {
	policies := []string{
		"allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl",
	}
	// What a worker cannot do without, one by one.
	commands := []string{"zadd", "hset", "rpush", "evalsha"}
	refused := 0
	for _, policy := range policies {
		ok, err := r.refuses(ctx, node.Config{MaxMemory: "64mb", Args: []string{"--maxmemory-policy", policy}}, policy)
		if err != nil {
			return err
		}
		refused += ok
	}
	for _, command := range commands {
		ok, err := r.refuses(ctx, node.Config{}, command, "ACL", "SETUSER", "default", "-"+command)
		if err != nil {
			return err
		}
		refused += ok
	}
	of := len(policies) + len(commands)
	r.Figure("%d of %d refused", refused, of)
	return nil
}

// refuses returns 1 where a Redis is refused in one line that names what is wrong.
func (r *Run) refuses(ctx context.Context, cfg node.Config, wrong string, setUp ...any) (_ int, err error) {
	server, err := node.Start(ctx, cfg)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	if len(setUp) > 0 {
		if err := server.Client().Do(ctx, setUp...).Err(); err != nil {
			return 0, err
		}
	}
	client, refused := queue.Open(ctx, server.URL())
	if refused == nil {
		r.Require(false, "%s: accepted", wrong)
		return 0, client.Close()
	}
	said := fmt.Sprint(refused)
	ok := !strings.Contains(said, "\n") && strings.Contains(strings.ToLower(said), wrong)
	r.Require(ok, "%s: refused with %q", wrong, said)
	if !ok {
		return 0, nil
	}
	r.Say("%s", said)
	return 1, nil
}

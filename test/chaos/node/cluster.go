package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	clusterMasters = 3
	clusterSlots   = 16384
)

// Cluster is a Redis Cluster of three masters with a replica each. Its methods
// are for one goroutine at a time.
type Cluster struct{ nodes []*Redis }

// StartCluster starts six nodes, each with cfg, and returns when all of them
// agree that the cluster works and every replica follows.
func StartCluster(ctx context.Context, cfg Config) (*Cluster, error) {
	c := new(Cluster)
	if err := c.start(ctx, cfg); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (c *Cluster) start(ctx context.Context, cfg Config) error {
	cfg.Args = append(slices.Clone(cfg.Args),
		"--cluster-enabled", "yes", "--cluster-node-timeout", "1500",
		"--cluster-announce-ip", "127.0.0.1", "--repl-diskless-sync-delay", "0",
		// A replica that was away for long may still take over, and no master
		// is left without one.
		"--cluster-replica-validity-factor", "0", "--cluster-migration-barrier", "10")
	for range 2 * clusterMasters {
		r, err := Start(ctx, cfg)
		if err != nil {
			return err
		}
		c.nodes = append(c.nodes, r)
	}
	if err := c.meet(ctx); err != nil {
		return err
	}
	return c.AwaitWhole(ctx)
}

// meet makes the nodes one cluster.
func (c *Cluster) meet(ctx context.Context) error {
	for i, r := range c.nodes {
		if err := c.nodes[0].ask.ClusterMeet(ctx, "127.0.0.1", strconv.Itoa(r.port)).Err(); err != nil {
			return err
		}
		if i < clusterMasters {
			from, to := i*clusterSlots/clusterMasters, (i+1)*clusterSlots/clusterMasters-1
			if err := r.ask.ClusterAddSlotsRange(ctx, from, to).Err(); err != nil {
				return err
			}
		}
	}
	for i, r := range c.nodes[clusterMasters:] {
		master, err := c.nodes[i].id(ctx)
		if err != nil {
			return err
		}
		// A node refuses a master that it has not heard of yet.
		err = await(ctx, nil, func(ctx context.Context) bool {
			return r.ask.ClusterReplicate(ctx, master).Err() == nil
		})
		if err != nil {
			return fmt.Errorf("node: %s did not become a replica: %w", r.Addr(), err)
		}
	}
	return nil
}

// AwaitWhole returns when all nodes see the same: the cluster works, there are
// three masters, and each has a replica that follows.
func (c *Cluster) AwaitWhole(ctx context.Context) error {
	err := await(ctx, nil, func(ctx context.Context) bool {
		for _, r := range c.nodes {
			if !c.whole(ctx, r) {
				return false
			}
		}
		return true
	})
	if err != nil {
		return fmt.Errorf("node: the cluster did not come together: %w\n%s", err, c.nodes[0].ask.ClusterNodes(context.WithoutCancel(ctx)).Val())
	}
	return nil
}

func (c *Cluster) whole(ctx context.Context, r *Redis) bool {
	info, err := r.ask.ClusterInfo(ctx).Result()
	if err != nil || !strings.Contains(info, "cluster_state:ok") {
		return false
	}
	masters := 0
	for _, n := range c.view(ctx, r) {
		if slices.Contains(n.flags, "fail") || slices.Contains(n.flags, "fail?") || slices.Contains(n.flags, "handshake") {
			return false
		}
		if slices.Contains(n.flags, "master") {
			masters++
		}
	}
	repl, err := r.ask.Info(ctx, "replication").Result()
	follows := strings.Contains(repl, "role:slave") && strings.Contains(repl, "master_link_status:up")
	return err == nil && masters == clusterMasters && (follows || strings.Contains(repl, "role:master"))
}

// member is one line of CLUSTER NODES.
type member struct {
	id, addr, master string
	flags            []string
}

// view returns the cluster as a node sees it.
func (c *Cluster) view(ctx context.Context, r *Redis) []member {
	var out []member
	text := r.ask.ClusterNodes(ctx).Val()
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) >= 4 {
			addr, _, _ := strings.Cut(f[1], "@")
			out = append(out, member{id: f[0], addr: addr, flags: strings.Split(f[2], ","), master: f[3]})
		}
	}
	return out
}

func (r *Redis) id(ctx context.Context) (string, error) {
	return r.ask.Do(ctx, "CLUSTER", "MYID").Text()
}

func (c *Cluster) addrs() []string {
	out := make([]string, len(c.nodes))
	for i, r := range c.nodes {
		out[i] = r.Addr()
	}
	return out
}

// URL returns the address for queue.Open.
func (c *Cluster) URL() string { return "redis+cluster://" + strings.Join(c.addrs(), ",") }

// Owner returns the node that has the slot of a key.
func (c *Cluster) Owner(ctx context.Context, key string) (*Redis, error) {
	var owner *Redis
	err := await(ctx, nil, func(ctx context.Context) bool {
		for _, r := range c.nodes {
			// MOVED, or no answer, where it is another's.
			if isMaster(ctx, r) && r.ask.Exists(ctx, key).Err() == nil {
				owner = r
				return true
			}
		}
		return false
	})
	if err != nil {
		return nil, fmt.Errorf("node: no node has the slot of %s: %w", key, err)
	}
	return owner, nil
}

// KillOwner kills the master that has a key, waits until its replica is the
// master, and returns the killed one and how long that took.
func (c *Cluster) KillOwner(ctx context.Context, key string) (old *Redis, took time.Duration, err error) {
	if old, err = c.Owner(ctx, key); err != nil {
		return nil, 0, err
	}
	if err := old.Kill(); err != nil {
		return nil, 0, err
	}
	killed := time.Now()
	_, err = c.Owner(ctx, key)
	return old, time.Since(killed), err
}

// BringBack starts a killed node again and returns when the cluster is whole.
func (c *Cluster) BringBack(ctx context.Context, old *Redis) error {
	if err := old.Restart(ctx); err != nil {
		return err
	}
	return c.AwaitWhole(ctx)
}

// Failover makes a replica of the key's master the master, as an operator
// does, and returns when it is. force does not wait for the master to agree.
func (c *Cluster) Failover(ctx context.Context, key string, force bool) error {
	old, err := c.Owner(ctx, key)
	if err != nil {
		return err
	}
	replica, err := c.replicaOf(ctx, old)
	if err != nil {
		return err
	}
	command := []any{"CLUSTER", "FAILOVER"}
	if force {
		command = append(command, "FORCE")
	}
	if err := replica.ask.Do(ctx, command...).Err(); err != nil {
		return err
	}
	err = await(ctx, nil, func(ctx context.Context) bool { return isMaster(ctx, replica) })
	if err != nil {
		return fmt.Errorf("node: %s did not become the master: %w", replica.Addr(), err)
	}
	return c.AwaitWhole(ctx)
}

func (c *Cluster) replicaOf(ctx context.Context, master *Redis) (*Redis, error) {
	id, err := master.id(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range c.view(ctx, master) {
		if m.master != id {
			continue
		}
		for _, r := range c.nodes {
			if r.Addr() == m.addr {
				return r, nil
			}
		}
	}
	return nil, fmt.Errorf("node: %s has no replica", master.Addr())
}

// Close ends all nodes and removes their files.
func (c *Cluster) Close() error {
	var errs []error
	for _, r := range c.nodes {
		errs = append(errs, r.Close())
	}
	return errors.Join(errs...)
}

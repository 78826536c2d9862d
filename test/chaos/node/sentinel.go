package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	masterName = "dueq"
	quorum     = 2
	sentinels  = 3
)

// Sentinel is a master with two replicas, watched by three Sentinels. Its
// methods are for one goroutine at a time.
type Sentinel struct {
	redis    []*Redis
	watchers []*watcher
}

// watcher is one Sentinel.
type watcher struct {
	dir  string
	port int
	run  *child
	ask  *redis.SentinelClient
}

// StartSentinel starts six processes, each Redis with cfg, and returns when
// the Sentinels know one another and both replicas are in step.
func StartSentinel(ctx context.Context, cfg Config) (*Sentinel, error) {
	s := new(Sentinel)
	if err := s.start(ctx, cfg); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Sentinel) start(ctx context.Context, cfg Config) error {
	// A master waits five seconds for replicas before it copies, by default, and keeps 1 MB for those that
	// fall behind: with more, the other replica follows a new master at once, without a copy of all it has.
	cfg.Args = append(slices.Clone(cfg.Args), "--repl-diskless-sync-delay", "0", "--repl-backlog-size", "64mb")
	for i := range 3 {
		if i == 1 {
			cfg.Args = append(cfg.Args, "--replicaof", "127.0.0.1 "+strconv.Itoa(s.redis[0].port))
		}
		r, err := Start(ctx, cfg)
		if err != nil {
			return err
		}
		s.redis = append(s.redis, r)
	}
	if err := s.AwaitReplicas(ctx); err != nil {
		return err
	}
	for range sentinels {
		w, err := watch(ctx, s.redis[0].port)
		if err != nil {
			return err
		}
		s.watchers = append(s.watchers, w)
	}
	return s.awaitKnown(ctx)
}

// watch starts a Sentinel.
func watch(ctx context.Context, master int) (*watcher, error) {
	dir, err := os.MkdirTemp("", "dueq-node-")
	if err != nil {
		return nil, err
	}
	w := &watcher{dir: dir}
	if w.port, err = freePort(); err != nil {
		return nil, errors.Join(err, w.close())
	}
	conf := filepath.Join(dir, "sentinel.conf")
	text := fmt.Sprintf(`port %d
bind 127.0.0.1
dir %s
sentinel monitor %[3]s 127.0.0.1 %d %d
sentinel down-after-milliseconds %[3]s 1000
sentinel failover-timeout %[3]s 5000
`, w.port, dir, masterName, master, quorum)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		return nil, errors.Join(err, w.close())
	}
	if w.run, err = launch(dir, nil, "redis-server", conf, "--sentinel"); err != nil {
		return nil, errors.Join(err, w.close())
	}
	w.ask = redis.NewSentinelClient(&redis.Options{Addr: w.addr(), ContextTimeoutEnabled: true})
	err = await(ctx, w.run.done, func(ctx context.Context) bool { return w.ask.Ping(ctx).Err() == nil })
	if err != nil {
		return nil, errors.Join(fmt.Errorf("node: a Sentinel on port %d did not answer: %w\n%s", w.port, err, logTail(dir)), w.close())
	}
	return w, nil
}

func (w *watcher) addr() string { return "127.0.0.1:" + strconv.Itoa(w.port) }

func (w *watcher) close() error {
	var errs []error
	if w.run != nil {
		errs = append(errs, w.run.kill())
	}
	if w.ask != nil {
		errs = append(errs, w.ask.Close())
	}
	return errors.Join(append(errs, os.RemoveAll(w.dir))...)
}

// URL returns the address for queue.Open.
func (s *Sentinel) URL() string {
	addrs := make([]string, len(s.watchers))
	for i, w := range s.watchers {
		addrs[i] = w.addr()
	}
	return "redis+sentinel://" + strings.Join(addrs, ",") + "/" + masterName
}

// Master returns the server that most Sentinels name as the master.
func (s *Sentinel) Master(ctx context.Context) (*Redis, error) {
	votes := map[string]int{}
	for _, w := range s.watchers {
		if at, err := w.ask.GetMasterAddrByName(ctx, masterName).Result(); err == nil {
			votes[net.JoinHostPort(at[0], at[1])]++
		}
	}
	for _, r := range s.redis {
		if votes[r.Addr()] >= quorum {
			return r, nil
		}
	}
	return nil, fmt.Errorf("node: the Sentinels do not agree on a master: %v", votes)
}

// KillMaster kills the master and returns it, and how long it took until
// another was the master and said so itself.
func (s *Sentinel) KillMaster(ctx context.Context) (old *Redis, took time.Duration, err error) {
	return s.KillMasterThen(ctx, func() {})
}

// KillMasterThen is KillMaster with something to do once the master is gone,
// which is done also where it could not be killed.
func (s *Sentinel) KillMasterThen(ctx context.Context, then func()) (old *Redis, took time.Duration, err error) {
	if old, err = s.Master(ctx); err == nil {
		err = old.Kill()
	}
	killed := time.Now()
	then()
	if err != nil {
		return nil, 0, err
	}
	err = await(ctx, nil, func(ctx context.Context) bool {
		next, err := s.Master(ctx)
		return err == nil && next != old && isMaster(ctx, next)
	})
	if err != nil {
		err = fmt.Errorf("node: no fail-over: %w\n%s", err, logTail(s.watchers[0].dir))
	}
	return old, time.Since(killed), err
}

// BringBack starts a killed master again, as a replica of the one there is
// now, and returns when both replicas are in step.
func (s *Sentinel) BringBack(ctx context.Context, old *Redis) error {
	// A master that is back before the fail-over has ended is the master again.
	if err := s.awaitAgreed(ctx, nil); err != nil {
		return err
	}
	master, err := s.Master(ctx)
	if err != nil {
		return err
	}
	old.cfg.Args = append(slices.Clone(old.cfg.Args), "--replicaof", "127.0.0.1 "+strconv.Itoa(master.port))
	if err := old.Restart(ctx); err != nil {
		return err
	}
	if err := s.AwaitReplicas(ctx); err != nil {
		return err
	}
	return s.awaitKnown(ctx)
}

// AwaitReplicas returns when two replicas follow a master.
func (s *Sentinel) AwaitReplicas(ctx context.Context) error {
	err := await(ctx, nil, func(ctx context.Context) bool {
		linked := 0
		for _, r := range s.redis {
			info, err := r.ask.Info(ctx, "replication").Result()
			if err == nil && strings.Contains(info, "master_link_status:up") {
				linked++
			}
		}
		return linked == len(s.redis)-1
	})
	if err != nil {
		return fmt.Errorf("node: the replicas did not follow: %w", err)
	}
	return nil
}

// awaitKnown returns when every Sentinel knows the others and both replicas:
// before, it would not fail over.
func (s *Sentinel) awaitKnown(ctx context.Context) error {
	return s.awaitAgreed(ctx, map[string]string{
		"num-slaves": "2", "num-other-sentinels": strconv.Itoa(sentinels - 1),
	})
}

// awaitAgreed returns when every Sentinel names the same master, has no
// fail-over under way, and says of the master what is wanted. A master that
// dies before leaves a Sentinel naming the one before it for tens of seconds.
func (s *Sentinel) awaitAgreed(ctx context.Context, want map[string]string) error {
	err := await(ctx, nil, func(ctx context.Context) bool {
		now, err := s.Master(ctx)
		if err != nil {
			return false
		}
		for _, w := range s.watchers {
			m, err := w.ask.Master(ctx, masterName).Result()
			if err != nil || m["port"] != strconv.Itoa(now.port) || m["flags"] != "master" {
				return false
			}
			for field, value := range want {
				if m[field] != value {
					return false
				}
			}
		}
		return true
	})
	if err != nil {
		return fmt.Errorf("node: the Sentinels did not agree: %w", err)
	}
	return nil
}

// Replicas returns the servers that are not the master.
func (s *Sentinel) Replicas(ctx context.Context) ([]*Redis, error) {
	master, err := s.Master(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(s.redis), func(r *Redis) bool { return r == master }), nil
}

// Close ends all of it and removes its files.
func (s *Sentinel) Close() error {
	var errs []error
	for _, w := range s.watchers {
		errs = append(errs, w.close())
	}
	for _, r := range s.redis {
		errs = append(errs, r.Close())
	}
	return errors.Join(errs...)
}

func isMaster(ctx context.Context, r *Redis) bool {
	info, err := r.ask.Info(ctx, "replication").Result()
	return err == nil && strings.Contains(info, "role:master")
}

package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Package queue has no verb for Redis's clock, nor one that removes a whole namespace: it serves programs
// that never need either. The two are here, on a connection of their own.

// wireProtocol is the one that every server and proxy speaks.
const wireProtocol = 2

// rawClient makes a go-redis client of a URL that queue.Open has taken before.
func rawClient(rawURL string) (redis.UniversalClient, error) {
	scheme, rest, _ := strings.Cut(rawURL, "://")
	if scheme == "redis" || scheme == "rediss" || scheme == "unix" {
		opt, err := redis.ParseURL(rawURL)
		if err != nil {
			return nil, errors.New("redis url cannot be read")
		}
		opt.Protocol = wireProtocol
		return redis.NewClient(opt), nil
	}
	authority, tail, _ := strings.Cut(rest, "/")
	authority, _, _ = strings.Cut(authority, "?")
	info, hosts := "", authority
	if i := strings.LastIndex(authority, "@"); i >= 0 {
		info, hosts = authority[:i+1], authority[i+1:]
	}
	u, err := url.Parse("redis://" + info + "host/" + tail)
	if err != nil {
		return nil, errors.New("redis url cannot be read")
	}
	opt := &redis.UniversalOptions{Addrs: strings.Split(hosts, ","), Protocol: wireProtocol}
	if u.User != nil {
		opt.Username = u.User.Username()
		opt.Password, _ = u.User.Password()
	}
	if strings.HasPrefix(scheme, "rediss") {
		opt.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if strings.HasSuffix(scheme, "+cluster") {
		opt.IsClusterMode = true
		return redis.NewUniversalClient(opt), nil
	}
	master, db, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	opt.MasterName = master
	if _, err := fmt.Sscan(db, &opt.DB); db != "" && err != nil {
		return nil, errors.New("redis url cannot be read")
	}
	opt.SentinelUsername, opt.SentinelPassword = u.Query().Get("sentinel_username"), u.Query().Get("sentinel_password")
	return redis.NewUniversalClient(opt), nil
}

// databaseOf is the number of the database of a client; a Cluster has only 0.
func databaseOf(rdb redis.UniversalClient) int {
	if single, ok := rdb.(*redis.Client); ok {
		return single.Options().DB
	}
	return 0
}

const (
	// wipeTime bounds the removal of a namespace, also after the context of the command has ended.
	wipeTime = 30 * time.Second
	scanPart = 1000
)

// wipe removes every key of a namespace that this process made up for itself.
func wipe(ctx context.Context, rawURL, namespace string) error {
	rdb, err := rawClient(rawURL)
	if err != nil {
		return err
	}
	defer rdb.Close()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), wipeTime)
	defer cancel()
	if cluster, ok := rdb.(*redis.ClusterClient); ok {
		return cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
			return wipeNode(ctx, node, cluster, namespace)
		})
	}
	return wipeNode(ctx, rdb, rdb, namespace)
}

// wipeNode finds the keys on one node and removes them through a client that knows where each is. A
// namespace has no character that means something in a pattern.
func wipeNode(ctx context.Context, node, remove redis.Cmdable, namespace string) error {
	keys := node.Scan(ctx, 0, namespace+":*", scanPart).Iterator()
	for keys.Next(ctx) {
		if err := remove.Unlink(ctx, keys.Val()).Err(); err != nil {
			return fmt.Errorf("remove %s: %w", keys.Val(), err)
		}
	}
	if err := keys.Err(); err != nil {
		return fmt.Errorf("list the keys of %s: %w", namespace, err)
	}
	return nil
}

// clock is Redis's clock beside this machine's.
type clock struct {
	// ahead is how far Redis's clock is before ours, to within half of trip, the time of the quickest
	// question and answer.
	ahead, trip time.Duration
	// asked is when, by our monotonic clock, and said what Redis answered.
	asked, said time.Time
}

const clockQuestions = 7

// readClock asks a few times: the quickest answer says it best.
func readClock(ctx context.Context, rawURL string) (clock, error) {
	rdb, err := rawClient(rawURL)
	if err != nil {
		return clock{}, err
	}
	defer rdb.Close()
	var best clock
	for i := range clockQuestions {
		began := time.Now()
		said, err := rdb.Time(ctx).Result()
		if err != nil {
			return clock{}, fmt.Errorf("read redis's clock: %w", err)
		}
		trip := time.Since(began)
		if i == 0 || trip < best.trip {
			middle := began.Add(trip / 2)
			best = clock{ahead: said.Sub(middle), trip: trip, asked: middle, said: said}
		}
	}
	return best, nil
}

// now is Redis's time, by our monotonic clock, which nobody sets.
func (c clock) now() time.Time {
	if c.asked.IsZero() {
		return time.Now()
	}
	return c.said.Add(time.Since(c.asked))
}

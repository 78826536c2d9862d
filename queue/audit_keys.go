package queue

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// types finds keys that another program has made, and renames them where it is to. foreign says that one is
// left.
func (a *auditor) types(ctx context.Context) (foreign bool, err error) {
	pipe := a.c.rdb.Pipeline()
	kinds := map[string]*redis.StatusCmd{}
	for name, key := range a.s.keys {
		kinds[name] = pipe.Type(ctx, key)
	}
	if err := exec(ctx, pipe); err != nil {
		return false, err
	}
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		key, want := a.s.keys[name], keyForms[name].kind
		kind := kinds[name].Val()
		if kind == "none" || kind == want {
			continue
		}
		detail := fmt.Sprintf("it is a %s and should be a %s; nothing else of the queue can be audited until it is moved away", kind, want)
		if a.cfg.Repair {
			aside, err := a.moveAside(ctx, key, kind)
			if err != nil {
				return true, fmt.Errorf("rename %s: %w", key, err)
			}
			detail = fmt.Sprintf("it was a %s and should be a %s; it is %s now", kind, want, aside)
		}
		a.report.add(WrongType, key, detail)
		foreign = !a.cfg.Repair
		a.s.vetted.Store(false)
	}
	return foreign, nil
}

// asideMark is in the names of keys that were moved away.
const asideMark = ":foreign:"

// moveAside renames a key if it still is of that type: somebody else may have mended it meanwhile.
func (a *auditor) moveAside(ctx context.Context, key, kind string) (string, error) {
	now, err := a.c.Inspector().now(ctx)
	if err != nil {
		return "", err
	}
	aside := key + asideMark + strconv.FormatInt(now.UnixMilli(), 10)
	err = a.c.rdb.Watch(ctx, func(tx *redis.Tx) error {
		is, err := tx.Type(ctx, key).Result()
		if err != nil || is != kind {
			return err
		}
		_, err = tx.TxPipelined(ctx, func(p redis.Pipeliner) error { return p.RenameNX(ctx, key, aside).Err() })
		return err
	}, key)
	return aside, err
}

// AuditNames compares the names of queues with the keys that are there, in bounded steps over all keys of
// the server: a queue that is not among the names is served by no scheduler, and a name without a key is
// left over. It returns what it found, and with repair mends it.
func (in *Inspector) AuditNames(ctx context.Context, repair bool) ([]Finding, error) {
	names, err := in.c.Broker().Queues(ctx)
	if err != nil {
		return nil, err
	}
	var found []Finding
	there, err := in.queuesWithKeys(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(there)) {
		if slices.Contains(names, name) {
			continue
		}
		// Its first job may have come meanwhile.
		if known, err := in.c.rdb.SIsMember(ctx, queuesKey(in.c.cfg.Namespace), name).Result(); err != nil || known {
			if err != nil {
				return found, fmt.Errorf("audit names: %w", err)
			}
			continue
		}
		found = append(found, Finding{NoName, name, "it has keys and is not among the queues"})
		if repair {
			if err := in.name(ctx, name); err != nil {
				return found, err
			}
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if there[name] {
			continue
		}
		used, err := in.inUse(ctx, name)
		if err == nil && !used && repair {
			var gone bool
			gone, err = in.unname(ctx, name)
			used = !gone
		}
		if err != nil {
			return found, err
		}
		if !used {
			found = append(found, Finding{NoKeys, name, "it is among the queues and has no key"})
		}
	}
	return found, nil
}

// queuesWithKeys reads the names of queues off all keys of the server but meta, in which a deleted queue leaves
// the sequence of its tokens.
func (in *Inspector) queuesWithKeys(ctx context.Context) (map[string]bool, error) {
	suffixes := map[string]bool{}
	for name, form := range keyForms {
		suffixes[form.suffix] = name != "meta"
	}
	there := map[string]bool{}
	read := func(ctx context.Context, node redis.Cmdable) error {
		keys := node.Scan(ctx, 0, in.c.cfg.Namespace+":{*", auditPage).Iterator()
		for keys.Next(ctx) {
			tag, suffix, _ := strings.Cut(strings.TrimPrefix(keys.Val(), in.c.cfg.Namespace+":{"), "}:")
			if suffixes[suffix] && validName(tag) {
				there[tag] = true
			}
		}
		return keys.Err()
	}
	var err error
	if cluster, ok := in.c.rdb.(*redis.ClusterClient); ok {
		var one sync.Mutex // the masters are asked at once
		err = cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
			one.Lock()
			defer one.Unlock()
			return read(ctx, node)
		})
	} else {
		err = read(ctx, in.c.rdb)
	}
	if err != nil {
		_, err = classify(err)
		return nil, fmt.Errorf("list keys: %w", err)
	}
	return there, nil
}

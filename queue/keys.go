package queue

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// keyForm is how a key of a shard ends and what type it is.
type keyForm struct{ suffix, kind string }

// keyForms is the keyspace of one shard, by the name that scripts know a key by. This file is the only
// one that spells a key.
var keyForms = map[string]keyForm{
	"jobs":     {"jobs", "hash"},       // id -> envelope
	"delayed":  {"delayed", "zset"},    // id -> due ms
	"retry":    {"retry", "zset"},      // id -> due ms
	"high":     {"ready:high", "list"}, // ms when it was due and became ready, and id
	"ready":    {"ready", "list"},      // ms when it was due and became ready, and id
	"low":      {"ready:low", "list"},  // ms when it was due and became ready, and id
	"leased":   {"leased", "zset"},     // id -> lease deadline ms
	"tokens":   {"tokens", "hash"},     // id -> token in force
	"faults":   {"faults", "hash"},     // id -> failures, leases lost, reason, errors
	"dead":     {"dead", "zset"},       // id -> when it died, ms
	"done":     {"done", "zset"},       // id -> until when it is kept, ms
	"priority": {"priority", "hash"},   // id -> h or l; normal jobs have no entry
	"unique":   {"unique", "hash"},     // locks, by key and by job
	"marks":    {"marks", "hash"},      // mark of idempotency -> until ms
	"ghosts":   {"ghosts", "hash"},     // rank (h, n, l) and id -> entries of that list to drop
	"meta":     {"meta", "hash"},       // switches, limits and the token sequence
	"stats":    {"stats", "hash"},      // verb -> count
	"series":   {"series", "hash"},     // how much the counts rose, by time
	"wake":     {"wake", "list"},       // at most one: wakes a worker
	"tick":     {"tick", "list"},       // at most one: wakes the mover
}

// shard is the key set of one slice of a queue. All its keys carry one hash tag, so that every script
// runs on one slot of a Redis Cluster.
type shard struct {
	queue  string
	number int
	keys   map[string]string
	// vetted says that no key is of a foreign type, as far as this process has seen.
	vetted atomic.Bool
	// sets is the key list of each script, in the order of its header.
	sets map[*script][]string
}

func newShard(namespace, queue string, number int) *shard {
	tag := queue
	if number > 0 {
		tag += "#" + strconv.Itoa(number)
	}
	s := &shard{
		queue: queue, number: number,
		keys: make(map[string]string, len(keyForms)),
		sets: make(map[*script][]string, len(scripts)),
	}
	for name, form := range keyForms {
		s.keys[name] = namespace + ":{" + tag + "}:" + form.suffix
	}
	for _, sc := range scripts {
		set := make([]string, len(sc.keys))
		for i, name := range sc.keys {
			set[i] = s.keys[name]
		}
		s.sets[sc] = set
	}
	return s
}

// queuesKey holds the names of all queues of a namespace: a SET, outside every shard.
func queuesKey(namespace string) string { return namespace + ":queues" }

// newQueueKey is a LIST of at most a few hints that a name was added to queuesKey.
func newQueueKey(namespace string) string { return namespace + ":queues:new" }

// deskPrefix begins the keys that operators' tools share, outside of every shard. A user who only reads
// queues writes these.
func deskPrefix(namespace string) string { return namespace + ":desk:" }

// sessionKey holds a session: a STRING that expires.
func sessionKey(namespace, id string) string { return deskPrefix(namespace) + "session:" + id }

// sessionsKey lists the sessions: a ZSET, id -> until ms.
func sessionsKey(namespace string) string { return deskPrefix(namespace) + "sessions" }

// sheetKey holds a sheet: a STRING.
func sheetKey(namespace, name string) string { return deskPrefix(namespace) + "sheet:" + name }

// turnKey is there while a turn lasts: a STRING that expires.
func turnKey(namespace, name string) string { return deskPrefix(namespace) + "turn:" + name }

// progressKey holds how far something has come that takes long, stopKey that it is to stop: STRINGs that
// expire.
func progressKey(namespace, id string) string { return deskPrefix(namespace) + "progress:" + id }
func stopKey(namespace, id string) string     { return deskPrefix(namespace) + "stop:" + id }

// journalKey is the journal: a STREAM.
func journalKey(namespace string) string { return deskPrefix(namespace) + "journal" }

// vet refuses a shard in which another program has left a key of another type. A script that met one
// after its first write would be left half-way, so the types are looked at before a process's first
// call, and again after a call that failed by one.
func (c *Client) vet(ctx context.Context, s *shard) error {
	if s.vetted.Load() {
		return nil
	}
	pipe := c.rdb.Pipeline()
	answers := map[string]*redis.StatusCmd{}
	for name, key := range s.keys {
		answers[name] = pipe.Type(ctx, key)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(answers)) {
		if kind := answers[name].Val(); kind != "none" && kind != keyForms[name].kind {
			return fmt.Errorf("%w: %s is a %s and should be a %s; move it away", ErrWrongType, s.keys[name], kind, keyForms[name].kind)
		}
	}
	s.vetted.Store(true)
	return nil
}

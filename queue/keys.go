package queue

import "strconv"

// keySuffixes is the keyspace of one shard: the name by which scripts know a key, and how the key
// ends. This file is the only one that spells a key.
var keySuffixes = map[string]string{
	"jobs":     "jobs",       // HASH id -> due time and envelope
	"delayed":  "delayed",    // ZSET id -> due ms
	"retry":    "retry",      // ZSET id -> due ms
	"high":     "ready:high", // LIST of ids
	"ready":    "ready",      // LIST of ids
	"low":      "ready:low",  // LIST of ids
	"leased":   "leased",     // ZSET id -> lease deadline ms
	"tokens":   "tokens",     // HASH id -> token in force
	"faults":   "faults",     // HASH id -> failures, leases lost, reason, errors
	"dead":     "dead",       // ZSET id -> when it died, ms
	"done":     "done",       // ZSET id -> until when it is kept, ms
	"priority": "priority",   // HASH id -> h or l; normal jobs have no entry
	"unique":   "unique",     // HASH of locks, by key and by job
	"marks":    "marks",      // HASH mark of idempotency -> until ms
	"ghosts":   "ghosts",     // HASH rank (h, n, l) and id -> entries of that ready list to drop
	"meta":     "meta",       // HASH of switches, limits and the token sequence
	"stats":    "stats",      // HASH verb -> count
	"wake":     "wake",       // LIST of at most one: wakes a worker
	"tick":     "tick",       // LIST of at most one: wakes the mover
}

// shard is the key set of one slice of a queue. All its keys carry one hash tag, so that every script
// runs on one slot of a Redis Cluster.
type shard struct {
	queue  string
	number int
	keys   map[string]string
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
		keys: make(map[string]string, len(keySuffixes)),
		sets: make(map[*script][]string, len(scripts)),
	}
	for name, suffix := range keySuffixes {
		s.keys[name] = namespace + ":{" + tag + "}:" + suffix
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

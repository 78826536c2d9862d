package queue

import (
	"fmt"

	"github.com/redis/go-redis/v9"
)

// plantJobs brings jobs out of order in every way that the script audit mends.
func plantJobs(p *prepared) {
	keys := p.lineOf(p.queue).shard.keys
	pipe := p.rdb.Pipeline()
	pipe.ZRem(p.ctx, keys["delayed"], "delayed")
	pipe.ZAdd(p.ctx, keys["dead"], redis.Z{Score: 1, Member: "ready"}, redis.Z{Score: 1, Member: "retrying"}, redis.Z{Score: 1, Member: "nobody"})
	pipe.RPush(p.ctx, keys["low"], entryText(1, "ready"), entryText(1, "ready-low"), entryText(1, "stray"))
	pipe.ZRem(p.ctx, keys["leased"], "leased")
	pipe.HDel(p.ctx, keys["tokens"], "leased-low")
	pipe.HSet(p.ctx, keys["faults"], "nobody", "1 0 - ")
	pipe.HSet(p.ctx, keys["priority"], "late", "h")
	pipe.HSet(p.ctx, keys["ghosts"], "nlate", 2)
	if _, err := pipe.Exec(p.ctx); err != nil {
		panic(err)
	}
}

// plantLocks leaves locks behind, and one that its job has forgotten.
func plantLocks(p *prepared) {
	unique := p.lineOf(p.queue).shard.keys["unique"]
	pipe := p.rdb.Pipeline()
	pipe.HSet(p.ctx, unique, "key:gone", "0 nobody", "key:over", "0 dead", "key:odd", "odd", "job:nobody", "d gone")
	pipe.HDel(p.ctx, unique, "job:ready")
	if _, err := pipe.Exec(p.ctx); err != nil {
		panic(err)
	}
}

// plantCounts turns counters back.
func plantCounts(p *prepared) {
	keys := p.lineOf(p.queue).shard.keys
	pipe := p.rdb.Pipeline()
	pipe.HSet(p.ctx, keys["stats"], "enqueue", 1, "lease", 1)
	pipe.HSet(p.ctx, keys["meta"], "token", 2)
	pipe.HSet(p.ctx, keys["marks"], "odd", "never")
	if _, err := pipe.Exec(p.ctx); err != nil {
		panic(err)
	}
}

func entryText(due int64, id string) string { return fmt.Sprintf("%0*d%s", entryDigits, due, id) }

package queue

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// The keys of a shard by type, and the names that stand for a state of a job.
var (
	zsetNames = []string{"delayed", "retry", "leased", "dead", "done"}
	listNames = []string{"high", "ready", "low"}
	hashNames = []string{"jobs", "tokens", "faults", "priority", "unique", "marks", "ghosts", "meta", "stats", "series"}
	rankNames = map[Priority]string{High: "high", Normal: "ready", Low: "low"}
	hintNames = []string{"wake", "tick"}
)

// keyspace is all that a shard holds at one moment.
type keyspace struct {
	hash map[string]map[string]string
	zset map[string]map[string]int64
	list map[string][]string
	// keys are the names of all keys of the namespace, queues those of its queues.
	keys, queues []string
}

// readKeyspace reads a whole shard. Its size is the test's, so nothing here is bounded.
func readKeyspace(ctx context.Context, c *Client, s *shard) (*keyspace, error) {
	pipe := c.rdb.TxPipeline()
	hashes := map[string]*redis.MapStringStringCmd{}
	for _, name := range hashNames {
		hashes[name] = pipe.HGetAll(ctx, s.keys[name])
	}
	zsets := map[string]*redis.ZSliceCmd{}
	for _, name := range zsetNames {
		zsets[name] = pipe.ZRangeWithScores(ctx, s.keys[name], 0, -1)
	}
	lists := map[string]*redis.StringSliceCmd{}
	for _, name := range slices.Concat(listNames, hintNames) {
		lists[name] = pipe.LRange(ctx, s.keys[name], 0, -1)
	}
	keys := pipe.Keys(ctx, c.cfg.Namespace+":*")
	queues := pipe.SMembers(ctx, queuesKey(c.cfg.Namespace))
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, err
	}
	ks := &keyspace{
		hash: map[string]map[string]string{}, zset: map[string]map[string]int64{},
		list: map[string][]string{}, keys: keys.Val(), queues: queues.Val(),
	}
	for name, cmd := range hashes {
		ks.hash[name] = cmd.Val()
	}
	for name, cmd := range zsets {
		ks.zset[name] = map[string]int64{}
		for _, z := range cmd.Val() {
			ks.zset[name][z.Member.(string)] = int64(z.Score)
		}
	}
	for name, cmd := range lists {
		ks.list[name] = cmd.Val()
	}
	return ks, nil
}

// lines says what each key holds in a form that a model can say too: what comes from the clocks of
// producers, workers and operators is left out.
func (ks *keyspace) lines() map[string][]string {
	out := map[string][]string{}
	for name, fields := range ks.hash {
		for field, value := range fields {
			switch {
			case name == "jobs":
				value = recordLine(field, value)
			case name == "faults":
				f := parseFaults(value)
				value = faultsLine(&f)
			case name == "meta" && (field == "paused" || field == "closed"):
				value = "since"
			}
			out[name] = append(out[name], field+": "+value)
		}
		slices.Sort(out[name])
	}
	for name, members := range ks.zset {
		for id, score := range members {
			out[name] = append(out[name], fmt.Sprintf("%s: %d", id, score))
		}
		slices.Sort(out[name])
	}
	maps.Copy(out, ks.list)
	return out
}

func recordLine(id, record string) string {
	e, err := decodeEnvelope(id, []byte(record))
	if err != nil {
		return err.Error()
	}
	return jobLine(&e.job)
}

// jobLine is all that a record says of a job.
func jobLine(j *Job) string {
	expires := int64(0)
	if !j.Expires.IsZero() {
		expires = j.Expires.UnixMilli()
	}
	return fmt.Sprint(j.Kind, " ", string(j.Payload), " ", j.Priority, " ", j.Unique, " ", j.MaxAttempts,
		" ", j.Backoff, " ", expires, j.OnExpiry, " ", max(j.Retain, 0), " ", j.Tags, " ", len(j.Headers), j.Headers)
}

func faultsLine(f *faults) string {
	var runs []string
	for _, e := range f.errors {
		runs = append(runs, runLine(&e.Run))
	}
	var lost []int64
	for _, at := range f.lostAt {
		lost = append(lost, at.UnixMilli())
	}
	return fmt.Sprintf("%d failures in %v, %d lost, the last at %v, reason %q, begun %q, done in %s",
		f.failures, runs, f.lost, lost, f.reason, f.begun, runLine(&f.run))
}

func runLine(r *Run) string {
	if *r == (Run{}) {
		return "-"
	}
	return fmt.Sprint(r.Due.UnixMilli(), " ", r.Ready.UnixMilli(), " ", r.Started.UnixMilli())
}

// difference says where two forms of a shard differ, key by key.
func difference(got, want map[string][]string) string {
	names := map[string]bool{}
	for name := range got {
		names[name] = true
	}
	for name := range want {
		names[name] = true
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if !slices.Equal(got[name], want[name]) {
			fmt.Fprintf(&b, "%s:\n\tgot  %q\n\twant %q\n", name, got[name], want[name])
		}
	}
	return b.String()
}

// entries counts the entries of an id in a ready list, less those that are ghosts.
func (ks *keyspace) entries(list, id string) int {
	n := 0
	for _, entry := range ks.list[list] {
		if of, _ := splitEntry(entry); of == id {
			n++
		}
	}
	ghosts, _ := strconv.Atoi(ks.hash["ghosts"][rankLetters[list]+id])
	return n - ghosts
}

// places says where an id is, by the names of states; it is in exactly one when all is well.
func (ks *keyspace) places(id string) []string {
	var at []string
	for _, name := range zsetNames {
		if _, ok := ks.zset[name][id]; ok {
			at = append(at, name)
		}
	}
	for _, list := range listNames {
		for range max(ks.entries(list, id), 0) {
			at = append(at, list)
		}
	}
	return at
}

// disorder returns all that breaks an invariant of a shard (RELIABILITY.md 3.6), whatever was done to
// it before.
func (ks *keyspace) disorder(c *Client, now time.Time) []string {
	var found []string
	report := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	for id, record := range ks.hash["jobs"] {
		at := ks.places(id)
		if len(at) != 1 {
			report("job %s is in %d places: %v", id, len(at), at)
			continue
		}
		e, err := decodeEnvelope(id, []byte(record))
		switch {
		case err != nil:
			report("record of %s: %v", id, err)
		case rankLetters[at[0]] != "" && at[0] != rankNames[e.job.Priority]:
			report("job %s of priority %v is in %s", id, e.job.Priority, at[0])
		case ks.hash["priority"][id] != map[Priority]string{High: "h", Low: "l"}[e.job.Priority]:
			report("job %s of priority %v is noted as %q", id, e.job.Priority, ks.hash["priority"][id])
		}
	}
	ks.strays(report)
	ks.locks(report)
	for _, key := range ks.keys {
		if key == queuesKey(c.cfg.Namespace) || key == newQueueKey(c.cfg.Namespace) || strings.HasPrefix(key, fleetKey(c.cfg.Namespace)) {
			continue
		}
		queue, name, _ := strings.Cut(strings.TrimPrefix(key, c.cfg.Namespace+":{"), "}:")
		if meta := ks.hash["meta"]; name == "meta" && len(meta) == 1 && meta["token"] != "" {
			continue // of a queue that was deleted
		}
		if !slices.Contains(ks.queues, queue) || !slices.ContainsFunc(slices.Collect(maps.Values(keyForms)), func(f keyForm) bool { return f.suffix == name }) {
			report("key %s belongs to no queue", key)
		}
	}
	for _, list := range listNames {
		for _, entry := range ks.list[list] {
			if id, run := splitEntry(entry); run.Due.After(run.Ready) || run.Ready.After(now) {
				report("job %s was due at %v and ready at %v, now is %v", id, run.Due, run.Ready, now)
			}
		}
	}
	for _, hint := range hintNames {
		if len(ks.list[hint]) > 1 {
			report("%d hints in %s", len(ks.list[hint]), hint)
		}
	}
	slices.Sort(found)
	return found
}

// strays finds what is noted of jobs that are not there, or not there in that state.
func (ks *keyspace) strays(report func(string, ...any)) {
	members := map[string][]string{}
	for _, name := range zsetNames {
		members[name] = slices.Collect(maps.Keys(ks.zset[name]))
	}
	for _, name := range []string{"faults", "priority"} {
		members[name] = slices.Collect(maps.Keys(ks.hash[name]))
	}
	for name, ids := range members {
		for _, id := range ids {
			if ks.hash["jobs"][id] == "" {
				report("%s has %s, which has no record", name, id)
			}
		}
	}
	last, _ := strconv.ParseInt(ks.hash["meta"]["token"], 10, 64)
	for id, token := range ks.hash["tokens"] {
		if _, ok := ks.zset["leased"][id]; !ok {
			report("%s has a token and no lease", id)
		}
		if n, err := strconv.ParseInt(strings.TrimPrefix(token, "-"), 10, 64); err != nil || n > last {
			report("token %s of %s was never drawn: the last was %d", token, id, last)
		}
	}
	for id := range ks.zset["leased"] {
		if ks.hash["tokens"][id] == "" {
			report("%s has a lease and no token", id)
		}
	}
	for list, letter := range rankLetters {
		for field, n := range ks.hash["ghosts"] {
			id, ok := strings.CutPrefix(field, letter)
			if count, err := strconv.Atoi(n); ok && (err != nil || count < 1 || ks.entries(list, id) < 0) {
				report("%s ghosts of %s in %s, which has %d entries more than that", n, id, list, ks.entries(list, id))
			}
		}
	}
}

// locks finds unique locks that no live job holds and that no time ends.
func (ks *keyspace) locks(report func(string, ...any)) {
	for field, value := range ks.hash["unique"] {
		if key, ok := strings.CutPrefix(field, "key:"); ok {
			until, holder, _ := strings.Cut(value, " ")
			at := ks.places(holder)
			live := len(at) == 1 && at[0] != "dead" && at[0] != "done"
			if until == "0" && (!live || !strings.HasSuffix(ks.hash["unique"]["job:"+holder], " "+key)) {
				report("unique key %s is held by %s, which is in %v", key, holder, at)
			}
		} else if id := strings.TrimPrefix(field, "job:"); ks.hash["jobs"][id] == "" {
			report("%s holds %q and has no record", id, value)
		}
	}
}

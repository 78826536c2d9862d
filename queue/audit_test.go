package queue

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// auditor restores the order of a shard after a script that failed half-way: every record in exactly
// one place, and nothing noted of a job that is not there. It reads and writes in pages, and each
// write leaves a job in one place too many rather than in none. The shard must be at rest: pause the
// queue, and run Reap first.
type auditor struct {
	c    *Client
	s    *shard
	now  time.Time
	page int64
	// found says what was wrong; all of it is repaired.
	found []string

	// slots are the entries of the ready lists by list and id, ghosts how many of them are to be
	// dropped. They are counted first: a list cannot be asked for a member.
	slots, ghosts map[slotKey]int
	// live is the list in which a job is ready.
	live map[string]string
}

type slotKey struct{ list, id string }

func audit(ctx context.Context, c *Client, s *shard, now time.Time) ([]string, error) {
	a := &auditor{
		c: c, s: s, now: now, page: maxBatch,
		slots: map[slotKey]int{}, ghosts: map[slotKey]int{}, live: map[string]string{},
	}
	for _, step := range []func(context.Context) error{
		a.readLists, a.readGhosts, a.dropStrays, a.placeJobs, a.writeGhosts, a.dropLocks,
	} {
		if err := step(ctx); err != nil {
			return a.found, err
		}
	}
	return a.found, nil
}

func (a *auditor) report(format string, args ...any) {
	a.found = append(a.found, fmt.Sprintf(format, args...))
}

func (a *auditor) key(name string) string { return a.s.keys[name] }

func (a *auditor) readLists(ctx context.Context) error {
	for _, list := range listNames {
		for at := int64(0); ; at += a.page {
			entries, err := a.c.rdb.LRange(ctx, a.key(list), at, at+a.page-1).Result()
			if err != nil {
				return err
			}
			for _, e := range entries {
				id, _ := splitEntry(e)
				a.slots[slotKey{list, id}]++
			}
			if int64(len(entries)) < a.page {
				break
			}
		}
	}
	return nil
}

func (a *auditor) readGhosts(ctx context.Context) error {
	return a.scan(ctx, "ghosts", func(fields map[string]string) error {
		for field, count := range fields {
			for list, letter := range rankLetters {
				if id, ok := strings.CutPrefix(field, letter); ok {
					n, _ := strconv.Atoi(count)
					a.ghosts[slotKey{list, id}] = n
				}
			}
		}
		return nil
	})
}

// scan reads a hash page by page. A field may come twice.
func (a *auditor) scan(ctx context.Context, name string, page func(map[string]string) error) error {
	for cursor := uint64(0); ; {
		pairs, next, err := a.c.rdb.HScan(ctx, a.key(name), cursor, "", a.page).Result()
		if err != nil {
			return err
		}
		fields := map[string]string{}
		for i := 0; i+1 < len(pairs); i += 2 {
			fields[pairs[i]] = pairs[i+1]
		}
		if err := page(fields); err != nil {
			return err
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

// dropStrays removes members of sets and notes that have no record, and tokens that have no lease.
func (a *auditor) dropStrays(ctx context.Context) error {
	for _, name := range zsetNames {
		for cursor := uint64(0); ; {
			pairs, next, err := a.c.rdb.ZScan(ctx, a.key(name), cursor, "", a.page).Result()
			if err != nil {
				return err
			}
			var ids []string
			for i := 0; i < len(pairs); i += 2 {
				ids = append(ids, pairs[i])
			}
			if err := a.dropUnknown(ctx, name, ids); err != nil {
				return err
			}
			if cursor = next; cursor == 0 {
				break
			}
		}
	}
	for _, name := range []string{"faults", "priority", "tokens"} {
		err := a.scan(ctx, name, func(fields map[string]string) error {
			var ids []string
			for id := range fields {
				ids = append(ids, id)
			}
			return a.dropUnknown(ctx, name, ids)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// dropUnknown removes from a key those ids that have no record, or no lease where the key is tokens.
func (a *auditor) dropUnknown(ctx context.Context, name string, ids []string) error {
	pipe := a.c.rdb.Pipeline()
	there := make([]redis.Cmder, len(ids))
	for i, id := range ids {
		if name == "tokens" {
			there[i] = pipe.ZScore(ctx, a.key("leased"), id)
		} else {
			there[i] = pipe.HGet(ctx, a.key("jobs"), id)
		}
	}
	if err := exec(ctx, pipe); err != nil {
		return err
	}
	for i, id := range ids {
		if !isNil(there[i].Err()) {
			continue
		}
		a.report("%s has %s, which is not there", name, id)
		var err error
		if slices.Contains(zsetNames, name) {
			err = a.c.rdb.ZRem(ctx, a.key(name), id).Err()
		} else {
			err = a.c.rdb.HDel(ctx, a.key(name), id).Err()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// placeJobs goes through all records.
func (a *auditor) placeJobs(ctx context.Context) error {
	return a.scan(ctx, "jobs", func(records map[string]string) error {
		pipe := a.c.rdb.Pipeline()
		scores, tokens := map[string]map[string]*redis.FloatCmd{}, map[string]*redis.StringCmd{}
		for id := range records {
			scores[id] = map[string]*redis.FloatCmd{}
			for _, name := range zsetNames {
				scores[id][name] = pipe.ZScore(ctx, a.key(name), id)
			}
			tokens[id] = pipe.HGet(ctx, a.key("tokens"), id)
		}
		if err := exec(ctx, pipe); err != nil {
			return err
		}
		for id, record := range records {
			sets := slices.DeleteFunc(slices.Clone(zsetNames), func(name string) bool { return scores[id][name].Err() != nil })
			if slices.Contains(sets, "leased") && tokens[id].Err() != nil {
				// Nobody can settle it, so it is no lease.
				a.report("%s has a lease and no token", id)
				if err := a.place(ctx, id, record, slices.DeleteFunc(slices.Clone(sets), isLeased)); err != nil {
					return err
				}
				if err := a.c.rdb.ZRem(ctx, a.key("leased"), id).Err(); err != nil {
					return err
				}
			} else if err := a.place(ctx, id, record, sets); err != nil {
				return err
			}
		}
		return nil
	})
}

func isLeased(name string) bool { return name == "leased" }

// place leaves a job in one of the sets it is in, or ready: where it is run soonest, so that what was
// half done is rather done twice than never. A job that is nowhere becomes ready.
func (a *auditor) place(ctx context.Context, id, record string, sets []string) error {
	list := "ready"
	if e, err := decodeEnvelope(id, []byte(record)); err == nil {
		list = rankNames[e.job.Priority]
		if err := a.rank(ctx, id, e.job.Priority); err != nil {
			return err
		}
	}
	in := ""
	for _, name := range listNames {
		if n := a.slots[slotKey{name, id}] - a.ghosts[slotKey{name, id}]; n > 0 {
			in = name
			if n > 1 {
				a.report("%s is %d times in %s", id, n, name)
			}
		}
	}
	switch {
	case slices.Contains(sets, "leased"):
		list = ""
	case in == list:
	case in == "" && len(sets) > 0:
		list = ""
	case in == "" && a.slots[slotKey{list, id}] > 0:
		a.report("%s is nowhere, and has an entry taken for a ghost", id)
	default:
		a.report("%s is not in %s (%s, %v)", id, list, in, sets)
		entry := fmt.Sprintf("%0*d%s", entryDigits, a.now.UnixMilli(), id)
		if err := a.c.rdb.RPush(ctx, a.key(list), entry).Err(); err != nil {
			return err
		}
		a.slots[slotKey{list, id}]++
	}
	if list != "" {
		a.live[id] = list
		return a.leave(ctx, id, sets)
	}
	first := slices.IndexFunc([]string{"leased", "delayed", "retry", "dead", "done"}, func(name string) bool { return slices.Contains(sets, name) })
	keep := []string{"leased", "delayed", "retry", "dead", "done"}[first]
	return a.leave(ctx, id, slices.DeleteFunc(sets, func(name string) bool { return name == keep }))
}

// leave removes a job from sets. Its lease and its token go together.
func (a *auditor) leave(ctx context.Context, id string, sets []string) error {
	for _, name := range sets {
		a.report("%s is also in %s", id, name)
		if err := a.c.rdb.ZRem(ctx, a.key(name), id).Err(); err != nil {
			return err
		}
	}
	return nil
}

// rank notes the priority that the record says.
func (a *auditor) rank(ctx context.Context, id string, p Priority) error {
	want := map[Priority]string{High: "h", Low: "l"}[p]
	got, err := a.c.rdb.HGet(ctx, a.key("priority"), id).Result()
	if err != nil && !isNil(err) || got == want {
		return ignoreNil(err)
	}
	a.report("%s of priority %v is noted as %q", id, p, got)
	if want == "" {
		return a.c.rdb.HDel(ctx, a.key("priority"), id).Err()
	}
	return a.c.rdb.HSet(ctx, a.key("priority"), id, want).Err()
}

func ignoreNil(err error) error {
	if isNil(err) {
		return nil
	}
	return err
}

// writeGhosts lets lease drop every entry but the one of a job that is ready there.
func (a *auditor) writeGhosts(ctx context.Context) error {
	want := map[slotKey]int{}
	for slot, n := range a.slots {
		if a.live[slot.id] == slot.list {
			n--
		}
		want[slot] = n
	}
	for slot := range a.ghosts {
		want[slot] += 0 // also those without an entry
	}
	for slot, n := range want {
		if noted, ok := a.ghosts[slot]; n == noted && ok == (n > 0) {
			continue
		}
		a.report("%d ghosts of %s in %s, noted as %d", n, slot.id, slot.list, a.ghosts[slot])
		field := rankLetters[slot.list] + slot.id
		err := a.c.rdb.HSet(ctx, a.key("ghosts"), field, n).Err()
		if n == 0 {
			err = a.c.rdb.HDel(ctx, a.key("ghosts"), field).Err()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// dropLocks frees unique keys that no live job holds and no time ends.
func (a *auditor) dropLocks(ctx context.Context) error {
	return a.scan(ctx, "unique", func(fields map[string]string) error {
		for field, value := range fields {
			id, isJob := strings.CutPrefix(field, "job:")
			key, _ := strings.CutPrefix(field, "key:")
			if !isJob {
				until, holder, _ := strings.Cut(value, " ")
				if until != "0" {
					continue
				}
				id = holder
			}
			keep, err := a.holds(ctx, id, key, isJob)
			if err != nil {
				return err
			}
			if keep {
				continue
			}
			a.report("unique: %s is left of %s", field, id)
			if err := a.c.rdb.HDel(ctx, a.key("unique"), field).Err(); err != nil {
				return err
			}
		}
		return nil
	})
}

// holds says whether a field of unique belongs to a job that is there and, if it is the lock itself, is
// live. A lock whose job no longer knows of it is told to it again.
func (a *auditor) holds(ctx context.Context, id, key string, isJob bool) (bool, error) {
	pipe := a.c.rdb.Pipeline()
	record, claim := pipe.HGet(ctx, a.key("jobs"), id), pipe.HGet(ctx, a.key("unique"), "job:"+id)
	dead, done := pipe.ZScore(ctx, a.key("dead"), id), pipe.ZScore(ctx, a.key("done"), id)
	if err := exec(ctx, pipe); err != nil {
		return false, err
	}
	if isJob || record.Err() != nil || dead.Err() == nil || done.Err() == nil {
		return isJob && record.Err() == nil, nil
	}
	if claim.Err() == nil {
		_, claimed, _ := strings.Cut(claim.Val(), " ")
		return claimed == key, nil
	}
	e, err := decodeEnvelope(id, []byte(record.Val()))
	if err != nil || e.job.Unique.Key != key {
		return false, nil
	}
	a.report("unique: %s does not know that it holds %s", id, key)
	scope := map[UniqueScope]string{UntilDone: "d", UntilStarted: "s", ForWindow: "w"}[e.job.Unique.Scope]
	return true, a.c.rdb.HSet(ctx, a.key("unique"), "job:"+id, scope+" "+key).Err()
}

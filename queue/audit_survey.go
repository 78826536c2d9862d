package queue

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// auditZsets are the places of jobs that are ZSETs, leased first.
var auditZsets = []string{"leased", "retry", "delayed", "dead", "done"}

// walk reads a ready list from its tail to its head, page by page. Workers take from the head and others add
// at the tail, so an entry that stays is never missed, though it may be met twice. at is the distance of an
// entry from the tail, which is at 1.
func (a *auditor) walk(ctx context.Context, list string, visit func(id string, at int)) error {
	for at := 1; ; at += auditPage {
		page, err := a.c.rdb.LRange(ctx, a.s.keys[list], int64(-at-auditPage+1), int64(-at)).Result()
		if err != nil {
			_, err = classify(err)
			return err
		}
		for i, entry := range page {
			visit(entry[min(entryDigits, len(entry)):], at+len(page)-1-i)
		}
		if len(page) < auditPage {
			return nil
		}
	}
}

func (a *auditor) surveyLists(ctx context.Context) error {
	for list, letter := range rankLetters {
		if err := a.walk(ctx, list, func(id string, _ int) { a.entries[letter+id]++ }); err != nil {
			return err
		}
	}
	return nil
}

// spots is where entries of suspects were seen in the ready lists, in the words of the script, and how much
// had been added to the lists' tails and heads before they were read.
type spots struct {
	tails, heads int64
	seen         map[string]string
}

// page is as many of ids as one script judges.
func (s *spots) page(ids []string) []string {
	entries := 0
	for i, id := range ids[:min(len(ids), judgePage)] {
		if entries += s.count([]string{id}); i > 0 && entries > judgeLimit {
			return ids[:i]
		}
	}
	return ids[:min(len(ids), judgePage)]
}

func (s *spots) count(ids []string) int {
	n := 0
	for _, id := range ids {
		n += strings.Count(s.seen[id], " ")
	}
	return n
}

func (a *auditor) locate(ctx context.Context, ids []string) (*spots, error) {
	found := &spots{seen: make(map[string]string, len(ids))}
	for _, id := range ids {
		found.seen[id] = ""
	}
	counts, err := a.c.rdb.HMGet(ctx, a.s.keys["stats"], "enqueue", "promote", "reap", "requeue", "audit", "release").Result()
	if err != nil {
		_, err = classify(err)
		return nil, err
	}
	for i, count := range counts {
		n, _ := strconv.ParseInt(text(count), 10, 64)
		if i < len(counts)-1 {
			found.tails += n
		} else {
			found.heads = n
		}
	}
	for list, letter := range rankLetters {
		err := a.walk(ctx, list, func(id string, at int) {
			if places, ok := found.seen[id]; ok {
				found.seen[id] = places + letter + strconv.Itoa(at) + " "
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// scan reads a hash page by page. A field may come twice.
func (a *auditor) scan(ctx context.Context, name string, page func(pairs []string) error) error {
	return a.pages(func(cursor uint64) *redis.ScanCmd {
		return a.c.rdb.HScan(ctx, a.s.keys[name], cursor, "", auditPage)
	}, page)
}

func (a *auditor) pages(read func(cursor uint64) *redis.ScanCmd, page func(pairs []string) error) error {
	for cursor := uint64(0); ; {
		pairs, next, err := read(cursor).Result()
		if err != nil {
			_, err = classify(err)
			return err
		}
		if len(pairs) > 0 {
			if err := page(pairs); err != nil {
				return err
			}
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

func (a *auditor) surveyGhosts(ctx context.Context) error {
	return a.scan(ctx, "ghosts", func(pairs []string) error {
		for i := 0; i+1 < len(pairs); i += 2 {
			n, _ := strconv.Atoi(pairs[i+1])
			if n < 1 {
				n = -1 // is never right
			}
			a.ghosts[pairs[i]] = n
		}
		return nil
	})
}

// absent returns those of ids that have no record.
func (a *auditor) absent(ctx context.Context, ids []string) ([]string, error) {
	pipe := a.c.rdb.Pipeline()
	there := make([]*redis.BoolCmd, len(ids))
	for i, id := range ids {
		there[i] = pipe.HExists(ctx, a.s.keys["jobs"], id)
	}
	if err := exec(ctx, pipe); err != nil {
		return nil, err
	}
	var out []string
	for i, id := range ids {
		if !there[i].Val() {
			out = append(out, id)
		}
	}
	return out, nil
}

func (a *auditor) suspectAbsent(ctx context.Context, ids []string) error {
	ids, err := a.absent(ctx, ids)
	a.suspectAll(ids)
	return err
}

// surveySets finds members without a record.
func (a *auditor) surveySets(ctx context.Context) error {
	for _, name := range auditZsets {
		err := a.pages(func(cursor uint64) *redis.ScanCmd {
			return a.c.rdb.ZScan(ctx, a.s.keys[name], cursor, "", auditPage)
		}, func(pairs []string) error { return a.suspectAbsent(ctx, everySecond(pairs)) })
		if err != nil {
			return err
		}
	}
	return nil
}

func everySecond(pairs []string) []string {
	out := make([]string, 0, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, pairs[i])
	}
	return out
}

// surveyNotes finds what is noted of jobs without a record, and the highest token.
func (a *auditor) surveyNotes(ctx context.Context) error {
	for _, name := range []string{"faults", "priority", "tokens"} {
		err := a.scan(ctx, name, func(pairs []string) error {
			for i := 0; name == "tokens" && i+1 < len(pairs); i += 2 {
				token, _ := strconv.ParseInt(strings.TrimPrefix(pairs[i+1], "-"), 10, 64)
				if token > a.highestToken {
					a.highest, a.highestToken = pairs[i], token
				}
			}
			return a.suspectAbsent(ctx, everySecond(pairs))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// surveyUnique finds locks, and what is noted of them, that no live job holds.
func (a *auditor) surveyUnique(ctx context.Context) error {
	return a.scan(ctx, "unique", func(pairs []string) error {
		var noted []string
		for i := 0; i+1 < len(pairs); i += 2 {
			if id, ok := strings.CutPrefix(pairs[i], "job:"); ok {
				noted = append(noted, id)
				continue
			}
			key, _ := strings.CutPrefix(pairs[i], "key:")
			if err := a.surveyLock(ctx, key, pairs[i+1]); err != nil {
				return err
			}
		}
		return a.suspectAbsent(ctx, noted)
	})
}

func (a *auditor) surveyLock(ctx context.Context, key, value string) error {
	till, holder, ok := strings.Cut(value, " ")
	switch {
	case !ok || !isNumber(till):
		a.locks = append(a.locks, lockSuspect{key: key})
		return nil
	case till != "0":
		return nil // a window, whoever holds it
	}
	pipe := a.c.rdb.Pipeline()
	there, noted := pipe.HExists(ctx, a.s.keys["jobs"], holder), pipe.HGet(ctx, a.s.keys["unique"], "job:"+holder)
	dead, done := pipe.ZScore(ctx, a.s.keys["dead"], holder), pipe.ZScore(ctx, a.s.keys["done"], holder)
	if err := exec(ctx, pipe); err != nil {
		return err
	}
	if _, held, _ := strings.Cut(noted.Val(), " "); there.Val() && dead.Err() != nil && done.Err() != nil && held == key {
		return nil
	}
	record, err := a.c.rdb.HGet(ctx, a.s.keys["jobs"], holder).Result()
	if err != nil && !isNil(err) {
		_, err = classify(err)
		return err
	}
	l := lockSuspect{key: key, sum: recordSum(record)}
	if e, err := decodeEnvelope(holder, []byte(record)); err == nil && e.job.Unique.Key != "" {
		l.claim = scopeLetters[e.job.Unique.Scope] + " " + e.job.Unique.Key
	}
	a.locks = append(a.locks, l)
	return nil
}

func isNumber(text string) bool {
	_, err := strconv.ParseUint(text, 10, 64)
	return err == nil
}

// surveyMarks finds marks that no purge would ever take.
func (a *auditor) surveyMarks(ctx context.Context) error {
	return a.scan(ctx, "marks", func(pairs []string) error {
		for i := 0; i+1 < len(pairs); i += 2 {
			if till := pairs[i+1]; till == "" || till[0] < '0' || till[0] > '9' {
				a.marks = append(a.marks, pairs[i])
			}
		}
		return nil
	})
}

var errPage = errors.New("redis answered with less than was asked for")

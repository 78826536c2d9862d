package queue

import (
	"context"
	"errors"
	"strings"

	"github.com/redis/go-redis/v9"
)

const (
	// recordBytes is about how much one page of records is to be: payloads may be large.
	recordBytes = 256 << 10
	firstPage   = 50
)

// surveyJobs goes through all records, and then over the entries of ready lists that belong to none.
func (a *auditor) surveyJobs(ctx context.Context) error {
	all, err := a.c.rdb.HLen(ctx, a.s.keys["jobs"]).Result()
	if err != nil {
		_, err = classify(err)
		return err
	}
	count := firstPage
	err = a.pages(func(cursor uint64) *redis.ScanCmd {
		return a.c.rdb.HScan(ctx, a.s.keys["jobs"], cursor, "", int64(count))
	}, func(pairs []string) error {
		bytes := 1
		for _, part := range pairs {
			bytes += len(part)
		}
		count = min(max(count*recordBytes/bytes, 1), 2*count, auditPage)
		a.report.Jobs += int64(len(pairs) / 2)
		a.cfg.Progress(a.report.Jobs, max(all, a.report.Jobs))
		return a.surveyRecords(ctx, pairs)
	})
	if err != nil {
		return err
	}
	for slot := range a.entries {
		if a.entries[slot] != a.ghosts[slot] {
			a.suspectAll([]string{slot[1:]})
		}
	}
	for slot := range a.ghosts {
		if a.entries[slot] != a.ghosts[slot] && slot != "" {
			a.suspectAll([]string{slot[1:]})
		}
	}
	return nil
}

// jobPlaces is what the keys beside jobs say of a page of ids, in their order; nil: nothing.
type jobPlaces struct {
	sets          map[string][]any
	tokens, ranks []any
}

func (a *auditor) readPlaces(ctx context.Context, ids []string) (*jobPlaces, error) {
	pipe := a.c.rdb.Pipeline()
	scores := map[string]*redis.Cmd{}
	for _, name := range auditZsets {
		// The method of go-redis gives 0 for what is not there.
		args := make([]any, 0, len(ids)+2)
		args = append(args, "ZMSCORE", a.s.keys[name])
		for _, id := range ids {
			args = append(args, id)
		}
		scores[name] = pipe.Do(ctx, args...)
	}
	tokens, ranks := pipe.HMGet(ctx, a.s.keys["tokens"], ids...), pipe.HMGet(ctx, a.s.keys["priority"], ids...)
	if err := exec(ctx, pipe); err != nil {
		return nil, err
	}
	p := &jobPlaces{sets: map[string][]any{}, tokens: tokens.Val(), ranks: ranks.Val()}
	for name, cmd := range scores {
		set, err := cmd.Slice()
		if err != nil || len(set) != len(ids) {
			return nil, errors.Join(errPage, err)
		}
		p.sets[name] = set
	}
	return p, nil
}

func (a *auditor) surveyRecords(ctx context.Context, pairs []string) error {
	ids := everySecond(pairs)
	places, err := a.readPlaces(ctx, ids)
	if err != nil {
		return err
	}
	for i, id := range ids {
		record := pairs[2*i+1]
		rank, damaged := "", false
		switch e, err := decodeEnvelope(id, []byte(record)); {
		case err == nil:
			rank = rankLetter(e.job.Priority)
		case errors.Is(err, ErrDamaged):
			damaged = true
		}
		ok := a.inOrder(id, i, rank, damaged, places)
		for _, letter := range rankLetters {
			delete(a.entries, letter+id)
			delete(a.ghosts, letter+id)
		}
		if ok {
			continue
		}
		if damaged {
			rank = "d"
		}
		a.suspects[strings.Clone(id)] = suspect{sum: strings.Clone(recordSum(record)), rank: rank}
	}
	return nil
}

// inOrder says whether nothing is wrong with a job, as far as can be seen beside whoever moves it.
func (a *auditor) inOrder(id string, i int, rank string, damaged bool, p *jobPlaces) bool {
	sets := 0
	for _, set := range p.sets {
		if set[i] != nil {
			sets++
		}
	}
	leased := p.sets["leased"][i] != nil
	noted := "n"
	if word := text(p.ranks[i]); word != "" {
		noted = word
	}
	waits := !leased && p.sets["dead"][i] == nil && p.sets["done"][i] == nil
	if sets > 1 || leased != (p.tokens[i] != nil) || rank != "" && noted != rank || damaged && waits {
		return false
	}
	for _, letter := range rankLetters {
		want := 0
		if sets == 0 && letter == noted {
			want = 1
		}
		if a.entries[letter+id]-a.ghosts[letter+id] != want {
			return false
		}
	}
	return true
}

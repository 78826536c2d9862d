package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// JournalEntries is about how many entries a journal keeps, the newest.
	JournalEntries = 10_000
	// maxJournalPage is how many entries one call reads.
	maxJournalPage = 500
	// maxJournalText bounds each text of an entry, in bytes.
	maxJournalText = 500
	journalField   = "entry"
)

// JournalEntry is what somebody did to queues and jobs, or tried to. It has no payloads. A text over 500
// bytes is cut.
type JournalEntry struct {
	// ID is the place in the journal, and Time when it was written there, by Redis's clock. Note sets
	// neither.
	ID   string    `json:"-"`
	Time time.Time `json:"-"`
	// User, Role and IP are who it was, and from where.
	User string `json:"user,omitempty"`
	Role string `json:"role,omitempty"`
	IP   string `json:"ip,omitempty"`
	// Action is a verb such as requeue, or sign in.
	Action string `json:"action"`
	// Queue is the queue that it was done to; empty: none, or the namespace.
	Queue string `json:"queue,omitempty"`
	// Filter says which jobs, and Bound up to which moment or number.
	Filter string `json:"filter,omitempty"`
	Bound  string `json:"bound,omitempty"`
	// Count is how many jobs it was done to.
	Count int64 `json:"count,omitempty"`
	// Reason is why, in the person's words; Result how it ended, empty for well.
	Reason string `json:"reason,omitempty"`
	Result string `json:"result,omitempty"`
}

// Note adds an entry to the journal, which forgets its oldest. It returns ErrRedisFull, ErrUnavailable
// or ErrUnknown.
func (d *Desk) Note(ctx context.Context, e JournalEntry) error {
	for _, text := range []*string{&e.User, &e.Role, &e.IP, &e.Action, &e.Queue, &e.Filter, &e.Bound, &e.Reason, &e.Result} {
		*text = strings.ToValidUTF8((*text)[:min(len(*text), maxJournalText)], "")
	}
	entry, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("note %s: %w", e.Action, err)
	}
	err = d.c.rdb.XAdd(ctx, &redis.XAddArgs{
		Stream: journalKey(d.c.cfg.Namespace), MaxLen: JournalEntries, Approx: true, Values: []string{journalField, string(entry)},
	}).Err()
	if err != nil {
		_, err = classify(err)
		return fmt.Errorf("note %s: %w", e.Action, err)
	}
	return nil
}

var journalID = regexp.MustCompile(`^[0-9]{1,19}-[0-9]{1,19}$`)

// Journal returns up to limit entries, 1 to 500, newest first: those before the entry of that ID, or the
// newest of all where it is empty.
func (d *Desk) Journal(ctx context.Context, before string, limit int) ([]JournalEntry, error) {
	if limit < 1 || limit > maxJournalPage {
		return nil, fmt.Errorf("%w: limit %d: want 1 to %d", ErrInvalid, limit, maxJournalPage)
	}
	from := "+"
	if before != "" {
		if !journalID.MatchString(before) {
			return nil, fmt.Errorf("%w: %q is no entry of the journal", ErrInvalid, before)
		}
		from = "(" + before
	}
	found, err := d.c.rdb.XRevRangeN(ctx, journalKey(d.c.cfg.Namespace), from, "-", int64(limit)).Result()
	if err != nil {
		_, err = classify(err)
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	out := make([]JournalEntry, len(found))
	for i, line := range found {
		text, _ := line.Values[journalField].(string)
		if err := json.Unmarshal([]byte(text), &out[i]); err != nil {
			out[i] = JournalEntry{Result: "this entry cannot be read"}
		}
		ms, _, _ := strings.Cut(line.ID, "-")
		n, _ := strconv.ParseInt(ms, 10, 64)
		out[i].ID, out[i].Time = line.ID, time.UnixMilli(n)
	}
	return out, nil
}

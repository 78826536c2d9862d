package queue

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// Desk is what the tools of operators, such as dashboards, share in a namespace, apart from all queues:
// the sessions of those who have signed in, and a journal of who did what. It is safe for concurrent
// use.
type Desk struct{ c *Client }

// Desk returns what operators' tools share.
func (c *Client) Desk() *Desk { return &Desk{c: c} }

const (
	// MaxSessionBytes is the largest value of a session.
	MaxSessionBytes = 4 << 10
	// maxSessions is how many sessions one call lists.
	maxSessions = 1000
)

// Session is a session as it is kept.
type Session struct {
	ID    string
	Value []byte
	// Left is how long it is still kept, unless it is renewed.
	Left time.Duration
}

// checkSession returns an ErrInvalid for what cannot be the ID of a session. It is no secret that opens
// the session, but a digest of one: it stands in the name of a key.
func checkSession(id string) error {
	if validName(id) {
		return nil
	}
	return fmt.Errorf("%w: session %q: want 1 to %d characters of [a-zA-Z0-9_.-]", ErrInvalid, id, maxNameBytes)
}

// StartSession keeps a session for that long, 1 ms at least. It returns ErrInvalid, ErrRedisFull,
// ErrUnavailable or ErrUnknown.
func (d *Desk) StartSession(ctx context.Context, id string, value []byte, keep time.Duration) error {
	if err := checkSession(id); err != nil {
		return err
	}
	if len(value) > MaxSessionBytes || keep < time.Millisecond {
		return fmt.Errorf("%w: session of %d bytes for %v: want at most %d bytes, for 1ms or more", ErrInvalid, len(value), keep, MaxSessionBytes)
	}
	now := time.Now()
	pipe := d.c.rdb.Pipeline()
	// The list of sessions is for people: one that is missing in it is a session all the same, and one
	// that has ended is passed over.
	pipe.ZRemRangeByScore(ctx, sessionsKey(d.c.cfg.Namespace), "-inf", strconv.FormatInt(now.UnixMilli(), 10))
	pipe.ZAdd(ctx, sessionsKey(d.c.cfg.Namespace), redis.Z{Score: float64(now.Add(keep).UnixMilli()), Member: id})
	pipe.Set(ctx, sessionKey(d.c.cfg.Namespace, id), value, keep)
	if err := exec(ctx, pipe); err != nil {
		return fmt.Errorf("start session: %w", err)
	}
	return nil
}

// Session returns a session. It returns ErrNoSession for one that is not kept, has ended or never was.
func (d *Desk) Session(ctx context.Context, id string) (Session, error) {
	if err := checkSession(id); err != nil {
		return Session{}, err
	}
	all, err := d.read(ctx, []string{id})
	if err != nil {
		return Session{}, fmt.Errorf("read session: %w", err)
	}
	if len(all) == 0 {
		return Session{}, ErrNoSession
	}
	return all[0], nil
}

// RenewSession keeps a session for that long from now on. It returns ErrNoSession where it is not kept
// any more: a session that was ended does not come back.
func (d *Desk) RenewSession(ctx context.Context, id string, keep time.Duration) error {
	if err := checkSession(id); err != nil {
		return err
	}
	pipe := d.c.rdb.Pipeline()
	kept := pipe.PExpire(ctx, sessionKey(d.c.cfg.Namespace, id), keep)
	until := redis.Z{Score: float64(time.Now().Add(keep).UnixMilli()), Member: id}
	pipe.ZAddXX(ctx, sessionsKey(d.c.cfg.Namespace), until)
	// A full Redis refuses the list its entry, but not the session its time.
	if err := exec(ctx, pipe); err != nil && kept.Err() != nil {
		return fmt.Errorf("renew session: %w", err)
	}
	if !kept.Val() {
		return ErrNoSession
	}
	return nil
}

// EndSession ends a session. It returns ErrNoSession where it was not kept.
func (d *Desk) EndSession(ctx context.Context, id string) error {
	if err := checkSession(id); err != nil {
		return err
	}
	pipe := d.c.rdb.Pipeline()
	ended := pipe.Del(ctx, sessionKey(d.c.cfg.Namespace, id))
	pipe.ZRem(ctx, sessionsKey(d.c.cfg.Namespace), id)
	if err := exec(ctx, pipe); err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	if ended.Val() == 0 {
		return ErrNoSession
	}
	return nil
}

// Sessions returns the sessions that are kept, of 1,000 at most those that last longest.
func (d *Desk) Sessions(ctx context.Context) ([]Session, error) {
	ids, err := d.c.rdb.ZRevRange(ctx, sessionsKey(d.c.cfg.Namespace), 0, maxSessions-1).Result()
	if err != nil {
		_, err = classify(err)
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	all, err := d.read(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	return all, nil
}

// read returns those of the sessions that are kept.
func (d *Desk) read(ctx context.Context, ids []string) ([]Session, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	pipe := d.c.rdb.Pipeline()
	values, left := make([]*redis.StringCmd, len(ids)), make([]*redis.DurationCmd, len(ids))
	for i, id := range ids {
		values[i] = pipe.Get(ctx, sessionKey(d.c.cfg.Namespace, id))
		left[i] = pipe.PTTL(ctx, sessionKey(d.c.cfg.Namespace, id))
	}
	if err := exec(ctx, pipe); err != nil {
		return nil, err
	}
	var out []Session
	for i, id := range ids {
		// A session without an end is none of ours.
		if value, err := values[i].Bytes(); err == nil && left[i].Val() > 0 {
			out = append(out, Session{ID: id, Value: value, Left: left[i].Val()})
		}
	}
	return out, nil
}

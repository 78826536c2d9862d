package queue

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unsafe"
)

// firstPart is how many records are read at once from a queue of which nothing is known.
const firstPart = 4

// fetch reads the records of jobs that were just leased. They stay as they are while the leases last,
// so this need not be one step with lease. It reads in parts: many large records at once would be cut
// off by the connection's time-out, and again each time. What is not read in time, the leases running
// meanwhile, is given back; it is an error only where no job was read.
func (b *Broker) fetch(ctx context.Context, l *line, leased []*Delivery, by time.Time) ([]*Delivery, error) {
	kept, rest := leased[:0], leased
	for len(rest) > 0 {
		part := rest[:min(len(rest), l.part())]
		records, err := b.read(ctx, l, part)
		for i := 0; i < len(part) && err == nil; i++ {
			rest = rest[1:]
			if record, ok := records[i].(string); ok {
				part[i].fill(record)
				kept = append(kept, part[i])
				continue
			}
			// An entry without a job, left by a call that failed half-way, or written by hand; or the queue was
			// deleted meanwhile.
			if err = b.Drop(ctx, part[i]); errors.Is(err, ErrLeaseLost) {
				err = nil
			}
		}
		if err != nil || time.Now().After(by) {
			b.giveBack(ctx, rest)
			if err != nil && len(kept) == 0 {
				return nil, fmt.Errorf("lease from %s: read jobs: %w", l.shard.queue, err)
			}
			return kept, nil
		}
	}
	return kept, nil
}

// read reads the records of a part, and learns from it how many to read at once.
func (b *Broker) read(ctx context.Context, l *line, part []*Delivery) (records []any, err error) {
	ids := make([]string, len(part))
	for i, d := range part {
		ids[i] = d.ID
	}
	err = b.c.retrying(ctx, func() (err error) {
		records, err = b.c.rdb.HMGet(ctx, l.shard.keys["jobs"], ids...).Result()
		return err
	})
	if err != nil {
		l.records.Store(int64(max(len(part)/2, 1)))
		return nil, err
	}
	size := 1
	for _, record := range records {
		text, _ := record.(string)
		size += len(text)
	}
	l.records.Store(int64(max(min(maxBatchBytes*len(part)/size, 2*l.part(), maxBatch), 1)))
	return records, nil
}

// part is how many records of the line to read at once: about maxBatchBytes, by what was read before.
func (l *line) part() int {
	if n := l.records.Load(); n > 0 {
		return int(n)
	}
	return firstPart
}

// giveBack releases what was leased and cannot be handed on, in one step. Where that fails, the leases
// run out.
func (b *Broker) giveBack(ctx context.Context, leased []*Delivery) {
	if len(leased) == 0 {
		return
	}
	entries := make([]*entry, len(leased))
	for i, d := range leased {
		entries[i] = settling(d, "", d.Due.UnixMilli())
	}
	b.c.lineOf(leased[0].shard.queue).settle[releaseScript].sendAll(context.WithoutCancel(ctx), entries)
	for _, e := range entries {
		e.free()
	}
}

// fill decodes a record into the delivery; one that cannot be decoded is kept as payload.
func (d *Delivery) fill(record string) {
	id, due := d.ID, d.Due
	// The string is nobody else's, so the payload may share its bytes: a copy of each payload is a
	// tenth of the work of a lease.
	bytes := unsafe.Slice(unsafe.StringData(record), len(record))
	e, err := decodeEnvelope(id, bytes)
	d.Job, d.Created, d.Err = e.job, e.created, err
	if err != nil {
		d.Payload = bytes
	}
	d.ID, d.Due, d.Queue = id, due, d.shard.queue
}

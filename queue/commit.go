package queue

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// maxBatch and maxBatchBytes bound one script call: jobs, and bytes of arguments.
	maxBatch      = 500
	maxBatchBytes = 1 << 20
	// maxKeptRecord is how many bytes an entry that waits in the pool may hold on to.
	maxKeptRecord = 16 << 10
	// opTimeout bounds one call on behalf of several callers, whose own contexts end only their wait.
	opTimeout = 10 * time.Second
)

// entry is one job's part in a batched call. Its strings go into args as pointers, which spares an
// allocation each.
type entry struct {
	id, token string
	args      []any
	// record is the job's envelope; its bytes are reused for the next job's.
	record []byte
	// spec is the job's line of ARGV specs, for scripts that have it.
	spec string
	size int
	// code is what the script answered, empty where it accepted; detail goes with some codes.
	code, detail string
	err          error
	// unconfirmed is the call's own error, also for a job that the script refused.
	unconfirmed error
	// replaces is the id whose job this one is to take the place of. It cannot go in one call with
	// another job of that id.
	replaces string
	// settled gets one value when the answer is there, or then is called with it.
	settled chan struct{}
	then    func(error)
	inline  [4]any
}

var entries = sync.Pool{New: func() any { return &entry{settled: make(chan struct{}, 1)} }}

// newEntry returns an entry for a job, and for the token of its lease where the script wants one.
func newEntry(id, token string, more ...any) *entry {
	e := entries.Get().(*entry)
	e.id, e.token = id, token
	e.args = append(e.inline[:0], &e.id)
	if token != "" {
		e.args = append(e.args, &e.token)
	}
	e.args = append(e.args, more...)
	e.size = len(id) + len(token)
	return e
}

// free gives an entry back once its answer was read. One that may still be in flight is not given back.
func (e *entry) free() {
	settled, record := e.settled, e.record
	if cap(record) > maxKeptRecord {
		record = nil
	}
	*e = entry{settled: settled, record: record}
	entries.Put(e)
}

// group is the group commit of one verb on one shard. Calls that come while one is in flight gather
// and go together in the next; a lone caller goes at once, so nobody waits for a timer.
type group struct {
	client *Client
	shard  *shard
	script *script
	// width is how many words the script answers for each refusal.
	width int
	// flights is how many calls may be under way at once. Enqueue has two, the second one being built
	// while the first is in Redis; settling has one, since larger batches serve it better.
	flights int

	mu      sync.Mutex
	waiting []*entry
	flying  int
}

// secondFlight is how many jobs have to wait for a second call to be worth it.
const secondFlight = 24

// do hands one job in and waits for its own answer. When ctx ends first, the call may still be
// carried out: ErrUnknown, and done is false, the entry still being in use. A lone caller makes the
// call itself, for which handing it to another goroutine would take as long as the call.
func (g *group) do(ctx context.Context, e *entry) (done bool, err error) {
	if err := ctx.Err(); err != nil {
		return true, err
	}
	g.mu.Lock()
	if g.flying == 0 && len(g.waiting) == 0 {
		g.flying++
		g.mu.Unlock()
		g.send(ctx, []*entry{e})
		g.landed()
		return true, e.err
	}
	g.waiting = append(g.waiting, e)
	if g.flying < g.flights && len(g.waiting) >= secondFlight {
		g.flying++
		go g.fly()
	}
	g.mu.Unlock()
	select {
	case <-e.settled:
		return true, e.err
	case <-ctx.Done():
		return false, fmt.Errorf("%s: %w: %w", g.script.verb, ErrUnknown, context.Cause(ctx))
	}
}

// landed ends a lone caller's flight, or hands it on to those who came meanwhile.
func (g *group) landed() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) > 0 {
		go g.fly()
		return
	}
	g.flying--
}

// carryOut is do for verbs that answer with no more than a code.
func (g *group) carryOut(ctx context.Context, e *entry) error {
	id := e.id
	done, err := g.do(ctx, e)
	if done {
		e.free()
	}
	return g.failure(id, err)
}

// carryOutThen is carryOut for a caller who does not wait: then gets the answer, on the goroutine that
// makes the calls.
func (g *group) carryOutThen(e *entry, then func(error)) {
	e.then = then
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = append(g.waiting, e)
	if g.flying == 0 {
		g.flying++
		go g.fly()
	}
}

// failure says of which call and job an error is.
func (g *group) failure(id string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s: %w", g.script.verb, id, err)
}

// fly sends batches until none is waiting.
func (g *group) fly() {
	for {
		// Callers that were just answered come back at once: let them, and the batch is larger.
		runtime.Gosched()
		batch := g.take()
		if batch == nil {
			return
		}
		g.send(context.Background(), batch)
		for _, e := range batch {
			if e.then == nil {
				e.settled <- struct{}{}
				continue
			}
			then, err := e.then, g.failure(e.id, e.err)
			e.free()
			then(err)
		}
	}
}

// take cuts the next batch from what is waiting, or ends the flight when nothing is.
func (g *group) take() []*entry {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := fit(g.waiting)
	if n == 0 {
		g.flying--
		return nil
	}
	batch := g.waiting[:n:n]
	if n == len(g.waiting) {
		g.waiting = make([]*entry, 0, n)
	} else {
		g.waiting = g.waiting[n:]
	}
	return batch
}

// fit is how many entries from the first on fit into one call; at least one if there is one.
func fit(entries []*entry) int {
	size := 0
	for i, e := range entries {
		size += e.size
		if i == maxBatch || i > 0 && size > maxBatchBytes || e.replaces != "" && holds(entries[:i], e.replaces) {
			return i
		}
	}
	return len(entries)
}

// holds says whether one of the entries is of an id.
func holds(entries []*entry, id string) bool {
	return slices.ContainsFunc(entries, func(e *entry) bool { return e.id == id })
}

// send carries a batch out and notes each job's answer in its entry.
func (g *group) send(ctx context.Context, batch []*entry) {
	ctx, cancel := context.WithTimeout(ctx, opTimeout)
	defer cancel()
	args := make([]any, 0, 2+len(batch)*len(g.script.each))
	args = append(args, g.client.shift())
	if slices.Contains(g.script.argv, "specs") {
		args = append(args, specs(batch))
	}
	for _, e := range batch {
		args = append(args, e.args...)
	}
	reply, err := g.client.run(ctx, g.shard, g.script, args)
	if err == nil || errors.Is(err, ErrUnconfirmed) {
		if words, ok := reply.([]any); ok && g.script == enqueueScript && len(words)%g.width == 1 {
			reply = words[:len(words)-1]
			if failed := g.client.registerAgain(ctx, g.shard); failed != nil {
				err = failed
			}
		}
		if garbled := g.note(batch, reply); garbled != nil {
			err = garbled
		}
	} else if g.script == enqueueScript && errors.Is(err, ErrUnknown) {
		// The answer may have said that the queue began.
		g.client.lineOf(g.shard.queue).registered.Store(false)
	}
	for _, e := range batch {
		e.unconfirmed = err
		e.err = err
		if e.code != "" {
			e.err = codeError(e.code)
		}
	}
}

// specs joins what is special about the jobs of a batch; mostly nothing is.
func specs(batch []*entry) string {
	if !slices.ContainsFunc(batch, func(e *entry) bool { return e.spec != "" }) {
		return ""
	}
	var b strings.Builder
	for _, e := range batch {
		b.WriteString(e.spec)
		b.WriteByte('\n')
	}
	return b.String()
}

// note reads a reply: a flat list of position, code and, for some scripts, a detail.
func (g *group) note(batch []*entry, reply any) error {
	words, ok := reply.([]any)
	if !ok || len(words)%g.width != 0 {
		return fmt.Errorf("%s: unexpected reply %T", g.script.verb, reply)
	}
	for i := 0; i < len(words); i += g.width {
		position, ok := words[i].(int64)
		code, isText := words[i+1].(string)
		if !ok || !isText || position < 1 || int(position) > len(batch) {
			return fmt.Errorf("%s: unexpected reply %v", g.script.verb, words[i:i+2])
		}
		e := batch[position-1]
		e.code = code
		if g.width > 2 {
			e.detail, _ = words[i+2].(string)
		}
	}
	return nil
}

// sendAll carries any number of entries out in batches, one after another.
func (g *group) sendAll(ctx context.Context, entries []*entry) {
	for len(entries) > 0 {
		n := fit(entries)
		if err := ctx.Err(); err != nil {
			for _, e := range entries {
				e.err = err
			}
			return
		}
		g.send(ctx, entries[:n])
		entries = entries[n:]
	}
}

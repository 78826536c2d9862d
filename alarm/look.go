package alarm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dueq-io/dueq/queue"
)

const (
	// window is what lateness and the error rate look back on, and growthWindow what the growth of dead does.
	window       = 5 * time.Minute
	growthWindow = time.Hour
	// fewAttempts are too few to speak of a rate.
	fewAttempts = 20
	lateShare   = 0.99
	// listedQueues is how many queues a worker names; one that serves more may serve any.
	listedQueues = 100
)

// observer reads what rules are about.
type observer struct {
	client    *queue.Client
	inspector *queue.Inspector
}

// look reads the signals that rules ask for.
func (o *observer) look(ctx context.Context, rules []Rule) (look, error) {
	wanted := map[Signal]bool{}
	for _, r := range rules {
		wanted[r.Signal] = true
	}
	// The moment before: what is read later is not older.
	sheet, err := o.client.Desk().Sheet(ctx, sheetName)
	if err != nil {
		return look{}, err
	}
	l := look{at: sheet.Now, values: map[Signal]map[string]value{}}
	infos, err := o.queues(ctx, &l)
	if err != nil {
		return look{}, err
	}
	l.readDepths(infos)
	names := make([]string, len(infos))
	for i := range infos {
		names[i] = infos[i].Name
	}
	if wanted[Lateness] || wanted[ErrorRate] {
		err = errors.Join(err, o.readRecent(ctx, &l, infos, names))
	}
	if wanted[DeadGrowth] {
		err = errors.Join(err, o.readGrowth(ctx, &l, names))
	}
	if wanted[NoWorker] {
		err = errors.Join(err, o.readWorkers(ctx, &l, infos))
	}
	if wanted[RedisMemory] {
		err = errors.Join(err, o.readMemory(ctx, &l))
	}
	return l, err
}

func (l *look) set(s Signal, name string, v value) {
	if l.values[s] == nil {
		l.values[s] = map[string]value{}
	}
	l.values[s][name] = v
}

// queues reads the queues. One with a key of a wrong type must not hide the others: it has no values then.
func (o *observer) queues(ctx context.Context, l *look) ([]queue.QueueInfo, error) {
	infos, err := o.inspector.Queues(ctx)
	if errors.Is(err, queue.ErrWrongType) {
		return o.eachQueue(ctx, l)
	}
	// The list of names is open to anyone who can write to Redis; what can be no name is no queue.
	infos = slices.DeleteFunc(infos, func(q queue.QueueInfo) bool { return !queueName.MatchString(q.Name) })
	for i := range infos {
		l.queues = append(l.queues, infos[i].Name)
	}
	return infos, err
}

// eachQueue reads queue by queue.
func (o *observer) eachQueue(ctx context.Context, l *look) (infos []queue.QueueInfo, err error) {
	if l.queues, err = o.client.Broker().Queues(ctx); err != nil {
		return nil, err
	}
	l.queues = slices.DeleteFunc(l.queues, func(name string) bool { return !queueName.MatchString(name) })
	for _, name := range l.queues {
		info, err := o.inspector.Queue(ctx, name)
		switch {
		case err == nil:
			infos = append(infos, info)
		case !errors.Is(err, queue.ErrWrongType):
			return nil, err
		}
	}
	return infos, nil
}

// readDepths takes what is read of each queue anyway.
func (l *look) readDepths(infos []queue.QueueInfo) {
	for i := range infos {
		q := &infos[i]
		oldest, overdue := 0.0, 0.0
		if q.Ready > 0 && !q.Paused {
			oldest = q.OldestReady.Seconds()
		}
		if q.Overdue > 0 {
			overdue = q.OverdueAge.Seconds()
		}
		l.set(Depth, q.Name, sure(float64(q.Ready)))
		l.set(OldestReady, q.Name, sure(oldest))
		l.set(Overdue, q.Name, sure(overdue))
	}
}

// readRecent takes what happened in the last minutes.
func (o *observer) readRecent(ctx context.Context, l *look, infos []queue.QueueInfo, names []string) error {
	activities, err := o.activity(ctx, window, names)
	if err != nil {
		return err
	}
	for i := range infos {
		q, a := &infos[i], activities[infos[i].Name]
		l.set(Lateness, q.Name, lateness(q, a))
		l.set(ErrorRate, q.Name, errorRate(a))
	}
	return nil
}

// lateness is known where jobs have started, and nothing is late where none waits. Of a queue that stands
// still nobody can say: an incident goes on then.
func lateness(q *queue.QueueInfo, a *queue.Activity) value {
	if a != nil {
		if late := a.Lateness.Quantile(lateShare); late >= 0 {
			return sure(late.Seconds())
		}
	}
	return value{ends: q.Ready == 0 && q.Overdue == 0}
}

func errorRate(a *queue.Activity) value {
	if a == nil {
		return value{}
	}
	share, ended := a.ErrorShare()
	return value{of: share, begins: ended >= fewAttempts, ends: true}
}

func (o *observer) readGrowth(ctx context.Context, l *look, names []string) error {
	activities, err := o.activity(ctx, growthWindow, names)
	if err != nil {
		return err
	}
	for name, a := range activities {
		l.set(DeadGrowth, name, sure(float64(a.Dead)))
	}
	return nil
}

func (o *observer) activity(ctx context.Context, over time.Duration, names []string) (map[string]*queue.Activity, error) {
	out := map[string]*queue.Activity{}
	if len(names) == 0 {
		return out, nil
	}
	all, err := o.inspector.Activity(ctx, over, names...)
	if err != nil {
		return nil, fmt.Errorf("read activity: %w", err)
	}
	for i := range all {
		out[all[i].Queue] = &all[i]
	}
	return out, nil
}

// readWorkers finds queues that have ready jobs and nobody who takes them.
func (o *observer) readWorkers(ctx context.Context, l *look, infos []queue.QueueInfo) error {
	workers, err := o.inspector.Workers(ctx)
	if err != nil {
		return fmt.Errorf("read workers: %w", err)
	}
	for i := range infos {
		q := &infos[i]
		alone := 0.0
		if q.Ready > 0 && !q.Paused && !slices.ContainsFunc(workers, func(w queue.WorkerInfo) bool { return serves(&w, q.Name) }) {
			alone = float64(q.Ready)
		}
		l.set(NoWorker, q.Name, sure(alone))
	}
	return nil
}

// serves says whether a worker leases jobs of a queue, as far as it can be known.
func serves(w *queue.WorkerInfo, name string) bool {
	_, listed := w.Queues[name]
	return w.State == queue.WorkerRunning && (listed || len(w.Queues) >= listedQueues)
}

func (o *observer) readMemory(ctx context.Context, l *look) error {
	server, err := o.fullest(ctx)
	if err != nil {
		return err
	}
	l.set(RedisMemory, "", sure(server.MemoryShare()))
	return nil
}

// fullest is the server with the least memory left, by its share.
func (o *observer) fullest(ctx context.Context) (queue.ServerInfo, error) {
	servers, err := o.inspector.Servers(ctx)
	if err != nil {
		return queue.ServerInfo{}, err
	}
	var out queue.ServerInfo
	for i := range servers {
		if servers[i].Err != nil {
			return queue.ServerInfo{}, fmt.Errorf("read redis's memory: %w", servers[i].Err)
		}
		if i == 0 || servers[i].MemoryShare() > out.MemoryShare() {
			out = servers[i]
		}
	}
	return out, nil
}

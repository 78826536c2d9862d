package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/dueq-io/dueq/alarm"
	"github.com/dueq-io/dueq/dashboard"
	"github.com/dueq-io/dueq/dashboard/access"
	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/scheduler"
	"github.com/dueq-io/dueq/worker"
)

const demoAbout = `See the whole system at work, with nothing installed: a Redis within this process, a scheduler, a worker, the
dashboard, and a producer of text messages and callbacks that are due 1 to 20 seconds later. One endpoint
fails twice before it takes a callback, and one never takes any. What happens is printed as it happens, and
a summary in the end. With --redis the same runs on a real server, in a namespace of its own, which is
removed at the end.`

type demoOptions struct {
	length time.Duration
	listen string
	json   bool
	// moved says that another port may be taken where the default one is not free.
	moved bool
}

func (c *cli) demo() *cobra.Command {
	var o demoOptions
	cmd := &cobra.Command{Use: "demo", Short: "See all of it at work, with nothing installed", Long: demoAbout, Args: takes(0, 0)}
	cmd.Flags().DurationVar(&o.length, "for", 0, "end after this long, such as 10s (default: when interrupted)")
	cmd.Flags().StringVar(&o.listen, "listen", defaultListen, "the address of the dashboard; the next free port where the default is taken")
	cmd.Flags().BoolVar(&o.json, "json", false, "print only the summary, as JSON")
	cmd.RunE = c.act(func(ctx context.Context, cfg *config, p *process, args []string) error {
		o.moved = !cmd.Flags().Changed("listen")
		return o.run(ctx, cfg, p, args)
	})
	return cmd
}

// sparePorts is how many ports after the default one are tried.
const sparePorts = 20

func (o *demoOptions) run(ctx context.Context, cfg *config, p *process, _ []string) (err error) {
	if o.length < 0 {
		return usagef("--for %v: want more than 0", o.length)
	}
	if local, err := isLoopback(o.listen); err != nil {
		return err
	} else if !local {
		return fmt.Errorf("others can reach %s, and the demo has no login: use 127.0.0.1", o.listen)
	}
	// Only a server that somebody named is used: the demo is to need none.
	target := memoryURL
	if cfg.origin["redis"] != fromDefault {
		target = cfg.redis
	}
	namespace := cfg.namespace + "-demo-" + shortName()
	client, err := cfg.dial(ctx, target, queue.Config{Namespace: namespace, AcceptDataLoss: cfg.acceptDataLoss, Logger: quiet()})
	if err != nil {
		return err
	}
	defer client.Close()
	d := &demo{options: o, client: client, tale: newTale(p, o.json)}
	if !client.Embedded() {
		defer func() {
			if failed := wipe(ctx, target, namespace); failed != nil {
				err = errors.Join(err, fmt.Errorf("the keys of %s are still there: %w", namespace, failed))
			}
		}()
		if d.clock, err = readClock(ctx, target); err != nil {
			return err
		}
	}
	if o.length > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.length)
		defer cancel()
	}
	page, err := o.openPage(ctx)
	if err != nil {
		return err
	}
	d.tale.title(d.place(target), o.pageText(page))
	if err := d.play(ctx, page); err != nil {
		return err
	}
	return d.finish(ctx)
}

// openPage opens the address of the dashboard.
func (o *demoOptions) openPage(ctx context.Context) (net.Listener, error) {
	spare := 0
	if o.moved {
		spare = sparePorts
	}
	l, err := listen(ctx, o.listen, spare)
	if err != nil {
		return nil, fmt.Errorf("dashboard: %w", err)
	}
	return l, nil
}

// pageText is the address of the dashboard, and why it is not the usual one.
func (o *demoOptions) pageText(l net.Listener) string {
	if o.moved && l.Addr().String() != o.listen {
		return pageURL(l) + "/, as " + o.listen + " is taken"
	}
	return pageURL(l) + "/"
}

// demo is one run of the demo.
type demo struct {
	options *demoOptions
	client  *queue.Client
	tale    *tale
	late    lateness
	clock   clock
}

// place says in words where the jobs are.
func (d *demo) place(target string) string {
	if d.client.Embedded() {
		return "a Redis within this process: nothing is kept when it ends"
	}
	return maskURL(target) + ", in the namespace " + d.client.Namespace() + ", which is removed at the end"
}

const (
	demoConcurrency = 32
	demoGrace       = time.Second
)

// play runs the whole system until ctx ends.
func (d *demo) play(ctx context.Context, page net.Listener) error {
	group, ctx := errgroup.WithContext(ctx)
	if err := startDashboard(ctx, group, d.client, page, dashboard.Config{
		Logger: quiet(), Access: access.Config{Anonymous: access.Admin},
	}); err != nil {
		_ = page.Close()
		return err
	}
	if err := startAlarms(ctx, group, d.client, alarm.Config{Logger: quiet()}); err != nil {
		return err
	}
	s, err := scheduler.New(d.client, scheduler.Config{Logger: quiet()})
	if err != nil {
		return err
	}
	w, err := d.worker()
	if err != nil {
		return err
	}
	outside, err := openEndpoints(ctx, group)
	if err != nil {
		return err
	}
	if err := d.handle(w, outside); err != nil {
		return err
	}
	group.Go(func() error { return s.Run(ctx) })
	group.Go(func() error { return w.Run(ctx) })
	group.Go(func() error { d.produce(ctx); return nil })
	return group.Wait()
}

func (d *demo) worker() (*worker.Worker, error) {
	return worker.New(d.client, worker.Config{
		Queues: map[string]int{smsQueue: 2, callbackQueue: 1}, Concurrency: demoConcurrency,
		Grace: demoGrace, Logger: quiet(), OnDead: d.tale.died,
	})
}

// finish counts by what Redis counted, and tells it.
func (d *demo) finish(ctx context.Context) error {
	const patience = 5 * time.Second
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	infos, err := d.client.Inspector().Queues(ctx)
	if err != nil {
		return err
	}
	sum := d.late.summary()
	for i := range infos {
		q := &infos[i]
		sum.Enqueued += q.Counts["enqueue"]
		sum.Done += q.Counts["ack"]
		sum.Retried += q.Counts["retry"]
		sum.Dead += q.Counts["bury"]
		sum.waiting += q.Delayed + q.Retrying + q.Ready + q.Leased
	}
	if err := d.tale.end(sum); err != nil {
		return err
	}
	if sum.Early > 0 {
		return fmt.Errorf("%s started before its time", plural(sum.Early, "job"))
	}
	return nil
}

// shortName is a few characters that no other run has.
func shortName() string {
	const letters, length = "bcdfghjkmnpqrstvwxz23456789", 6
	var b strings.Builder
	for range length {
		b.WriteByte(letters[rand.IntN(len(letters))])
	}
	return b.String()
}

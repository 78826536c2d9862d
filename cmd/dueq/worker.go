package main

import (
	"context"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/dueq-io/dueq/dashboard"
	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/scheduler"
	"github.com/dueq-io/dueq/worker"
)

const workerAbout = `Run the jobs of queues without writing Go: each job is given to a command, or posted to a URL.

--exec runs the command by the shell, with the payload on its standard input and, in its environment,
DUEQ_JOB_ID, DUEQ_JOB_QUEUE, DUEQ_JOB_KIND, DUEQ_JOB_ATTEMPT, DUEQ_JOB_TOKEN, DUEQ_JOB_DUE,
DUEQ_JOB_HEADERS (JSON) and one DUEQ_JOB_HEADER_NAME for each header. Exit 0 is done, exit 100 is dead at
once, anything else (75, EX_TEMPFAIL, among it) is a failure and is retried. The end of what it wrote to
standard error is kept as the error. What it writes to standard output comes out here. When the job is
cancelled, its time is over or the worker stops, all its processes get SIGTERM and a second later SIGKILL.

--post sends the payload as a POST with Dueq-Job-Id, Dueq-Queue, Dueq-Kind, Dueq-Attempt, Dueq-Token,
Idempotency-Key and the job's own headers. 2xx is done; 400, 410 and 422 are dead at once; anything else
is a failure and is retried, after the Retry-After of a 429 or 503 where it gives one. Redirects are not
followed.

A job can run more than once: what it does must be safe to repeat. The first signal to stop lets jobs
finish for --grace, the second gives them back at once.`

func (c *cli) worker() *cobra.Command {
	cmd := &cobra.Command{
		Use: "worker --queue NAME[=WEIGHT]... (--exec COMMAND | --post URL)", Short: "Run a command or post to a URL for each job",
		Long: workerAbout, Args: takes(0, 0), RunE: c.act(runWorker),
		Example: "  dueq worker --queue sms=3 --queue callback --exec './send.sh'\n  dueq worker --queue callback --post https://example.com/hook --concurrency 64",
	}
	addSettings(cmd.Flags(), "worker")
	return cmd
}

// runner runs one job, by a command or a request.
type runner interface {
	run(ctx context.Context, d *queue.Delivery) error
}

const (
	execTimeout = time.Hour
	postTimeout = 30 * time.Second
)

// runnerOf makes the runner of the settings, and how long one attempt may take.
func runnerOf(w *workerSettings, p *process) (runner, time.Duration, error) {
	timeout := w.timeout
	if timeout < 0 {
		return nil, 0, usagef("--timeout %v: want more than 0", timeout)
	}
	switch {
	case w.exec != "" && w.post != "":
		return nil, 0, usagef("--exec and --post cannot be used together")
	case w.exec != "":
		if timeout == 0 {
			timeout = execTimeout
		}
		return newCommand(w.exec, p.out), timeout, nil
	case w.post != "":
		if timeout == 0 {
			timeout = postTimeout
		}
		r, err := newPoster(w.post, w.concurrency)
		return r, timeout, err
	default:
		return nil, 0, usagef("say what to do with each job: --exec COMMAND or --post URL")
	}
}

func runWorker(ctx context.Context, cfg *config, p *process, _ []string) error {
	queues, err := weights(cfg.worker.queues)
	if err != nil {
		return err
	}
	r, timeout, err := runnerOf(&cfg.worker, p)
	if err != nil {
		return err
	}
	logger, err := cfg.logger(p)
	if err != nil {
		return err
	}
	client, err := cfg.open(ctx, p)
	if err != nil {
		return err
	}
	defer client.Close()
	w, err := worker.New(client, worker.Config{
		Queues: queues, Strict: cfg.worker.strict, Concurrency: cfg.worker.concurrency, Lease: cfg.worker.lease,
		Grace: graceOf(cfg.worker.grace), MaxAttempts: cfg.worker.maxAttempts, MaxRuntime: timeout, Logger: logger,
	})
	if err != nil {
		return err
	}
	w.Handle(worker.AnyKind, worker.HandlerFunc(r.run))
	return superviseWorker(ctx, cfg, p, client, w, logger)
}

// superviseWorker runs the worker and what belongs beside it until ctx ends.
func superviseWorker(ctx context.Context, cfg *config, p *process, client *queue.Client, w *worker.Worker, logger *slog.Logger) error {
	// An operator can stop the worker from afar; what runs beside it ends with it then.
	ctx, end := context.WithCancel(ctx)
	defer end()
	group, ctx := errgroup.WithContext(ctx)
	all := []figures{workerFigures(w)}
	if !cfg.worker.noScheduler {
		s, err := newScheduler(cfg, client, logger)
		if err != nil {
			return err
		}
		all = append(all, schedulerFigures(s))
		group.Go(func() error { return s.Run(ctx) })
	}
	metrics, err := metricsListener(ctx, cfg.worker.metricsListen)
	if err != nil {
		return err
	}
	group.Go(func() error { return runMetrics(ctx, metrics, client, logger, all) })
	stop := context.AfterFunc(ctx, func() {
		logger.InfoContext(ctx, "stopping; a second signal gives running jobs back at once", slog.Duration("grace", cfg.worker.grace))
	})
	defer stop()
	group.Go(func() error {
		defer end()
		err := w.Run(ctx)
		stop()
		return err
	})
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-p.hurry:
			w.ReleaseNow()
		case <-ended:
		}
	}()
	return group.Wait()
}

// graceOf makes no time of a zero, which is the package's word for its default.
func graceOf(grace time.Duration) time.Duration {
	if grace == 0 {
		return -1
	}
	return grace
}

// weights reads name or name=weight.
func weights(words []string) (map[string]int, error) {
	if len(words) == 0 {
		return nil, usagef("name the queues to serve: --queue NAME[=WEIGHT]")
	}
	out := map[string]int{}
	for _, word := range words {
		name, text, found := strings.Cut(word, "=")
		weight := 1
		if found {
			n, err := strconv.Atoi(text)
			if err != nil {
				return nil, usagef("queue %q: want name=weight with a whole number", word)
			}
			weight = n
		}
		if _, twice := out[name]; twice {
			return nil, usagef("queue %s is named twice", name)
		}
		out[name] = weight
	}
	return out, nil
}

func newScheduler(cfg *config, client *queue.Client, logger *slog.Logger) (*scheduler.Scheduler, error) {
	return scheduler.New(client, scheduler.Config{
		Queues: cfg.scheduler.queues, DeadAge: cfg.scheduler.deadAge, DeadKeep: cfg.scheduler.deadKeep,
		DoneKeep: cfg.scheduler.doneKeep, Logger: logger,
	})
}

// runMetrics serves the metrics until ctx ends, where an address was given for them.
func runMetrics(ctx context.Context, l net.Listener, client *queue.Client, logger *slog.Logger, all []figures) error {
	if l == nil {
		return nil
	}
	logger.InfoContext(ctx, "metrics", slog.String("address", pageURL(l)+"/metrics"))
	return serve(ctx, dashboard.Server(metricsHandler(client, all...)), l)
}

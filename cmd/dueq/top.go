package main

import (
	"context"
	"errors"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/dueq-io/dueq/queue"
)

const topAbout = `Show the overview of the dashboard in a terminal, live: the verdict with its reasons, and every queue, worst
first, with what is ready, late, going in and out, failing, and who works on it. Keys: q quits, space holds
the view, w n r o d l i u e k choose the order, arrows scroll. With --once it prints one table, for pipes.`

// topEvery is how often it is read.
const topEvery = time.Second

func (c *cli) top() *cobra.Command {
	once := false
	cmd := &cobra.Command{Use: "top", Short: "Show the overview in a terminal, live", Long: topAbout, Args: takes(0, 0)}
	cmd.Flags().BoolVar(&once, "once", false, "print one plain table and end")
	cmd.RunE = c.act(func(ctx context.Context, cfg *config, p *process, _ []string) error {
		if !once && !isTerminal(p.out) {
			return usagef("top needs a terminal; --once prints a table")
		}
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		group, ctx := errgroup.WithContext(ctx)
		feed := newFeed(cfg, p)
		group.Go(func() error { feed.run(ctx); return nil })
		group.Go(func() error {
			defer cancel()
			if once {
				return topOnce(ctx, p, feed)
			}
			return topLive(ctx, p, cfg.namespace, feed)
		})
		return group.Wait()
	})
	return cmd
}

// topLive runs the screen until q is pressed or ctx ends. more is for tests, whose terminals have no size.
func topLive(ctx context.Context, p *process, namespace string, f *feed, more ...tea.ProgramOption) error {
	m := newTopModel(namespace, paintFor(p.out), func() (*overview, error) { return f.read(ctx) })
	options := []tea.ProgramOption{tea.WithContext(ctx), tea.WithInput(p.in), tea.WithOutput(p.out), tea.WithoutSignalHandler()}
	_, err := tea.NewProgram(m, append(options, more...)...).Run()
	if bySignal := errors.Is(err, tea.ErrProgramKilled) && ctx.Err() != nil; !bySignal {
		return err
	}
	return nil
}

// oncePatience is how long --once waits for Redis, and for a second sample: rates need two.
const oncePatience = 10 * time.Second

func topOnce(ctx context.Context, p *process, f *feed) error {
	ctx, cancel := context.WithTimeout(ctx, oncePatience)
	defer cancel()
	tick := time.NewTicker(topEvery / 4)
	defer tick.Stop()
	for {
		o, err := f.read(ctx)
		if err == nil && o.rated() {
			return o.print(p)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			if err == nil {
				return o.print(p)
			}
			return err
		}
	}
}

// overview is what the Overview shows, of /api/v1/queues.
type overview struct {
	Verdict struct {
		Level    string    `json:"level"`
		Text     string    `json:"text"`
		Findings []finding `json:"findings"`
	} `json:"verdict"`
	Stale     bool      `json:"stale"`
	SampledAt time.Time `json:"sampled_at"`
	AgeMS     int64     `json:"age_ms"`
	Queues    []topRow  `json:"queues"`
}

type finding struct {
	Level string `json:"level"`
	Queue string `json:"queue"`
	Text  string `json:"text"`
}

// topRow is a queue.
type topRow struct {
	queue.QueueInfo
	Rates *struct {
		In     float64 `json:"in_per_s"`
		Out    float64 `json:"out_per_s"`
		Failed float64 `json:"failed_per_s"`
	} `json:"rates"`
	Lately *struct {
		Started    int64         `json:"started"`
		LateP99    time.Duration `json:"late_p99_ns"`
		Ended      int64         `json:"attempts_ended"`
		ErrorShare float64       `json:"error_share"`
	} `json:"lately"`
	Crew *struct {
		Taking int `json:"workers_taking_jobs"`
	} `json:"crew"`
	Error string `json:"error"`
}

// rated says that rates are known, or that there are none to know.
func (o *overview) rated() bool {
	if o.SampledAt.IsZero() {
		return false
	}
	for i := range o.Queues {
		if o.Queues[i].Rates == nil && o.Queues[i].Error == "" {
			return false
		}
	}
	return true
}

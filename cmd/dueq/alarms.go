package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/user"
	"time"

	"github.com/spf13/cobra"

	"github.com/dueq-io/dueq/alarm"
)

const alarmsAbout = `Show the rules by which people are told about queues, the incidents that go on, the silences, and the latest
incidents that are over. "dueq dashboard" watches, any number of them together, and tells by mail, webhook
or chat what the section alarms of dueq.yaml says (docs/alarms.md).`

type alarmsOptions struct {
	json    bool
	history int
}

const defaultHistory = 20

func (c *cli) alarms() *cobra.Command {
	var o alarmsOptions
	cmd := &cobra.Command{
		Use: "alarms", Short: "Show rules, incidents and silences; silence", Long: alarmsAbout, Args: takes(0, 0), RunE: c.act(o.run),
	}
	cmd.Flags().BoolVar(&o.json, "json", false, jsonUsage)
	cmd.Flags().IntVar(&o.history, "history", defaultHistory, "how many incidents that are over to show, up to 200")
	cmd.AddCommand(c.silence(), c.unsilence(), c.setRule(), c.removeRule(), c.testAlarms())
	return cmd
}

// onBoard makes the action of a command that looks at alarms or changes them.
func onBoard(do func(ctx context.Context, b *alarm.Board, p *process, args []string) error) action {
	return func(ctx context.Context, cfg *config, p *process, args []string) error {
		client, err := cfg.look(ctx, p)
		if err != nil {
			return err
		}
		defer client.Close()
		return do(ctx, alarm.NewBoard(client), p, args)
	}
}

func (o *alarmsOptions) run(ctx context.Context, cfg *config, p *process, args []string) error {
	if o.history < 0 {
		return usagef("--history %d: want 0 or more", o.history)
	}
	return onBoard(func(ctx context.Context, b *alarm.Board, p *process, _ []string) error {
		s, err := b.State(ctx)
		if err != nil {
			return err
		}
		s.Ended = s.Ended[:min(len(s.Ended), o.history)]
		if o.json {
			return writeJSON(p.out, newAlarmsView(s))
		}
		return printAlarms(p, s)
	})(ctx, cfg, p, args)
}

func (c *cli) silence() *cobra.Command {
	var s alarm.Silence
	var length time.Duration
	cmd := &cobra.Command{
		Use: "silence", Short: "Hold back messages about what begins", Args: takes(0, 0),
		Long: `Hold back messages about incidents that begin, of the rules and queues that match, for some time. Incidents
are noted all the same, one that outlasts the silence is told after it, and the end of an incident is told
to whoever was told its beginning.`,
	}
	cmd.Flags().StringVar(&s.Rule, "rule", "", "the rules that it is for, as a name or a pattern with * and ? (default: all)")
	cmd.Flags().StringVar(&s.Queues, "queue", "", "the queues that it is for, as a name or a pattern (default: all)")
	cmd.Flags().DurationVar(&length, "for", 0, "how long, such as 2h, up to 720h (required)")
	cmd.Flags().StringVar(&s.Why, "why", "", "the reason, for others (required)")
	cmd.Flags().StringVar(&s.By, "by", "", "who you are (default: the user of this machine)")
	cmd.RunE = c.act(onBoard(func(ctx context.Context, b *alarm.Board, p *process, _ []string) error {
		if length <= 0 || s.Why == "" {
			return usagef("want --for and --why")
		}
		s.By = cmp.Or(s.By, userName())
		made, err := b.Silence(ctx, s, length)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(p.out, "%s until %s\n", made.ID, stamp(made.Until))
		return err
	}))
	return cmd
}

func userName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown"
}

func (c *cli) unsilence() *cobra.Command {
	return &cobra.Command{
		Use: "unsilence ID", Short: "End a silence before its time", Args: takes(1, 1),
		RunE: c.act(onBoard(func(ctx context.Context, b *alarm.Board, _ *process, args []string) error {
			return b.EndSilence(ctx, args[0])
		})),
	}
}

func (c *cli) setRule() *cobra.Command {
	var r ruleText
	cmd := &cobra.Command{
		Use: "set NAME", Short: "Add a rule, or change one that was added", Args: takes(1, 1),
		Long: `Add a rule, or change one that was added so. It holds for all who watch until it is removed. A rule of a
dueq.yaml is changed there.`,
	}
	cmd.Flags().StringVar(&r.Signal, "signal", "", fmt.Sprintf("what it looks at: one of %v (required)", alarm.Signals()))
	cmd.Flags().StringVar(&r.Queues, "queues", "", "the queues that it is for, as a name or a pattern with * and ? (default: all)")
	cmd.Flags().StringVar(&r.Above, "above", "", "where an incident begins: a number of jobs, a duration or a percentage")
	cmd.Flags().StringVar(&r.Clear, "clear", "", "where it ends (default: four fifths of --above)")
	cmd.Flags().StringVar(&r.For, "for", "", "how long it must be above before it is one (default: 0s)")
	cmd.RunE = c.act(onBoard(func(ctx context.Context, b *alarm.Board, _ *process, args []string) error {
		r.Name = args[0]
		rule, err := r.rule()
		if err != nil {
			return err
		}
		return b.SetRule(ctx, rule)
	}))
	return cmd
}

func (c *cli) removeRule() *cobra.Command {
	return &cobra.Command{
		Use: "remove NAME", Short: "Remove a rule that was added", Args: takes(1, 1),
		RunE: c.act(onBoard(func(ctx context.Context, b *alarm.Board, _ *process, args []string) error {
			return b.RemoveRule(ctx, args[0])
		})),
	}
}

func (c *cli) testAlarms() *cobra.Command {
	return &cobra.Command{
		Use: "test", Short: "Send a message by mail, webhook and chat as they are set up", Args: takes(0, 0),
		RunE: c.act(func(ctx context.Context, cfg *config, p *process, _ []string) error {
			senders, err := cfg.alarms.senders()
			if err != nil {
				return err
			}
			if len(senders) == 0 {
				return errors.New("no mail, webhook or chat is set up: see alarms in dueq config")
			}
			var errs []error
			for _, sender := range senders {
				if err := sender.Send(ctx, alarm.TestMessage(cfg.namespace)); err != nil {
					errs = append(errs, fmt.Errorf("%s: %w", sender.Name(), err))
					continue
				}
				if _, err := fmt.Fprintf(p.out, "%s: sent\n", sender.Name()); err != nil {
					return err
				}
			}
			return errors.Join(errs...)
		}),
	}
}

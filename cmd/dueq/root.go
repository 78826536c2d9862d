package main

import (
	"context"

	"github.com/spf13/cobra"
)

// cli is one command line on its way.
type cli struct {
	*process
	// started says that the command line was understood; what fails before is wrong usage.
	started bool
	// secrets are what must not be printed, whatever an error says.
	secrets []string
}

// action is what a command does, with its own flags bound already.
type action func(ctx context.Context, cfg *config, p *process, args []string) error

const about = `dueq is a delayed-job and task queue on Redis.

A setting is taken from its flag, else from the environment (DUEQ_REDIS for --redis), else from dueq.yaml
in the working directory or the file of --config, else it is the default; "dueq config" shows which.
Errors are one line on stderr and exit 1; a command line that cannot be understood exits 2.`

func (c *cli) root(args []string) *cobra.Command {
	root := &cobra.Command{
		Use: "dueq", Short: "A delayed-job and task queue on Redis", Long: about,
		SilenceErrors: true, SilenceUsage: true, SuggestionsMinimumDistance: 1,
	}
	root.SetArgs(args)
	root.SetIn(c.in)
	root.SetOut(c.out)
	root.SetErr(c.errOut)
	addSettings(root.PersistentFlags(), "")
	root.PersistentFlags().String(configFlag, "", "the file with settings (default: dueq.yaml, where there is one)")

	root.AddGroup(
		&cobra.Group{ID: groupRun, Title: "Run:"},
		&cobra.Group{ID: groupProduce, Title: "Produce:"},
		&cobra.Group{ID: groupOperate, Title: "See and operate:"},
		&cobra.Group{ID: groupInstall, Title: "Install and measure:"},
	)
	for group, commands := range map[string][]*cobra.Command{
		groupRun:     {c.demo(), c.worker(), c.scheduler(), c.dashboard()},
		groupProduce: {c.enqueue(), c.cancel(), c.reschedule()},
		groupOperate: {
			c.queues(), c.workers(), c.top(), c.jobs(), c.job(), c.alarms(), c.requeue(), c.purge(), c.deleteQueue(), c.limit(),
			c.pause(), c.resume(), c.closeIntake(), c.openIntake(),
		},
		groupInstall: {c.doctor(), c.acl(), c.bench(), c.config(), c.version()},
	} {
		for _, cmd := range commands {
			cmd.GroupID = group
			root.AddCommand(cmd)
		}
	}
	return root
}

const (
	groupRun     = "run"
	groupProduce = "produce"
	groupOperate = "operate"
	groupInstall = "install"
)

// act makes cobra's function of ours: it reads the settings first.
func (c *cli) act(do action) func(cmd *cobra.Command, args []string) error {
	return func(cmd *cobra.Command, args []string) error {
		c.started = true
		cfg, err := readConfig(cmd.Flags())
		if err != nil {
			return err
		}
		c.secrets = secretsOf(cfg)
		return do(cmd.Context(), cfg, c.process, args)
	}
}

const jsonUsage = "print JSON"

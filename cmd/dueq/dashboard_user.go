package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/dueq-io/dueq/dashboard/access"
)

type userOptions struct {
	role       string
	queues     []string
	noPassword bool
}

func (c *cli) dashboardUser() *cobra.Command {
	var o userOptions
	cmd := &cobra.Command{
		Use: "user NAME", Short: "Print the line of someone who may sign in", Args: takes(1, 1),
		Long: `Print a line for --users-file: name, role, queues, and the argon2id hash of a password, which is asked for on a
terminal and read from the first line of standard input elsewhere:

  dueq dashboard user alice --role operator --queue 'sms*' >> users

A viewer looks; an operator also acts on jobs and queues, and reveals what is hidden; an admin also ends the sessions
of others. The dashboard reads the file when it starts.`,
	}
	cmd.Flags().StringVar(&o.role, "role", string(access.Viewer), "viewer, operator or admin")
	cmd.Flags().StringSliceVar(&o.queues, "queue", nil, "a queue that the user may know of, with * and ?; repeatable (default: all)")
	cmd.Flags().BoolVar(&o.noPassword, "no-password", false, "for someone whom a proxy signs in")
	cmd.RunE = c.act(o.run)
	return cmd
}

func (o *userOptions) run(ctx context.Context, _ *config, p *process, args []string) error {
	u := access.User{Name: args[0], Role: access.Role(o.role), Queues: o.queues}
	// What is wrong is said before a password is asked for.
	if err := u.Validate(); err != nil {
		return usagef("%s", err.Error())
	}
	if !o.noPassword {
		password, err := readPassword(ctx, p)
		if err != nil {
			return err
		}
		if u.Hash, err = access.Hash(password); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(p.out, u.Line())
	return err
}

// readPassword asks twice on a terminal, which shows nothing of it.
func readPassword(ctx context.Context, p *process) (string, error) {
	file, ok := p.in.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		line, err := bufio.NewReader(io.LimitReader(p.in, 2*access.MaxPassword)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("read the password: %w", err)
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	first, err := askHidden(ctx, p, file, "Password: ")
	if err != nil {
		return "", err
	}
	again, err := askHidden(ctx, p, file, "Again: ")
	if err != nil {
		return "", err
	}
	if first != again {
		return "", errors.New("the two passwords differ")
	}
	return first, nil
}

// askHidden reads a line without an echo, which comes back also when the command is interrupted.
func askHidden(ctx context.Context, p *process, file *os.File, question string) (string, error) {
	fd := int(file.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	_, _ = fmt.Fprint(p.errOut, question)
	defer func() { _, _ = fmt.Fprintln(p.errOut) }()
	type answer struct {
		line []byte
		err  error
	}
	answered := make(chan answer, 1)
	go func() {
		line, err := term.ReadPassword(fd)
		answered <- answer{line, err}
	}()
	select {
	case a := <-answered:
		return string(a.line), a.err
	case <-ctx.Done():
		return "", errors.Join(errors.New("interrupted"), term.Restore(fd, before))
	}
}

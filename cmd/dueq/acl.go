package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dueq-io/dueq/queue"
)

// passwordVariable holds the password of the user that acl prints, so that it is on no command line.
const passwordVariable = "DUEQ_ACL_PASSWORD"

type aclOptions struct {
	user, passwordFile string
	confirmed, json    bool
}

func (c *cli) acl() *cobra.Command {
	var o aclOptions
	cmd := &cobra.Command{
		Use: "acl ROLE...", Short: "Print the smallest rules of a Redis user: producer, worker, dashboard, operator", Args: takes(1, many),
		Long: `Print the smallest rules under which a Redis user can do its part, as a line of ACL SETUSER and as a line of
an aclfile: producer (enqueue, cancel, reschedule), worker (worker and scheduler), dashboard (read, without one
write), operator (all of doctor --repair, requeue, purge, pause). Several roles: what one of them needs. For
--redis with a database other than 0, or a Redis Cluster, the command for that is added. Nothing is connected to.

The password is read from the first line of --password-file, or from DUEQ_ACL_PASSWORD, and printed as its
SHA-256; without one, the user cannot log in until it is given one.`,
	}
	cmd.Flags().StringVar(&o.user, "user", "", "the name of the user (default: dueq- and the first role)")
	cmd.Flags().StringVar(&o.passwordFile, "password-file", "", "the file with the password")
	cmd.Flags().BoolVar(&o.confirmed, "confirmed", false, "also allow WAIT and WAITAOF (Redis 7.2), for a producer that wants jobs replicated or fsynced")
	cmd.Flags().BoolVar(&o.json, "json", false, jsonUsage)
	cmd.RunE = c.act(func(_ context.Context, cfg *config, p *process, args []string) error { return o.run(cfg, p, args) })
	return cmd
}

// aclView is the rules as JSON.
type aclView struct {
	User    string   `json:"user"`
	Rules   []string `json:"rules"`
	SetUser string   `json:"setuser"`
	ACLFile string   `json:"aclfile"`
}

func (o *aclOptions) run(cfg *config, p *process, names []string) error {
	roles, err := rolesOf(names)
	if err != nil {
		return err
	}
	user := o.user
	if user == "" {
		user = "dueq-" + names[0]
	}
	if strings.ContainsFunc(user, func(r rune) bool { return r <= ' ' || strings.ContainsRune(`"'\`, r) }) {
		return usagef("--user %q: want a name without spaces and quotes", user)
	}
	password, err := o.password()
	if err != nil {
		return err
	}
	rules, err := queue.ACL(cfg.namespace, roles, o.more(cfg.redis)...)
	if err != nil {
		return err
	}
	rules = slices.Concat([]string{"reset", "on"}, password, rules)
	v := aclView{User: user, Rules: rules}
	v.SetUser = "ACL SETUSER " + user + " " + strings.Join(rules, " ")
	// Redis reads a file of users that are new, and refuses reset there.
	v.ACLFile = "user " + user + " " + strings.Join(rules[1:], " ")
	if o.json {
		return writeJSON(p.out, v)
	}
	_, err = fmt.Fprintf(p.out, "# for redis-cli:\n%s\n\n# for the aclfile:\n%s\n", v.SetUser, v.ACLFile)
	return err
}

// rolesOf are the roles that words of the command line name.
func rolesOf(names []string) ([]queue.Role, error) {
	roles := make([]queue.Role, len(names))
	for i, name := range names {
		roles[i] = queue.Role(name)
		if !slices.Contains(queue.Roles(), roles[i]) {
			return nil, usagef("role %q: want producer, worker, dashboard or operator", name)
		}
	}
	return roles, nil
}

// more is what the server's kind and the durability need beside the roles.
func (o *aclOptions) more(rawURL string) []string {
	var out []string
	scheme, _, _ := strings.Cut(rawURL, "://")
	if strings.HasSuffix(scheme, "+cluster") {
		out = append(out, "cluster|slots", "command")
	} else if client, err := rawClient(rawURL); err == nil && rawURL != memoryURL {
		defer client.Close()
		if databaseOf(client) != 0 {
			out = append(out, "select")
		}
	}
	if o.confirmed {
		out = append(out, "wait", "waitaof")
	}
	return out
}

// password is the rule with the password's hash, or none.
func (o *aclOptions) password() ([]string, error) {
	text := os.Getenv(passwordVariable)
	if o.passwordFile != "" {
		content, err := os.ReadFile(o.passwordFile)
		if err != nil {
			return nil, fmt.Errorf("read the password: %w", err)
		}
		text, _, _ = strings.Cut(string(content), "\n")
		if text = strings.TrimSuffix(text, "\r"); text == "" {
			return nil, fmt.Errorf("the first line of %s is empty: want a password there", o.passwordFile)
		}
	}
	if text == "" {
		return nil, nil
	}
	sum := sha256.Sum256([]byte(text))
	return []string{"#" + hex.EncodeToString(sum[:])}, nil
}

package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
	"golang.org/x/sync/errgroup"

	"github.com/dueq-io/dueq/alarm"
	"github.com/dueq-io/dueq/queue"
)

type alarmSettings struct {
	interval               time.Duration
	rules                  []alarm.Rule
	smtp, mailFrom         string
	mailTo                 []string
	webhook, webhookSecret string
	slack                  string
}

// alarm is how alarms are watched by these settings.
func (c *config) alarm(logger *slog.Logger) (alarm.Config, error) {
	senders, err := c.alarms.senders()
	if err != nil {
		return alarm.Config{}, err
	}
	return alarm.Config{
		Rules: c.alarms.rules, Senders: senders, Interval: c.alarms.interval, PublicURL: c.dashboard.publicURL, Logger: logger,
	}, nil
}

// startAlarms has the group watch until ctx ends.
func startAlarms(ctx context.Context, group *errgroup.Group, client *queue.Client, cfg alarm.Config) error {
	watcher, err := alarm.New(client, cfg)
	if err != nil {
		return err
	}
	group.Go(func() error { return watcher.Run(ctx) })
	return nil
}

// senders are those that are set up.
func (s *alarmSettings) senders() ([]alarm.Sender, error) {
	var out []alarm.Sender
	var errs []error
	add := func(sender alarm.Sender, err error) {
		out = append(out, sender)
		errs = append(errs, err)
	}
	if s.smtp != "" || s.mailFrom != "" || len(s.mailTo) > 0 {
		add(s.mail())
	}
	if s.webhook != "" || s.webhookSecret != "" {
		add(alarm.NewWebhook(alarm.WebhookConfig{URL: s.webhook, Secret: s.webhookSecret}))
	}
	if s.slack != "" {
		add(alarm.NewSlack(alarm.SlackConfig{URL: s.slack}))
	}
	return out, errors.Join(errs...)
}

var mailSchemes = map[string]alarm.Security{"smtp": alarm.StartTLS, "smtps": alarm.ImplicitTLS, "smtp+plain": alarm.NoTLS}

func (s *alarmSettings) mail() (alarm.Sender, error) {
	// What net/url says of a URL that it cannot read names a part of it, which may be the password.
	wrong := fmt.Errorf("%w: alarms.smtp: want smtp://user:password@host:587, smtps:// or smtp+plain://, with %%40 for @ in a password and the like", queue.ErrInvalid)
	u, err := url.Parse(s.smtp)
	if err != nil || u.Hostname() == "" || u.Path != "" || u.RawQuery != "" {
		return nil, wrong
	}
	security, ok := mailSchemes[u.Scheme]
	if !ok {
		return nil, wrong
	}
	port, err := strconv.Atoi(cmp.Or(u.Port(), "0"))
	if err != nil {
		return nil, wrong
	}
	password, _ := u.User.Password()
	return alarm.NewMail(alarm.MailConfig{
		Host: u.Hostname(), Port: port, Security: security, Username: u.User.Username(), Password: password,
		From: s.mailFrom, To: s.mailTo,
	})
}

// ruleText is a rule as it stands in dueq.yaml.
type ruleText struct {
	Name   string `json:"name"`
	Signal string `json:"signal"`
	Queues string `json:"queues,omitempty"`
	Above  string `json:"above,omitempty"`
	Clear  string `json:"clear,omitempty"`
	For    string `json:"for,omitempty"`
}

func (r *ruleText) fields() map[string]*string {
	return map[string]*string{
		"name": &r.Name, "signal": &r.Signal, "queues": &r.Queues, "above": &r.Above, "clear": &r.Clear, "for": &r.For,
	}
}

const ruleFields = "name, signal, queues, above, clear and for"

// rule reads the values by the signal.
func (r *ruleText) rule() (alarm.Rule, error) {
	out := alarm.Rule{Name: r.Name, Signal: alarm.Signal(r.Signal), Queues: r.Queues}
	if !slices.Contains(alarm.Signals(), out.Signal) {
		return out, fmt.Errorf("signal %q: want one of %v", r.Signal, alarm.Signals())
	}
	var err error
	for _, f := range []struct {
		name, text string
		value      *float64
	}{{"above", r.Above, &out.Above}, {"clear", r.Clear, &out.Clear}} {
		if f.text == "" {
			continue
		}
		if *f.value, err = out.Signal.Parse(f.text); err != nil {
			return out, fmt.Errorf("%s: %w", f.name, err)
		}
	}
	if r.For != "" {
		if out.For, err = time.ParseDuration(r.For); err != nil {
			return out, fmt.Errorf("for %q: want a duration such as 30s or 5m", r.For)
		}
	}
	return out, nil
}

// parseRules takes a list of a file, or a variable that holds one as YAML or JSON.
func parseRules(value any) ([]alarm.Rule, error) {
	if text, ok := value.(string); ok {
		value = nil
		if err := yaml.Unmarshal([]byte(text), &value); err != nil {
			return nil, errors.New("want a list of rules, as YAML or JSON")
		}
	}
	list, ok := value.([]any)
	if !ok {
		return nil, errors.New("want a list of rules")
	}
	rules := make([]alarm.Rule, len(list))
	for i, item := range list {
		text, err := parseRule(item)
		if err == nil {
			rules[i], err = text.rule()
		}
		if err != nil {
			return nil, fmt.Errorf("rule %s: %w", cmp.Or(text.Name, strconv.Itoa(i+1)), err)
		}
	}
	return alarm.CheckRules(rules)
}

func parseRule(item any) (text ruleText, err error) {
	given, ok := item.(map[string]any)
	if !ok {
		return text, errors.New("want " + ruleFields)
	}
	text.Name, _ = given["name"].(string) // so that errors can name it
	fields := text.fields()
	for _, name := range slices.Sorted(maps.Keys(given)) {
		field, known := fields[name]
		if !known {
			return text, fmt.Errorf("no such field: %s (there are %s)", name, ruleFields)
		}
		switch value := given[name].(type) {
		case string, int, float64:
			*field = strings.TrimSpace(fmt.Sprint(value))
		default:
			return text, fmt.Errorf("%s: want text or a number", name)
		}
	}
	return text, nil
}

// ruleTexts writes rules as they may stand in dueq.yaml.
func ruleTexts(rules []alarm.Rule) []ruleText {
	out := make([]ruleText, len(rules))
	for i := range rules {
		out[i] = textOf(&rules[i])
	}
	return out
}

func textOf(r *alarm.Rule) ruleText {
	t := ruleText{Name: r.Name, Signal: string(r.Signal), Queues: r.Queues, For: short(r.For)}
	if r.Above != 0 {
		t.Above, t.Clear = r.Signal.Format(r.Above), r.Signal.Format(r.Clear)
	}
	return t
}

// yaml is the rule on one line; JSON is YAML.
func (r ruleText) yaml() string {
	text, err := json.Marshal(r)
	if err != nil {
		return ""
	}
	return string(text)
}

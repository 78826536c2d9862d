package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dueq-io/dueq/alarm"
)

func (c *cli) config() *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use: "config", Short: "Print all settings and where each comes from", Args: takes(0, 0),
		Long: `Print the settings as the other commands see them, in the form of dueq.yaml, and where each comes from.
Passwords are masked. A setting of a command (worker.lease) is a flag of that command (dueq worker --lease)
and a variable (DUEQ_WORKER_LEASE).`,
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, jsonUsage)
	cmd.RunE = c.act(func(_ context.Context, cfg *config, p *process, _ []string) error {
		if asJSON {
			return writeJSON(p.out, cfg.shown())
		}
		return cfg.print(p)
	})
	return cmd
}

// shownSetting is a setting as it may be shown.
type shownSetting struct {
	Key      string `json:"key"`
	Value    any    `json:"value"`
	Origin   string `json:"origin"`
	Variable string `json:"variable"`
	where    string
}

func (c *config) shown() []shownSetting {
	out := make([]shownSetting, len(settings))
	for i := range settings {
		s := &settings[i]
		out[i] = shownSetting{Key: s.key, Value: c.value(s), Origin: c.origin[s.key], Variable: s.env(), where: c.where(s)}
	}
	return out
}

// value is the value of a setting without passwords.
func (c *config) value(s *setting) any {
	switch field := s.field(c).(type) {
	case *string:
		if *field != "" && slices.Contains(secretSettings, s.key) {
			return masked
		}
		if s.key == "redis" || strings.Contains(*field, "://") {
			return maskURL(*field)
		}
		return *field
	case *bool:
		return *field
	case *int:
		return *field
	case *time.Duration:
		return length(field.String())
	case *[]string:
		return append([]string{}, *field...)
	case *[]alarm.Rule:
		return lines(ruleTexts(*field))
	case *[]thresholdText:
		return lines(*field)
	default:
		return nil
	}
}

// print writes lines that dueq.yaml could have, with the origin as a comment.
func (c *config) print(p *process) error {
	var rows [][]string
	section := ""
	for i, s := range c.shown() {
		name, indent := s.Key, ""
		if of := settings[i].section(); of != "" {
			name, indent = strings.TrimPrefix(s.Key, of+"."), "  "
			if of != section {
				section = of
				rows = append(rows, []string{of + ":", ""})
			}
		}
		if all, ok := s.Value.([]listed); ok && len(all) > 0 {
			if err := table(p.out, append(rows, []string{indent + name + ":", "# " + s.where})); err != nil {
				return err
			}
			rows = nil
			for i := range all {
				if _, err := fmt.Fprintf(p.out, "%s  - %s\n", indent, all[i].yaml()); err != nil {
					return err
				}
			}
			continue
		}
		rows = append(rows, []string{indent + name + ": " + yamlValue(s.Value), "# " + s.where})
	}
	return table(p.out, rows)
}

// listed is an entry of a list that takes a line of its own.
type listed interface{ yaml() string }

func lines[T listed](all []T) []listed {
	out := make([]listed, len(all))
	for i := range all {
		out[i] = all[i]
	}
	return out
}

// length is a duration, which YAML reads as text without quotes.
type length string

func yamlValue(value any) string {
	switch v := value.(type) {
	case length:
		return string(v)
	case string:
		return yamlText(v)
	case []string:
		words := make([]string, len(v))
		for i, word := range v {
			words[i] = yamlText(word)
		}
		return "[" + strings.Join(words, ", ") + "]"
	case []listed: // of none
		return "[]"
	default:
		return fmt.Sprint(v)
	}
}

// yamlText quotes what YAML would read as something else.
func yamlText(text string) string {
	plain := text != ""
	for i, r := range text {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '/'
		inner := r >= '0' && r <= '9' || r == '.' || r == '_' || r == '-'
		plain = plain && (letter || (inner && i > 0) || (r == ':' && strings.HasPrefix(text[i:], "://")))
	}
	if plain {
		return text
	}
	return fmt.Sprintf("%q", visible(text, maxErrorText))
}

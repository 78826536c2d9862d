package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/dueq-io/dueq/alarm"
)

// set puts a value as viper gives it into the config. viper's own conversions take a bare 30 for 30 ns and
// nonsense for zero.
func (s *setting) set(c *config, value any) error {
	wrong := func(want string) error { return fmt.Errorf("%v: want %s", value, want) }
	text, isText := value.(string)
	switch field := s.field(c).(type) {
	case *string:
		if !isText {
			// The value may be a URL with a password.
			return errors.New("want text")
		}
		*field = text
	case *bool:
		on, ok := parseBool(value)
		if !ok {
			return wrong("true or false")
		}
		*field = on
	case *int:
		n, ok := parseInt(value)
		if !ok {
			return wrong("a whole number")
		}
		*field = n
	case *time.Duration:
		d, err := time.ParseDuration(text)
		if !isText || err != nil {
			return wrong("a duration such as 30s or 2h")
		}
		*field = d
	case *[]string:
		list, ok := parseList(value)
		if !ok {
			return wrong("a list")
		}
		*field = list
	case *[]alarm.Rule:
		rules, err := parseRules(value)
		if err != nil {
			return err
		}
		*field = rules
	case *[]thresholdText:
		texts, err := parseThresholds(value)
		if err != nil {
			return err
		}
		*field = texts
	}
	return nil
}

func parseBool(value any) (on, ok bool) {
	switch value {
	case true, "true", "1":
		return true, true
	case false, "false", "0":
		return false, true
	}
	return false, false
}

func parseInt(value any) (int, bool) {
	switch n := value.(type) {
	case int:
		return n, true
	case float64:
		return int(n), n == math.Trunc(n) && math.Abs(n) < 1<<53
	case string:
		i, err := strconv.Atoi(n)
		return i, err == nil
	}
	return 0, false
}

// parseList takes a list of a file, or the words of a variable between commas.
func parseList(value any) ([]string, bool) {
	switch list := value.(type) {
	case []string:
		return list, true
	case string:
		var out []string
		for word := range strings.SplitSeq(list, ",") {
			if word = strings.TrimSpace(word); word != "" {
				out = append(out, word)
			}
		}
		return out, true
	case []any:
		out := make([]string, len(list))
		for i, word := range list {
			text, ok := word.(string)
			if !ok {
				return nil, false
			}
			out[i] = text
		}
		return out, true
	}
	return nil, false
}

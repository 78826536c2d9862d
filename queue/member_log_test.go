package queue

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
)

// A beat that fails is a line, but not where a loop of the same client has just said that Redis is away.
func TestBeatsJoinInNoOutcry(t *testing.T) {
	t.Parallel()
	for name, trial := range map[string]struct {
		err   error
		after bool // another loop spoke
		lines int
	}{
		"away":               {io.EOF, false, 1},
		"away, as was said":  {io.EOF, true, 0},
		"foreign, after all": {errors.New("WRONGTYPE of a key"), true, 1},
	} {
		var out bytes.Buffer
		c := &Client{cfg: Config{Logger: slog.New(slog.NewTextHandler(&out, nil))}}
		if trial.after {
			c.Broker().OutageDue()
		}
		(&membership{c: c}).failed(trial.err)
		if got := strings.Count(out.String(), "its beat failed"); got != trial.lines {
			t.Errorf("%s: %d lines, want %d", name, got, trial.lines)
		}
	}
}

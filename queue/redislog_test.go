package queue

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A flood of one kind of line is one line, which says later how many it stands for; others come through.
func TestRedisLogIsNoFlood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		l := &redisLog{
			logger: func() *slog.Logger {
				return slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
			},
			kinds: map[string]*lineKind{},
		}
		for n := range 1000 {
			l.Printf(t.Context(), "failed to dial after %d attempts", n)
			<-time.After(11 * time.Millisecond)
		}
		l.Printf(t.Context(), "another")
		got := out.String()
		if strings.Count(got, "\n") != 3 || !strings.Contains(got, "failed to dial after 0 attempts") ||
			!strings.Contains(got, "left_out=909") || !strings.Contains(got, "line=another left_out=0") {
			t.Errorf("got\n%s", got)
		}
		if strings.Count(got, "level=DEBUG") != 3 {
			t.Errorf("lines of the driver are no warnings:\n%s", got)
		}
	})
}

// go-redis logs to us as soon as the package is there.
func TestRedisLogIsInPlace(t *testing.T) {
	t.Parallel()
	_, err := Config{Logger: slog.New(slog.DiscardHandler)}.Open(t.Context(), "redis://127.0.0.1:1")
	if !errors.Is(err, ErrUnavailable) {
		t.Fatal(err)
	}
	driverLog.mu.Lock()
	defer driverLog.mu.Unlock()
	for format := range driverLog.kinds {
		if strings.Contains(format, "failed to dial") {
			return
		}
	}
	t.Errorf("go-redis did not log the failed dial here: %v", driverLog.kinds)
}

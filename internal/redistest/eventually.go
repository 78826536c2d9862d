package redistest

import (
	"fmt"
	"testing"
	"time"
)

// Eventually asks cond every few milliseconds and returns once it is true. It
// fails tb when it is not within timeout; msg says what was awaited, either as
// values or as a format and its arguments. Like tb.Fatal, it is for the test's
// own goroutine.
func Eventually(tb testing.TB, timeout time.Duration, cond func() bool, msg ...any) {
	tb.Helper()
	deadline := time.NewTimer(timeout)
	defer deadline.Stop()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline.C:
			// A machine that stalled past the deadline deserves one last look.
			if cond() {
				return
			}
			tb.Fatalf("not within %v: %s", timeout, describe(msg))
			return
		}
	}
}

func describe(msg []any) string {
	if len(msg) == 0 {
		return "the condition"
	}
	if format, ok := msg[0].(string); ok && len(msg) > 1 {
		return fmt.Sprintf(format, msg[1:]...)
	}
	return fmt.Sprint(msg...)
}

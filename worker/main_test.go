package worker_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/dueq-io/dueq/internal/redistest"
)

// TestMain also is the worker process that tests kill, see victim. Nothing that a test ran may be left
// at the end.
func TestMain(m *testing.M) {
	if os.Getenv(victimURL) != "" {
		os.Exit(victim())
	}
	goleak.VerifyTestMain(redistest.Runner{M: m})
}

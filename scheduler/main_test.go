package scheduler_test

import (
	"flag"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/dueq-io/dueq/internal/redistest"
)

// TestMain also is the scheduler process that tests kill, see victim. Nothing that a test ran may be left
// at the end.
func TestMain(m *testing.M) {
	if os.Getenv(victimURL) != "" {
		os.Exit(victim())
	}
	flag.Parse()
	// Most tests wait for time to pass: more of them at once than there are processors.
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		_ = f.Value.Set("8")
	}
	goleak.VerifyTestMain(redistest.Runner{M: m})
}

package scheduler_test

import (
	"flag"
	"testing"

	"go.uber.org/goleak"

	"github.com/dueq-io/dueq/internal/redistest"
)

// Nothing that a test ran may be left at the end.
func TestMain(m *testing.M) {
	flag.Parse()
	// Most tests wait for time to pass: more of them at once than there are processors.
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		_ = f.Value.Set("8")
	}
	goleak.VerifyTestMain(redistest.Runner{M: m})
}

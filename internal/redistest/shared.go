package redistest

import (
	"os"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"
)

// shared is the one server of this test binary. It starts when the first test
// asks for it, because a run that selects only pure tests needs none.
var shared struct {
	sync.Mutex
	managed bool
	server  *Server
	err     error
}

// Main runs the tests of a package and then removes the server they shared.
// It is the whole body of a TestMain.
func Main(m *testing.M) { os.Exit(Runner{M: m}.Run()) }

// Runner is what [Main] runs, for a TestMain that has more to do.
type Runner struct{ *testing.M }

// Run runs the tests, removes the server they shared and returns the exit code.
func (r Runner) Run() int {
	shared.Lock()
	shared.managed = true
	shared.Unlock()

	defer removeShared()
	return r.M.Run()
}

// URL returns the address of the test binary's one server, in the form
// unix:///path, and starts it when this is the first call.
func URL(tb testing.TB) string {
	tb.Helper()
	return sharedServer(tb).URL()
}

// Client returns a client of the test binary's one server, closed when tb ends.
func Client(tb testing.TB) *redis.Client {
	tb.Helper()
	return connect(tb, sharedServer(tb))
}

func sharedServer(tb testing.TB) *Server {
	tb.Helper()
	shared.Lock()
	defer shared.Unlock()
	if !shared.managed {
		tb.Fatal("redistest: the package needs func TestMain(m *testing.M) { redistest.Main(m) }, which removes the server at the end")
	}
	if shared.server == nil && shared.err == nil {
		shared.server, shared.err = boot(listenUnix, nil)
	}
	if shared.err != nil {
		tb.Fatal(shared.err)
	}
	return shared.server
}

func removeShared() {
	shared.Lock()
	defer shared.Unlock()
	if shared.server != nil {
		shared.server.remove()
		shared.server = nil
	}
}

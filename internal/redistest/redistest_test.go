package redistest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

func TestMain(m *testing.M) { Main(m) }

const patience = 10 * time.Second

func TestSharedServerIsOneForAll(t *testing.T) {
	t.Parallel()
	if a, b := URL(t), URL(t); a != b {
		t.Fatalf("two servers: %s and %s", a, b)
	}
	opt, err := redis.ParseURL(URL(t))
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(opt)
	defer client.Close()
	for setting, want := range map[string]string{
		"save": "", "appendonly": "no", "maxmemory-policy": "noeviction", "port": "0",
	} {
		got, err := client.ConfigGet(t.Context(), setting).Result()
		if err != nil || got[setting] != want {
			t.Errorf("%s = %q, %v; want %q", setting, got[setting], err, want)
		}
	}
}

func TestSharedServerNeedsMain(t *testing.T) {
	shared.Lock()
	shared.managed = false
	shared.Unlock()
	defer func() {
		shared.Lock()
		shared.managed = true
		shared.Unlock()
	}()
	r := new(recorder)
	r.run(func() { URL(r) })
	if !strings.Contains(r.failure, "redistest.Main(m)") {
		t.Fatalf("got %q", r.failure)
	}
}

func TestMissingServerFailsWithWhatToInstall(t *testing.T) {
	t.Setenv("REDIS_SERVER", "no-such-redis")
	r := new(recorder)
	r.run(func() { Start(r) })
	want := "redistest: these tests need a real Redis and no-such-redis is not here; install it with: apt-get install redis-server"
	if r.failure != want {
		t.Fatalf("got %q, want %q", r.failure, want)
	}
}

func TestRefusedSettingFailsWithTheReason(t *testing.T) {
	t.Parallel()
	r := new(recorder)
	r.run(func() { Start(r, "--no-such-setting", "yes") })
	if !strings.Contains(r.failure, "ended at once") || !strings.Contains(r.failure, "no-such-setting") {
		t.Fatalf("got %q", r.failure)
	}
}

func TestLongTempDirStillGivesASocket(t *testing.T) {
	long := filepath.Join(t.TempDir(), strings.Repeat("d", 100))
	if err := os.Mkdir(long, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", long)
	mustPing(t, Start(t).Client())
}

func TestKillLosesWhatWasNotKept(t *testing.T) {
	t.Parallel()
	s := Start(t)
	client := s.Client()
	mustSet(t, client)
	s.Kill()
	if err := client.Ping(t.Context()).Err(); err == nil {
		t.Fatal("a killed server answered")
	}
	s.Restart()
	if n := client.DBSize(t.Context()).Val(); n != 0 {
		t.Fatalf("%d keys came back", n)
	}
}

func TestRestartKeepsAnAppendOnlyFile(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(testing.TB, ...string) *Server{
		"unix": Start, "tcp": StartTCP,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, "--appendonly", "yes", "--appendfsync", "always")
			client := s.Client()
			mustSet(t, client)
			for _, end := range []func(){s.Kill, s.Stop, func() {}} {
				end()
				s.Restart()
				// The pool still holds connections of the server that is gone.
				Eventually(t, patience, func() bool {
					return client.Get(t.Context(), "key").Val() == "value"
				}, "the key did not come back")
			}
		})
	}
}

func TestPausedServerStopsAnswering(t *testing.T) {
	t.Parallel()
	s := Start(t)
	client := s.Client()
	mustPing(t, client)
	s.Pause()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := client.Ping(ctx).Err(); err == nil {
		t.Fatal("a paused server answered")
	}
	s.Continue()
	mustPing(t, client)
	s.Pause()
	s.Stop()
}

func TestClusterRefusesKeysOfTwoSlots(t *testing.T) {
	t.Parallel()
	s := StartCluster(t)
	if !strings.HasPrefix(s.URL(), "redis+cluster://127.0.0.1:") {
		t.Fatalf("URL %s", s.URL())
	}
	s.Restart()
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{s.Addr()}})
	defer client.Close()
	if err := client.Set(t.Context(), "key", "value", 0).Err(); err != nil {
		t.Fatal(err)
	}
	err := client.Eval(t.Context(), "return redis.call('MGET', KEYS[1], KEYS[2])", []string{"a", "b"}).Err()
	if err == nil || !strings.Contains(err.Error(), "slot") {
		t.Fatalf("got %v, want a refusal", err)
	}
}

func TestEndOfTestRemovesServer(t *testing.T) {
	t.Parallel()
	var dir string
	var done chan struct{}
	t.Run("inner", func(t *testing.T) {
		s := Start(t)
		s.Pause()
		dir, done = s.dir, s.proc.done
	})
	<-done
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Fatalf("%s is still there: %v", dir, err)
	}
}

func TestServerOutlivesTheThreadOfItsTest(t *testing.T) {
	t.Parallel()
	started := make(chan *Server)
	go func() {
		runtime.LockOSThread() // and never unlocks, so that the thread ends
		s, err := boot(listenUnix, nil)
		if err != nil {
			t.Error(err)
		}
		started <- s
	}()
	s := <-started
	s.tb = t
	t.Cleanup(s.remove)
	client := s.Client()
	for range 20 {
		mustPing(t, client)
		runtime.Gosched()
	}
}

func TestLaunchWithoutATest(t *testing.T) {
	t.Parallel()
	s, err := Launch()
	if err != nil {
		t.Fatal(err)
	}
	mustPing(t, s.Client())
	s.Restart()
	s.Remove()
	if s.answers(t.Context()) {
		t.Fatal("it answered after Remove")
	}
}

func TestPrefixIsValidAndUnique(t *testing.T) {
	t.Parallel()
	valid := regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,64}$`)
	seen := map[string]bool{}
	for _, name := range []string{"plain", "Ünï/cödé {tag}*", strings.Repeat("long", 40)} {
		for range 2 {
			prefix := Prefix(&recorder{name: name})
			if !valid.MatchString(prefix) || seen[prefix] {
				t.Errorf("%q for %q: valid %t, seen %t", prefix, name, valid.MatchString(prefix), seen[prefix])
			}
			seen[prefix] = true
		}
	}
}

func TestEventually(t *testing.T) {
	t.Parallel()
	var asked int
	Eventually(t, patience, func() bool { asked++; return asked == 3 })
	if asked != 3 {
		t.Errorf("asked %d times, want 3", asked)
	}
	never := func() bool { return false }
	for want, msg := range map[string][]any{
		"not within 1ms: the condition":       nil,
		"not within 1ms: 100% done":           {"100% done"},
		"not within 1ms: job 7 was not acked": {"job %d was not acked", 7},
	} {
		r := new(recorder)
		r.run(func() { Eventually(r, time.Millisecond, never, msg...) })
		if r.failure != want {
			t.Errorf("got %q, want %q", r.failure, want)
		}
	}
}

func mustPing(t *testing.T, client *redis.Client) {
	t.Helper()
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
}

func mustSet(t *testing.T, client *redis.Client) {
	t.Helper()
	if err := client.Set(t.Context(), "key", "value", 0).Err(); err != nil {
		t.Fatal(err)
	}
}

// recorder is a test whose failure is the thing under test.
type recorder struct {
	testing.TB
	name, failure string
}

func (r *recorder) Helper()                   {}
func (r *recorder) Name() string              { return r.name }
func (r *recorder) Cleanup(func())            {}
func (r *recorder) Fatal(args ...any)         { r.fail(fmt.Sprint(args...)) }
func (r *recorder) Fatalf(f string, a ...any) { r.fail(fmt.Sprintf(f, a...)) }

func (r *recorder) fail(msg string) {
	r.failure = msg
	runtime.Goexit()
}

// run runs f as a test of its own, which may fail without ending this one.
func (r *recorder) run(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

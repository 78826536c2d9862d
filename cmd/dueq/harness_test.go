package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

// asCommand makes this test binary the dueq command, for tests that need a process of its own.
const asCommand = "DUEQ_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	// What a developer has set must not reach the tests.
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "DUEQ_") {
			_ = os.Unsetenv(name)
		}
	}
	redis.SetLogger(silence{})
	redistest.Main(m)
}

// patience is for machines that do much else.
const patience = time.Minute

// result is what a command line left.
type result struct {
	code     int
	out, err string
}

// dueq runs a command line to its end within this process.
func dueq(t *testing.T, args ...string) result {
	t.Helper()
	return dueqIn(t, strings.NewReader(""), args...)
}

func dueqIn(t *testing.T, in io.Reader, args ...string) result {
	t.Helper()
	var out, errOut buffer
	code := run(t.Context(), &process{in: in, out: &out, errOut: &errOut}, args)
	return result{code, out.String(), errOut.String()}
}

// want fails the test unless the command ended with the code.
func (r result) want(t *testing.T, code int) result {
	t.Helper()
	if r.code != code {
		t.Fatalf("exit %d, want %d\nout: %s\nerr: %s", r.code, code, r.out, r.err)
	}
	return r
}

// failed wants exit 1 and one line that has all the words.
func (r result) failed(t *testing.T, words ...string) {
	t.Helper()
	r.want(t, exitFailed)
	if !strings.HasPrefix(r.err, "dueq: ") || strings.Count(r.err, "\n") != 1 || !strings.HasSuffix(r.err, "\n") {
		t.Errorf("not one line of an error: %q", r.err)
	}
	wantWords(t, r.err, words...)
}

// misused wants exit 2, an error with all the words, and a hint.
func (r result) misused(t *testing.T, words ...string) {
	t.Helper()
	r.want(t, exitUsage)
	if lines := strings.Split(strings.TrimSpace(r.err), "\n"); len(lines) != 2 || !strings.HasPrefix(lines[1], "Try 'dueq") {
		t.Errorf("not an error and a hint: %q", r.err)
	}
	if r.out != "" {
		t.Errorf("printed %q", r.out)
	}
	wantWords(t, r.err, words...)
}

func wantWords(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("no %q in:\n%s", word, text)
		}
	}
}

// decode reads the output as one JSON value.
func decode[T any](t *testing.T, r result) T {
	t.Helper()
	var value T
	dec := json.NewDecoder(strings.NewReader(r.out))
	if err := dec.Decode(&value); err != nil {
		t.Fatalf("%v in %q", err, r.out)
	}
	if rest, _ := io.ReadAll(dec.Buffered()); strings.TrimSpace(string(rest)) != "" {
		t.Fatalf("more than one value: %q", r.out)
	}
	return value
}

// place is a namespace of the shared server for one test.
type place struct {
	t              *testing.T
	url, namespace string
}

func newPlace(t *testing.T) *place {
	t.Helper()
	return &place{t, redistest.URL(t), redistest.Prefix(t)}
}

// args is a command line there.
func (p *place) args(args ...string) []string {
	return append(slices.Clone(args), "--redis", p.url, "--namespace", p.namespace)
}

func (p *place) dueq(args ...string) result {
	p.t.Helper()
	return dueq(p.t, p.args(args...)...)
}

// client is the API on the same jobs.
func (p *place) client() *queue.Client {
	p.t.Helper()
	c, err := queue.Config{Namespace: p.namespace, Logger: quiet()}.Open(p.t.Context(), p.url)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = c.Close() })
	return c
}

// job reads a job, which must be there.
func (p *place) job(c *queue.Client, name, id string) queue.JobInfo {
	p.t.Helper()
	j, err := c.Inspector().Job(p.t.Context(), name, id)
	if err != nil {
		p.t.Fatal(err)
	}
	return j
}

// dead makes dead jobs of the IDs.
func (p *place) dead(c *queue.Client, name string, ids ...string) {
	p.t.Helper()
	for _, id := range ids {
		job := queue.Job{Queue: name, Kind: "k", ID: id, Priority: queue.High, Tags: []string{"tag-" + id}}
		if _, err := c.Enqueue(p.t.Context(), job); err != nil {
			p.t.Fatal(err)
		}
		deliveries, _, err := c.Broker().Lease(p.t.Context(), name, 1, queue.MinLease)
		if err != nil || len(deliveries) != 1 || deliveries[0].ID != id {
			p.t.Fatalf("leased %v, %v", deliveries, err)
		}
		if err := c.Broker().Bury(p.t.Context(), deliveries[0], queue.ReasonRejected, io.ErrUnexpectedEOF); err != nil {
			p.t.Fatal(err)
		}
	}
}

// daemon is a command that runs until it is stopped.
type daemon struct {
	t        *testing.T
	stopping context.CancelFunc
	hurry    chan struct{}
	ended    chan int
	out, err buffer
}

// background starts a command line. The test stops it.
func background(t *testing.T, args ...string) *daemon {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	d := &daemon{t: t, stopping: cancel, hurry: make(chan struct{}), ended: make(chan int, 1)}
	go func() {
		d.ended <- run(ctx, &process{in: strings.NewReader(""), out: &d.out, errOut: &d.err, hurry: d.hurry}, args)
	}()
	t.Cleanup(cancel)
	return d
}

// stop is the first signal, and the end of the command.
func (d *daemon) stop() result {
	d.t.Helper()
	d.stopping()
	return d.wait()
}

func (d *daemon) wait() result {
	d.t.Helper()
	select {
	case code := <-d.ended:
		return result{code, d.out.String(), d.err.String()}
	case <-time.After(patience):
		d.t.Fatalf("did not end\nout: %s\nerr: %s", d.out.String(), d.err.String())
		return result{}
	}
}

// says waits until the log has the words.
func (d *daemon) says(words string) {
	d.t.Helper()
	redistest.Eventually(d.t, patience, func() bool { return strings.Contains(d.err.String(), words) }, "no %q in the log", words)
}

// address is what the log says after the word, such as address=http://….
func (d *daemon) address() string {
	d.t.Helper()
	d.says("address=")
	_, rest, _ := strings.Cut(d.err.String(), "address=")
	address, _, _ := strings.Cut(rest, "\n")
	return strings.Trim(address, `"`)
}

// buffer is written and read at once.
type buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func contextOf(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithCancel(t.Context())
}

// get asks for a page.
func get(t *testing.T, url string) (code int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

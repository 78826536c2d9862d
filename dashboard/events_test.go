package dashboard

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dueq-io/dueq/queue"
)

// listener reads one event stream.
type listener struct {
	t    *testing.T
	body *bufio.Reader
	res  *http.Response
}

func listen(t *testing.T, url string) *listener {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/events/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return &listener{t: t, body: bufio.NewReader(res.Body), res: res}
}

// next returns the fields of the next block, data joined, and false at the end of the stream.
func (l *listener) next() (map[string]string, bool) {
	l.t.Helper()
	fields := map[string]string{}
	for {
		line, err := l.body.ReadString('\n')
		if err != nil {
			return nil, false
		}
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			return fields, true
		}
		name, value, _ := strings.Cut(line, ": ")
		if name == "data" && fields["data"] != "" {
			value = fields["data"] + "\n" + value
		}
		fields[name] = value
	}
}

// until reads on to a fragment with these words.
func (l *listener) until(words string) string {
	l.t.Helper()
	for {
		event, ok := l.next()
		if !ok {
			l.t.Fatalf("the stream ended without %q", words)
		}
		if strings.Contains(event["data"], words) {
			return event["data"]
		}
	}
}

func TestStream(t *testing.T) {
	t.Parallel()
	client := open(t, "memory://")
	url := live(t, newDashboard(t, client, Config{Interval: minInterval}))
	l := listen(t, url)
	if got := l.res.Header; l.res.StatusCode != http.StatusOK || got.Get("Content-Type") != "text/event-stream" || got.Get("X-Accel-Buffering") != "no" {
		t.Fatalf("%d %v", l.res.StatusCode, got)
	}
	if first, _ := l.next(); first["retry"] != "2000" {
		t.Errorf("begins with %v", first)
	}
	if event, _ := l.next(); event["event"] != "fragment" || event["id"] == "" || !strings.HasPrefix(event["data"], `<a id="status"`) {
		t.Errorf("then %v", event)
	}
	if _, err := client.Enqueue(t.Context(), queue.Job{Queue: "sms", Kind: "x"}); err != nil {
		t.Fatal(err)
	}
	l.until(`<td role="cell" data-label="Ready" class="n">1</td>`)
}

func TestStreamsAreCapped(t *testing.T) {
	t.Parallel()
	d := newDashboard(t, open(t, "memory://"), Config{MaxStreams: 2, Interval: minInterval})
	url := live(t, d)
	first, second := listen(t, url), listen(t, url)
	if l := listen(t, url); l.res.StatusCode != http.StatusServiceUnavailable || l.res.Header.Get("Retry-After") != "5" {
		t.Errorf("a third: %d", l.res.StatusCode)
	}
	if got := get(t, url+"/"); got.status != http.StatusOK {
		t.Errorf("polling: %d", got.status)
	}
	first.res.Body.Close()
	second.until("sampled")
	for listen(t, url).res.StatusCode != http.StatusOK { // as soon as the server has noticed
		second.until("sampled")
	}
}

// TestStreamsEndWithRun: or a graceful stop of the server would wait for the last tab.
func TestStreamsEndWithRun(t *testing.T) {
	t.Parallel()
	d := newDashboard(t, open(t, "memory://"), Config{})
	url := serve(t, d)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- d.Run(ctx) }()
	awaitSample(d)
	l := listen(t, url)
	l.until("sampled")
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	for {
		if _, ok := l.next(); !ok {
			break
		}
	}
}

func TestStreamNeedsFlush(t *testing.T) {
	t.Parallel()
	d := sampledNow(t, Config{})
	hidden := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.ServeHTTP(struct{ http.ResponseWriter }{w}, r)
	})
	got := request(t, hidden, http.MethodGet, "/events/")
	if got.status != http.StatusServiceUnavailable || got.header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("%d %v", got.status, got.header)
	}
	if n := d.collector.streams.Load(); n != 0 {
		t.Errorf("%d streams are left", n)
	}
}

// pipes is a net.Listener whose connections are within the process, so that their deadlines follow the
// clock of a bubble.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	c, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (p pipes) Close() error   { close(p); return nil }
func (p pipes) Addr() net.Addr { return &net.UnixAddr{} }

// served is a browser's end of a connection to the dashboard, in a bubble.
func served(t *testing.T, d *Dashboard) net.Conn {
	t.Helper()
	listener := make(pipes)
	server := Server(d)
	go func() { _ = server.Serve(listener) }()
	here, there := net.Pipe()
	listener <- there
	t.Cleanup(func() {
		here.Close()
		_ = server.Close()
		synctest.Wait()
	})
	if _, err := io.WriteString(here, "GET /events/ HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	return here
}

// TestStuckBrowserIsLetGo: one that does not read holds its stream for eventTimeout and no longer.
func TestStuckBrowserIsLetGo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, d := collecting(t, Config{})
		served(t, d)
		synctest.Wait()
		if n := d.collector.streams.Load(); n != 1 {
			t.Fatalf("%d streams", n)
		}
		pass(t, eventTimeout+time.Second)
		if n := d.collector.streams.Load(); n != 0 {
			t.Errorf("%d streams are left", n)
		}
	})
}

// TestStreamOutlivesTheServersTimeouts: a stream of minutes is not cut by time-outs made for pages.
func TestStreamOutlivesTheServersTimeouts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, d := collecting(t, Config{})
		conn := served(t, d)
		events := make(chan string, 1)
		go func() {
			lines := bufio.NewScanner(conn)
			for lines.Scan() {
				if strings.HasPrefix(lines.Text(), "id: ") {
					select {
					case <-events:
					default:
					}
					events <- lines.Text()
				}
			}
			close(events)
		}()
		synctest.Wait()
		for range 5 {
			pass(t, time.Minute)
			select {
			case _, open := <-events:
				if !open {
					t.Fatal("the stream was cut")
				}
			default:
				t.Fatal("no event in a minute")
			}
		}
		if n := r.reads.Load(); n < 298 || n > 303 {
			t.Errorf("%d samples in five minutes that were watched", n)
		}
	})
}

// TestQuietStreamBeats: proxies close a stream on which nothing is sent.
func TestQuietStreamBeats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, d := collecting(t, Config{Interval: time.Minute, IdleInterval: time.Minute})
		conn := served(t, d)
		beats := make(chan time.Time, 100)
		go func() {
			lines := bufio.NewScanner(conn)
			for lines.Scan() {
				if lines.Text() == ":" {
					beats <- time.Now()
				}
			}
			close(beats)
		}()
		begin := time.Now()
		pass(t, 50*time.Second)
		for i := 1; i <= 3; i++ {
			if at := (<-beats).Sub(begin); at != time.Duration(i)*heartbeat {
				t.Errorf("beat %d after %v", i, at)
			}
		}
	})
}

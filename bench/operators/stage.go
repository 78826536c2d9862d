package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/dueq-io/dueq/bench/redisproc"
	"github.com/dueq-io/dueq/queue"
)

// stage is a Redis of its own with a dashboard, and whatever else a row starts.
type stage struct {
	server   *redisproc.Server
	client   *queue.Client
	url      string
	children []*child
	stop     context.CancelFunc
}

// set starts a stage with children of these kinds.
func set(ctx context.Context, kinds ...string) (st *stage, err error) {
	ctx, stop := context.WithCancel(ctx)
	st = &stage{stop: stop}
	defer func() {
		if err != nil {
			err = errors.Join(err, st.strike())
		}
	}()
	if st.server, err = redisproc.Start(ctx, redisproc.Memory); err != nil {
		return st, err
	}
	if st.client, err = open(ctx, st.server.Addr); err != nil {
		return st, err
	}
	for _, kind := range append([]string{asDashboard}, kinds...) {
		c, err := start(ctx, kind, st.server.Addr)
		if err != nil {
			return st, err
		}
		st.children = append(st.children, c)
	}
	st.url = st.children[0].said
	return st, nil
}

// strike ends all of it.
func (st *stage) strike() error {
	st.stop()
	for _, c := range st.children {
		c.kill()
	}
	if st.client != nil {
		_ = st.client.Close() // its connections go with the server
	}
	if st.server != nil {
		return st.server.Stop()
	}
	return nil
}

// kill ends the i-th of the children that the stage was set with.
func (st *stage) kill(i int) { st.children[i+1].kill() }

// feed hands in jobs that take so many ms, every so often until ctx ends.
func (st *stage) feed(ctx context.Context, every, delay time.Duration, ms int) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		// A Redis that is full or away is what some rows are about.
		_, _ = st.client.Enqueue(ctx, queue.Job{Queue: theQueue, Kind: "x", Delay: delay, Payload: []byte(strconv.Itoa(ms))})
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// get asks the dashboard.
func get(ctx context.Context, url string) (status int, body []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0, nil, err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	body, err = io.ReadAll(res.Body)
	return res.StatusCode, body, err
}

// finding is one of the verdict's.
type finding struct {
	Level string `json:"level"`
	Rule  string `json:"rule"`
	Queue string `json:"queue"`
	Text  string `json:"text"`
}

// report is what the JSON of the Overview says.
type report struct {
	Verdict struct {
		Level    string    `json:"level"`
		Findings []finding `json:"findings"`
	} `json:"verdict"`
	Queues []struct {
		queue.QueueInfo
		Lately *struct {
			Started int64 `json:"started"`
		} `json:"lately"`
		Crew *struct {
			Taking int `json:"workers_taking_jobs"`
		} `json:"crew"`
	} `json:"queues"`
}

func (st *stage) report(ctx context.Context) (report, error) {
	var r report
	_, body, err := get(ctx, st.url+"/api/v1/queues")
	if err == nil {
		err = json.Unmarshal(body, &r)
	}
	return r, err
}

// await asks again and again until a report is as wanted.
func (st *stage) await(ctx context.Context, within time.Duration, what string, wanted func(*report) bool) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		r, err := st.report(ctx)
		if err == nil && wanted(&r) {
			return nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("%s: not within %v: the verdict is %v", what, within, r.Verdict)
		}
	}
}

// watch opens a page's stream, as a tab does, until ctx ends. It returns when the first event is there.
func watch(ctx context.Context, url string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	began := make(chan error, 1)
	go follow(r, began)
	return <-began
}

// follow reads a stream to its end, and says when it has begun.
func follow(r *http.Request, began chan<- error) {
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		began <- err
		return
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		began <- fmt.Errorf("%s: %s", r.URL, res.Status)
		return
	}
	lines := bufio.NewReaderSize(res.Body, 1<<20)
	for told := false; err == nil; {
		var line []byte
		if line, err = lines.ReadSlice('\n'); !told && bytes.HasPrefix(line, []byte("data:")) {
			told = true
			began <- nil
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			err = nil
		}
	}
	select {
	case began <- err: // before the first event
	default:
	}
}

// overview is the Overview as a browser without scripts sees it.
func (st *stage) overview(ctx context.Context) (string, error) {
	_, body, err := get(ctx, st.url+"/")
	return strings.Join(strings.Fields(string(body)), " "), err
}

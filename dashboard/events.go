package dashboard

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/dueq-io/dueq/dashboard/access"
)

const (
	// heartbeat keeps proxies from closing a stream on which nothing happens.
	heartbeat = 15 * time.Second
	// eventTimeout is how long a browser may take to receive one event.
	eventTimeout = 10 * time.Second
	// streamTime is how long a stream lasts at most, so that who may watch is found out anew; the
	// browser reconnects by itself.
	streamTime = 30 * time.Minute
	// reconnectAfter is how long a browser waits when a stream broke.
	reconnectAfter = 2 * time.Second
)

// serveEvents sends the fragment of a page whenever there is a newer frame. A browser that is slow gets
// the latest frame next and misses those between. It answers 503 when there is no place for a stream:
// the browser polls then.
func (d *Dashboard) serveEvents(p *page) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := d.collector
		defer c.streams.Add(-1)
		switch open := c.streams.Add(1); {
		case !c.latest.Load().running:
			full(w, "Nothing samples Redis just now.")
			return
		case open > int64(d.cfg.MaxStreams):
			full(w, "Too many event streams are open.")
			return
		}
		h := w.Header()
		h.Set("Content-Type", "text/event-stream")
		h.Set("X-Accel-Buffering", "no")
		if r.Method == http.MethodHead {
			return
		}
		s := stream{w: w, control: http.NewResponseController(w)}
		// The server's own time-outs are meant for pages.
		_ = s.control.SetReadDeadline(time.Time{})
		s.flush()
		if errors.Is(s.err, http.ErrNotSupported) {
			d.cfg.Logger.WarnContext(r.Context(), "dashboard: a middleware hides Flush, so browsers poll",
				slog.String("writer", fmt.Sprintf("%T", w)))
			full(w, "Event streams are not possible here.")
			return
		}
		c.watch()
		d.stream(r, &s, p)
	}
}

func full(w http.ResponseWriter, why string) {
	w.Header().Set("Retry-After", strconv.Itoa(int(pollEvery/time.Second)))
	http.Error(w, why, http.StatusServiceUnavailable)
}

// stream sends until the browser leaves or the collector ends.
func (d *Dashboard) stream(r *http.Request, s *stream, p *page) {
	s.send(fmt.Appendf(nil, "retry: %d\n\n", reconnectAfter.Milliseconds()))
	beat, pace := time.NewTimer(heartbeat), time.NewTimer(p.pace)
	defer beat.Stop()
	defer pace.Stop()
	end := time.NewTimer(streamTime)
	defer end.Stop()
	check := time.NewTicker(d.recheck)
	defer check.Stop()
	for s.err == nil {
		f := d.collector.latest.Load().of(access.From(r.Context()))
		if !f.running {
			return
		}
		v, rest := d.view(r, f, f.made), p.pace
		if p.wishes != nil {
			wished := p.wishes(v)
			d.collector.wishes.add(wished)
			if !f.granted(wished) {
				rest = 0
			}
		}
		told, err := f.fragment(p.fragmentKey(v), func() ([]byte, error) {
			html, err := p.fragment(d, v)
			return event(f.made.UnixMilli(), html), err
		})
		if err != nil {
			d.cfg.Logger.ErrorContext(r.Context(), "dashboard: fragment cannot be rendered", slog.Any("error", err))
			return
		}
		s.send(told)
		beat.Reset(heartbeat)
		pace.Reset(rest)
		due, replaced := pace.C, (<-chan struct{})(nil)
		for waiting := true; waiting && s.err == nil; {
			select {
			case <-due:
				due, replaced = nil, f.replaced
			case <-replaced:
				waiting = false
			case <-beat.C:
				s.send([]byte(":\n\n"))
				beat.Reset(heartbeat)
			case <-check.C:
				if d.gate.Recheck(r) != nil {
					return
				}
			case <-end.C:
				return
			case <-r.Context().Done():
				return
			}
		}
	}
}

// stream writes to one browser until the first error.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	err     error
}

func (s *stream) send(b []byte) {
	if s.err != nil {
		return
	}
	s.limit()
	if _, s.err = s.w.Write(b); s.err == nil {
		s.err = s.control.Flush()
	}
}

// flush sends the headers.
func (s *stream) flush() {
	s.limit()
	s.err = s.control.Flush()
}

// limit gives the browser eventTimeout from now on. A middleware may hide deadlines: there, the number
// of streams is the only limit.
func (s *stream) limit() {
	_ = s.control.SetWriteDeadline(time.Now().Add(eventTimeout))
}

// event frames a fragment. Each of its lines is a field of its own, whatever ends it: a line end within
// a name would otherwise end the event.
func event(id int64, html []byte) []byte {
	b := fmt.Appendf(nil, "event: fragment\nid: %d\n", id)
	html = bytes.ReplaceAll(html, []byte("\r\n"), []byte("\n"))
	html = bytes.ReplaceAll(html, []byte("\r"), []byte("\n"))
	for line := range bytes.SplitSeq(html, []byte("\n")) {
		b = append(b, "data: "...)
		b = append(b, line...)
		b = append(b, '\n')
	}
	return append(b, '\n')
}

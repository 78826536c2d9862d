package dashboard

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"time"
)

//go:embed templates
var templateFiles embed.FS

// page is one page: what it shows, and the template of it. Its name is the topic of its event stream.
// The template "main" is both the inside of the page and the fragment that streams carry.
type page struct {
	topic string
	view  func(f *frame, now time.Time) any
	set   *template.Template
}

// layout is what the template of that name shows around a page.
type layout struct {
	Title, Base, Namespace, Source, Topic string
	// Poll is how often a browser without a stream asks for the page, Quiet how long after the last
	// event it declares the page stale, both in ms.
	Poll, Quiet int64
	Page        any
}

// pollEvery is how often a browser without a stream asks again.
const pollEvery = 5 * time.Second

func (d *Dashboard) loadPages() (map[string]*page, error) {
	pages := map[string]*page{}
	for topic, view := range map[string]func(*frame, time.Time) any{
		"overview": func(f *frame, now time.Time) any { return newOverview(f, now, &d.cfg, d.namespace) },
	} {
		set, err := template.New(topic).Funcs(template.FuncMap{"asset": d.static.url}).
			ParseFS(templateFiles, "templates/layout.html", "templates/"+topic+".html")
		if err != nil {
			return nil, err
		}
		pages[topic] = &page{topic: topic, view: view, set: set}
	}
	return pages, nil
}

// fragment renders what streams carry.
func (p *page) fragment(f *frame) ([]byte, error) {
	var b bytes.Buffer
	err := p.set.ExecuteTemplate(&b, "main", p.view(f, f.made))
	return b.Bytes(), err
}

// whole renders the page around it.
func (p *page) whole(d *Dashboard, f *frame, now time.Time) ([]byte, error) {
	var b bytes.Buffer
	err := p.set.ExecuteTemplate(&b, "layout", layout{
		Title: viewVerdict(judge(f, now, &d.cfg)).Title,
		Base:  d.cfg.BasePath, Namespace: d.namespace, Source: d.cfg.Source, Topic: p.topic,
		Poll:  pollEvery.Milliseconds(),
		Quiet: (missedUntilStale*d.cfg.Interval + freshWait).Milliseconds(),
		Page:  p.view(f, now),
	})
	return b.Bytes(), err
}

func (d *Dashboard) servePage(topic string) http.HandlerFunc {
	p := d.pages[topic]
	return func(w http.ResponseWriter, r *http.Request) {
		html, err := p.whole(d, d.sight(r).frame(r.Context()), time.Now())
		if err != nil {
			d.fail(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(html)
	}
}

// fail answers for an error of ours, which goes to the log.
func (d *Dashboard) fail(w http.ResponseWriter, r *http.Request, err error) {
	d.cfg.Logger.ErrorContext(r.Context(), "dashboard: page cannot be rendered",
		slog.String("path", r.URL.Path), slog.Any("error", err))
	http.Error(w, "This page cannot be shown; the log says why.", http.StatusInternalServerError)
}

// health is the answer of /healthz.
type health struct {
	// Status is ok, or stopped when no collector runs.
	Status string `json:"status"`
	// SampleAgeMS is the age of the last good sample, null before the first.
	SampleAgeMS *int64 `json:"sample_age_ms"`
	// Missed is how many samples in a row Redis has not answered.
	Missed int `json:"missed"`
}

// serveHealth answers 200 while the collector runs, also when Redis is away: to restart the dashboard
// would not bring it back.
func (d *Dashboard) serveHealth(w http.ResponseWriter, _ *http.Request) {
	f := d.collector.latest.Load()
	answer, status := health{Status: "ok", Missed: f.missed}, http.StatusOK
	if !f.running {
		answer.Status, status = "stopped", http.StatusServiceUnavailable
	}
	if !f.at.IsZero() {
		ms := time.Since(f.at).Milliseconds()
		answer.SampleAgeMS = &ms
	}
	writeJSON(w, status, answer)
}

func writeJSON(w http.ResponseWriter, status int, answer any) {
	body, err := json.Marshal(answer)
	if err != nil {
		http.Error(w, fmt.Sprintf("encode: %v", err), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}

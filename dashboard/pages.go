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

	"github.com/dueq-io/dueq/dashboard/access"
	"github.com/dueq-io/dueq/dashboard/text"
)

//go:embed templates
var templateFiles embed.FS

// page is one page: what it shows, and the template of it. Its name is the topic of its event stream.
// The template "main" is both the inside of the page and the fragment that streams carry.
type page struct {
	topic string
	view  func(f *frame, now time.Time) any
	sets  map[text.Language]*template.Template
}

// layout is what the template of that name shows around a page.
type layout struct {
	surroundings
	Source, Topic string
	// Poll is how often a browser without a stream asks for the page, Quiet how long after the last
	// event it declares the page stale, both in ms.
	Poll, Quiet int64
	Page        any
}

// surroundings are what every page has around it.
type surroundings struct {
	Title, Base, Namespace string
	Lang                   text.Language
	// User is who has signed in, empty where nobody has to. Leaves says that they can sign out, and
	// Admin that they see the sessions of others.
	User          string
	Leaves, Admin bool
}

// visitor is for whom a page is rendered.
type visitor struct {
	lang text.Language
	id   access.Identity
}

func visitorOf(r *http.Request) visitor { return visitor{text.Of(r), access.From(r.Context())} }

func (d *Dashboard) surroundings(title string, v visitor) surroundings {
	return surroundings{
		Title: title, Base: d.cfg.BasePath, Namespace: d.namespace, Lang: v.lang,
		User: v.id.Name, Leaves: v.id.Session != "", Admin: v.id.May(access.Administer) && d.cfg.Access.Login(),
	}
}

// pollEvery is how often a browser without a stream asks again.
const pollEvery = 5 * time.Second

func (d *Dashboard) loadPages() (map[string]*page, error) {
	pages := map[string]*page{}
	for topic, view := range map[string]func(*frame, time.Time) any{
		"overview": func(f *frame, now time.Time) any { return newOverview(f, now, &d.cfg, d.namespace) },
	} {
		sets, err := d.templates("layout.html", topic+".html")
		if err != nil {
			return nil, err
		}
		pages[topic] = &page{topic: topic, view: view, sets: sets}
	}
	return pages, nil
}

// templates parses files of templates for each language: {{t "key"}} is a text of package text, and
// {{asset "name"}} the address of an embedded file.
func (d *Dashboard) templates(names ...string) (map[text.Language]*template.Template, error) {
	paths := make([]string, len(names))
	for i, name := range names {
		paths[i] = "templates/" + name
	}
	sets := map[text.Language]*template.Template{}
	for _, lang := range text.Languages() {
		set, err := template.New(names[0]).Funcs(template.FuncMap{"asset": d.static.url, "t": lang.Say, "span": formatSpan}).ParseFS(templateFiles, paths...)
		if err != nil {
			return nil, err
		}
		sets[lang] = set
	}
	return sets, nil
}

// fragment renders what streams carry.
func (p *page) fragment(f *frame, lang text.Language) ([]byte, error) {
	var b bytes.Buffer
	err := p.sets[lang].ExecuteTemplate(&b, "main", p.view(f, f.made))
	return b.Bytes(), err
}

// whole renders the page around it.
func (p *page) whole(d *Dashboard, f *frame, now time.Time, v visitor) ([]byte, error) {
	var b bytes.Buffer
	err := p.sets[v.lang].ExecuteTemplate(&b, "layout", layout{
		surroundings: d.surroundings(viewVerdict(judge(f, now, &d.cfg)).Title, v),
		Source:       d.cfg.Source, Topic: p.topic,
		Poll:  pollEvery.Milliseconds(),
		Quiet: (missedUntilStale*d.cfg.Interval + freshWait).Milliseconds(),
		Page:  p.view(f, now),
	})
	return b.Bytes(), err
}

func (d *Dashboard) servePage(topic string) http.HandlerFunc {
	p := d.pages[topic]
	return func(w http.ResponseWriter, r *http.Request) {
		html, err := p.whole(d, d.sight(r).frame(r.Context()), time.Now(), visitorOf(r))
		if err != nil {
			d.fail(w, r, err)
			return
		}
		writeHTML(w, http.StatusOK, html)
	}
}

func writeHTML(w http.ResponseWriter, status int, html []byte) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(html)
}

// fail answers for an error of ours, which goes to the log.
func (d *Dashboard) fail(w http.ResponseWriter, r *http.Request, err error) {
	d.cfg.Logger.ErrorContext(r.Context(), "dashboard: page cannot be rendered",
		slog.String("path", r.URL.Path), slog.Any("error", err))
	http.Error(w, "This page cannot be shown; the log says why.", http.StatusInternalServerError)
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

package dashboard

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/dueq-io/dueq/dashboard/access"
)

//go:embed templates
var templateFiles embed.FS

// page is one page. Its file templates/<name>.html defines "title", "main" and, if there is a live
// part, "live"; parts.html has what several pages use. The page answers GET <path>, and its live part is
// streamed by GET /events<path>, both with the same query.
type page struct {
	// name is that of its template.
	name string
	// path is where it is below Config.BasePath.
	path string
	// nav is its entry in the navigation, to which the key goes after g; a page without one belongs to
	// the entry of the page under.
	nav        phrase
	key, under string
	// need is what it takes to see it. Default: access.See.
	need access.Permission
	// live makes what "live" shows, of the frame and the query alone: it is called for every frame, and
	// its bytes are shared by all who watch the same. Elements marked data-live, with an id, are
	// replaced in the browser; the rest of the template stays as it was.
	live func(v *view) any
	// data reads what "main" shows beside the live part, when the page is asked for. Its error becomes
	// a page that says so: queue.ErrNotFound, queue.ErrInvalid, and those of a Redis that is away.
	data func(ctx context.Context, v *view) (any, error)
	// wishes are what the live part shows beside what every frame has. They are read while someone looks.
	// Names of queues in them are those in sight: see sight.check.
	wishes func(v *view) []wish
	// pace is the time between two events of its stream where what it shows changes less often than frames.
	pace time.Duration

	sets map[string]*template.Template // by tongue
}

// view is one look at a page: whose, of which moment, in which words.
type view struct {
	sight
	*tongue
	prefs prefs
	frame *frame
	now   time.Time
	query url.Values
	// url is the address of the page without Config.BasePath, that of the Overview for the answer to a form.
	url string
}

// shown is the dot of "main".
type shown struct {
	// Live is for {{template "live" .Live}}; nil where a page has none.
	Live any
	Data any
}

func (d *Dashboard) loadPages() error {
	d.table = d.pageTable()
	d.pages = map[string]*page{}
	for _, p := range slices.Concat(d.table, d.otherPages()) {
		if p.need == 0 {
			p.need = access.See
		}
		p.sets = map[string]*template.Template{}
		for _, t := range d.tongues.all {
			set, err := template.New(p.name).Funcs(d.templateFuncs(t)).
				ParseFS(templateFiles, "templates/layout.html", "templates/parts.html", "templates/joblist.html",
					"templates/horizon.html", "templates/plain.html", "templates/"+p.name+".html")
			if err != nil {
				return err
			}
			p.sets[t.Tag] = set
		}
		d.pages[p.name] = p
	}
	return nil
}

// templateFuncs are what templates may call: t says something in the reader's language, link is the
// address of a page below BasePath, asset that of an embedded file.
func (d *Dashboard) templateFuncs(t *tongue) template.FuncMap {
	return template.FuncMap{
		"t":     t.word,
		"asset": d.static.url,
		"link":  func(path string) string { return d.cfg.BasePath + "/" + path },
		"count": formatCount,
		"span":  formatSpan,
		"state": stateWord,
		"field": fieldWord,
	}
}

func (d *Dashboard) view(r *http.Request, f *frame, now time.Time) *view {
	v := &view{
		sight: d.sight(r), prefs: readPrefs(r), frame: f, now: now, query: r.URL.Query(),
		url: strings.TrimPrefix(r.URL.RequestURI(), d.cfg.BasePath),
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		v.url = "/" // the answer to a form cannot be asked for again
	}
	v.tongue = d.tongueOf(r)
	return v
}

// tongueOf is the language of whoever makes a request.
func (d *Dashboard) tongueOf(r *http.Request) *tongue {
	return d.tongues.choose(readPrefs(r).Lang, r.Header.Get("Accept-Language"))
}

// fragment renders what streams carry: the status in the header, and the live part.
func (p *page) fragment(d *Dashboard, v *view) ([]byte, error) {
	var b bytes.Buffer
	set := p.sets[v.Tag]
	if err := set.ExecuteTemplate(&b, "status", newStatus(v, &d.cfg)); err != nil {
		return nil, err
	}
	if p.live == nil {
		return b.Bytes(), nil
	}
	err := set.ExecuteTemplate(&b, "live", p.live(v))
	return b.Bytes(), err
}

// fragmentKey is equal for those who get the same bytes.
func (p *page) fragmentKey(v *view) string {
	return fmt.Sprintf("%s?%s %s %s", p.name, v.query.Encode(), v.Tag, v.id.Role)
}

// whole renders the page around it.
func (p *page) whole(d *Dashboard, v *view, data any) ([]byte, error) {
	inner := shown{Data: data}
	if p.live != nil {
		inner.Live = p.live(v)
	}
	var b bytes.Buffer
	err := p.sets[v.Tag].ExecuteTemplate(&b, "layout", newLayout(d, p, v, inner))
	return b.Bytes(), err
}

func (d *Dashboard) servePage(p *page) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := d.view(r, d.sight(r).frame(r.Context()), time.Now())
		if p.wishes != nil {
			v.frame = d.collector.wish(r.Context(), p.wishes(v)).of(v.id)
			v.now = time.Now()
		}
		var data any
		if p.data != nil {
			var err error
			if data, err = p.data(r.Context(), v); err != nil {
				d.serveProblem(w, r, err)
				return
			}
		}
		html, err := p.whole(d, v, data)
		if err != nil {
			d.fail(w, r, err)
			return
		}
		writeHTML(w, statusOf(data), html)
	}
}

// statusOf is the HTTP status that goes with what a page shows.
func statusOf(data any) int {
	if s, ok := data.(interface{ httpStatus() int }); ok {
		return s.httpStatus()
	}
	return http.StatusOK
}

// show answers with a page that has no address of its own.
func (d *Dashboard) show(w http.ResponseWriter, r *http.Request, name string, data any) {
	html, err := d.pages[name].whole(d, d.view(r, d.sight(r).frame(r.Context()), time.Now()), data)
	if err != nil {
		d.fail(w, r, err)
		return
	}
	writeHTML(w, statusOf(data), html)
}

func writeHTML(w http.ResponseWriter, status int, html []byte) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(html)
}

package dashboard

import (
	"strings"

	"github.com/dueq-io/dueq/dashboard/access"
)

// layout is what the template of that name shows around a page.
type layout struct {
	Namespace, Source string
	Lang, Theme       string
	Keys              bool
	Tongues           []*tongue
	Nav               []navEntry
	// Events is the stream of the page, URL the page itself.
	Events, URL string
	// Poll is how often a browser without a stream asks for the page, Quiet how long after the last
	// event it declares the page stale, both in ms.
	Poll, Quiet int64
	Status      status
	User        string
	Role        access.Role
	Page        shown
}

type navEntry struct {
	Label phrase
	Path  string
	// Key is the letter after g that goes there.
	Key     string
	Current bool
}

// status is the verdict in the header of every page.
type status struct {
	Level level
	Word  phrase
	// Mark goes before the title of the browser's tab, Say is what a screen reader hears when the
	// verdict changes.
	Mark, Say string
}

func newStatus(v *view, cfg *Config) status {
	verdict := viewVerdict(judge(v.frame, v.now, cfg))
	return status{Level: verdict.Level, Word: verdict.Word, Mark: verdict.Mark, Say: v.say(verdict.Say)}
}

func newLayout(d *Dashboard, p *page, v *view, inner shown) layout {
	return layout{
		Namespace: d.namespace, Source: d.cfg.Source,
		Lang: v.Tag, Theme: v.prefs.Theme, Keys: v.prefs.Keys == "", Tongues: d.tongues.all,
		Nav: d.nav(p, v), Events: d.cfg.BasePath + "/events" + strings.TrimSuffix(v.url, "#"), URL: d.cfg.BasePath + v.url,
		Poll:   pollEvery.Milliseconds(),
		Quiet:  (missedUntilStale*d.cfg.Interval + freshWait).Milliseconds(),
		Status: newStatus(v, &d.cfg), User: v.id.Name, Role: v.id.Role, Page: inner,
	}
}

// nav are the pages that the identity may see.
func (d *Dashboard) nav(current *page, v *view) []navEntry {
	var out []navEntry
	for _, p := range d.table {
		if p.nav.text != "" && v.id.May(p.need) {
			out = append(out, navEntry{
				Label: p.nav, Key: p.key, Path: strings.TrimPrefix(strings.TrimSuffix(p.path, "{$}"), "/"),
				Current: p == current || current.under == p.name,
			})
		}
	}
	return out
}

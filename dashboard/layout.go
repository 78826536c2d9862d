package dashboard

import (
	"strings"

	"github.com/dueq-io/dueq/dashboard/access"
)

// layout is what the template of that name shows around a page.
type layout struct {
	surroundings
	Source string
	Nav    []navEntry
	// Live is the address below BasePath where what is live is asked for, below /events as a stream.
	Live string
	// Poll is how often a browser without a stream asks for the page, Quiet how long after the last
	// event it declares the page stale, both in ms.
	Poll, Quiet int64
	Status      status
	Page        shown
}

// surroundings are what pages have around them that need not be live.
type surroundings struct {
	Namespace   string
	Lang, Theme string
	Keys        bool
	Tongues     []*tongue
	// URL is the address of the page itself.
	URL string
	// User is who has signed in, empty where nobody has to. Leaves says that they can sign out, and
	// Admin that they see the sessions of others.
	User          string
	Role          phrase
	Leaves, Admin bool
}

func newSurroundings(d *Dashboard, v *view) surroundings {
	return surroundings{
		Namespace: d.namespace, Lang: v.Tag, Theme: v.prefs.Theme, Keys: v.prefs.Keys == "", Tongues: d.tongues.all,
		URL: d.cfg.BasePath + v.url, User: v.id.Name, Role: roleWord(v.id.Role),
		Leaves: v.id.Session != "", Admin: v.id.May(access.Administer) && d.cfg.Access.Login(),
	}
}

// roleWord is what a role is called.
func roleWord(r access.Role) phrase {
	switch r {
	case access.Viewer:
		return say("viewer")
	case access.Operator:
		return say("operator")
	case access.Admin:
		return say("admin")
	default:
		return phrase{}
	}
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
	verdict := viewVerdict(v.frame.verdict(v.now, cfg))
	return status{Level: verdict.Level, Word: verdict.Word, Mark: verdict.Mark, Say: v.say(verdict.Say)}
}

func newLayout(d *Dashboard, p *page, v *view, inner shown) layout {
	l := layout{
		surroundings: newSurroundings(d, v), Source: d.cfg.Source, Nav: d.nav(p, v), Live: v.url,
		Poll:   pollEvery.Milliseconds(),
		Quiet:  (missedUntilStale*d.cfg.Interval + freshWait).Milliseconds(),
		Status: newStatus(v, &d.cfg), Page: inner,
	}
	if p.path == "" {
		l.Live = "/" // what is shown in place of a page has its status from the Overview
	}
	l.Live = strings.TrimPrefix(l.Live, "/")
	return l
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

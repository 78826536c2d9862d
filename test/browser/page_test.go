package browser

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/dueq-io/dueq/queue"
)

//go:embed testdata/axe.min.js
var axe string

// busy is a site with jobs in every state and something on every page.
func busy(t *testing.T) *site {
	t.Helper()
	s := newSite(t)
	s.work(func(d *queue.Delivery) error {
		switch d.Headers["do"] {
		case "fail":
			return fmt.Errorf("%w\ngoroutine 7 [running]:\nmain.call()", errDown)
		default:
			return nil
		}
	}, []string{"http.callback", "sms.send"}, "callbacks", "sms")
	job := queue.Job{Queue: "callbacks", Kind: "http.callback", Payload: []byte(`{"url":"https://acme.example/cb","order":7}`), Retain: time.Hour, Tags: []string{"eu"}}
	for i := range 30 {
		j := job
		switch i % 3 {
		case 0:
			j.Delay = time.Duration(i+1) * time.Minute
		case 1:
			j.Headers, j.MaxAttempts = map[string]string{"do": "fail"}, 1+i%2*4
			j.Backoff = []time.Duration{time.Hour}
		}
		s.enqueue(j)
	}
	s.enqueue(queue.Job{Queue: "callbacks", Kind: "http.callback", ID: "one", Headers: map[string]string{"do": "fail"}, MaxAttempts: 1})
	s.enqueue(queue.Job{Queue: "reports", Kind: "report.make"})
	if err := s.client.Inspector().Pause(t.Context(), "reports"); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); ; <-time.After(20 * time.Millisecond) {
		info, err := s.client.Inspector().Queue(t.Context(), "callbacks")
		if err != nil || time.Now().After(end) {
			t.Fatal(info, err)
		}
		if info.Dead > 0 && info.Retrying > 0 && info.Ready+info.Leased == 0 {
			s.shown("callbacks")
			return s
		}
	}
}

// TestAccessible: axe finds nothing on any page, in both themes, on a telephone and on a screen.
func TestAccessible(t *testing.T) {
	t.Parallel()
	s := busy(t)
	t.Logf("figure: %d pages, light and dark, 360 and 1280 px wide", len(paths("one")))
	for _, width := range []int64{360, 1280} {
		for _, scheme := range []string{"light", "dark"} {
			t.Run(fmt.Sprint(scheme, " ", width), func(t *testing.T) {
				t.Parallel()
				b := s.open(t, width, 900)
				b.scheme(scheme)
				call(b, page.SetBypassCSP, page.SetBypassCSPParams{Enabled: true}) // for axe, not for the page
				for _, path := range paths("one") {
					b.visit(path)
					b.eventually(`document.readyState === "complete"`)
					b.audit(path)
				}
			})
		}
	}
}

// audit runs axe on the page.
func (b *tab) audit(path string) {
	b.Helper()
	b.do(chromedp.Evaluate[chromedp.Void](axe))
	ctx, cancel := b.within()
	defer cancel()
	result, err := chromedp.Run(ctx, chromedp.Evaluate[string](`axe.run(document, { resultTypes: ["violations"] }).then((r) => JSON.stringify(
		r.violations.map((v) => ({ id: v.id, help: v.help, where: v.nodes.slice(0, 3).map((n) => n.target.join(" ") + ": " + n.failureSummary) }))))`,
		chromedp.EvalAwaitPromise))
	if err != nil {
		b.Fatalf("%s: %v", path, err)
	}
	var violations []struct {
		ID, Help string
		Where    []string
	}
	if err := json.Unmarshal([]byte(result), &violations); err != nil {
		b.Fatalf("%s: %v: %s", path, err, result)
	}
	for _, v := range violations {
		b.Errorf("%s: %s: %s\n\t%s", path, v.ID, v.Help, strings.Join(v.Where, "\n\t"))
	}
}

// TestNothingIsWiderThanItsWindow: no page scrolls sideways, whatever the width; tables do in their boxes.
func TestNothingIsWiderThanItsWindow(t *testing.T) {
	t.Parallel()
	s := busy(t)
	for _, width := range []int64{360, 640, 800, 1280, 1920} {
		b := s.open(t, width, 800)
		for _, path := range paths("one") {
			b.visit(path)
			if over := b.value(`document.documentElement.scrollWidth - innerWidth`); over != "0" {
				t.Errorf("%s at %d: %s px too wide", path, width, over)
			}
		}
		b.calm()
	}
}

// hostile are what producers and handlers may write.
var hostile = []string{
	`<script>alert(1)</script>`,
	`"><img src=x onerror=alert(1)>`,
	`'><svg onload=alert(1)>`,
	`</td></tr></table><form action=//evil.example><button>Login`,
	`<iframe src=//evil.example></iframe><link rel=stylesheet href=//evil.example/x.css>`,
	`javascript:alert(1)`,
	`{{constructor.constructor('alert(1)')()}} ${alert(1)}`,
	`--></template></title></style></textarea><b onmouseover=alert(1)>x`,
}

// TestHostile: jobs full of markup open no dialog, ask for nothing elsewhere, and add no element.
func TestHostile(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	kinds := make([]string, len(hostile))
	for i, text := range hostile {
		kinds[i] = text[:min(len(text), 120)]
	}
	s.work(func(d *queue.Delivery) error { return errors.New(d.Kind + "\n" + d.Kind) }, kinds, "callbacks")
	for i, text := range hostile {
		j := queue.Job{
			Queue: "callbacks", Kind: kinds[i], ID: strings.ReplaceAll(text, " ", "_")[:min(len(text), 120)], Payload: []byte(text), MaxAttempts: 1 + i%2,
			Backoff: []time.Duration{time.Hour}, Tags: []string{text[:min(len(text), 60)]}, Headers: map[string]string{text: text}, Unique: queue.Unique{Key: text},
		}
		s.enqueue(j)
		j.ID, j.Delay, j.Unique.Key = "later-"+j.ID[:min(len(j.ID), 100)], time.Hour, ""
		s.enqueue(j)
	}
	s.shown("callbacks")
	b := s.open(t, 1280, 900)
	b.visit("/queue?name=callbacks&state=dead")
	b.eventually(`document.querySelector("#queue-tabs a.dead b").textContent === "4"`)
	all := paths(hostile[0])
	for _, text := range hostile {
		id := strings.ReplaceAll(text, " ", "_")[:min(len(text), 120)]
		all = append(all, "/job?"+"queue=callbacks&id="+escape(id), "/jobs?find="+escape(text), "/jobs?prefix="+escape(text), "/jobs?kind="+escape(text), "/nowhere/"+escape(text))
	}
	for _, path := range all {
		b.visit(path)
		foreign := b.value(`document.querySelectorAll("img, iframe, object, embed, base, main script:not([src^='/static/']), main link:not([href^='/static/']), form[action^='//'], b[onmouseover], svg[onload]").length`)
		if foreign != "0" {
			t.Errorf("%s: %s foreign elements", path, foreign)
		}
	}
	// What is live is set by a script.
	b.visit("/errors")
	b.calm()
}

func escape(text string) string {
	var out strings.Builder
	for _, c := range []byte(text) {
		fmt.Fprintf(&out, "%%%02X", c)
	}
	return out.String()
}

// TestKeys: single keys go to pages and walk rows, and do not for those who turned them off.
func TestKeys(t *testing.T) {
	t.Parallel()
	s := busy(t)
	b := s.open(t, 1280, 800)
	b.visit("/")
	b.do(chromedp.KeyEvent("g"), chromedp.KeyEvent("j"))
	b.eventually(`location.pathname === "/jobs" && document.readyState === "complete"`)
	b.do(chromedp.KeyEvent("/"))
	b.eventually(`document.activeElement.id === "find"`)
	b.do(chromedp.KeyEvent("g"), chromedp.KeyEvent("q"), chromedp.Evaluate[chromedp.Void](`document.activeElement.blur()`))
	if at, typed := b.value(`location.pathname`), b.value(`document.getElementById("find").value`); at != "/jobs" || !strings.HasSuffix(typed, "gq") {
		t.Errorf("typing into a field went to %s, and wrote %q", at, typed)
	}
	b.do(chromedp.KeyEvent("j"), chromedp.KeyEvent("j"), chromedp.KeyEvent("x"))
	b.eventually(`document.querySelectorAll("tr[data-row]")[1].querySelector("input").checked`)
	b.do(chromedp.KeyEvent("?"))
	b.eventually(`document.getElementById("keys").open`)
	b.do(chromedp.KeyEvent(kb.Escape))
	b.eventually(`!document.getElementById("keys").open`)
	b.do(chromedp.Click(`#menu summary`))
	b.follow(`button[name=keys][value=off]`)
	b.do(chromedp.KeyEvent("g"), chromedp.KeyEvent("q"), chromedp.KeyEvent("?"))
	if at, open := b.value(`location.pathname`), b.value(`document.getElementById("keys").open`); at != "/jobs" || open != "false" {
		t.Errorf("turned off, keys went to %s, dialog open: %s", at, open)
	}
	b.calm()
}

// TestPreferences: theme and language last, and are those of the page that was open.
func TestPreferences(t *testing.T) {
	t.Parallel()
	s := busy(t)
	b := s.open(t, 1280, 800)
	b.visit("/jobs?queue=callbacks&state=dead")
	b.scheme("light")
	b.do(chromedp.Click(`#menu summary`))
	light := b.value(`getComputedStyle(document.body).backgroundColor`)
	b.follow(`button[name=theme][value=dark]`)
	if now := b.value(`getComputedStyle(document.body).backgroundColor`); now == light {
		t.Error("dark is as light as light")
	}
	b.do(chromedp.Click(`#menu summary`))
	b.follow(`button[name=lang][value=zh]`)
	if got := b.value(`location.search + document.documentElement.lang + document.querySelector("h1").textContent`); got != "?queue=callbacks&state=deadzh任务" {
		t.Errorf("%q", got)
	}
	b.visit("/")
	if got := b.value(`document.documentElement.lang + document.documentElement.dataset.theme`); got != "zhdark" {
		t.Errorf("%q", got)
	}
	b.calm()
}

// TestLive: numbers change by themselves, rows do not under whoever stands in them, a screen reader hears
// only of verdicts, and a dashboard that is gone never looks healthy.
func TestLive(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.enqueue(queue.Job{Queue: "reports", Kind: "k", Delay: time.Hour})
	b := s.open(t, 1280, 800)
	b.visit("/")
	b.eventually(`document.getElementById("live").textContent === "live"`)
	s.enqueue(queue.Job{Queue: "reports", Kind: "k"})
	b.eventually(`document.querySelector("#rows td[data-label=Ready]").textContent === "1"`)
	// Somebody stands on the link of a row: it waits.
	b.do(chromedp.Focus(`#rows a`))
	s.enqueue(queue.Job{Queue: "reports", Kind: "k"})
	b.eventually(`document.querySelector("#tiles dd").textContent === "2"`)
	if held := b.value(`document.querySelector("#rows td[data-label=Ready]").textContent`); held != "1" {
		t.Errorf("the row under the focus has changed to %s", held)
	}
	b.do(chromedp.Evaluate[chromedp.Void](`document.activeElement.blur()`))
	b.eventually(`document.querySelector("#rows td[data-label=Ready]").textContent === "2"`)
	b.eventually(`document.getElementById("say").textContent.includes("no worker is alive")`)
	b.eventually(`document.title.startsWith("⚠") || document.title.startsWith("✖")`)
	s.server.CloseClientConnections()
	s.server.Listener.Close()
	b.eventually(`!document.getElementById("banner").hidden && document.getElementById("live").textContent === "stale" && document.querySelector("main").classList.contains("lost")`)
	s.server.CloseClientConnections()
}

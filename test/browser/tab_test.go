package browser

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// tab is a tab of the browser, with cookies of its own. What should not happen in one is collected.
type tab struct {
	*testing.T
	site *site
	// within is what a call to the tab is made with, which may take as long as the patience of the tests.
	within func() (context.Context, context.CancelFunc)

	mu      sync.Mutex
	strange []string
}

func (s *site) open(t *testing.T, width, height int64) *tab {
	t.Helper()
	browser, err := chromium()
	if err != nil {
		t.Fatalf("chromium cannot be started; CHROMIUM names another one: %v", err)
	}
	b := &tab{T: t, site: s}
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext(), chromedp.WithListener(b.watch))
	b.within = func() (context.Context, context.CancelFunc) { return context.WithTimeout(ctx, patience) }
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	call(b, network.Enable, network.EnableParams{})
	call(b, cdplog.Enable, cdp.Empty{})
	b.do(chromedp.EmulateViewport(width, height))
	return b
}

// call sends a command of the protocol.
func call[P, R any](b *tab, command cdp.Command[P, R], params P) {
	b.Helper()
	ctx, cancel := b.within()
	defer cancel()
	if _, err := chromedp.Call(ctx, command, params); err != nil {
		b.Fatal(err)
	}
}

func (b *tab) note(what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.strange = append(b.strange, what)
}

// watch notes dialogs, requests to elsewhere, errors in the console, and new windows.
func (b *tab) watch(event any) {
	switch e := event.(type) {
	case *page.EventJavascriptDialogOpening:
		b.note("dialog: " + e.Message)
		go func() {
			ctx, cancel := b.within()
			defer cancel()
			_, _ = chromedp.Call(ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{})
		}()
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, b.site.url+"/") && !strings.HasPrefix(e.Request.URL, "data:") && e.Request.URL != "about:blank" {
			b.note("request: " + e.Request.URL)
		}
	case *cdplog.EventEntryAdded:
		if e.Entry.Level == cdplog.EntryLevelError && !strings.Contains(e.Entry.Text, "status of 40") && !strings.Contains(e.Entry.Text, "net::ERR_") {
			b.note("console: " + e.Entry.Text + " " + e.Entry.URL)
		}
	case *runtime.EventExceptionThrown:
		b.note("exception: " + e.ExceptionDetails.Text)
	}
}

// calm fails the test for what should not have happened.
func (b *tab) calm() {
	b.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, what := range b.strange {
		b.Error(what)
	}
	b.strange = nil
}

type step = chromedp.Action[chromedp.Void]

func (b *tab) do(steps ...step) {
	b.Helper()
	ctx, cancel := b.within()
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.Fatalf("%v\n%s", err, b.look())
	}
}

// look is where the tab is, and what it shows, for the message of a failure.
func (b *tab) look() string {
	ctx, cancel := b.within()
	defer cancel()
	where, _ := chromedp.Run(ctx, chromedp.Location())
	text, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`document.querySelector("main")?.innerText ?? ""`))
	return fmt.Sprintf("at %s: %.1500s", where, text)
}

func (b *tab) visit(path string) { b.Helper(); b.do(chromedp.Navigate(b.site.url + path)) }

// follow clicks what a selector finds, and waits for the page it leads to. What is live may be replaced between the find
// and the press, which then presses nothing and is tried again; a person's press holds it fast.
func (b *tab) follow(selector string) {
	b.Helper()
	ctx, cancel := b.within()
	defer cancel()
	for {
		_, err := chromedp.RunResponse(ctx, chromedp.Click(selector))
		if err == nil {
			return
		}
		if !strings.Contains(err.Error(), "Could not find node with given id") {
			b.Fatalf("follow %s: %v\n%s", selector, err, b.look())
		}
	}
}

// eventually waits until an expression is true in the page, which may be another one by then.
func (b *tab) eventually(expression string) {
	b.Helper()
	ctx, cancel := b.within()
	defer cancel()
	for {
		is, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("Boolean("+expression+")"))
		if err == nil && is {
			return
		}
		if ctx.Err() != nil {
			b.Fatalf("never: %s (%v)\n%s", expression, err, b.look())
		}
		<-time.After(50 * time.Millisecond) // nothing tells when a page has changed
	}
}

func (b *tab) value(expression string) string {
	b.Helper()
	ctx, cancel := b.within()
	defer cancel()
	out, err := chromedp.Run(ctx, chromedp.Evaluate[string]("String("+expression+")"))
	if err != nil {
		b.Fatalf("%s: %v\n%s", expression, err, b.look())
	}
	return out
}

// scheme has pages in the colours that the system asks for, light or dark.
func (b *tab) scheme(name string) {
	b.Helper()
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}})
}

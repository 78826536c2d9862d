package browser

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/dueq-io/dueq/queue"
)

// late is a site with a queue that is late, since nobody takes its jobs, and one with a job that died. The
// handler fails until it is mended.
func late(t *testing.T) (s *site, mend func()) {
	t.Helper()
	s = newSite(t)
	var mended atomic.Bool
	s.work(func(*queue.Delivery) error {
		if mended.Load() {
			return nil
		}
		return errDown
	}, []string{"http.callback"}, "callbacks")
	s.enqueue(queue.Job{
		Queue: "callbacks", Kind: "http.callback", ID: "order-88123", MaxAttempts: 1, Retain: time.Hour,
		Payload: []byte(`{"url":"https://acme.example/cb","token":"s3cr3t","order":88123}`), Headers: map[string]string{"x-tenant": "acme"},
	})
	s.enqueue(queue.Job{Queue: "reports", Kind: "report.make", ID: "r1"})
	return s, func() { mended.Store(true) }
}

// requeue walks from the Overview to the failed job, runs it again, and sees it done.
func requeue(t *testing.T, b *tab, mend func()) {
	t.Helper()
	b.visit("/")
	for !strings.Contains(b.value(`document.querySelector("#verdict").textContent`), "reports") {
		b.visit("/") // as somebody does who has no JavaScript
	}
	b.follow(`#rows a[href="/queue?name=callbacks"]`)
	b.follow(`#queue-tabs a.dead`)
	b.do(chromedp.WaitVisible(`//tr[contains(., "order-88123")]`))
	b.follow(`tr[data-row] a.mono`)
	text := b.value(`document.querySelector("main").textContent`)
	for _, want := range []string{"order-88123", "Dead", "HTTP 503: upstream is overloaded", "Attempt 1", "acme.example", "x-tenant"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page of the job does not say %q", want)
		}
	}
	if strings.Contains(text, "s3cr3t") {
		t.Error("a secret is not hidden")
	}
	mend()
	b.follow(`.buttons button[value=requeue]`)
	if said := b.value(`document.querySelector(".notice").textContent`); !strings.Contains(said, "ready to run again") {
		t.Errorf("said %q", said)
	}
	for !strings.Contains(b.value(`document.querySelector(".head .state").textContent`), "Done") {
		b.visit("/job?queue=callbacks&id=order-88123")
	}
	b.visit("/journal")
	if row := b.value(`document.querySelector("tr[data-row]").textContent`); !strings.Contains(row, "Requeue") || !strings.Contains(row, "order-88123") {
		t.Errorf("the journal has %q", row)
	}
	b.calm()
}

// TestStory: find the late queue, open a failed job, requeue it, see it done.
func TestStory(t *testing.T) {
	t.Parallel()
	s, mend := late(t)
	requeue(t, s.open(t, 1280, 800), mend)
}

// TestStoryWithoutScripts is the same in a browser that runs none, and in a window as wide as a telephone.
func TestStoryWithoutScripts(t *testing.T) {
	t.Parallel()
	s, mend := late(t)
	b := s.open(t, 360, 740)
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	requeue(t, b, mend)
}

// TestBulk: all dead jobs of a queue are deleted, after the name of the queue was typed.
func TestBulk(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.work(func(*queue.Delivery) error { return errDown }, []string{"k"}, "callbacks")
	for range 12 {
		s.enqueue(queue.Job{Queue: "callbacks", Kind: "k", MaxAttempts: 1})
	}
	s.shown("callbacks")
	b := s.open(t, 1280, 800)
	b.visit("/queue?name=callbacks&state=dead")
	b.eventually(`document.querySelector("#queue-tabs a.dead b").textContent === "12"`)
	b.follow(`.acts.all button[value=delete]`)
	if asked := b.value(`document.querySelector("h1").textContent`); asked != "Delete 12 jobs?" {
		t.Errorf("asks %q", asked)
	}
	b.do(chromedp.SendKeys(`input[name=typed]`, "callback"))
	b.follow(`.ask button.main`)
	if wrong := b.value(`document.querySelector(".notice.wrong").textContent`); !strings.Contains(wrong, "is not callbacks") {
		t.Errorf("said %q", wrong)
	}
	b.do(chromedp.SendKeys(`input[name=typed]`, "callbacks"))
	b.follow(`.ask button.main`)
	b.eventually(`document.querySelector("#operation .big")?.textContent === "12 done, 0 had moved on"`)
	b.eventually(`document.querySelector("#operation .state").textContent === "ended"`)
	b.calm()
}

// TestDeleteQueue: a queue that has jobs is deleted, after its name was typed, and is not listed any more.
func TestDeleteQueue(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.enqueue(queue.Job{Queue: "callbacks", Kind: "k", Delay: time.Hour})
	s.enqueue(queue.Job{Queue: "reports", Kind: "k", Delay: time.Hour})
	s.shown("callbacks")
	b := s.open(t, 1280, 800)
	b.visit("/queue?name=callbacks&state=recent")
	b.do(chromedp.Click(`.controls .menu summary`))
	b.follow(`form[action$="queue/delete"] button`)
	if asked := b.value(`document.querySelector(".ask").textContent`); !strings.Contains(asked, "Delete the queue callbacks?") || !strings.Contains(asked, "1 job") {
		t.Errorf("asks %q", asked)
	}
	b.do(chromedp.SendKeys(`input[name=typed]`, "callbacks"))
	b.follow(`.ask button.main`)
	if said := b.value(`document.querySelector(".notice").textContent`); said != "The queue is deleted." {
		t.Errorf("said %q", said)
	}
	b.eventually(`!document.querySelector("#rows").textContent.includes("callbacks") && document.querySelector("#rows").textContent.includes("reports")`)
	b.calm()
}

// TestPickedRows: the box for all, a range with Shift, and how many are picked.
func TestPickedRows(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for range 6 {
		s.enqueue(queue.Job{Queue: "callbacks", Kind: "k", Delay: time.Hour})
	}
	s.shown("callbacks")
	b := s.open(t, 1280, 800)
	b.visit("/jobs?queue=callbacks&state=delayed")
	b.eventually(`document.querySelector("button[name=act]").disabled`)
	b.do(chromedp.Evaluate[chromedp.Void](`{
		const boxes = document.querySelectorAll("input[name=job]");
		boxes[1].click();
		boxes[4].dispatchEvent(new MouseEvent("click", { shiftKey: true, bubbles: true }));
	}`))
	b.eventually(`document.querySelector(".picked").textContent === "4 selected:"`)
	b.do(chromedp.Click(`input[data-all]`))
	b.eventually(`document.querySelector(".picked").textContent === "6 selected:"`)
	b.follow(`.actbar button[value=run]`)
	if said := b.value(`document.querySelector(".notice").textContent`); said != "Run now: 6 done, 0 had moved on." {
		t.Errorf("said %q", said)
	}
	b.calm()
}

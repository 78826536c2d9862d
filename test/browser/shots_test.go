package browser

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/dueq-io/dueq/queue"
)

// shots is the folder for the pictures of the documentation; empty: none are taken.
var shots = flag.String("shots", "", "the folder for screenshots")

// TestScreenshots takes the pictures in docs/, of a shop with a queue that is late.
func TestScreenshots(t *testing.T) {
	if *shots == "" {
		return // the other tests look at the same pages
	}
	s := busy(t)
	for i := range 4000 {
		s.enqueue(queue.Job{Queue: "sms", Kind: "sms.send", Delay: time.Duration(i%3500) * time.Second, Payload: []byte(`{"to":"+15550100"}`)})
	}
	for range 40 {
		s.enqueue(queue.Job{Queue: "invoices", Kind: "invoice.print"})
	}
	b := s.open(t, 1360, 850)
	for name, path := range map[string]string{
		"dashboard.png": "/", "dashboard-queue.png": "/queue?name=callbacks&state=dead", "dashboard-job.png": "/job?queue=callbacks&id=one",
	} {
		b.visit(path)
		b.eventually(`document.getElementById("live").textContent === "live"`)
		b.shoot(name)
	}
	b.scheme("dark")
	b.visit("/schedule")
	b.eventually(`document.querySelectorAll("svg rect").length > 30`)
	b.shoot("dashboard-dark.png")
	b.scheme("light")
	b.do(chromedp.EmulateViewport(360, 740))
	b.visit("/")
	b.eventually(`document.getElementById("live").textContent === "live"`)
	b.shoot("dashboard-phone.png")
}

func (b *tab) shoot(name string) {
	b.Helper()
	ctx, cancel := b.within()
	defer cancel()
	picture, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(filepath.Join(*shots, name), picture, 0o644)
	}
	if err != nil {
		b.Fatal(err)
	}
}

package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/chromedp/chromedp"
)

// demo runs dueq demo as a newcomer does, and returns its page once its jobs are running.
func demo(ctx context.Context, root string) (url string, stop func() error, err error) {
	dir, err := os.MkdirTemp("", "dueq-operators-")
	if err != nil {
		return "", nil, err
	}
	bin := filepath.Join(dir, "dueq")
	build := exec.CommandContext(ctx, "go", "build", "-o", bin, "./cmd/dueq")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return "", nil, errors.Join(fmt.Errorf("build: %w: %s", err, out), os.RemoveAll(dir))
	}
	cmd := exec.CommandContext(ctx, bin, "demo", "--listen", "127.0.0.1:0")
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := cmd.Start(); err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	stop = func() error {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
		_ = cmd.Wait()
		return os.RemoveAll(dir)
	}
	lines := bufio.NewScanner(out)
	page := regexp.MustCompile(`http://127\.0\.0\.1:\d+/`)
	done := 0
	for lines.Scan() {
		if url == "" {
			url = page.FindString(lines.Text())
		}
		if done += strings.Count(lines.Text(), "done"); done >= 3 && url != "" {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return url, stop, nil
		}
	}
	return "", nil, errors.Join(errors.New("dueq demo ended"), lines.Err(), stop())
}

// shownParts are what the Overview has to show when it is complete.
var shownParts = []string{`id="verdict"`, `id="tiles"`, `id="rows"`, `class="delayed"`, `id="crew"`, `id="top-errors"`, "sms", "callback"}

// paint measures in a browser when the Overview is first painted, and looks whether all of it is there.
func paint(ctx context.Context, s *suite) (v verdict, err error) {
	url, stop, err := demo(ctx, s.root)
	if err != nil {
		return verdict{}, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	ctx, cancel := chromedp.NewExecAllocator(ctx, options...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()
	const looks = 5
	var firsts []float64
	var page string
	// A browser that has just begun is slow whatever it shows.
	if err := chromedp.Do(ctx, chromedp.Navigate(url), chromedp.WaitVisible("#verdict")); err != nil {
		return verdict{}, fmt.Errorf("is chromium installed? %w", err)
	}
	for range looks {
		err := chromedp.Do(ctx, chromedp.Navigate("about:blank"), chromedp.Navigate(url), chromedp.WaitVisible("#verdict"))
		if err != nil {
			return verdict{}, err
		}
		first, err := chromedp.Run(ctx, chromedp.Poll[float64](`performance.getEntriesByName("first-contentful-paint")[0]?.startTime`))
		if err != nil {
			return verdict{}, err
		}
		if page, err = chromedp.Run(ctx, chromedp.OuterHTML("html")); err != nil {
			return verdict{}, err
		}
		firsts = append(firsts, first)
	}
	var missing []string
	for _, part := range shownParts {
		if !strings.Contains(page, part) {
			missing = append(missing, part)
		}
	}
	slices.Sort(firsts)
	const bar = 300
	text := fmt.Sprintf("%.0f ms, at most %.0f of %d looks", firsts[looks/2], firsts[looks-1], looks)
	if len(missing) > 0 {
		text += "; missing " + strings.Join(missing, ", ")
	}
	return verdict{Figure: text, Pass: firsts[looks/2] < bar && len(missing) == 0}, nil
}

// size is what the Overview loads beside itself.
func size(ctx context.Context, s *suite) (v verdict, err error) {
	url, stop, err := demo(ctx, s.root)
	if err != nil {
		return verdict{}, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	_, page, err := get(ctx, url)
	if err != nil {
		return verdict{}, err
	}
	const bar = 40 << 10
	packed, files := 0, 0
	for _, m := range regexp.MustCompile(`(?:href|src)="(/static/[^"]+\.(?:js|css))"`).FindAllStringSubmatch(string(page), -1) {
		status, content, err := get(ctx, strings.TrimSuffix(url, "/")+m[1])
		if err != nil || status != 200 {
			return verdict{}, fmt.Errorf("%s: %d %w", m[1], status, err)
		}
		n, err := gzipped(content)
		if err != nil {
			return verdict{}, err
		}
		packed += n
		files++
	}
	return verdict{Figure: fmt.Sprintf("%.1f KB in %d files", float64(packed)/1024, files), Pass: packed < bar && files > 0}, nil
}

func gzipped(content []byte) (int, error) {
	var n counting
	zip, err := gzip.NewWriterLevel(&n, gzip.BestCompression)
	if err != nil {
		return 0, err
	}
	_, err = zip.Write(content)
	err = errors.Join(err, zip.Close())
	return int(n), err
}

// counting counts what is written.
type counting int

func (c *counting) Write(b []byte) (int, error) {
	*c += counting(len(b))
	return len(b), nil
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dueq-io/dueq/queue"
	"github.com/dueq-io/dueq/worker"
)

const (
	// answerShown is how much of an answer is kept as the error, answerRead how much is read so that the
	// connection can be used again.
	answerShown = 1 << 10
	answerRead  = 64 << 10
	// An endpoint may ask for a later retry, but not for one at once or never.
	soonestRetry = time.Second
	latestRetry  = 24 * time.Hour
)

// hopeless are the answers that no retry can mend: the request itself is wrong, or nobody wants it.
var hopeless = []int{http.StatusBadRequest, http.StatusGone, http.StatusUnprocessableEntity}

// withheld are the headers of a job that are not sent: they belong to the connection, or are ours to say.
var withheld = []string{
	"Connection", "Content-Length", "Host", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization",
	"Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

// poster posts each job to a URL.
type poster struct {
	url    string
	client *http.Client
}

func newPoster(rawURL string, concurrency int) (*poster, error) {
	u, err := url.Parse(rawURL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, usagef("--post: want a URL such as https://example.com/hook")
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = max(concurrency, 1)
	transport.MaxIdleConns = 0
	transport.MaxResponseHeaderBytes = answerRead
	return &poster{url: rawURL, client: &http.Client{
		Transport: transport,
		// A redirect would send the payload somewhere that nobody named.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

func (p *poster) run(ctx context.Context, d *queue.Delivery) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(d.Payload))
	if err != nil {
		return worker.Dead(bare(err))
	}
	if err := setHeaders(req.Header, d); err != nil {
		return worker.Dead(err)
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return bare(err)
	}
	defer resp.Body.Close()
	// The status has said all; what is lost of the text is lost.
	text, _ := io.ReadAll(io.LimitReader(resp.Body, answerShown))
	_, _ = io.CopyN(io.Discard, resp.Body, answerRead)
	return judge(resp, string(text), time.Now()).outcome()
}

// bare drops the URL from an error of net/http: it may hold a token, and errors are kept with the job.
func bare(err error) error {
	if of, ok := errors.AsType[*url.Error](err); ok {
		return of.Err
	}
	return err
}

// answer is what an endpoint's answer says about the job.
type answer struct {
	// err is why the job is not done; nil where it is.
	err error
	// dead says that no retry can help, after when the endpoint wants the next one, if it says so.
	dead  bool
	after time.Duration
}

// outcome is the answer as a handler's error.
func (a answer) outcome() error {
	switch {
	case a.err == nil:
		return nil
	case a.dead:
		return worker.Dead(a.err)
	case a.after > 0:
		return worker.RetryIn(a.after, a.err)
	default:
		return a.err
	}
}

func judge(resp *http.Response, text string, now time.Time) answer {
	const success, redirect = 200, 300
	if resp.StatusCode >= success && resp.StatusCode < redirect {
		return answer{}
	}
	a := answer{err: errors.New(resp.Status), dead: slices.Contains(hopeless, resp.StatusCode)}
	if location := resp.Header.Get("Location"); location != "" {
		a.err = fmt.Errorf("%s to %s, and redirects are not followed", resp.Status, location)
	}
	if text = strings.TrimSpace(strings.ToValidUTF8(text, "\uFFFD")); text != "" {
		a.err = fmt.Errorf("%w: %s", a.err, text)
	}
	if resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable {
		a.after = retryAfter(resp.Header.Get("Retry-After"), now)
	}
	return a
}

// retryAfter reads seconds or a date, and keeps it within bounds. What is neither is 0.
func retryAfter(value string, now time.Time) time.Duration {
	var after time.Duration
	if seconds, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64); err == nil {
		after = time.Duration(min(max(seconds, 0), int64(latestRetry/time.Second))) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		after = at.Sub(now)
	} else {
		return 0
	}
	return min(max(after, soonestRetry), latestRetry)
}

// setHeaders sets those of the job, and ours over them.
func setHeaders(h http.Header, d *queue.Delivery) error {
	for name, value := range d.Headers {
		if !isToken(name) || strings.ContainsAny(value, "\r\n\x00") {
			return fmt.Errorf("header %q cannot be sent", name)
		}
		if canonical := textproto.CanonicalMIMEHeaderKey(name); !slices.Contains(withheld, canonical) {
			h.Set(canonical, value)
		}
	}
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", contentType(d.Payload))
	}
	if h.Get("Idempotency-Key") == "" {
		h.Set("Idempotency-Key", d.ID)
	}
	if h.Get("User-Agent") == "" {
		h.Set("User-Agent", "dueq")
	}
	h.Set("Dueq-Job-Id", d.ID)
	h.Set("Dueq-Queue", d.Queue)
	h.Set("Dueq-Kind", url.PathEscape(d.Kind))
	h.Set("Dueq-Attempt", strconv.Itoa(d.Attempt))
	h.Set("Dueq-Token", strconv.FormatInt(d.Token, 10))
	return nil
}

func contentType(payload []byte) string {
	if json.Valid(payload) {
		return "application/json"
	}
	return "application/octet-stream"
}

// isToken says whether s may be the name of an HTTP header.
func isToken(s string) bool {
	for _, c := range []byte(s) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return s != ""
}

package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/dueq-io/dueq/dashboard"
	"github.com/dueq-io/dueq/dashboard/access"
	"github.com/dueq-io/dueq/queue"
)

// place is a dashboard whose people sign in at a fake provider.
type place struct {
	t      *testing.T
	fake   *fake
	url    string
	client *queue.Client
}

func newPlace(t *testing.T) *place {
	t.Helper()
	p := &place{t: t, fake: newFake(t)}
	provider := &Provider{
		Name: "Fake", ClientID: clientID, ClientSecret: clientSecret,
		Groups: map[string]access.Role{"ops": access.Operator, "root": access.Admin, "all": access.Viewer},
	}
	if err := provider.Discover(t.Context(), p.fake.url); err != nil {
		t.Fatal(err)
	}
	var err error
	if p.client, err = queue.Open(t.Context(), "memory://"); err != nil {
		t.Fatal(err)
	}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.url = "http://" + l.Addr().String()
	dash, err := dashboard.New(p.client, dashboard.Config{PublicURL: p.url, Access: access.Config{Authenticator: provider}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, dash, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		_ = p.client.Close()
	})
	return p
}

// page is what a browser ended at.
type page struct {
	status int
	at     *url.URL
	body   string
}

// browser keeps cookies and follows redirects, from the dashboard to the provider and back.
func (p *place) browser() *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	return &http.Client{Jar: jar}
}

func (p *place) get(c *http.Client, address string) page {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Accept", "text/html")
	res, err := c.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return page{res.StatusCode, res.Request.URL, string(body)}
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.fake.person = map[string]any{"sub": "1234", "email": "alice@example.com", "email_verified": true, "groups": []string{"all", "root", "other"}}
	c := p.browser()
	got := p.get(c, p.url+"/sessions")
	if got.at.Path != "/login" || !strings.Contains(got.body, `href="/login/away?next=%2fsessions">Sign in with Fake`) {
		t.Fatalf("%+v", got)
	}
	got = p.get(c, p.url+"/login/away?next=/sessions")
	if got.status != http.StatusOK || got.at.String() != p.url+"/sessions" || !strings.Contains(got.body, "<b>alice@example.com</b>") {
		t.Fatalf("%+v", got)
	}
	entries, err := p.client.Desk().Journal(t.Context(), "", 10)
	if err != nil || len(entries) != 1 || entries[0].User != "alice@example.com" || entries[0].Role != "admin" {
		t.Errorf("%+v, %v", entries, err)
	}
}

func TestUnverifiedAddressIsNoName(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.fake.person = map[string]any{"sub": "1234", "email": "alice@example.com", "groups": []string{"all"}}
	if got := p.get(p.browser(), p.url+"/login/away"); !strings.Contains(got.body, "<b>1234</b>") || strings.Contains(got.body, "alice") {
		t.Errorf("%+v", got)
	}
}

// TestRefused: whoever has no role, and whatever does not fit together, gets no session.
func TestRefused(t *testing.T) {
	t.Parallel()
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(f *fake, claims map[string]any){
		"no group":         func(_ *fake, c map[string]any) { delete(c, "groups") },
		"another group":    func(_ *fake, c map[string]any) { c["groups"] = []string{"sales"} },
		"another nonce":    func(_ *fake, c map[string]any) { c["nonce"] = "x" },
		"no nonce":         func(_ *fake, c map[string]any) { delete(c, "nonce") },
		"another audience": func(_ *fake, c map[string]any) { c["aud"] = "shop" },
		"another issuer":   func(_ *fake, c map[string]any) { c["iss"] = "https://evil.example" },
		"too old":          func(_ *fake, c map[string]any) { c["exp"] = time.Now().Add(-time.Hour).Unix() },
		"another's key":    func(f *fake, _ map[string]any) { f.signer = other },
		"an odd name":      func(_ *fake, c map[string]any) { c["sub"] = "a b" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			p.fake.person = map[string]any{"sub": "1234", "groups": []string{"all"}}
			p.fake.spoil = func(c map[string]any) { spoil(p.fake, c) }
			c := p.browser()
			if got := p.get(c, p.url+"/login/away"); got.status != http.StatusUnauthorized && got.status != http.StatusForbidden {
				t.Errorf("%+v", got)
			}
			if got := p.get(c, p.url+"/"); got.at.Path != "/login" {
				t.Errorf("got in, to %s", got.at)
			}
		})
	}
}

// TestAnswerOfAnotherBrowser: a link with somebody else's code signs nobody in, and a code works once.
func TestAnswerOfAnotherBrowser(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.fake.person = map[string]any{"sub": "mallory", "groups": []string{"root"}}
	mallory := p.browser()
	link := ""
	mallory.CheckRedirect = func(req *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(req.URL.String(), p.url+"/login/back") {
			link = req.URL.String()
			return http.ErrUseLastResponse
		}
		return nil
	}
	p.get(mallory, p.url+"/login/away")
	victim := p.browser()
	for range 2 {
		if got := p.get(victim, link); link == "" || got.status != http.StatusUnauthorized {
			t.Fatalf("%q: %+v", link, got)
		}
	}
	mallory.CheckRedirect = nil
	if got := p.get(mallory, link); got.status != http.StatusOK || !strings.Contains(got.body, "<b>mallory</b>") {
		t.Errorf("the browser that asked: %+v", got)
	}
	if got := p.get(p.browser(), link); got.status != http.StatusUnauthorized {
		t.Errorf("a second time: %+v", got)
	}
}

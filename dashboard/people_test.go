package dashboard

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/dueq-io/dueq/dashboard/access"
	"github.com/dueq-io/dueq/queue"
)

const password = "correct horse"

// passwordHash is computed once: it is made to take long.
var passwordHash = sync.OnceValue(func() string {
	h, err := access.Hash(password)
	if err != nil {
		panic(err)
	}
	return h
})

// people are one user of each role, and one of each who sees the queue sms only.
func people() []access.User {
	var users []access.User
	for _, role := range access.Roles() {
		users = append(users,
			access.User{Name: string(role), Role: role, Hash: passwordHash()},
			access.User{Name: "sms-" + string(role), Role: role, Queues: []string{"sms*"}, Hash: passwordHash()},
		)
	}
	return users
}

// secured is a dashboard on a client with a login for people.
func withPeople(t *testing.T, c *queue.Client, cfg Config) *Dashboard {
	t.Helper()
	cfg.Access.Users = append(cfg.Access.Users, people()...)
	return newDashboard(t, c, cfg)
}

// person is somebody's browser, which asks the handler itself.
type person struct {
	t       *testing.T
	handler http.Handler
	cookies map[string]*http.Cookie
	// change is done to each request.
	change []func(*http.Request)
}

func newPerson(t *testing.T, h http.Handler, change ...func(*http.Request)) *person {
	return &person{t: t, handler: h, cookies: map[string]*http.Cookie{}, change: change}
}

// at is the same browser at another dashboard.
func (p *person) at(h http.Handler) *person {
	return &person{t: p.t, handler: h, cookies: p.cookies, change: p.change}
}

// ask sends a form with POST, and anything else without.
func (p *person) ask(method, target string, form url.Values, change ...func(*http.Request)) answer {
	p.t.Helper()
	body := strings.NewReader(form.Encode())
	r := httptest.NewRequestWithContext(p.t.Context(), method, target, body)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Host = "localhost"
	r.Header.Set("Accept", "text/html")
	for _, c := range p.cookies {
		r.AddCookie(c)
	}
	for _, c := range append(p.change, change...) {
		c(r)
	}
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, r)
	res := w.Result()
	defer res.Body.Close()
	for _, c := range res.Cookies() {
		p.cookies[c.Name] = c
		if c.MaxAge < 0 {
			delete(p.cookies, c.Name)
		}
	}
	return answer{w.Code, w.Header(), w.Body.String()}
}

func (p *person) get(target string, change ...func(*http.Request)) answer {
	p.t.Helper()
	return p.ask(http.MethodGet, target, nil, change...)
}

func (p *person) post(target string, fields ...string) answer {
	p.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return p.ask(http.MethodPost, target, form)
}

// enter signs in with the password of all.
func (p *person) enter(name string) *person {
	p.t.Helper()
	if got := p.post("/login", "name", name, "password", password); got.status != http.StatusSeeOther {
		p.t.Fatalf("%s cannot sign in: %d %s", name, got.status, got.body)
	}
	return p
}

// want fails the test for another status, and for an answer without the words.
func (a answer) want(t *testing.T, status int, words ...string) answer {
	t.Helper()
	if a.status != status {
		t.Errorf("%d, want %d: %s", a.status, status, a.body)
	}
	for _, word := range words {
		if !strings.Contains(a.body, word) {
			t.Errorf("no %q in %s", word, a.body)
		}
	}
	return a
}

// leads fails the test for an answer that does not send the browser there.
func (a answer) leads(t *testing.T, to string) answer {
	t.Helper()
	if got := a.header.Get("Location"); a.status != http.StatusSeeOther || got != to {
		t.Errorf("%d to %q, want %q", a.status, got, to)
	}
	return a
}

package dashboard

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dueq-io/dueq/dashboard/access"
	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

func TestSignIn(t *testing.T) {
	t.Parallel()
	d := withPeople(t, open(t, redistest.URL(t)), Config{})
	p := newPerson(t, d)
	p.get("/login?next=/api/v1/queues").want(t, http.StatusOK, `<form class="signin" method="post" action="/login">`, `name="next" value="/api/v1/queues"`)
	p.post("/login", "name", "operator", "password", password, "next", "/api/v1/queues").leads(t, "/api/v1/queues")
	p.get("/").want(t, http.StatusOK, "<b>operator</b>", `action="/logout"`, "Sign out")
	p.get("/login").leads(t, "/")
	if len(p.cookies) != 1 {
		t.Errorf("%v", p.cookies)
	}
}

// TestWrongNameAndWrongPasswordAreAlike, to the letter.
func TestWrongNameAndWrongPasswordAreAlike(t *testing.T) {
	t.Parallel()
	client := open(t, "memory://")
	d := withPeople(t, client, Config{})
	var pages []string
	for _, c := range [][2]string{{"viewer", "wrong password"}, {"nobody", password}, {"nobody", "wrong password"}, {"viewer", ""}, {"", ""}, {strings.Repeat("n", 70), password}} {
		p := newPerson(t, d)
		got := p.post("/login", "name", c[0], "password", c[1]).want(t, http.StatusUnauthorized, "Name or password is wrong.")
		if len(p.cookies) > 0 {
			t.Errorf("%v gets a cookie", c)
		}
		if strings.Contains(got.body, "wrong password") {
			t.Error("the password is on the page")
		}
		pages = append(pages, strings.ReplaceAll(got.body, `value="`+c[0]+`"`, ""))
	}
	if !slices.Equal(pages[:3], []string{pages[0], pages[0], pages[0]}) {
		t.Errorf("the pages differ:\n%s\n%s", pages[0], pages[1])
	}
	entries, err := client.Desk().Journal(t.Context(), "", 10)
	if err != nil || len(entries) != 6 || entries[5].User != "viewer" || entries[4].User != "" || entries[4].Result != "wrong name or password" {
		t.Errorf("%+v, %v", entries, err)
	}
}

func TestCookie(t *testing.T) {
	t.Parallel()
	for public, want := range map[string]string{
		"":                         `^dueq-t[^=]*=[\w-]{43}; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax$`,
		"http://dueq.example":      `^dueq-t[^=]*=[\w-]{43}; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax$`,
		"https://dueq.example/":    `^__Host-dueq-t[^=]*=[\w-]{43}; Path=/; Max-Age=43200; HttpOnly; Secure; SameSite=Lax$`,
		"https://dueq.example:444": `^__Host-dueq-t[^=]*=[\w-]{43}; Path=/; Max-Age=43200; HttpOnly; Secure; SameSite=Lax$`,
	} {
		client := open(t, "memory://")
		d := withPeople(t, client, Config{PublicURL: public})
		got := newPerson(t, d).post("/login", "name", "viewer", "password", password)
		cookie := got.header.Get("Set-Cookie")
		if !regexp.MustCompile(want).MatchString(cookie) {
			t.Errorf("%s: %s", public, cookie)
		}
		// Redis knows the session, and cannot be used to take it over.
		sessions, err := client.Desk().Sessions(t.Context())
		secret := regexp.MustCompile(`=([\w-]{43});`).FindStringSubmatch(cookie)
		if err != nil || len(sessions) != 1 || sessions[0].Left > time.Hour || strings.Contains(sessions[0].ID+string(sessions[0].Value), secret[1]) {
			t.Errorf("%+v, %v", sessions, err)
		}
	}
}

// TestSessionIsOfAllDashboards: a browser goes on at another dashboard, at one that was started anew, and
// nowhere after it has signed out.
func TestSessionIsOfAllDashboards(t *testing.T) {
	t.Parallel()
	client := open(t, redistest.URL(t))
	first, second := withPeople(t, client, Config{}), withPeople(t, client, Config{})
	p := newPerson(t, first).enter("admin")
	kept := newPerson(t, first)
	maps.Copy(kept.cookies, p.cookies)
	p.at(second).get("/sessions").want(t, http.StatusOK, "this one")
	p.at(second).post("/logout").leads(t, "/login")
	if len(p.cookies) != 0 {
		t.Errorf("keeps %v", p.cookies)
	}
	for _, d := range []*Dashboard{first, second, withPeople(t, client, Config{})} {
		kept.at(d).get("/").leads(t, "/login?next=%2F")
	}
}

// TestSignInMakesAnotherSession: what a browser had before, its own or one that somebody gave it, ends.
func TestSignInMakesAnotherSession(t *testing.T) {
	t.Parallel()
	client := open(t, "memory://")
	d := withPeople(t, client, Config{})
	p := newPerson(t, d).enter("viewer")
	before := *p.cookies["dueq-"+client.Namespace()]
	p.post("/login", "name", "viewer", "password", password).leads(t, "/")
	if p.cookies[before.Name].Value == before.Value {
		t.Fatal("the same session")
	}
	p.get("/").want(t, http.StatusOK)
	p.cookies[before.Name] = &before
	p.get("/").leads(t, "/login?next=%2F")
	p.cookies[before.Name] = &http.Cookie{Name: before.Name, Value: strings.Repeat("x", 43)}
	p.get("/").leads(t, "/login?next=%2F")
}

// TestUserOfToday: a session has the role that its user has now, and none when the user is gone.
func TestUserOfToday(t *testing.T) {
	t.Parallel()
	client := open(t, "memory://")
	p := newPerson(t, withPeople(t, client, Config{})).enter("admin")
	less := newDashboard(t, client, Config{Access: access.Config{Users: []access.User{{Name: "admin", Role: access.Viewer, Hash: passwordHash()}}}})
	p.at(less).get("/").want(t, http.StatusOK)
	p.at(less).get("/sessions").want(t, http.StatusForbidden, "viewer")
	gone := newDashboard(t, client, Config{Access: access.Config{Users: []access.User{{Name: "other", Role: access.Viewer, Hash: passwordHash()}}}})
	p.at(gone).get("/").leads(t, "/login?next=%2F")
}

func TestLanding(t *testing.T) {
	t.Parallel()
	for next, want := range map[string]string{
		"/ops/": "/ops/", "/ops/jobs?queue=sms&state=dead": "/ops/jobs?queue=sms&state=dead", "": "/ops/", "/": "/ops/", "/other": "/ops/", "/opsx/": "/ops/",
		"https://evil.example/ops/": "/ops/", "//evil.example/ops/": "/ops/", `/ops/\evil.example`: "/ops/", `\\evil.example`: "/ops/",
		"/ops/login": "/ops/", "/ops/login/away": "/ops/", "javascript:alert(1)": "/ops/", "/ops/\r\nSet-Cookie: a=b": "/ops/", "/ops/%zz": "/ops/", "/ops/#x": "/ops/",
	} {
		d := fake(t, Config{BasePath: "/ops"}, nil)
		if got := d.landing(next); got != want {
			t.Errorf("%q leads to %q, want %q", next, got, want)
		}
	}
	root := fake(t, Config{}, nil)
	for _, next := range []string{"//evil.example", "/\\evil.example", "///evil.example"} {
		if got := root.landing(next); got != "/" {
			t.Errorf("%q leads to %q", next, got)
		}
	}
}

// TestAnotherSiteCannotSignIn: nor out, whatever the cookie's SameSite does.
func TestAnotherSiteCannotSignIn(t *testing.T) {
	t.Parallel()
	client := open(t, "memory://")
	d := withPeople(t, client, Config{PublicURL: "https://dueq.example"})
	cross := func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }
	foreign := func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }
	// A proxy may ask under a name of its own.
	public := func(r *http.Request) {
		r.Host = "127.0.0.1:7373"
		r.Header.Set("Origin", "https://dueq.example")
	}
	form := map[string][]string{"name": {"viewer"}, "password": {password}}
	for i, change := range []func(*http.Request){cross, foreign, public} {
		want := http.StatusForbidden
		if i == 2 {
			want = http.StatusSeeOther
		}
		newPerson(t, d).ask(http.MethodPost, "/login", form, change).want(t, want)
	}
}

func TestChineseLogin(t *testing.T) {
	t.Parallel()
	d := withPeople(t, open(t, "memory://"), Config{})
	p := newPerson(t, d, func(r *http.Request) { r.Header.Set("Accept-Language", "zh-CN,zh;q=0.9") })
	p.get("/login").want(t, http.StatusOK, `<html lang="zh">`, "用户名", "登录")
	p.post("/login", "name", "viewer", "password", "falsch").want(t, http.StatusUnauthorized, "用户名或密码错误。")
	p.enter("viewer").get("/").want(t, http.StatusOK, "退出登录")
}

func TestRedisIsFullOrAway(t *testing.T) {
	t.Parallel()
	server := redistest.StartTCP(t)
	client, err := queue.Config{Logger: silent, Retries: -1}.Open(t.Context(), server.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	d := withPeople(t, client, Config{})
	act := route{pattern: "POST /try", need: access.Operate, change: func(http.ResponseWriter, *http.Request, *actor) {
		t.Error("somebody acts whose session may have ended")
	}}
	if d.handler, err = d.router(append(d.routes(), act)); err != nil {
		t.Fatal(err)
	}
	p, stranger := newPerson(t, d).enter("operator"), newPerson(t, d).enter("viewer")
	p.get("/").want(t, http.StatusOK)
	if err := server.Client().ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	newPerson(t, d).post("/login", "name", "viewer", "password", password).want(t, http.StatusServiceUnavailable, "Redis is full")
	server.Kill()
	newPerson(t, d).post("/login", "name", "viewer", "password", password).want(t, http.StatusServiceUnavailable, "cannot be reached")
	// Somebody has to see that Redis is away: whoever was here a while ago.
	p.get("/").want(t, http.StatusOK, "Down")
	p.post("/try").want(t, http.StatusServiceUnavailable, "does not know who you are")
	p.post("/logout").want(t, http.StatusServiceUnavailable)
	stranger.at(withPeople(t, client, Config{})).get("/").want(t, http.StatusServiceUnavailable, "does not know who you are")
}

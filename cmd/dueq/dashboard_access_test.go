package main

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dueq-io/dueq/dashboard/access"
	"github.com/dueq-io/dueq/internal/redistest"
	"github.com/dueq-io/dueq/queue"
)

func writeFile(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// userLine is what dueq dashboard user prints.
func userLine(t *testing.T, args ...string) string {
	t.Helper()
	r := dueqIn(t, strings.NewReader("correct horse\nmore"), append([]string{"dashboard", "user"}, args...)...).want(t, exitOK)
	if strings.Contains(r.out+r.err, "horse") || strings.Count(r.out, "\n") != 1 {
		t.Errorf("printed %q %q", r.out, r.err)
	}
	return r.out
}

func TestDashboardUser(t *testing.T) {
	t.Parallel()
	lines := userLine(t, "alice", "--role", "operator", "--queue", "sms*,mail") + userLine(t, "bob") + userLine(t, "carol", "--no-password", "--role", "admin")
	users, err := access.ParseUsers(strings.NewReader(lines))
	if err != nil || len(users) != 3 {
		t.Fatal(users, err)
	}
	a, b, c := users[0], users[1], users[2]
	if a.Name != "alice" || a.Role != access.Operator || strings.Join(a.Queues, " ") != "sms* mail" || !strings.HasPrefix(a.Hash, "$argon2id$") {
		t.Errorf("%+v", a)
	}
	if b.Role != access.Viewer || b.Queues != nil || b.Hash == a.Hash || c.Hash != "" {
		t.Errorf("%+v, %+v", b, c)
	}
	dueqIn(t, strings.NewReader("short\n"), "dashboard", "user", "x").failed(t, "8 to 1024")
	dueqIn(t, strings.NewReader(""), "dashboard", "user", "x").failed(t, "8 to 1024")
	for _, args := range [][]string{{"a b"}, {"#x"}, {"x", "--role", "king"}, {"x", "--queue", "["}} {
		dueq(t, append([]string{"dashboard", "user"}, args...)...).misused(t, args[0])
	}
	dueq(t, "dashboard", "user").misused(t, "argument")
}

// browser signs in over the network.
func browser(t *testing.T, base, name string) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &http.Client{Jar: jar}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"login", strings.NewReader(url.Values{"name": {name}, "password": {"correct horse"}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusOK || !strings.Contains(string(body), "<b>"+name+"</b>") {
		t.Fatalf("%s: %s %s", name, res.Status, body)
	}
	return c
}

// TestDashboardWithALogin: others can reach it, and have to sign in; a Redis user of the role dashboard is
// enough, and the signed-in one goes on after a restart.
func TestDashboardWithALogin(t *testing.T) {
	t.Parallel()
	server := redistest.StartTCP(t)
	v := decode[aclView](t, dueq(t, "acl", "dashboard", "--namespace", "shop", "--password-file", writeFile(t, "pw"), "--json").want(t, exitOK))
	var words []any
	for word := range strings.FieldsSeq(v.SetUser) {
		words = append(words, word)
	}
	if err := server.Client().Do(t.Context(), words...).Err(); err != nil {
		t.Fatal(err)
	}
	args := []string{
		"dashboard", "--listen", "0.0.0.0:0", "--users-file", writeFile(t, userLine(t, "alice", "--role", "admin")),
		"--redis", "redis://dueq-dashboard:pw@" + server.Addr(), "--namespace", "shop",
	}
	d := background(t, args...)
	base := local(t, d)
	if code, body := get(t, base); code != http.StatusUnauthorized {
		t.Errorf("%d %s", code, body)
	}
	d.says("in the clear")
	c := browser(t, base, "alice")
	d.stop().want(t, exitOK)
	again := background(t, args...)
	next, err := url.Parse(local(t, again))
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, next.String()+"sessions", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := c.Do(req) // cookies are those of the host, whatever its port
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusOK || !strings.Contains(string(body), "this one") {
		t.Errorf("%s %s", res.Status, body)
	}
	again.stop().want(t, exitOK)
	client, err := queue.Config{Namespace: "shop", Logger: quiet()}.Open(t.Context(), "redis://"+server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if entries, err := client.Desk().Journal(t.Context(), "", 10); err != nil || len(entries) != 1 || entries[0].User != "alice" || entries[0].IP != "127.0.0.1" {
		t.Errorf("%+v, %v", entries, err)
	}
}

// local is the address of a daemon that listens on all addresses, as this machine reaches it.
func local(t *testing.T, d *daemon) string {
	t.Helper()
	u, err := url.Parse(d.address())
	if err != nil {
		t.Fatal(err)
	}
	return "http://127.0.0.1:" + u.Port() + "/"
}

// TestDashboardBehindAProxy: the one that has the secret says who makes a request, and nobody else does.
func TestDashboardBehindAProxy(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	d := background(t, p.args("dashboard", "--listen", "0.0.0.0:0", "--trusted-proxy", "127.0.0.1", "--trusted-proxy", "::1/128",
		"--proxy-secret-file", writeFile(t, "a secret of the proxy\nmore"), "--proxy-user-header", "Remote-User", "--proxy-role", "viewer",
		"--public-url", "https://ops.example", "--read-only")...)
	base := local(t, d)
	for secret, want := range map[string]int{"a secret of the proxy": http.StatusOK, "another secret of it": http.StatusUnauthorized} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "ops.example"
		req.Header.Set("Remote-User", "dave")
		req.Header.Set("X-Dueq-Proxy-Secret", secret)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.StatusCode != want || (want == http.StatusOK) != strings.Contains(string(body), "<b>dave</b>") {
			t.Errorf("%s: %s", secret, res.Status)
		}
	}
	if r := d.stop().want(t, exitOK); strings.Contains(r.err, "in the clear") || strings.Contains(r.err, "secret of") {
		t.Errorf("%s", r.err)
	}
}

func TestDashboardAccessIsChecked(t *testing.T) {
	t.Parallel()
	hash := strings.Fields(userLine(t, "x"))[3]
	for name, c := range map[string]struct {
		set  dashboardSettings
		want string
	}{
		"no file":       {dashboardSettings{usersFile: "/nonexistent"}, "/nonexistent"},
		"nobody in it":  {dashboardSettings{usersFile: writeFile(t, "# nobody\n")}, "dueq dashboard user"},
		"a broken line": {dashboardSettings{usersFile: writeFile(t, "\nalice admin\n")}, "line 2"},
		"no network":    {dashboardSettings{trustedProxies: []string{"10.0.0.0/99"}}, "10.0.0.0/99"},
		"no address":    {dashboardSettings{trustedProxies: []string{"proxy"}}, "proxy"},
		"no secret":     {dashboardSettings{proxySecretFile: "/nonexistent"}, "/nonexistent"},
		"empty secret":  {dashboardSettings{proxySecretFile: writeFile(t, "\n")}, "empty"},
		"others reach":  {dashboardSettings{listen: ":7373"}, "--users-file"},
	} {
		if c.set.listen == "" {
			c.set.listen = defaultListen
		}
		if _, err := c.set.access(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	users := writeFile(t, "alice admin * "+hash)
	for name, c := range map[string]struct {
		set       dashboardSettings
		login     bool
		anonymous access.Role
	}{
		"this machine":               {dashboardSettings{listen: defaultListen}, false, access.Admin},
		"a proxy on it is expected":  {dashboardSettings{listen: defaultListen, hosts: []string{"ops.example"}}, false, access.Viewer},
		"its public name is known":   {dashboardSettings{listen: "[::1]:1", publicURL: "https://ops.example"}, false, access.Viewer},
		"all, insecurely":            {dashboardSettings{listen: ":1", insecureNoAuth: true}, false, access.Viewer},
		"this machine, insecurely":   {dashboardSettings{listen: "localhost:1", insecureNoAuth: true}, false, access.Viewer},
		"people":                     {dashboardSettings{listen: ":1", usersFile: users}, true, ""},
		"people, insecurely as well": {dashboardSettings{listen: ":1", usersFile: users, insecureNoAuth: true}, true, ""},
	} {
		got, err := c.set.access()
		if err != nil || got.Login() != c.login || got.Anonymous != c.anonymous {
			t.Errorf("%s: %v %q, %v", name, got.Login(), got.Anonymous, err)
		}
	}
}

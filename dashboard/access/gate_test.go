package access

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/dueq-io/dueq/queue"
)

const proxySecret = "a secret of the proxy"

func newGate(t *testing.T, cfg Config) *Gate {
	t.Helper()
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	client, err := queue.Open(t.Context(), "memory://")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	g, err := NewGate(client, "test", cfg, false, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func from(t *testing.T, peer string, headers ...string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
	r.RemoteAddr = peer
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

func TestProxyLogin(t *testing.T) {
	t.Parallel()
	cfg := Config{
		Users:   []User{{Name: "alice", Role: Admin, Queues: []string{"sms"}}},
		Proxies: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00::/8")},
		Proxy:   ProxyLogin{Secret: proxySecret, Role: Viewer},
	}
	g := newGate(t, cfg)
	user, secret := "X-Forwarded-User", "X-Dueq-Proxy-Secret"
	for name, c := range map[string]struct {
		r    *http.Request
		want Identity
		err  error
	}{
		"a user":          {from(t, "10.1.2.3:5", user, "alice", secret, proxySecret), Identity{Name: "alice", Role: Admin}, nil},
		"somebody else":   {from(t, "[fd00::1]:5", user, "bob", secret, proxySecret), Identity{Name: "bob", Role: Viewer}, nil},
		"mapped address":  {from(t, "[::ffff:10.1.0.1]:5", user, "bob", secret, proxySecret), Identity{Name: "bob", Role: Viewer}, nil},
		"another address": {from(t, "10.2.0.1:5", user, "alice", secret, proxySecret), Identity{}, ErrNobody},
		"forwarded from":  {from(t, "10.2.0.1:5", user, "alice", secret, proxySecret, "X-Forwarded-For", "10.1.2.3"), Identity{}, ErrNobody},
		"no secret":       {from(t, "10.1.2.3:5", user, "alice"), Identity{}, ErrNobody},
		"a wrong secret":  {from(t, "10.1.2.3:5", user, "alice", secret, proxySecret+"x"), Identity{}, ErrNobody},
		"part of it":      {from(t, "10.1.2.3:5", user, "alice", secret, proxySecret[:5]), Identity{}, ErrNobody},
		"no user":         {from(t, "10.1.2.3:5", secret, proxySecret), Identity{}, ErrNobody},
		"two users":       {from(t, "10.1.2.3:5", user, "bob", user, "alice", secret, proxySecret), Identity{}, ErrStranger},
		"an odd name":     {from(t, "10.1.2.3:5", user, "al ice", secret, proxySecret), Identity{}, ErrStranger},
		"no address":      {from(t, "@", user, "alice", secret, proxySecret), Identity{}, ErrNobody},
	} {
		id, err := g.Identify(c.r)
		if id.Name != c.want.Name || id.Role != c.want.Role || !errors.Is(err, c.err) || (c.err == nil) != (err == nil) {
			t.Errorf("%s: %+v, %v", name, id, err)
		}
	}
	cfg.Proxy.Role = ""
	if _, err := newGate(t, cfg).Identify(from(t, "10.1.2.3:5", user, "bob", secret, proxySecret)); !errors.Is(err, ErrStranger) {
		t.Errorf("a user without a role: %v", err)
	}
	cfg.Proxy.UserHeader, cfg.Proxy.SecretHeader = "Remote-User", "Proxy-Key"
	if id, err := newGate(t, cfg).Identify(from(t, "10.1.2.3:5", "Remote-User", "alice", "Proxy-Key", proxySecret)); err != nil || !id.Sees("sms") || id.Sees("mail") {
		t.Errorf("other headers: %+v, %v", id, err)
	}
}

func TestAddress(t *testing.T) {
	t.Parallel()
	g := newGate(t, Config{Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	for _, c := range []struct {
		peer, forwarded, want string
	}{
		{"192.0.2.1:5", "", "192.0.2.1"},
		{"192.0.2.1:5", "198.51.100.7", "192.0.2.1"}, // anyone can say so
		{"10.0.0.1:5", "198.51.100.7", "198.51.100.7"},
		{"10.0.0.1:5", "127.0.0.1, 198.51.100.7", "198.51.100.7"}, // the browser has said the first
		{"10.0.0.1:5", "198.51.100.7, 10.9.9.9", "198.51.100.7"},
		{"10.0.0.1:5", "nonsense, 10.9.9.9", "10.9.9.9"},
		{"10.0.0.1:5", "", "10.0.0.1"},
		{"10.0.0.1:5", "2001:db8::1", "2001:db8::1"},
		{"@", "198.51.100.7", ""},
	} {
		r := from(t, c.peer)
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if got := g.Address(r); got != c.want {
			t.Errorf("%s forwarded for %q: %s, want %s", c.peer, c.forwarded, got, c.want)
		}
	}
	if a, b := network(netip.MustParseAddr("2001:db8::1")), network(netip.MustParseAddr("2001:db8::ffff:1")); a != b {
		t.Errorf("%s and %s are two", a, b)
	}
	if a, b := network(netip.MustParseAddr("192.0.2.1")), network(netip.MustParseAddr("192.0.2.2")); a == b {
		t.Errorf("%s and %s are one", a, b)
	}
}

func TestIdentityOfTheProgram(t *testing.T) {
	t.Parallel()
	g := newGate(t, Config{Users: []User{{Name: "alice", Role: Viewer}}, Proxy: ProxyLogin{Secret: proxySecret}, Proxies: []netip.Prefix{netip.MustParsePrefix("::/0")}})
	r := from(t, "192.0.2.1:5")
	if _, err := g.Identify(r); !errors.Is(err, ErrNobody) {
		t.Error(err)
	}
	want := Identity{Name: "carol", Role: Operator, Queues: []string{"b*", "a"}}
	id, err := g.Identify(r.WithContext(With(r.Context(), want)))
	if err != nil || id.Name != "carol" || id.Role != Operator || id.Scope() != "a b*" {
		t.Errorf("%+v, %v", id, err)
	}
	open := newGate(t, Config{Anonymous: Operator})
	if id, err := open.Identify(r); err != nil || id.Role != Operator {
		t.Errorf("%+v, %v", id, err)
	}
}

func TestPermissions(t *testing.T) {
	t.Parallel()
	want := map[Permission]string{Anyone: "-voa", Enter: "-voa", See: "voa", Operate: "oa", Reveal: "oa", Administer: "a", 0: "", Administer + 1: ""}
	for p, letters := range want {
		for role, letter := range map[Role]string{"": "-", "root": "-", Viewer: "v", Operator: "o", Admin: "a"} {
			if got := role.May(p); got != strings.Contains(letters, letter) {
				t.Errorf("%q may %d: %v", role, p, got)
			}
		}
	}
}

func TestSees(t *testing.T) {
	t.Parallel()
	id := Identity{Queues: []string{"sms*", "mail.?", "[bad"}}
	for queue, want := range map[string]bool{"sms": true, "sms-eu": true, "mail.a": true, "mail": false, "mail.ab": false, "xsms": false, "": false, "[bad": false} {
		if id.Sees(queue) != want {
			t.Errorf("%q: %v", queue, !want)
		}
	}
	if !(Identity{}).Sees("any") {
		t.Error("no pattern is not every queue")
	}
}

func TestConfigIsRefused(t *testing.T) {
	t.Parallel()
	hash := (&hash{memory: hashMemory, time: 1, threads: 1, salt: make([]byte, 16), key: make([]byte, 32)}).String()
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for want, cfg := range map[string]Config{
		"twice":            {Users: []User{{Name: "a", Role: Viewer}, {Name: "a", Role: Admin}}},
		`role "king"`:      {Users: []User{{Name: "a", Role: "king"}}},
		"without spaces":   {Users: []User{{Name: "a b", Role: Viewer}}},
		"argon2id":         {Users: []User{{Name: "a", Role: Viewer, Hash: "secret"}}},
		"pattern":          {Users: []User{{Name: "a", Role: Viewer, Hash: hash, Queues: []string{"["}}}},
		"addresses":        {Proxy: ProxyLogin{Secret: proxySecret}},
		"at least 16":      {Proxy: ProxyLogin{Secret: "short"}, Proxies: proxies},
		`"emperor"`:        {Proxy: ProxyLogin{Secret: proxySecret, Role: "emperor"}, Proxies: proxies},
		"there is a login": {Users: []User{{Name: "a", Role: Viewer}}, Anonymous: Admin},
		`"anyone"`:         {Anonymous: "anyone"},
	} {
		if err := cfg.Validate(); !errors.Is(err, queue.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
		if err := cfg.Validate(); err != nil && strings.Contains(err.Error(), "secret\"") {
			t.Errorf("a secret in %v", err)
		}
	}
}

func TestUsersFile(t *testing.T) {
	t.Parallel()
	hash := (&hash{memory: hashMemory, time: 1, threads: 1, salt: make([]byte, 16), key: make([]byte, 32)}).String()
	users, err := ParseUsers(strings.NewReader("# people\n\nalice admin * " + hash + "\n  bob\tviewer sms*,mail\r\n"))
	if err != nil || len(users) != 2 || users[0].Hash != hash || users[0].Queues != nil || users[1].Name != "bob" || strings.Join(users[1].Queues, "+") != "sms*+mail" {
		t.Fatalf("%+v, %v", users, err)
	}
	for _, u := range users {
		again, err := ParseUsers(strings.NewReader(u.Line()))
		if err != nil || len(again) != 1 || again[0].Line() != u.Line() {
			t.Errorf("%q: %+v, %v", u.Line(), again, err)
		}
	}
	for _, bad := range []string{"alice", "alice admin", "alice king *", "alice admin * $argon2id$broken", "alice admin * " + hash + " more", "alice admin a,,b", strings.Repeat("x", 70000)} {
		users, err := ParseUsers(strings.NewReader("\n" + bad))
		if err == nil || len(bad) < 1000 && !strings.Contains(err.Error(), "line 2") || strings.Contains(err.Error(), hash) {
			t.Errorf("%q: %+v, %v", bad, users, err)
		}
	}
}

package access

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"log/slog"
	"net/http"

	"github.com/dueq-io/dueq/queue"
)

// ErrNobody is returned when nothing says who makes a request.
var ErrNobody = errors.New("not signed in")

// ErrStranger is returned when a trusted proxy names somebody who has no role here.
var ErrStranger = errors.New("this user has no role here")

// Gate says who makes each request. It is safe for concurrent use.
type Gate struct {
	cfg       Config
	desk      *queue.Desk
	users     map[string]*User
	passwords *passwords
	recent    recent
	cookie    string
	secure    bool
	logger    *slog.Logger
}

// NewGate makes a Gate of a valid Config that keeps its sessions at the client's Desk. With secure,
// browsers send its cookie over TLS only. The cookie is named by the namespace: browsers give one host
// the cookies of all its ports.
func NewGate(client *queue.Client, namespace string, cfg Config, secure bool, logger *slog.Logger) (*Gate, error) {
	g := &Gate{
		cfg: cfg, desk: client.Desk(), users: map[string]*User{}, recent: recent{all: map[string]remembered{}},
		cookie: "dueq-" + namespace, secure: secure, logger: logger,
	}
	if secure {
		// Browsers take such a cookie from no other host, and from no page that was not sent over TLS.
		g.cookie = "__Host-" + g.cookie
	}
	if g.cfg.Proxy.UserHeader == "" {
		g.cfg.Proxy.UserHeader = defaultUserHeader
	}
	if g.cfg.Proxy.SecretHeader == "" {
		g.cfg.Proxy.SecretHeader = defaultSecretHeader
	}
	for i := range cfg.Users {
		g.users[cfg.Users[i].Name] = &cfg.Users[i]
	}
	var err error
	g.passwords, err = newPasswords(cfg.Users)
	return g, err
}

// Identify says who makes a request: whom the program says (With), whom a trusted proxy vouches for, or
// who has signed in. It returns ErrNobody, ErrStranger, or why Redis does not say whose session it is.
func (g *Gate) Identify(r *http.Request) (Identity, error) {
	if known(r.Context()) {
		return From(r.Context()), nil
	}
	if !g.cfg.Login() {
		return Identity{Role: g.cfg.Anonymous}, nil
	}
	if id, err := g.byProxy(r); !errors.Is(err, ErrNobody) {
		return id, err
	}
	return g.bySession(r)
}

// Recheck says whether a request that lasts is still made by the one who began it: it returns ErrNobody
// when the session has ended or what they may see has changed.
func (g *Gate) Recheck(r *http.Request) error {
	before := From(r.Context())
	if before.Session == "" {
		return nil
	}
	now, err := g.bySession(r)
	if err == nil && (now.Role != before.Role || now.Scope() != before.Scope()) {
		return ErrNobody
	}
	return err
}

// Foreign checks an identity that an Authenticator returns. It returns ErrStranger for one without a
// role.
func Foreign(id Identity) (Identity, error) {
	u := User{Name: id.Name, Role: id.Role, Queues: id.Queues}
	if id.Role == "" {
		return Identity{}, ErrStranger
	}
	if err := u.validate(); err != nil {
		return Identity{}, err
	}
	return Identity{Name: id.Name, Role: id.Role, Queues: id.Queues}, nil
}

// byProxy is whom a trusted proxy names.
func (g *Gate) byProxy(r *http.Request) (Identity, error) {
	p := &g.cfg.Proxy
	if p.Secret == "" || !among(g.cfg.Proxies, peer(r)) || !same(r.Header.Get(p.SecretHeader), p.Secret) {
		return Identity{}, ErrNobody
	}
	names := r.Header.Values(p.UserHeader)
	if len(names) == 0 || names[0] == "" {
		return Identity{}, ErrNobody
	}
	if len(names) > 1 { // one of them may be the browser's own
		return Identity{}, ErrStranger
	}
	if u, ok := g.users[names[0]]; ok {
		return u.identity(), nil
	}
	u := User{Name: names[0], Role: p.Role}
	if err := u.validate(); err != nil {
		return Identity{}, ErrStranger
	}
	return u.identity(), nil
}

// same compares in a time that says nothing of either text.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// SignIn is whose name and password these are. It returns ErrRefused, ErrBusy or a ThrottledError.
func (g *Gate) SignIn(r *http.Request, name, password string) (Identity, error) {
	if err := g.passwords.check(r.Context(), name, password, network(client(g.cfg.Proxies, r))); err != nil {
		return Identity{}, err
	}
	return g.users[name].identity(), nil
}

// ByPassword is who makes a request that has a name and a password with it (HTTP Basic), as those of
// programs have. Its errors are ErrNobody where it has none, and those of SignIn.
func (g *Gate) ByPassword(r *http.Request) (Identity, error) {
	name, password, ok := r.BasicAuth()
	if !ok {
		return Identity{}, ErrNobody
	}
	return g.SignIn(r, name, password)
}

// Passwords says whether anyone can sign in with one.
func (g *Gate) Passwords() bool { return len(g.passwords.decoys) > 0 }

// IsUser says whether a user of that name is among Config.Users. A name that is none may be a password
// in the wrong field, and is not to be written anywhere.
func (g *Gate) IsUser(name string) bool { return g.users[name] != nil }

// Address is where a request came from, in words.
func (g *Gate) Address(r *http.Request) string {
	if addr := client(g.cfg.Proxies, r); addr.IsValid() {
		return addr.String()
	}
	return ""
}

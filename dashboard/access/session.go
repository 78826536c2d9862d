package access

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/dueq-io/dueq/queue"
)

const (
	// sessionTime is how long a session lasts at most, sessionIdle how long without a request.
	sessionTime = 12 * time.Hour
	sessionIdle = time.Hour
	// renewEvery spares Redis a write for each request.
	renewEvery = time.Minute
	// redisPatience is how long a request waits to learn whose it is.
	redisPatience = 2 * time.Second

	secretBytes = 32
)

// SessionInfo is a session as an admin sees it.
type SessionInfo struct {
	// ID is that of Identity.Session.
	ID   string
	Name string
	Role Role
	// IP is where the session was begun, Since when; Left is until it ends unless it is used.
	IP    string
	Since time.Time
	Left  time.Duration
}

// ticket is a session as Redis keeps it.
type ticket struct {
	Name   string   `json:"name"`
	Role   Role     `json:"role"`
	Queues []string `json:"queues,omitempty"`
	// Local says that the role and the queues are those of the user of that name in Config.
	Local bool      `json:"local,omitempty"`
	IP    string    `json:"ip"`
	Since time.Time `json:"since"`
}

// Start begins a session of an identity and gives the browser its cookie. The session that the browser
// had before ends. It returns the errors of queue.Desk.StartSession.
func (g *Gate) Start(w http.ResponseWriter, r *http.Request, id Identity) error {
	secret := make([]byte, secretBytes)
	_, _ = rand.Read(secret) // never fails
	t := ticket{
		Name: id.Name, Role: id.Role, Queues: id.Queues, Local: id.local,
		IP: g.Address(r), Since: time.Now().UTC(),
	}
	value, err := json.Marshal(t)
	if err != nil {
		return err
	}
	text := base64.RawURLEncoding.EncodeToString(secret)
	if err := g.desk.StartSession(r.Context(), digest(text), value, sessionIdle); err != nil {
		return err
	}
	if before := g.presented(r); before != "" {
		if err := g.desk.EndSession(r.Context(), before); err != nil && !errors.Is(err, queue.ErrNoSession) {
			g.logger.WarnContext(r.Context(), "dashboard: the session before cannot be ended", slog.Any("error", err))
		}
		g.recent.forget(before)
	}
	g.setCookie(w, text, int(sessionTime/time.Second))
	return nil
}

// End ends the session of a request, and takes the cookie from the browser.
func (g *Gate) End(w http.ResponseWriter, r *http.Request) error {
	g.setCookie(w, "", -1)
	session := g.presented(r)
	if session == "" {
		return nil
	}
	return g.Revoke(r.Context(), session)
}

// Revoke ends a session. One that has ended already is no error. Another dashboard that cannot reach
// Redis may take it for a few minutes more.
func (g *Gate) Revoke(ctx context.Context, session string) error {
	g.recent.forget(session)
	if err := g.desk.EndSession(ctx, session); err != nil && !errors.Is(err, queue.ErrNoSession) {
		return err
	}
	return nil
}

// Sessions returns the sessions that have not ended, of 1,000 at most.
func (g *Gate) Sessions(ctx context.Context) ([]SessionInfo, error) {
	all, err := g.desk.Sessions(ctx)
	if err != nil {
		return nil, err
	}
	var out []SessionInfo
	for _, s := range all {
		t, id, err := g.read(s.Value)
		if err != nil {
			continue
		}
		out = append(out, SessionInfo{ID: s.ID, Name: id.Name, Role: id.Role, IP: t.IP, Since: t.Since, Left: s.Left})
	}
	return out, nil
}

// bySession is who has the session of a request.
func (g *Gate) bySession(r *http.Request) (Identity, error) {
	session := g.presented(r)
	if session == "" {
		return Identity{}, ErrNobody
	}
	ctx, cancel := context.WithTimeout(r.Context(), redisPatience)
	defer cancel()
	s, err := g.desk.Session(ctx, session)
	if errors.Is(err, queue.ErrNoSession) {
		g.recent.forget(session)
		return Identity{}, ErrNobody
	}
	if err != nil {
		// Somebody has to see that Redis is away.
		if id, ok := g.recent.find(session, time.Now()); ok && r.Method != http.MethodPost {
			return id, nil
		}
		return Identity{}, fmt.Errorf("read session: %w", err)
	}
	t, id, err := g.read(s.Value)
	left := time.Until(t.Since.Add(sessionTime))
	if err != nil || left <= 0 {
		return Identity{}, ErrNobody
	}
	id.Session = session
	g.recent.keep(id, time.Now(), left)
	if keep := min(sessionIdle, left); s.Left < keep-renewEvery {
		if err := g.desk.RenewSession(ctx, session, keep); err != nil {
			g.logger.WarnContext(ctx, "dashboard: session cannot be renewed", slog.Any("error", err))
		}
	}
	return id, nil
}

// read returns a ticket and whose it is now: a local user has the role of today, and may be gone.
func (g *Gate) read(value []byte) (ticket, Identity, error) {
	var t ticket
	if err := json.Unmarshal(value, &t); err != nil {
		return t, Identity{}, err
	}
	id := Identity{Name: t.Name, Role: t.Role, Queues: t.Queues}
	if t.Local {
		u, ok := g.users[t.Name]
		if !ok {
			return t, Identity{}, ErrNobody
		}
		id = u.identity()
	}
	if !id.Role.Valid() {
		return t, Identity{}, ErrNobody
	}
	return t, id, nil
}

// digest is the name of a session, which Redis may keep: the cookie cannot be made of it.
func digest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// presented is the name of the session whose cookie a request has.
func (g *Gate) presented(r *http.Request) string {
	cookie, err := r.Cookie(g.cookie)
	if err != nil || len(cookie.Value) != base64.RawURLEncoding.EncodedLen(secretBytes) {
		return ""
	}
	return digest(cookie.Value)
}

func (g *Gate) setCookie(w http.ResponseWriter, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: g.cookie, Value: value, Path: "/", MaxAge: maxAge,
		Secure: g.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

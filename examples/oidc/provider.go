package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/dueq-io/dueq/dashboard/access"
)

// Provider signs people in at an OpenID provider. It is an access.Authenticator, and keeps nothing: what
// one dashboard has begun, another may finish.
type Provider struct {
	// Name is how the login page calls it.
	Name string
	// ClientID and ClientSecret are those that the provider gave the dashboard.
	ClientID, ClientSecret string
	// Groups are the roles of those who are in a group of the provider's, by its "groups" claim. Who is
	// in none of them has no role.
	Groups map[string]access.Role

	provider *oidc.Provider
}

// Discover reads what the provider says of itself. ctx is also that of its later look-ups of keys.
func (p *Provider) Discover(ctx context.Context, issuer string) error {
	var err error
	p.provider, err = oidc.NewProvider(ctx, issuer)
	return err
}

// attemptCookie binds an answer of the provider to the browser that asked.
const attemptCookie, attemptTime = "dueq-oidc", 10 * time.Minute

// attempt is what a browser keeps while it is away.
type attempt struct{ state, nonce, verifier string }

// Label is the text of the link on the login page.
func (p *Provider) Label() string { return "Sign in with " + p.Name }

// Start sends the browser to the provider.
func (p *Provider) Start(w http.ResponseWriter, r *http.Request, callback string) error {
	a := attempt{rand.Text(), rand.Text(), oauth2.GenerateVerifier()}
	setCookie(w, callback, strings.Join([]string{a.state, a.nonce, a.verifier}, "."), int(attemptTime/time.Second))
	to := p.oauth(callback).AuthCodeURL(a.state, oidc.Nonce(a.nonce), oauth2.S256ChallengeOption(a.verifier))
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// claims are what an ID token says of somebody.
type claims struct {
	Email    string   `json:"email"`
	Verified bool     `json:"email_verified"`
	Groups   []string `json:"groups"`
}

// Finish exchanges the code that the browser brings for an ID token, and says whose it is.
func (p *Provider) Finish(w http.ResponseWriter, r *http.Request, callback string) (access.Identity, error) {
	a, err := attemptOf(r)
	setCookie(w, callback, "", -1) // whatever comes of it, it is used up
	if err != nil {
		return access.Identity{}, err
	}
	if subtle.ConstantTimeCompare([]byte(r.URL.Query().Get("state")), []byte(a.state)) != 1 {
		return access.Identity{}, errors.New("the answer is to another browser's question")
	}
	if refusal := r.URL.Query().Get("error"); refusal != "" {
		return access.Identity{}, fmt.Errorf("the provider answers %q", refusal)
	}
	token, err := p.oauth(callback).Exchange(r.Context(), r.URL.Query().Get("code"), oauth2.VerifierOption(a.verifier))
	if err != nil {
		return access.Identity{}, fmt.Errorf("exchange the code: %w", err)
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return access.Identity{}, errors.New("the provider gives no ID token")
	}
	verified, err := p.provider.Verifier(&oidc.Config{ClientID: p.ClientID}).Verify(r.Context(), raw)
	if err != nil {
		return access.Identity{}, fmt.Errorf("verify the ID token: %w", err)
	}
	if subtle.ConstantTimeCompare([]byte(verified.Nonce), []byte(a.nonce)) != 1 {
		return access.Identity{}, errors.New("the ID token is of another attempt")
	}
	var c claims
	if err := verified.Claims(&c); err != nil {
		return access.Identity{}, fmt.Errorf("read the ID token: %w", err)
	}
	id := access.Identity{Name: verified.Subject, Role: p.role(c.Groups)}
	if c.Verified && c.Email != "" {
		id.Name = c.Email
	}
	return id, nil
}

// role is the highest of those that somebody's groups have, empty where none has one.
func (p *Provider) role(groups []string) access.Role {
	for _, role := range slices.Backward(access.Roles()) {
		if slices.ContainsFunc(groups, func(group string) bool { return p.Groups[group] == role }) {
			return role
		}
	}
	return ""
}

func (p *Provider) oauth(callback string) *oauth2.Config {
	return &oauth2.Config{
		ClientID: p.ClientID, ClientSecret: p.ClientSecret, Endpoint: p.provider.Endpoint(), RedirectURL: callback,
		Scopes: []string{oidc.ScopeOpenID, "email", "groups"},
	}
}

func setCookie(w http.ResponseWriter, callback, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: attemptCookie, Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true,
		Secure: strings.HasPrefix(callback, "https://"), SameSite: http.SameSiteLaxMode,
	})
}

func attemptOf(r *http.Request) (attempt, error) {
	cookie, err := r.Cookie(attemptCookie)
	if err != nil {
		return attempt{}, errors.New("the browser has not asked, or too long ago")
	}
	const parts = 3
	fields := strings.Split(cookie.Value, ".")
	if len(fields) != parts {
		return attempt{}, errors.New("the cookie cannot be read")
	}
	return attempt{fields[0], fields[1], fields[2]}, nil
}

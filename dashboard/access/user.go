package access

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// User is somebody who may use the dashboard.
type User struct {
	// Name is 1 to 64 characters without spaces.
	Name string
	Role Role
	// Queues are patterns of the queues that the user may know of. Empty: all.
	Queues []string
	// Hash is that of the password, as Hash makes it. Empty: the user cannot sign in with a password,
	// but a proxy may vouch for them.
	Hash string
}

const maxName = 64

func (u *User) validate() error {
	if u.Name == "" || len(u.Name) > maxName || strings.ContainsFunc(u.Name, notName) {
		return fmt.Errorf("want a name of 1 to %d characters without spaces", maxName)
	}
	if !u.Role.Valid() {
		return fmt.Errorf("role %q: want one of %v", u.Role, Roles())
	}
	return checkPatterns(u.Queues)
}

func notName(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || r == unicode.ReplacementChar
}

func (u *User) identity() Identity { return Identity{Name: u.Name, Role: u.Role, Queues: u.Queues} }

// ErrNobody is returned when a request is nobody's: nothing says who makes it.
var ErrNobody = errors.New("not signed in")

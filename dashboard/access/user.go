package access

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/dueq-io/dueq/queue"
)

// User is somebody who may use the dashboard.
type User struct {
	// Name is 1 to 64 bytes without spaces, not beginning with #.
	Name string
	Role Role
	// Queues are patterns of the queues that the user may know of. Empty: all.
	Queues []string
	// Hash is that of the password, as Hash makes it. Empty: the user cannot sign in with a password,
	// but a proxy may vouch for them.
	Hash string
}

const maxName = 64

// Validate returns what is wrong with a user, as queue.ErrInvalid.
func (u *User) Validate() error {
	if err := u.validate(); err != nil {
		return fmt.Errorf("%w: user %q: %w", queue.ErrInvalid, u.Name, err)
	}
	return nil
}

func (u *User) validate() error {
	if u.Name == "" || len(u.Name) > maxName || u.Name[0] == '#' || strings.ContainsFunc(u.Name, notName) {
		return fmt.Errorf("want a name of 1 to %d characters without spaces, not beginning with #", maxName)
	}
	if !u.Role.Valid() {
		return fmt.Errorf("role %q: want one of %v", u.Role, Roles())
	}
	if u.Hash != "" {
		if _, err := parseHash(u.Hash); err != nil {
			return err
		}
	}
	return checkPatterns(u.Queues)
}

func notName(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || r == unicode.ReplacementChar
}

func (u *User) identity() Identity {
	return Identity{Name: u.Name, Role: u.Role, Queues: u.Queues, local: true}
}

// anyQueue stands for all queues in a line.
const anyQueue = "*"

// Line is the user as a line of a file of users: name, role, patterns of queues between commas, hash.
func (u *User) Line() string {
	queues := strings.Join(u.Queues, ",")
	return strings.TrimSpace(strings.Join([]string{u.Name, string(u.Role), cmp.Or(queues, anyQueue), u.Hash}, " "))
}

// ParseUsers reads lines as Line writes them. Empty lines and those that begin with # are passed over. It
// returns queue.ErrInvalid, with the number of the line and nothing else of it.
func ParseUsers(r io.Reader) ([]User, error) {
	var users []User
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		const least, most = 3, 4
		if len(fields) < least || len(fields) > most {
			return nil, fmt.Errorf("%w: line %d: want a name, a role, queues and a hash", queue.ErrInvalid, n)
		}
		u := User{Name: fields[0], Role: Role(fields[1])}
		if fields[2] != anyQueue {
			u.Queues = strings.Split(fields[2], ",")
		}
		if len(fields) == most {
			u.Hash = fields[3]
		}
		if err := u.validate(); err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", queue.ErrInvalid, n, err)
		}
		users = append(users, u)
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	return users, nil
}

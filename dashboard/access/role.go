package access

import "slices"

// Role is what somebody may do. Each role may do all that the ones before it may.
type Role string

const (
	// Viewer looks at queues and jobs, with secrets hidden.
	Viewer Role = "viewer"
	// Operator also acts on jobs and queues, and reveals what is hidden, for a reason that is kept.
	Operator Role = "operator"
	// Admin also sees and ends the sessions of others.
	Admin Role = "admin"
)

// Roles returns all roles, the least first.
func Roles() []Role { return []Role{Viewer, Operator, Admin} }

// Permission is what a route needs. The zero Permission is none: a route with it is refused at start.
type Permission int

const (
	// Anyone is for what discloses nothing: embedded files and health.
	Anyone Permission = iota + 1
	// Enter is for signing in and out. It changes nobody's session but one's own.
	Enter
	// See is for what every role may look at.
	See
	// Operate is for acting on jobs and queues.
	Operate
	// Reveal is for what is hidden otherwise.
	Reveal
	// Administer is for the sessions of others and for the server behind.
	Administer
)

// least is the least role that has a permission.
var least = map[Permission]Role{See: Viewer, Operate: Operator, Reveal: Operator, Administer: Admin}

// May says whether a role has a permission. An unknown role has none but those that need no role.
func (r Role) May(p Permission) bool {
	if p == Anyone || p == Enter {
		return true
	}
	role, declared := least[p]
	return declared && slices.Index(Roles(), r) >= slices.Index(Roles(), role)
}

// Valid says whether there is such a role.
func (r Role) Valid() bool { return slices.Contains(Roles(), r) }

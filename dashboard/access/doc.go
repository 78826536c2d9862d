// Package access says who uses a dashboard and what they may do there: roles and permissions, local
// users, sessions that every dashboard of a namespace shares, throttled logins, and identities that a
// trusted proxy or another system vouches for.
//
// A request is made by an [Identity], which handlers read from its context with [From]. What a route
// needs is a [Permission], which stands in the table of routes. What of the queues somebody sees is up to
// [Identity.Sees], which the layer that reads data asks.
//
// A program that has a login of its own signs people in by [With] before it calls the dashboard.
package access

// Package operators holds tests of what operators see, against the programs that they use: a mail server and
// Prometheus. It is a module of its own, so that these are in no user's go.sum.
package operators

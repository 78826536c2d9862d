// Package testhook lets tests, and queue/queuetest for users' tests, move the time that the scripts of
// one client see. It is internal, so that no program can do so.
package testhook

import "time"

// ShiftTime moves the time of a *queue.Client by d, forwards only. Package queue sets it.
var ShiftTime func(client any, d time.Duration)

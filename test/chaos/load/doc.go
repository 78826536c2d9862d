// Package load is the application under a fault: producers that enqueue and workers that run, each a
// process of its own with a history of its own.
//
// A process is the chaos binary run again: main calls Child first, which takes over where the
// environment says so. A Fleet starts processes, breaks them, and ends every one of them.
package load

// Package node starts real servers on loopback and breaks them: a Redis, a
// master with its Sentinels, a Redis Cluster, and a proxy before any of them.
//
// Every server has a free port and a directory of its own, is a child that the
// kernel ends with its parent, and is ended by its pid only. Close ends it
// whatever its state and removes its files.
package node

// Package redistest gives tests a real redis-server.
//
// A package asks for it once, and every test then uses the one server of its
// test binary, under a namespace of its own, so that all of them run in
// parallel and none needs FLUSHDB:
//
//	func TestMain(m *testing.M) { redistest.Main(m) }
//
//	func TestSomething(t *testing.T) {
//		t.Parallel()
//		client, err := queue.Open(t.Context(), redistest.URL(t))
//		cfg := queue.Config{Namespace: redistest.Prefix(t)}
//		…
//	}
//
// A test that kills, pauses or configures the server takes a private one from
// [Start], [StartTCP] or [StartCluster].
//
// A machine without redis-server fails these tests: a skip would let a broken
// queue pass for a working one. The variable REDIS_SERVER names another
// program to start, such as valkey-server.
//
// The variable REDISTEST_ACL holds rules of ACL SETUSER: what a test opens by URL
// of a server with a socket then runs as a user who may do no more; Client may
// do all. make test-acl sets it to what dueq acl prints.
//
// With goleak, say goleak.VerifyTestMain(redistest.Runner{M: m}) in place of
// Main, or goleak.IgnoreAnyFunction(redistest.Goroutine) in a single test.
package redistest

module github.com/dueq-io/dueq/test/chaos

go 1.26.8

require (
	github.com/redis/go-redis/v9 v9.23.0
	golang.org/x/sync v0.24.0
	golang.org/x/sys v0.48.0
)

require (
	github.com/alicebob/miniredis/v2 v2.40.0 // indirect
	github.com/yuin/gopher-lua v1.1.1 // indirect
)

require (
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/dueq-io/dueq v0.0.0-00010101000000-000000000000
	go.uber.org/atomic v1.12.0 // indirect
)

replace github.com/dueq-io/dueq => ../..

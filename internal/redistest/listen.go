package redistest

import (
	"context"
	"errors"
	"net"
	"os"
	"strconv"
)

// listenFunc gives a server its address and starts it.
type listenFunc func(*Server) error

func listenUnix(s *Server) error { return s.run() }

// listenTCP tries again on another port when somebody took the free one
// before redis-server did.
func listenTCP(s *Server) error {
	const attempts = 10
	var err error
	for range attempts {
		if s.port, err = freePort(); err != nil {
			return err
		}
		if err = s.run(); !errors.Is(err, errExited) {
			return err
		}
	}
	return err
}

// busOffset is how far above a cluster node's port its bus port lies, which
// therefore has to be free and valid as well.
const busOffset = 10000

func freePort() (int, error) {
	for {
		node, err := listen(0)
		if err != nil {
			return 0, err
		}
		port := node.Addr().(*net.TCPAddr).Port
		bus, err := listen(port + busOffset)
		_ = node.Close()
		if err != nil {
			continue
		}
		_ = bus.Close()
		return port, nil
	}
}

func listen(port int) (net.Listener, error) {
	var lc net.ListenConfig
	return lc.Listen(context.Background(), "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
}

// socketDir makes a directory whose sockets have a path that the kernel takes:
// sun_path holds 104 bytes on the BSDs and 108 on Linux.
func socketDir() (string, error) {
	const longest = 104 - len("/redis.sock\x00")
	dir, err := os.MkdirTemp("", "dueq")
	if err == nil && len(dir) > longest {
		_ = os.Remove(dir)
		dir, err = os.MkdirTemp("/tmp", "dueq")
	}
	return dir, err
}

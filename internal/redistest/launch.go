package redistest

import (
	"fmt"
	"testing"
)

// Launch is [Start] for a program without a test, such as a benchmark. The
// caller calls Remove; what goes wrong in the server's methods panics.
func Launch(args ...string) (*Server, error) {
	s, err := boot(listenUnix, args)
	if err != nil {
		return nil, err
	}
	s.tb = &noTest{}
	return s, nil
}

// Remove ends a server of [Launch] and removes its files.
func (s *Server) Remove() {
	if t, ok := s.tb.(*noTest); ok {
		for _, clean := range t.cleanups {
			clean()
		}
	}
	s.remove()
}

// noTest stands in for a test where there is none. It overrides what this
// package calls; the embedded nil answers to nothing else.
type noTest struct {
	testing.TB
	cleanups []func()
}

func (t *noTest) Helper()                   {}
func (t *noTest) Cleanup(f func())          { t.cleanups = append(t.cleanups, f) }
func (t *noTest) Fatal(args ...any)         { panic(fmt.Sprint(args...)) }
func (t *noTest) Fatalf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"
)

type options struct {
	redis, namespace, listen string
	hosts                    hosts
	scale                    scale
}

func parse(args []string, usage io.Writer) (options, error) {
	opts := options{hosts: hosts{"127.0.0.1", "::1", "localhost"}}
	flags := flag.NewFlagSet("callback", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.StringVar(&opts.redis, "redis", "memory://", "`URL` of the Redis; memory:// is one within this program")
	flags.StringVar(&opts.namespace, "namespace", "dueq", "first part of every key")
	flags.StringVar(&opts.listen, "listen", "127.0.0.1:8082", "`address` to take callbacks at")
	flags.Var(&opts.hosts, "hosts", "`names` of the hosts that callbacks may go to, with commas")
	flags.Float64Var((*float64)(&opts.scale), "scale", 1, "divides all waits: 60 makes 2 minutes 2 s")
	if err := flags.Parse(args); err != nil {
		return opts, err
	}
	switch {
	case flags.NArg() > 0:
		return opts, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case !(opts.scale >= 1):
		return opts, errors.New("--scale is less than 1")
	}
	return opts, nil
}

// scale makes hours seconds. Times of the network are not divided: it is as slow as it is.
type scale float64

func (s scale) of(d time.Duration) time.Duration {
	return max(time.Duration(float64(d)/float64(s)), time.Millisecond)
}

// hosts are those that callbacks may go to.
//
// A list is the guard of this example. A service that takes URLs from outside needs another: it must
// look at the address that a name has at the moment of the connection, refuse all that are not public,
// and again for each redirect; or its callers make requests within your network (SSRF).
type hosts []string

// Set and String make hosts a flag.Value.
func (h *hosts) Set(list string) error {
	*h = strings.Split(list, ",")
	return nil
}

func (h *hosts) String() string { return strings.Join(*h, ",") }

// check returns an error for a URL that callbacks may not go to.
func (h *hosts) check(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return err
	case u.Scheme != "http" && u.Scheme != "https":
		return errors.New("url: want http:// or https://")
	case !slices.Contains(*h, u.Hostname()):
		return fmt.Errorf("url: host %q is not in --hosts", u.Hostname())
	}
	return nil
}

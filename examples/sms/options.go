package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"time"
)

type options struct {
	redis, namespace, listen, role, gateway string
	scale                                   scale
}

func parse(args []string, usage io.Writer) (options, error) {
	var opts options
	flags := flag.NewFlagSet("sms", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.StringVar(&opts.redis, "redis", "memory://", "`URL` of the Redis; memory:// is one within this program")
	flags.StringVar(&opts.namespace, "namespace", "dueq", "first part of every key")
	flags.StringVar(&opts.listen, "listen", "127.0.0.1:8081", "`address` to take orders at")
	flags.StringVar(&opts.role, "role", "both", "service, worker or both")
	flags.StringVar(&opts.gateway, "gateway", "", "`URL` of the SMS gateway (default: a stand-in within this program)")
	flags.Float64Var((*float64)(&opts.scale), "scale", 1, "divides all waits: 3600 makes 2 hours 2 s")
	if err := flags.Parse(args); err != nil {
		return opts, err
	}
	switch {
	case flags.NArg() > 0:
		return opts, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case opts.role != "service" && opts.role != "worker" && opts.role != "both":
		return opts, fmt.Errorf("--role %q: want service, worker or both", opts.role)
	case opts.role != "both" && opts.redis == "memory://":
		return opts, errors.New("--role service and --role worker need a --redis that both can reach")
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

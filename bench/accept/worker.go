package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"github.com/redis/go-redis/v9"

	"github.com/dueq-io/dueq/bench/system"
)

// The environment turns this program into a worker of the Redis at the address, whose jobs hang or do not.
const (
	workerVariable = "DUEQ_ACCEPT_WORKER"
	hangVariable   = "DUEQ_ACCEPT_HANG"
)

// The workers note what they do in plain keys, which need no help from what is being tested.
const (
	runsKey = "accept:runs"
	runNote = "%d %d %s"
)

// startWorker runs this program again as a worker.
func startWorker(ctx context.Context, addr string, hang bool) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), workerVariable+"="+addr)
	if hang {
		cmd.Env = append(cmd.Env, hangVariable+"=1")
	}
	cmd.Stderr = os.Stderr
	// The worker takes the end of its input for the end of this process, and does not outlive it.
	if _, err := cmd.StdinPipe(); err != nil {
		return nil, err
	}
	err = cmd.Start()
	return cmd, err
}

// runWorker does a worker's work if this process is one; which it does until it is killed.
func runWorker() bool {
	addr := os.Getenv(workerVariable)
	if addr == "" {
		return false
	}
	if err := work(context.Background(), addr, os.Getenv(hangVariable) != ""); err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(1)
	}
	return true
}

func work(ctx context.Context, addr string, hang bool) (err error) {
	sys, err := system.Open(ctx, system.Dueq, addr)
	if err != nil {
		return err
	}
	notes := redis.NewClient(&redis.Options{Addr: addr})
	defer func() { err = errors.Join(err, sys.Close(), notes.Close()) }()
	_, err = sys.Process(ctx, system.Processing{
		Queues: []string{killQueue}, Concurrency: killJobs, Lease: lease,
		Handle: func(ctx context.Context, run system.Run) {
			note := fmt.Sprintf(runNote, os.Getpid(), run.Failures, run.Payload)
			if err := notes.RPush(ctx, runsKey, note).Err(); err != nil {
				fmt.Fprintln(os.Stderr, "worker:", err)
			}
			if hang {
				<-ctx.Done()
			}
		},
	})
	if err != nil {
		return err
	}
	if err := notes.RPush(ctx, upKey(os.Getpid()), "1").Err(); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

//go:build !unix

package main

import "os/exec"

// group is the process of a command alone: this system has no process groups.
type group struct{ cmd *exec.Cmd }

func newGroup(cmd *exec.Cmd) *group { return &group{cmd} }

func (g *group) terminate() error { return g.cmd.Process.Kill() }

func (g *group) kill() { _ = g.cmd.Process.Kill() }

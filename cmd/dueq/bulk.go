package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/dueq-io/dueq/queue"
)

const (
	maxPage = 500
	maxScan = 10_000
	// bulkWidth is how many calls run at once; the client sends them together.
	bulkWidth   = 64
	defaultBulk = 10_000
)

// selection is many jobs of a queue, by what they have in common.
type selection struct {
	queue.Query
	state string
	most  int
	yes   bool
}

func (s *selection) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.Kind, "kind", "", "all jobs of this kind")
	cmd.Flags().StringVar(&s.Tag, "tag", "", "all jobs with this tag")
	cmd.Flags().IntVar(&s.most, "max", defaultBulk, "how many jobs at most")
	cmd.Flags().BoolVar(&s.yes, "yes", false, "do it, after looking at the count that is shown without")
}

// find collects the IDs of the jobs, at most s.most, before anything is done to them: what is done moves
// the pages. more says that there may be others.
func (s *selection) find(ctx context.Context, p *process, in *queue.Inspector, name string) (ids []string, more bool, err error) {
	shown := newProgress(p.errOut)
	defer shown.done()
	query := s.Query
	query.State, query.Limit, query.Scan = queue.State(s.state), maxPage, maxScan
	looked := 0
	for {
		page, err := in.Jobs(ctx, name, query)
		if err != nil {
			return nil, false, err
		}
		for i := range page.Jobs {
			ids = append(ids, page.Jobs[i].ID)
		}
		looked += page.Scanned
		shown.show("%d found, %d looked at", len(ids), looked)
		if len(ids) >= s.most {
			return ids[:s.most], true, nil
		}
		if page.Cursor == "" {
			return ids, false, nil
		}
		query.Cursor = page.Cursor
	}
}

// choose finds the jobs, and unless --yes was given says how many there are and stops there.
func (s *selection) choose(ctx context.Context, p *process, in *queue.Inspector, name, verb string) ([]string, error) {
	if s.most < 1 {
		return nil, usagef("--max %d: want at least 1", s.most)
	}
	ids, more, err := s.find(ctx, p, in, name)
	if err != nil {
		return nil, err
	}
	beyond := ""
	if more {
		beyond = ", and there may be more (--max)"
	}
	if len(ids) > 0 && !s.yes {
		return nil, fmt.Errorf("%s of queue %s would be %s%s; repeat it with --yes to do so", plural(len(ids), "job"), name, verb, beyond)
	}
	if more {
		p.note("taking %s%s", plural(len(ids), "job"), beyond)
	}
	return ids, nil
}

// verdict is what became of one job of many.
type verdict struct {
	ID    string `json:"id"`
	Done  bool   `json:"done"`
	Note  string `json:"note,omitempty"`
	Error string `json:"error,omitempty"`
}

// change does something to many jobs.
type change struct {
	// verb is the past participle; list reports each job where few were named, and otherwise only their
	// number and what failed.
	verb         string
	list, asJSON bool
	// do is done to each; its note says more about a success.
	do func(ctx context.Context, id string) (note string, err error)
}

// apply does it to every job and reports the verdicts in order. It stops where all that comes after would
// fail in the same way.
func (c *change) apply(ctx context.Context, p *process, ids []string) error {
	verdicts := make([]verdict, len(ids))
	shown := newProgress(p.errOut)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(bulkWidth)
	var done atomic.Int64
	for i, id := range ids {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error {
			note, err := c.do(ctx, id)
			if err != nil && stops(err) {
				return err
			}
			verdicts[i] = verdict{ID: id, Done: err == nil, Note: note}
			if err != nil {
				verdicts[i].Error = oneLine(err.Error())
			}
			shown.show("%d of %d", done.Add(1), len(ids))
			return nil
		})
	}
	stopped := group.Wait()
	if stopped == nil {
		stopped = context.Cause(ctx)
	}
	shown.done()
	if int(done.Load()) == len(ids) {
		return c.report(p, verdicts)
	}
	verdicts = slices.DeleteFunc(verdicts, func(v verdict) bool { return v.ID == "" })
	return errors.Join(fmt.Errorf("stopped after %d of %s: %w", len(verdicts), plural(len(ids), "job"), stopped), c.report(p, verdicts))
}

func (c *change) report(p *process, verdicts []verdict) error {
	failed := 0
	var said strings.Builder
	for _, v := range verdicts {
		switch {
		case v.Done && c.list:
			fmt.Fprintf(&said, "%s %s%s\n", c.verb, v.ID, v.Note)
		case !v.Done:
			failed++
			if !c.asJSON && len(verdicts) > 1 {
				p.note("%s: %s", visible(v.ID, idWidth), v.Error)
			}
		}
	}
	if !c.list {
		fmt.Fprintf(&said, "%s %s\n", c.verb, plural(len(verdicts)-failed, "job"))
	}
	var err error
	if c.asJSON {
		err = writeJSON(p.out, verdicts)
	} else {
		_, err = io.WriteString(p.out, said.String())
	}
	switch {
	case err != nil || failed == 0:
		return err
	case len(verdicts) == 1:
		return errors.New(verdicts[0].Error)
	default:
		return fmt.Errorf("%d of %s could not be %s", failed, plural(len(verdicts), "job"), c.verb)
	}
}

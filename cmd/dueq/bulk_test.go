package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/dueq-io/dueq/queue"
)

func numbers(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = strconv.Itoa(i)
	}
	return ids
}

func TestChangeStopsWhereAllWouldFail(t *testing.T) {
	t.Parallel()
	const jobs, works = 10_000, 100
	for name, failure := range map[string]error{
		"redis is gone": fmt.Errorf("cancel: %w", queue.ErrUnavailable), "interrupted": context.Canceled,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, errOut buffer
			c := change{verb: "cancelled", do: func(_ context.Context, id string) (string, error) {
				if i, _ := strconv.Atoi(id); i >= works {
					return "", failure
				}
				return "", nil
			}}
			err := c.apply(t.Context(), &process{out: &out, errOut: &errOut}, numbers(jobs))
			if !errors.Is(err, failure) || !strings.Contains(err.Error(), "of 10000 jobs") || errOut.String() != "" {
				t.Errorf("%v, and %q", err, errOut.String())
			}
			var done int
			if _, err := fmt.Sscanf(out.String(), "cancelled %d jobs", &done); err != nil || done > works || done < 1 {
				t.Errorf("printed %q", out.String())
			}
		})
	}
}

func TestChangeDoesNothingAfterTheEndOfItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := contextOf(t)
	cancel()
	c := change{verb: "requeued", do: func(context.Context, string) (string, error) { t.Error("done"); return "", nil }}
	if err := c.apply(ctx, &process{out: &buffer{}, errOut: &buffer{}}, numbers(3)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestChangeReportsInOrder(t *testing.T) {
	t.Parallel()
	var out, errOut buffer
	c := change{verb: "requeued", list: true, do: func(_ context.Context, id string) (string, error) {
		if id == "1" {
			return "", queue.ErrNotFound
		}
		return ", note " + id, nil
	}}
	err := c.apply(t.Context(), &process{out: &out, errOut: &errOut}, numbers(4))
	if err == nil || err.Error() != "1 of 4 jobs could not be requeued" || errOut.String() != "1: no such job\n" {
		t.Errorf("%v, and %q", err, errOut.String())
	}
	want := []string{"requeued 0, note 0", "requeued 2, note 2", "requeued 3, note 3", ""}
	if got := strings.Split(out.String(), "\n"); !slices.Equal(got, want) {
		t.Errorf("printed %q", got)
	}
}

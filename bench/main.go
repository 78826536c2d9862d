// Command bench measures dueq beside asynq, and beside plain pipelined Redis commands, on a Redis of its own.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"

	"github.com/dueq-io/dueq/bench/scenario"
)

func main() {
	if scenario.RunChild() {
		return
	}
	rounds := flag.Int("rounds", 5, "rounds of each scenario, of which the medians count")
	only := flag.String("scenario", "", "comma list of scenarios (default all): "+strings.Join(scenario.Names(), ","))
	systems := flag.String("system", "", "comma list of systems (default all that a scenario has): dueq, asynq, floor")
	asJSON := flag.Bool("json", false, "print an array of {scenario, system, value, unit}")
	quick := flag.Bool("quick", false, "small numbers: shows that all works, measures nothing")
	flag.Parse()
	if err := run(*rounds, *only, *systems, *asJSON, *quick); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", strings.ReplaceAll(err.Error(), "\n", "\nbench: "))
		if errors.Is(err, errUsage) {
			os.Exit(2)
		}
		os.Exit(1)
	}
}

var errUsage = errors.New("wrong usage")

func run(rounds int, only, systems string, asJSON, quick bool) error {
	scenarios, err := scenario.Select(split(only))
	if err != nil || flag.NArg() > 0 || rounds < 1 {
		return errors.Join(errUsage, err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The first Ctrl-C ends everything in order; a second one is not held back.
	context.AfterFunc(ctx, stop)
	o := scenario.Options{Rounds: rounds, Quick: quick, Systems: split(systems)}
	if scenario.IsTerminal(os.Stderr) {
		o.Progress = os.Stderr
	}
	// What was measured is worth printing even when a scenario failed.
	results, err := scenario.Run(ctx, scenarios, o)
	if asJSON {
		return errors.Join(err, printJSON(os.Stdout, results))
	}
	return errors.Join(err, printTable(os.Stdout, results))
}

func printJSON(w io.Writer, results []scenario.Result) error {
	if results == nil {
		results = []scenario.Result{}
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(results)
}

// printTable gives each figure a line, and says how it stands to asynq's.
func printTable(w io.Writer, results []scenario.Result) error {
	asynq := map[string]float64{}
	for _, r := range results {
		if r.System == "asynq" {
			asynq[r.Scenario] = r.Value
		}
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "SCENARIO\tSYSTEM\tVALUE\tUNIT\tTO ASYNQ")
	for _, r := range results {
		ratio := ""
		if base := asynq[r.Scenario]; base > 0 && r.Value > 0 && r.System != "asynq" {
			ratio = fmt.Sprintf("%.2f", r.Value/base)
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", r.Scenario, r.System, scenario.Figure(r.Value), r.Unit, ratio)
	}
	return table.Flush()
}

func split(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

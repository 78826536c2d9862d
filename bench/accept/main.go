// Command accept measures what the project promises, and fails when one promise is not kept.
package main

import (
	"flag"
	"os"

	"github.com/dueq-io/dueq/bench/promise"
	"github.com/dueq-io/dueq/bench/scenario"
)

func main() {
	if scenario.RunChild() || runWorker() {
		return
	}
	var s suite
	flag.IntVar(&s.rounds, "rounds", 5, "rounds of each measurement, of which the medians count")
	flag.BoolVar(&s.quick, "quick", false, "small numbers: shows that all works, proves nothing")
	if scenario.IsTerminal(os.Stderr) {
		s.progress = os.Stderr
	}
	table := promise.Table[suite]{Command: "accept", Rows: rows(), Valid: func(s *suite) bool { return s.rounds > 0 }}
	table.Main(&s, &s.root)
}

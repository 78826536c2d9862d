package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dueq-io/dueq/test/chaos/fault"
)

// board prints what rows say: in one piece when a row ends where several run at once, as it comes where
// they do not. On a terminal a last line shows meanwhile what is under way.
type board struct {
	out    io.Writer
	again  func(row string) string // the command that repeats a row
	pieces bool

	mu        sync.Mutex
	under     []*saying
	done, all int
	began     time.Time
}

// saying is what a row says. A row may say it from several goroutines.
type saying struct {
	board *board
	name  string
	began time.Time
	kept  bytes.Buffer
}

func newBoard(out io.Writer, o options, rows int) *board {
	return &board{out: out, again: o.again, pieces: o.parallel > 1, all: rows, began: time.Now()}
}

func (b *board) begin(row fault.Row) *saying {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := &saying{board: b, name: row.Name, began: time.Now()}
	b.under = append(b.under, s)
	b.all = max(b.all, b.done+len(b.under)) // a row may be run again
	if !b.pieces {
		_, _ = fmt.Fprintln(b.out, row.Name)
	}
	return s
}

// Write keeps or prints p.
func (s *saying) Write(p []byte) (int, error) {
	s.board.mu.Lock()
	defer s.board.mu.Unlock()
	if s.board.pieces {
		return s.kept.Write(p)
	}
	return s.board.out.Write(p)
}

// end prints what a row said and what came of it.
func (b *board) end(s *saying, r fault.Result) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done++
	b.under = slices.DeleteFunc(b.under, func(other *saying) bool { return other == s })
	var text strings.Builder
	if b.pieces {
		fmt.Fprintf(&text, "%s%s\n%s", b.wipe(), s.name, s.kept.String())
	}
	verdict := "pass"
	if !r.Pass {
		verdict = "FAIL: " + r.Failure
	}
	fmt.Fprintf(&text, "  bar       %s\n  figure    %s\n  %s, %v, seed %d\n", r.Bar, r.Figure, verdict, r.Took.Round(100*time.Millisecond), r.Seed)
	if !r.Pass {
		fmt.Fprintf(&text, "  again     %s\n", b.again(r.Row))
	}
	_, _ = fmt.Fprintln(b.out, text.String())
}

// watch keeps the line of what is under way until stop is called, which removes it.
func (b *board) watch() (stop func()) {
	width := terminalWidth(b.out)
	if width == 0 || !b.pieces {
		return func() {}
	}
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		every := time.NewTicker(time.Second)
		defer every.Stop()
		for {
			select {
			case <-every.C:
				b.mu.Lock()
				_, _ = fmt.Fprint(b.out, b.wipe(), cut(b.line(), width-1))
				b.mu.Unlock()
			case <-over:
				_, _ = fmt.Fprint(b.out, b.wipe())
				return
			}
		}
	}()
	return func() { close(over); <-ended }
}

func (b *board) line() string {
	var names []string
	for _, s := range b.under {
		names = append(names, fmt.Sprintf("%s %v", s.name, time.Since(s.began).Round(time.Second)))
	}
	return fmt.Sprintf("%d of %d, %v: %s", b.done, b.all, time.Since(b.began).Round(time.Second), strings.Join(names, ", "))
}

func (b *board) wipe() string {
	if terminalWidth(b.out) == 0 {
		return ""
	}
	return "\r\x1b[K"
}

// cut keeps a line from running over the edge of a terminal, from where it could not be wiped.
func cut(line string, width int) string {
	if len(line) > width {
		return line[:width]
	}
	return line
}

// terminalWidth is 0 for what is no terminal.
func terminalWidth(w io.Writer) int {
	file, ok := w.(*os.File)
	if !ok {
		return 0
	}
	size, err := unix.IoctlGetWinsize(int(file.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	return int(size.Col)
}

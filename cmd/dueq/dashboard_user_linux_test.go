package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/dueq-io/dueq/internal/redistest"
)

// openTerminal returns both ends of a terminal: what a person types into, and what a command reads.
func openTerminal(t *testing.T) (keys, screen *os.File) {
	t.Helper()
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = keys.Close() })
	fd := int(keys.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetUint32(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	screen, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = screen.Close() })
	return keys, screen
}

func echoes(t *testing.T, f *os.File) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

// TestPasswordIsNotShown: it is asked for twice, nothing of it is on the screen, and the echo comes back,
// after an interruption too.
func TestPasswordIsNotShown(t *testing.T) {
	t.Parallel()
	for second, want := range map[string]int{"correct horse": exitOK, "wrong horse": exitFailed} {
		keys, screen := openTerminal(t)
		var out buffer
		ended := make(chan int, 1)
		go func() {
			ended <- run(t.Context(), &process{in: screen, out: &out, errOut: screen}, []string{"dashboard", "user", "alice"})
		}()
		read := bufio.NewReader(keys)
		shown := ""
		for _, step := range []struct{ question, answer string }{{"Password: ", "correct horse"}, {"Again: ", second}} {
			for !strings.HasSuffix(shown, step.question) {
				b, err := read.ReadByte()
				if err != nil {
					t.Fatal(err)
				}
				shown += string(b)
			}
			redistest.Eventually(t, patience, func() bool { return !echoes(t, screen) })
			if _, err := keys.WriteString(step.answer + "\n"); err != nil {
				t.Fatal(err)
			}
		}
		if code := <-ended; code != want {
			t.Errorf("exit %d, want %d", code, want)
		}
		rest := make([]byte, 1000)
		n, _ := read.Read(rest)
		if shown += string(rest[:n]); strings.Contains(shown+out.String(), "horse") || !echoes(t, screen) {
			t.Errorf("shown %q", shown)
		}
		if (want == exitOK) != strings.HasPrefix(out.String(), "alice viewer * $argon2id$") {
			t.Errorf("%q", out.String())
		}
	}
}

// TestInterruptedPasswordGivesTheEchoBack has a process of its own: what waits for a key goes with it.
func TestInterruptedPasswordGivesTheEchoBack(t *testing.T) {
	t.Parallel()
	_, screen := openTerminal(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "dashboard", "user", "alice")
	cmd.Env = append(os.Environ(), asCommand+"=1")
	cmd.Stdin = screen
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	redistest.Eventually(t, patience, func() bool { return !echoes(t, screen) })
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != exitFailed || !echoes(t, screen) {
		t.Errorf("%v", err)
	}
}

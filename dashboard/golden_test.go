package dashboard

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// hashes are those in the names of embedded files, which change with every edit of them.
var hashes = regexp.MustCompile(`\.[0-9a-f]{12}\.(css|js|svg)`)

// golden compares with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	got = hashes.ReplaceAll(got, []byte(".HASH.$1"))
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; -update writes it", err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; read the difference after -update\n%s", path, firstDifference(got, want))
	}
}

func firstDifference(got, want []byte) string {
	g, w := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return "got  " + g[i] + "\nwant " + w[i]
		}
	}
	return "one is longer"
}

func TestGoldenPages(t *testing.T) {
	t.Parallel()
	d := fake(t, Config{BasePath: "/dueq", Source: "staging"}, nil)
	for name, f := range map[string]*frame{
		"busy": busyFrame(), "degraded": degradedFrame(), "away": awayFrame(), "empty": frameOf(), "stopped": {},
	} {
		golden(t, name+".html", pageOf(t, d, "overview", f, later(f.made, noon)))
	}
}

// TestFragmentIsThePage: what a stream carries is, byte for byte, what the page would show.
func TestFragmentIsThePage(t *testing.T) {
	t.Parallel()
	d := fake(t, Config{}, nil)
	f := degradedFrame()
	whole, fragment := pageOf(t, d, "overview", f, f.made), fragmentOf(t, d, "overview", f)
	state, live, _ := bytes.Cut(fragment, []byte("</a>"))
	if !bytes.Contains(whole, state) || !bytes.Contains(whole, bytes.TrimSpace(live)) {
		t.Error("the page does not contain its fragment")
	}
	for _, id := range []string{"status", "verdict", "sampled", "tiles", "rows"} {
		if n := bytes.Count(fragment, []byte(`id="`+id+`" data-live`)); n != 1 {
			t.Errorf("%d parts with id %s", n, id)
		}
	}
}

func TestFragmentIsRenderedOnce(t *testing.T) {
	t.Parallel()
	f, renders := frameOf(), 0
	for range 3 {
		html, err := f.fragment("overview", func() ([]byte, error) { renders++; return []byte("x"), nil })
		if err != nil || string(html) != "x" {
			t.Fatal(html, err)
		}
	}
	if renders != 1 {
		t.Errorf("rendered %d times", renders)
	}
}

func TestTableIsBounded(t *testing.T) {
	t.Parallel()
	var queues []queueState
	for range 300 {
		queues = append(queues, busyFrame().queues...)
	}
	f := frameOf(queues...)
	d := fake(t, Config{}, nil)
	html := fragmentOf(t, d, "overview", f)
	if n := bytes.Count(html, []byte(`scope="row"`)); n != overviewQueues || !bytes.Contains(html, []byte("and 880 more")) {
		t.Errorf("%d rows", n)
	}
}

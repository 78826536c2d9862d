package dashboard

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/dueq-io/dueq/dashboard/text"
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
		got, err := d.pages["overview"].whole(d, f, later(f.made, noon), visitor{lang: text.English})
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name+".html", got)
	}
}

// TestFragmentIsThePage: what a stream carries is, byte for byte, what the page would show.
func TestFragmentIsThePage(t *testing.T) {
	t.Parallel()
	d := fake(t, Config{}, nil)
	p := d.pages["overview"]
	f := degradedFrame()
	whole, err := p.whole(d, f, f.made, visitor{lang: text.English})
	if err != nil {
		t.Fatal(err)
	}
	fragment, err := p.fragment(f, text.English)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(whole, fragment) {
		t.Error("the page does not contain its fragment")
	}
	for _, id := range []string{"verdict", "sampled", "tiles", "rows"} {
		if n := bytes.Count(fragment, []byte(`id="`+id+`" data-live`)); n != 1 {
			t.Errorf("%d parts with id %s", n, id)
		}
	}
}

func TestFragmentIsRenderedOnce(t *testing.T) {
	t.Parallel()
	f, renders := frameOf(), 0
	for range 3 {
		html, err := f.fragment("overview", func(*frame) ([]byte, error) { renders++; return []byte("x"), nil })
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
	html, err := d.pages["overview"].fragment(f, text.English)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(html, []byte(`scope="row"`)); n != shownQueues || !bytes.Contains(html, []byte("and 700 more")) {
		t.Errorf("%d rows", n)
	}
}

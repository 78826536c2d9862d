package dashboard

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestStatic(t *testing.T) {
	t.Parallel()
	d := sampledNow(t, Config{})
	for file, kind := range map[string]string{
		"keys.js": "text/javascript; charset=utf-8", "table.js": "text/javascript; charset=utf-8",
		"live.js": "text/javascript; charset=utf-8", "style.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml",
	} {
		url, err := d.static.url(file)
		if err != nil {
			t.Fatal(err)
		}
		got := request(t, d, http.MethodGet, url)
		content, err := staticFiles.ReadFile("static/" + file)
		if err != nil {
			t.Fatal(err)
		}
		if got.status != http.StatusOK || got.header.Get("Content-Type") != kind || got.body != string(content) {
			t.Errorf("%s: %d %q", url, got.status, got.header.Get("Content-Type"))
		}
	}
	if _, err := d.static.url("none.js"); err == nil {
		t.Error("a template may name a file that is not there")
	}
}

// TestWhatTheBrowserLoads: small, ours, and from here.
func TestWhatTheBrowserLoads(t *testing.T) {
	t.Parallel()
	const (
		maxBytes   = 40 << 10
		moduleRows = 100
		allRows    = 400
	)
	rows := 0
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	entries, err := staticFiles.ReadDir("static")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), "uplot.") {
			continue // TestVendored holds it to what was published
		}
		content, err := staticFiles.ReadFile("static/" + entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := zip.Write(content); err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(content, []byte("\n")); strings.HasSuffix(entry.Name(), ".js") {
			if rows += n; n > moduleRows {
				t.Errorf("%s has %d lines", entry.Name(), n)
			}
		}
		for _, banned := range []string{"https://", "http://", "@import", "eval(", "new Function", "localStorage"} {
			text := strings.ReplaceAll(string(content), "http://www.w3.org/2000/svg", "")
			if strings.Contains(text, banned) {
				t.Errorf("%s has %q", entry.Name(), banned)
			}
		}
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	if rows > allRows {
		t.Errorf("%d lines of our own modules, want at most %d", rows, allRows)
	}
	if packed.Len() > maxBytes {
		t.Errorf("%d bytes gzipped, want at most %d", packed.Len(), maxBytes)
	}
	css, err := staticFiles.ReadFile("static/style.css")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(css, []byte("animation")) || bytes.Contains(css, []byte("transition")) {
		t.Error("what moves has to stop under prefers-reduced-motion")
	}
}

// TestVendored: what is not ours is what its authors published as version 1.6.32, and its licence is beside it.
func TestVendored(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"uplot.js":          "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
		"uplot.css":         "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
		"uplot.LICENSE.txt": "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd",
	} {
		content, err := staticFiles.ReadFile("static/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%x", sha256.Sum256(content)); got != want {
			t.Errorf("%s is %s", name, got)
		}
	}
}

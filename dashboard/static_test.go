package dashboard

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
	"testing"
)

func TestStatic(t *testing.T) {
	t.Parallel()
	d := sampledNow(t, Config{})
	for file, kind := range map[string]string{
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
	)
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	entries, err := staticFiles.ReadDir("static")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		content, err := staticFiles.ReadFile("static/" + entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := zip.Write(content); err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(content, []byte("\n")); strings.HasSuffix(entry.Name(), ".js") && n > moduleRows {
			t.Errorf("%s has %d lines", entry.Name(), n)
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

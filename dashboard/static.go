package dashboard

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed static
var staticFiles embed.FS

// static are the embedded files under names that change with their content, so that a browser may keep
// them for ever and never mixes those of two versions.
type static struct {
	base  string
	names map[string]string // live.js -> live.0123456789ab.js
	files map[string]staticFile
}

type staticFile struct {
	content []byte
	kind    string
}

// staticKinds says what each kind of file is: the machine's own table of types may lack one, and
// nosniff lets the browser believe what it is told.
var staticKinds = map[string]string{
	".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml",
	".txt": "text/plain; charset=utf-8",
}

func loadStatic(base string) (static, error) {
	const digits = 12
	s := static{base: base, names: map[string]string{}, files: map[string]staticFile{}}
	entries, err := staticFiles.ReadDir("static")
	if err != nil {
		return s, err
	}
	for _, entry := range entries {
		content, err := staticFiles.ReadFile("static/" + entry.Name())
		if err != nil {
			return s, err
		}
		ext := path.Ext(entry.Name())
		digest := sha256.Sum256(content)
		hashed := strings.TrimSuffix(entry.Name(), ext) + "." + hex.EncodeToString(digest[:])[:digits] + ext
		s.names[entry.Name()] = hashed
		s.files[hashed] = staticFile{content: content, kind: staticKinds[ext]}
	}
	return s, nil
}

// url is where the browser finds a file; templates call it asset.
func (s *static) url(name string) (string, error) {
	hashed, ok := s.names[name]
	if !ok {
		return "", fmt.Errorf("no static file %q", name)
	}
	return s.base + hashed, nil
}

func (s *static) serve(w http.ResponseWriter, r *http.Request) {
	file, ok := s.files[r.PathValue("name")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", file.kind)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(file.content))
}

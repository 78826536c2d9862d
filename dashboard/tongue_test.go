package dashboard

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// sayings are the literals that the sources and the templates say, each with where.
func sayings(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{nameKey: "the name of the language"}
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range sources {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if fn, ok := call.Fun.(*ast.Ident); !ok || fn.Name != "say" {
				return true
			}
			text, ok := call.Args[0].(*ast.BasicLit)
			if !ok {
				t.Errorf("%s: what is said is no literal", name)
				return true
			}
			said, err := strconv.Unquote(text.Value)
			if err != nil {
				t.Fatal(err)
			}
			out[said] = name
			return true
		})
	}
	inTemplates(t, out)
	return out
}

// inTemplates finds {{t "…"}} and (t "…").
func inTemplates(t *testing.T, out map[string]string) {
	t.Helper()
	calls := regexp.MustCompile(`[{( ]t ("(?:[^"\\]|\\.)*")`)
	files, err := filepath.Glob("templates/*.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range calls.FindAllStringSubmatch(string(content), -1) {
			said, err := strconv.Unquote(m[1])
			if err != nil {
				t.Fatal(err)
			}
			out[said] = name
		}
	}
}

// wordless are sayings that are the same in every language: nothing but verbs and marks.
var wordless = regexp.MustCompile(`^(%[sd]|[ ,;:.·/–+−()]|/s)*$`)

// TestEveryTongueSaysEverything: no page is half in English, and no catalogue has words that nobody says.
func TestEveryTongueSaysEverything(t *testing.T) {
	t.Parallel()
	all, err := loadTongues()
	if err != nil {
		t.Fatal(err)
	}
	said := sayings(t)
	if len(all.all) < 2 || len(said) < 50 {
		t.Fatalf("%d tongues, %d sayings", len(all.all), len(said))
	}
	verbs := regexp.MustCompile(`%(\[\d\])?[a-z]`)
	for _, tongue := range all.all[1:] {
		for text, where := range said {
			word, ok := tongue.words[text]
			if !ok && !wordless.MatchString(text) {
				t.Errorf("%s: no word for %q of %s", tongue.Tag, text, where)
			}
			if ok && len(verbs.FindAllString(word, -1)) != len(verbs.FindAllString(text, -1)) {
				t.Errorf("%s: %q has other verbs than %q", tongue.Tag, word, text)
			}
		}
		for text := range tongue.words {
			if _, ok := said[text]; !ok {
				t.Errorf("%s: nobody says %q", tongue.Tag, text)
			}
		}
	}
}

func TestPhrases(t *testing.T) {
	t.Parallel()
	zh := &tongue{Tag: "zh", words: map[string]string{"in %s": "%s后", "%s waits %s": "%[2]s：%[1]s 在等", "100%": "百分百"}}
	for want, p := range map[string]phrase{
		"":          {},
		"3 s后":      say("in %s", "3 s"),
		"3 s后：x 在等": say("%s waits %s", "x", say("in %s", "3 s")),
		"百分百":       say("100%"),
		"50%s":      say("50%s"),
		"unknown 7": say("unknown %d", 7),
	} {
		if got := zh.say(p); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := fmt.Sprint(say("in %s", say("%d s", 3))); got != "in 3 s" {
		t.Error(got)
	}
}

func TestTongueIsChosen(t *testing.T) {
	t.Parallel()
	all, err := loadTongues()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ chosen, accept, want string }{
		{"", "", "en"},
		{"zh", "", "zh"},
		{"en", "zh-CN", "en"},
		{"xx", "zh-CN,zh;q=0.9,en;q=0.8", "zh"},
		{"", "zh-TW", "zh"},
		{"", "en-GB,zh;q=0.5", "en"},
		{"", "de-DE,de;q=0.9", "en"},
		{"", "de,zh;q=0.5", "zh"},
		{"", "*", "en"},
		{"", ";;;,,q=", "en"},
		{"", strings.Repeat("a-", 5000), "en"},
		{"../zh", "", "en"},
	} {
		if got := all.choose(c.chosen, c.accept).Tag; got != c.want {
			t.Errorf("chosen %q, accept %.20q: %s, want %s", c.chosen, c.accept, got, c.want)
		}
	}
	if !slices.ContainsFunc(all.all, func(t *tongue) bool { return t.Tag == "zh" && t.Name == "中文" }) {
		t.Error("Chinese does not call itself 中文")
	}
}

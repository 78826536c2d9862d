package queue

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// luaFile is a script, or a part that scripts share, taken apart for the checks below.
type luaFile struct {
	name, text string
	verb       bool
	// head is the comment at the top, body what Lua runs, without comments.
	head, body string
	keys, uses []string
	// funcs are the functions at the outermost level of a part, init what stands beside them.
	funcs map[string]string
	init  string
}

var (
	comment   = regexp.MustCompile(`--[^\n]*`)
	word      = regexp.MustCompile(`[A-Za-z_]\w*`)
	luaString = regexp.MustCompile(`'[^'\n]*'`)
	fieldName = regexp.MustCompile(`\.[A-Za-z_]\w*`)
	function  = regexp.MustCompile(`(?m)^local function (\w+)\([^)]*\)(?: [^\n]* end$|$(?s:.*?)^end$)`)
	declared  = regexp.MustCompile(`(?:local|for) ([\w, ]+)|function(?: \w+)?\(([^)]*)\)`)
)

func parseLua(name, text string, verb bool) *luaFile {
	f := &luaFile{name: name, text: text, verb: verb, funcs: map[string]string{}}
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "-- ") && !strings.HasPrefix(line, "#!") {
			break
		}
		f.head += line
	}
	f.keys, f.uses = header(text, "KEYS"), header(text, "USES")
	f.body = comment.ReplaceAllString(text[strings.Index(text, f.head)+len(f.head):], "")
	f.init = f.body
	if !verb {
		for _, m := range function.FindAllStringSubmatch(f.body, -1) {
			f.funcs[m[1]] = m[0]
		}
		f.init = function.ReplaceAllString(f.body, "")
	}
	return f
}

// luaSet is all scripts and parts, by name.
type luaSet struct{ verbs, parts map[string]*luaFile }

func readLua(t *testing.T) luaSet {
	t.Helper()
	read := func(folder string, verb bool) map[string]*luaFile {
		out := map[string]*luaFile{}
		paths, err := filepath.Glob(folder + "/*.lua")
		if err != nil || len(paths) == 0 {
			t.Fatal("no scripts in", folder, err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			name := strings.TrimSuffix(filepath.Base(path), ".lua")
			out[name] = parseLua(name, string(text), verb)
		}
		return out
	}
	return luaSet{verbs: read("lua", true), parts: read("lua/with", false)}
}

// reach is the text that a script can run: its own, and of the parts it uses what stands outside of
// functions and the functions that are called.
func (set luaSet) reach(f *luaFile) string {
	text := f.body
	for _, part := range f.uses {
		text += "\n" + set.parts[part].init
	}
	for taken := map[string]bool{}; ; {
		before := len(taken)
		for _, part := range f.uses {
			for name, body := range set.parts[part].funcs {
				if !taken[name] && says(text, name, "(") {
					taken[name], text = true, text+"\n"+body
				}
			}
		}
		if len(taken) == before {
			return text
		}
	}
}

// says finds a name, not as the end of another, with something right behind it.
func says(text, name, behind string) bool {
	for from := 0; ; {
		i := strings.Index(text[from:], name+behind)
		if i < 0 {
			return false
		}
		from += i + len(name)
		if before := from - len(name) - 1; before < 0 || !word.MatchString(text[before:before+1]) {
			return true
		}
	}
}

// identifiers are the names in a piece of Lua, less those of fields and those in strings.
func identifiers(text string) map[string]bool {
	text = fieldName.ReplaceAllString(luaString.ReplaceAllString(text, ""), "")
	out := map[string]bool{}
	for _, name := range word.FindAllString(text, -1) {
		out[name] = true
	}
	return out
}

// keysIn are the names of keys that a piece of Lua uses and does not give to locals of its own.
func keysIn(text string) []string {
	own := map[string]bool{}
	for _, m := range declared.FindAllStringSubmatch(text, -1) {
		for _, name := range word.FindAllString(m[1]+" "+m[2], -1) {
			own[name] = true
		}
	}
	var out []string
	for name := range identifiers(text) {
		if _, ok := keyForms[name]; ok && !own[name] {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// TestScriptHeaders: what the header of a script says is what the script does and what Go reads.
func TestScriptHeaders(t *testing.T) {
	t.Parallel()
	set := readLua(t)
	if got, want := slices.Sorted(maps.Keys(set.verbs)), slices.Sorted(maps.Keys(scripts)); !slices.Equal(got, want) {
		t.Errorf("files %v, loaded %v", got, want)
	}
	if got, want := slices.Sorted(maps.Keys(set.parts)), slices.Sorted(slices.Values(fragmentOrder)); !slices.Equal(got, want) {
		t.Errorf("parts %v, in their order %v", got, want)
	}
	for _, files := range []map[string]*luaFile{set.verbs, set.parts} {
		for _, f := range files {
			for _, fault := range set.headerFaults(f) {
				t.Errorf("%s.lua: %s", f.name, fault)
			}
		}
	}
}

func (set luaSet) headerFaults(f *luaFile) (faults []string) {
	report := func(words ...string) { faults = append(faults, strings.Join(words, " ")) }
	head := f.head
	if f.verb {
		shebang := "#!lua flags=allow-oom\n"
		if f.name == "enqueue" {
			// The one that a full Redis refuses, as a whole.
			shebang = "#!lua\n"
		}
		var ok bool
		if head, ok = strings.CutPrefix(head, shebang); !ok {
			report("does not begin with", shebang)
		}
		for _, field := range []string{"USES", "KEYS", "RETURNS"} {
			if !strings.Contains(head, "\n-- "+field+" ") {
				report("has no", field)
			}
		}
		if !strings.Contains(head, "\n-- EACH ") && !strings.Contains(head, "\n-- ARGV ") {
			report("has neither EACH nor ARGV")
		}
	}
	if !strings.HasPrefix(head, "-- "+f.name+": ") {
		report("does not begin with -- " + f.name + ": …")
	}
	for _, name := range f.keys {
		if _, ok := keyForms[name]; !ok {
			report("KEYS names", name, "which is no key")
		}
	}
	used := keysIn(f.body)
	if f.verb {
		used = set.keysReached(f)
	}
	// A part may pass a key on to a part before it.
	for _, name := range used {
		if !slices.Contains(f.keys, name) {
			report("uses", name, "which KEYS does not name")
		}
	}
	for _, name := range f.keys {
		if f.verb && !slices.Contains(set.keysDeclared(f), name) {
			report("KEYS names", name, "which is not used")
		}
	}
	for _, part := range f.uses {
		for _, name := range set.parts[part].keys {
			if !slices.Contains(f.keys, name) {
				report("uses", part, "and KEYS does not name its", name)
			}
		}
	}
	return faults
}

// keysReached are the keys of what a script can run: its body's, and those of each function it can
// reach, where a key's name may be a local of one and a key in another.
func (set luaSet) keysReached(f *luaFile) []string {
	all := keysIn(f.body)
	reach := set.reach(f)
	for _, part := range f.uses {
		for _, body := range set.parts[part].funcs {
			if strings.Contains(reach, body) {
				all = append(all, keysIn(body)...)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// keysDeclared are the keys that a script has to name: its body's and those of the parts it uses.
func (set luaSet) keysDeclared(f *luaFile) []string {
	all := keysIn(f.body)
	for _, part := range f.uses {
		all = append(all, set.parts[part].keys...)
	}
	return all
}

var codeWord = regexp.MustCompile(`\b[A-Z]{2,}\b`)

// TestScriptCodes: a script answers the codes of its header and no other, and Go knows them all.
func TestScriptCodes(t *testing.T) {
	t.Parallel()
	set := readLua(t)
	seen := map[string]bool{}
	for _, f := range set.verbs {
		_, returns, _ := strings.Cut(f.head, "\n-- RETURNS ")
		promised := map[string]bool{}
		for _, code := range codeWord.FindAllString(returns, -1) {
			promised[code] = true
			if code != "OK" && codeErrors[code] == nil {
				t.Errorf("%s.lua: RETURNS has %s, which Go does not know", f.name, code)
			}
		}
		for _, code := range set.codes(f) {
			seen[code] = true
			if !promised[code] {
				t.Errorf("%s.lua: may answer %s, which RETURNS does not name", f.name, code)
			}
			if code != "OK" && codeErrors[code] == nil {
				t.Errorf("%s.lua: may answer %s, which Go does not know", f.name, code)
			}
		}
	}
	for code := range codeErrors {
		if !seen[code] {
			t.Errorf("no script answers %s", code)
		}
	}
}

// codes are the words in capitals in strings of what a script can run, less those it says to Redis.
func (set luaSet) codes(f *luaFile) []string {
	text := set.reach(f)
	for _, call := range callsIn(text) {
		text = strings.Replace(text, call, "", 1)
	}
	text = pushSide.ReplaceAllString(text, "")
	var out []string
	for _, m := range luaString.FindAllString(text, -1) {
		if code := strings.Trim(m, "'"); codeWord.FindString(code) == code && code != "" {
			out = append(out, code)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// TestVerbsAreDocumented: docs/protocol.md has a heading for every verb.
func TestVerbsAreDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	for verb := range scripts {
		if !regexp.MustCompile("(?m)^#+ `?" + verb + "\\b").Match(text) {
			t.Errorf("docs/protocol.md has no heading for %s", verb)
		}
	}
}

package queue

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// luaCall is one redis.call of a script, taken apart.
type luaCall struct {
	text, command string
	args          []string
	at            int
}

// callsIn returns the texts of all redis.call(…) in a piece of Lua, the outer ones first.
func callsIn(text string) []string {
	var out []string
	for _, c := range parseCalls(text) {
		out = append(out, c.text)
	}
	return out
}

func parseCalls(text string) []luaCall {
	const begin = "redis.call("
	var out []luaCall
	for from := 0; ; {
		i := strings.Index(text[from:], begin)
		if i < 0 {
			return out
		}
		at := from + i
		from = at + len(begin)
		c := luaCall{at: at}
		depth, start := 1, from
		for end := from; end < len(text) && depth > 0; end++ {
			switch text[end] {
			case '(', '{', '[':
				depth++
			case ')', '}', ']':
				depth--
			}
			if depth == 0 || depth == 1 && text[end] == ',' {
				c.args = append(c.args, strings.TrimSpace(text[start:end]))
				start = end + 1
			}
			c.text = text[at : end+1]
		}
		c.command, c.args = c.args[0], c.args[1:]
		out = append(out, c)
	}
}

var (
	quotedWord = regexp.MustCompile(`^'([A-Z]+)'$`)
	plainName  = regexp.MustCompile(`^[a-z_]\w*$`)
	joined     = regexp.MustCompile(`(\w*)\s*\.\.\s*(\w*)`)
	pushSide   = regexp.MustCompile(`\b(push|add)\('[LR]PUSH'`)
	// forbidden is what no script says, with the reason.
	forbidden = map[string]string{
		`\bKEYS\b`:                   "the loader names keys",
		`\bARGV\[`:                   "the loader names arguments",
		`cjson|cmsgpack`:             "payloads are opaque",
		`error_reply|\berror\(`:      "an expected outcome is a code, and nothing is rolled back",
		`\bpcall\b|redis\.[a-bd-z]`:  "redis.call is all that is needed",
		`\b(loadstring|dofile|_G)\b`: "a script is its text",
	}
	// unbounded are commands whose work grows with what a key holds.
	unbounded = []string{"KEYS", "SCAN", "SMEMBERS", "HGETALL", "HVALS", "HKEYS", "SORT", "LREM", "LPOS", "LINSERT", "ZREMRANGEBYSCORE", "DEL"}
	readers   = []string{"TIME", "HGET", "HMGET", "HEXISTS", "HLEN", "HSCAN", "ZSCORE", "ZCARD", "ZRANGE", "ZRANGEBYSCORE", "LRANGE", "LLEN", "EXISTS"}
)

// TestScriptRules is the rules of DESIGN.md section 5 that can be read off a script.
func TestScriptRules(t *testing.T) {
	t.Parallel()
	set := readLua(t)
	for _, files := range []map[string]*luaFile{set.verbs, set.parts} {
		for _, f := range files {
			for _, fault := range slices.Concat(f.ruleFaults(), set.orderFaults(f)) {
				t.Errorf("%s.lua: %s", f.name, fault)
			}
		}
	}
}

func (f *luaFile) ruleFaults() (faults []string) {
	body := f.body
	if f.name == "clock" {
		body = strings.Replace(body, "ARGV[1]", "", 1) // the shift of time
	}
	for pattern, why := range forbidden {
		if found := regexp.MustCompile(pattern).FindString(body); found != "" {
			faults = append(faults, fmt.Sprintf("says %q: %s", found, why))
		}
	}
	for _, m := range joined.FindAllStringSubmatch(body, -1) {
		for _, name := range m[1:] {
			if _, ok := keyForms[name]; ok {
				faults = append(faults, fmt.Sprintf("builds on a key: %q", m[0]))
			}
		}
	}
	for _, c := range parseCalls(body) {
		if fault := c.fault(); fault != "" {
			faults = append(faults, fmt.Sprintf("%s: %s", c.text, fault))
		}
	}
	slices.Sort(faults)
	return faults
}

// fault says what is wrong with a call: its key is no plain name, or its work has no bound.
func (c luaCall) fault() string {
	if c.command == "side" {
		c.command = "'RPUSH'"
	}
	m := quotedWord.FindStringSubmatch(c.command)
	if m == nil {
		return "a command that cannot be read off"
	}
	keys := c.args[:min(1, len(c.args))]
	if m[1] == "EXISTS" || m[1] == "UNLINK" {
		keys = c.args
	}
	for _, key := range keys {
		if !plainName.MatchString(key) {
			return "the key is not a name"
		}
	}
	rest := strings.Join(c.args[min(1, len(c.args)):], " ")
	switch {
	case slices.Contains(unbounded, m[1]):
		return "its work has no bound"
	case m[1] == "ZRANGEBYSCORE" && !strings.Contains(rest, "'LIMIT' 0 limit"):
		return "no LIMIT"
	case m[1] == "HSCAN" && !strings.Contains(rest, "'COUNT' limit"):
		return "no COUNT"
	case (m[1] == "ZRANGE" || m[1] == "LRANGE") && (len(c.args) < 3 || strings.Contains(c.args[2], "-1") && !strings.Contains(c.args[2], "limit")):
		return "no last index"
	}
	return ""
}

// orderFaults: all checks stand above "-- writes", which only verbs have.
func (set luaSet) orderFaults(f *luaFile) (faults []string) {
	if !f.verb {
		return nil
	}
	_, code, _ := strings.Cut(f.text, f.head)
	above, below, ok := strings.Cut(code, "\n-- writes\n")
	if !ok || strings.Contains(below, "-- writes") {
		return []string{"has not exactly one line -- writes"}
	}
	above = comment.ReplaceAllString(above, "")
	if found := writesIn(above); found != "" {
		faults = append(faults, "writes above the line: "+found)
	}
	writes := strings.Contains(below, "redis.call(")
	for name := range set.writers() {
		if says(above, name, "(") {
			faults = append(faults, "writes above the line: "+name+"(…)")
		}
		writes = writes || says(below, name, "(")
	}
	if !writes {
		faults = append(faults, "writes nothing below the line")
	}
	return faults
}

func writesIn(text string) string {
	for _, c := range parseCalls(text) {
		if !slices.Contains(readers, strings.Trim(c.command, "'")) {
			return c.text
		}
	}
	return ""
}

// writers are the functions of parts that write, by themselves or through others.
func (set luaSet) writers() map[string]bool {
	out := map[string]bool{}
	for before := -1; before != len(out); {
		before = len(out)
		for _, part := range set.parts {
			for name, body := range part.funcs {
				writes := writesIn(body) != ""
				for other := range out {
					writes = writes || says(body, other, "(")
				}
				if writes {
					out[name] = true
				}
			}
		}
	}
	return out
}

// TestRolesKnowEveryCommand: the rules of all roles together allow each command that scripts call, and no
// script is without a role.
func TestRolesKnowEveryCommand(t *testing.T) {
	t.Parallel()
	set, allowed, served := readLua(t), Commands(Roles()...), map[*script]bool{}
	for _, files := range []map[string]*luaFile{set.verbs, set.parts} {
		for _, f := range files {
			for _, c := range parseCalls(f.body) {
				command := strings.ToLower(strings.Trim(c.command, "'"))
				if command != "side" && !slices.Contains(allowed, command) {
					t.Errorf("%s.lua uses %s, which no role is allowed", f.name, command)
				}
			}
		}
	}
	for _, need := range needs {
		for _, sc := range need.scripts {
			served[sc] = true
		}
	}
	if len(served) != len(scripts) {
		t.Errorf("%d of %d scripts are in a role", len(served), len(scripts))
	}
}

// TestScriptChecksFindFaults: the checks above are worth something only if they see a fault.
func TestScriptChecksFindFaults(t *testing.T) {
	t.Parallel()
	set := readLua(t)
	for fault, change := range map[string][2]string{
		"uses ghosts which KEYS does not name":     {"-- writes", "redis.call('HLEN', ghosts)\n\n-- writes"},
		"KEYS names delayed which is not used":     {"-- KEYS ", "-- KEYS delayed "},
		"the key is not a name":                    {"-- writes", "-- writes\nredis.call('HSET', jobs .. ':x', 'a', 'b')"},
		"builds on a key":                          {"-- writes", "-- writes\nlocal other = jobs .. ':x'"},
		"no LIMIT":                                 {"-- writes", "redis.call('ZRANGEBYSCORE', done, 0, now)\n\n-- writes"},
		"no last index":                            {"-- writes", "redis.call('ZRANGE', done, 0, -1)\n\n-- writes"},
		"its work has no bound":                    {"-- writes", "redis.call('HGETALL', jobs)\n\n-- writes"},
		"writes above the line: redis":             {"-- writes", "redis.call('ZREM', done, 'x')\n\n-- writes"},
		"writes above the line: forget":            {"-- writes", "forget(id, 'gone')\n\n-- writes"},
		"has not exactly one line -- writes":       {"-- writes", ""},
		"may answer GONE, which RETURNS":           {"return refused", "return { 'GONE' }"},
		"an expected outcome is a code":            {"return refused", "return redis.error_reply('x')"},
		"the loader names keys":                    {"return refused", "return KEYS[1]"},
		"does not begin with #!lua flags":          {"#!lua flags=allow-oom\n", "#!lua\n"},
		"has no RETURNS":                           {"-- RETURNS", "--"},
		"payloads are opaque":                      {"return refused", "return cjson.encode(refused)"},
		"uses unlease and KEYS does not name its ": {"-- KEYS jobs leased ", "-- KEYS jobs "},
	} {
		good := set.verbs["ack"].text
		bad := parseLua("ack", strings.Replace(good, change[0], change[1], 1), true)
		found := slices.Concat(set.headerFaults(bad), bad.ruleFaults(), set.orderFaults(bad))
		for _, code := range set.codes(bad) {
			if codeErrors[code] == nil {
				found = append(found, "may answer "+code+", which RETURNS does not name")
			}
		}
		if bad.text == good || !strings.Contains(strings.Join(found, "\n"), fault) {
			t.Errorf("%q in place of %q: found %q, want %q", change[1], change[0], found, fault)
		}
	}
}

package queue

import (
	"crypto/sha1" // the name Redis gives a script, not a secret
	"embed"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"
)

//go:embed lua
var luaFiles embed.FS

// script is one verb as Redis runs it.
type script struct {
	verb string
	// keys names the KEYS, argv the fixed ARGV after the time shift, each the columns of the ARGV
	// that repeat for every job.
	keys, argv, each []string
	// source is for a Redis server, plain the same without the shebang line, for miniredis.
	source, plain source
}

type source struct{ text, sha string }

func newSource(text string) source {
	sum := sha1.Sum([]byte(text))
	return source{text: text, sha: hex.EncodeToString(sum[:])}
}

// scripts are all verbs that are scripts, by name.
var scripts = mustLoadScripts()

var (
	enqueueScript    = scripts["enqueue"]
	promoteScript    = scripts["promote"]
	leaseScript      = scripts["lease"]
	extendScript     = scripts["extend"]
	ackScript        = scripts["ack"]
	retryScript      = scripts["retry"]
	snoozeScript     = scripts["snooze"]
	releaseScript    = scripts["release"]
	buryScript       = scripts["bury"]
	reapScript       = scripts["reap"]
	rescheduleScript = scripts["reschedule"]
	cancelScript     = scripts["cancel"]
	requeueScript    = scripts["requeue"]
	purgeScript      = scripts["purge"]
	deleteScript     = scripts["delete"]

	auditScript       = scripts["audit"]
	auditLockScript   = scripts["audit_lock"]
	auditCountsScript = scripts["audit_counts"]
)

// fragmentOrder is the order in which the parts that scripts share are joined before them: a part may
// use those before it.
var fragmentOrder = []string{"clock", "rings", "series", "ready", "unique", "owned", "forget", "lift", "seen", "admit", "unlease", "wait", "index", "meet", "entries", "disorder", "mend"}

func mustLoadScripts() map[string]*script {
	entries, err := luaFiles.ReadDir("lua")
	if err != nil {
		panic(err)
	}
	all := map[string]*script{}
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		body, err := luaFiles.ReadFile(path.Join("lua", e.Name()))
		if err != nil {
			panic(err)
		}
		verb := strings.TrimSuffix(e.Name(), ".lua")
		sc, err := loadScript(verb, string(body))
		if err != nil {
			panic(fmt.Sprintf("lua/%s: %v", e.Name(), err))
		}
		all[verb] = sc
	}
	return all
}

// loadScript joins a script's body with the parts it uses and with locals that give its KEYS and ARGV
// the names of the header, so that header, Lua and Go cannot drift apart.
func loadScript(verb, body string) (*script, error) {
	sc := &script{
		verb: verb,
		keys: header(body, "KEYS"), argv: header(body, "ARGV"), each: header(body, "EACH"),
	}
	shebang := ""
	if strings.HasPrefix(body, "#!") {
		shebang, body, _ = strings.Cut(body, "\n")
		shebang += "\n"
	}
	var b strings.Builder
	b.WriteString(bindings(sc))
	uses := header(body, "USES")
	for _, name := range uses {
		if !slices.Contains(fragmentOrder, name) {
			return nil, fmt.Errorf("USES names %q, which is no part", name)
		}
	}
	for _, name := range fragmentOrder {
		if slices.Contains(uses, name) {
			part, err := luaFiles.ReadFile("lua/with/" + name + ".lua")
			if err != nil {
				return nil, err
			}
			b.Write(part)
		}
	}
	b.WriteString(body)
	sc.plain = newSource(b.String())
	sc.source = newSource(shebang + b.String())
	return sc, nil
}

// bindings gives KEYS, ARGV and the columns of EACH their names. ARGV[1] is the shift of time in ms
// that only tests set.
func bindings(sc *script) string {
	var b strings.Builder
	for i, name := range sc.keys {
		if _, ok := keyForms[name]; ok {
			fmt.Fprintf(&b, "local %s = KEYS[%d]\n", name, i+1)
		}
	}
	for i, name := range sc.argv {
		fmt.Fprintf(&b, "local %s = ARGV[%d]\n", name, i+2)
	}
	if len(sc.each) == 0 {
		return b.String()
	}
	var left, right, empty []string
	for i, name := range sc.each {
		left = append(left, name+"[n]")
		right = append(right, fmt.Sprintf("ARGV[i + %d]", i))
		empty = append(empty, "{}")
	}
	fmt.Fprintf(&b, "local n, %s = 0, %s\n", strings.Join(sc.each, ", "), strings.Join(empty, ", "))
	fmt.Fprintf(&b, "for i = %d, #ARGV, %d do\n  n = n + 1\n  %s = %s\nend\n",
		len(sc.argv)+2, len(sc.each), strings.Join(left, ", "), strings.Join(right, ", "))
	return b.String()
}

// header returns the words of the line "-- FIELD …" of a script's header.
func header(body, field string) []string {
	for line := range strings.Lines(body) {
		if rest, ok := strings.CutPrefix(line, "-- "+field); ok && (rest == "\n" || strings.HasPrefix(rest, " ")) {
			return strings.Fields(rest)
		}
	}
	return nil
}

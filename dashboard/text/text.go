// Package text has what pages of the dashboard say, in each language that they speak. A page names a
// text by its key, and gives it arguments in the form of package fmt:
//
//	text.Of(r).Say("signin.wait", 12)
//
// The texts are in en.json and zh.json, which have the same keys.
package text

import (
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Language is one that pages speak, as the lang attribute of HTML names it. Its zero value is English.
type Language string

const (
	// English is what those get whose language is not here.
	English Language = "en"
	// Chinese is the simplified one.
	Chinese Language = "zh"
)

// Languages returns all languages, English first.
func Languages() []Language { return []Language{English, Chinese} }

//go:embed en.json zh.json
var files embed.FS

var catalogues = map[Language]map[string]string{English: load(English), Chinese: load(Chinese)}

// load panics for a file that is not right, which the first test finds.
func load(l Language) map[string]string {
	content, err := files.ReadFile(string(l) + ".json")
	if err != nil {
		panic(err)
	}
	var texts map[string]string
	if err := json.Unmarshal(content, &texts); err != nil {
		panic(fmt.Sprintf("%s.json: %v", l, err))
	}
	return texts
}

// Say returns the text of a key, in English where the language lacks it, and the key itself where there
// is no such text.
func (l Language) Say(key string, args ...any) string {
	text, ok := catalogues[l][key]
	if !ok {
		text, ok = catalogues[English][key]
	}
	switch {
	case !ok:
		return key
	case len(args) == 0:
		return text
	}
	return fmt.Sprintf(text, args...)
}

// String is the name of the language in HTML.
func (l Language) String() string { return string(cmp.Or(l, English)) }

// Of is the language that the browser would rather have, by its Accept-Language.
func Of(r *http.Request) Language {
	best, most := English, 0.0
	for part := range strings.SplitSeq(r.Header.Get("Accept-Language"), ",") {
		name, parameter, _ := strings.Cut(part, ";")
		primary, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(name)), "-")
		weight := 1.0
		if q, ok := strings.CutPrefix(strings.TrimSpace(parameter), "q="); ok {
			weight, _ = strconv.ParseFloat(q, 64)
		}
		if l := Language(primary); weight > most && slices.Contains(Languages(), l) {
			best, most = l, weight
		}
	}
	return best
}

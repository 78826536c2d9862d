package dashboard

import (
	"embed"
	"encoding/json"
	"fmt"
	"slices"

	"golang.org/x/text/language"
)

//go:embed words
var wordFiles embed.FS

// phrase is something to be said in the reader's language: the English of it, which is also its key in
// the catalogues, and what goes into it. An argument may be a phrase again.
type phrase struct {
	text string
	args []any
}

// say makes a phrase. Its text is a literal wherever it is called, so that a test finds all of them and
// asks every catalogue for them.
func say(text string, args ...any) phrase { return phrase{text, args} }

// of is the phrase with what goes into it.
func (p phrase) of(args ...any) phrase { return phrase{p.text, args} }

// Said says whether there is anything to be said.
func (p phrase) Said() bool { return p.text != "" }

// String returns the English, for the JSON and the log.
func (p phrase) String() string { return english.say(p) }

// MarshalText writes the English.
func (p phrase) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// tongue is a language that pages are written in.
type tongue struct {
	// Tag is its BCP 47 tag, Name what those who speak it call it.
	Tag, Name string
	words     map[string]string
}

// english needs no catalogue: its words are the keys.
var english = &tongue{Tag: "en", Name: "English"}

func (t *tongue) say(p phrase) string {
	text := p.text
	if word, ok := t.words[text]; ok {
		text = word
	}
	if len(p.args) == 0 {
		return text
	}
	args := make([]any, len(p.args))
	for i, arg := range p.args {
		args[i] = arg
		if part, ok := arg.(phrase); ok {
			args[i] = t.say(part)
		}
	}
	return fmt.Sprintf(text, args...)
}

// word is what templates call t: {{t "Queues"}}, {{t "of %s" .N}} or {{t .Phrase}}.
func (t *tongue) word(text any, args ...any) string {
	switch text := text.(type) {
	case phrase:
		return t.say(text)
	case string:
		return t.say(phrase{text, args})
	default:
		return fmt.Sprint(text)
	}
}

// tongues are English and the languages of the catalogues, by tag.
type tongues struct {
	all     []*tongue
	matcher language.Matcher
}

// nameKey is the entry of a catalogue with the name of its language.
const nameKey = "English"

// loadTongues reads the catalogues: words/<tag> has JSON files, one for each part of the dashboard, of
// objects from the English to the word.
func loadTongues() (tongues, error) {
	out := tongues{all: []*tongue{english}}
	tags := []language.Tag{language.English}
	folders, err := wordFiles.ReadDir("words")
	if err != nil {
		return out, err
	}
	for _, folder := range folders {
		t, err := loadTongue(folder.Name())
		if err != nil {
			return out, fmt.Errorf("words of %s: %w", folder.Name(), err)
		}
		out.all = append(out.all, t)
		tags = append(tags, language.Make(t.Tag))
	}
	out.matcher = language.NewMatcher(tags)
	return out, nil
}

func loadTongue(tag string) (*tongue, error) {
	t := &tongue{Tag: tag, words: map[string]string{}}
	files, err := wordFiles.ReadDir("words/" + tag)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		content, err := wordFiles.ReadFile("words/" + tag + "/" + file.Name())
		if err != nil {
			return nil, err
		}
		// Into the same map: each file adds its words.
		if err := json.Unmarshal(content, &t.words); err != nil {
			return nil, err
		}
	}
	t.Name = t.words[nameKey]
	return t, nil
}

// choose is the language that somebody has chosen, or else the one that their browser would like best.
func (ts *tongues) choose(chosen, accept string) *tongue {
	if i := slices.IndexFunc(ts.all, func(t *tongue) bool { return t.Tag == chosen }); i >= 0 {
		return ts.all[i]
	}
	wanted, _, err := language.ParseAcceptLanguage(accept)
	if err != nil || len(wanted) == 0 {
		return english
	}
	_, i, sure := ts.matcher.Match(wanted...)
	if sure == language.No {
		return english
	}
	return ts.all[i]
}

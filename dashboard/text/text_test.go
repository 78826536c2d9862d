package text_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"testing"

	"github.com/dueq-io/dueq/dashboard/text"
)

var verbs = regexp.MustCompile(`%(\[\d+\])?[a-z]`)

func TestLanguagesSayTheSame(t *testing.T) {
	t.Parallel()
	english := text.Catalogue(text.English)
	for _, l := range text.Languages() {
		other := text.Catalogue(l)
		for _, key := range slices.Sorted(maps.Keys(english)) {
			if a, b := verbs.FindAllString(english[key], -1), verbs.FindAllString(other[key], -1); other[key] == "" || !slices.Equal(a, b) {
				t.Errorf("%s: %s is %q", l, key, other[key])
			}
		}
		for key := range other {
			if _, ok := english[key]; !ok {
				t.Errorf("%s: %s is no text in English", l, key)
			}
		}
	}
}

func TestSay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		got, want string
	}{
		{text.English.Say("signin.wait", 7), "Too many attempts. Try again in 7 s."},
		{text.Chinese.Say("signin.button"), "登录"},
		{text.Language("").Say("signin.button"), "Sign in"},
		{text.Language("xx").Say("signin.button"), "Sign in"},
		{text.English.Say("no.such", 1), "no.such"},
		{text.Language("").String(), "en"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

func TestOf(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]text.Language{
		"": text.English, "zh-CN,zh;q=0.9,en;q=0.8": text.Chinese, "en-US,en;q=0.9,zh;q=0.8": text.English,
		"de,fr;q=0.9": text.English, "en;q=0.1, ZH;q=0.2": text.Chinese, "zh;q=x": text.English, "zh;q=0": text.English,
		"*": text.English, ";;;,,,q=": text.English,
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
		r.Header.Set("Accept-Language", accept)
		if got := text.Of(r); got != want {
			t.Errorf("%q: %s", accept, got)
		}
	}
}

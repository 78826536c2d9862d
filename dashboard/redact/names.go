package redact

import (
	"strings"
	"unicode"
)

// plain is the name of a field without what people vary: case, and marks between words.
func plain(name string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
}

package redact

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// text hides what looks like a secret, and what stands behind the name of one.
func (n names) text(s string) string {
	s = strings.ToValidUTF8(cut(s), "\ufffd")
	if s == "" || s == hidden {
		return s
	}
	// Most strings have nothing of the kind, and to look for a letter is cheap.
	if strings.Contains(s, "-----BEGIN") {
		s = blocks.ReplaceAllString(s, hidden)
	}
	if strings.Contains(s, "<") {
		s = n.replace(s, element, elementEnd)
	}
	if strings.ContainsAny(s, "=:：") {
		s = n.replace(s, field, valueEnd)
	}
	if strings.Contains(s, "-") {
		s = n.replace(s, flag, valueEnd)
	}
	if strings.Contains(s, ":") {
		s = addresses.ReplaceAllStringFunc(s, address)
	}
	if strings.Contains(s, "@") {
		s = logins.ReplaceAllString(s, "${1}:"+hidden+"@")
	}
	s = spaced.ReplaceAllString(s, "${1}"+hidden)
	s = schemes.ReplaceAllString(s, "${1} "+hidden)
	s = known.ReplaceAllString(s, hidden)
	if strings.ContainsAny(s, "@%") {
		s = mails.ReplaceAllStringFunc(s, maskMail)
	}
	if strings.ContainsAny(s, "0123456789") {
		s = numbers(s)
	}
	return s
}

// cut shortens a text that is too long at a space: half a secret looks like none.
func cut(s string) string {
	if len(s) <= maxShown {
		return s
	}
	end := strings.LastIndexFunc(s[:maxShown], unicode.IsSpace)
	return s[:max(end, 0)] + more
}

var (
	// blocks are keys in PEM, also those without an end.
	blocks = regexp.MustCompile(`(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\z)`)
	// schemes are those of an Authorization header.
	schemes = regexp.MustCompile(`(?i)\b(bearer|basic|digest|negotiate|apikey)\s+[^\s,;"'<>]{4,}`)
	// spaced are names of two words.
	spaced = regexp.MustCompile(`(?i)\b((?:api|access|private|secret|signing) key(?:\s*(?:[:=]|is\b)\s*|\s+)["']?)[^\s"',;]+`)
	// known are secrets that say what they are: JWT, and keys of AWS, GitHub, Slack and Stripe.
	known = regexp.MustCompile(`eyJ[\w-]{5,}\.[\w-]{3,}(?:\.[\w-]*)?|\b(?:AKIA|ASIA)[A-Z0-9]{16}|\bgh[pousr]_\w{16,}|\bxox[a-z]-[\w-]{8,}|\b[sr]k_(?:live|test)_\w{8,}`)
	// logins are user:password@ without a scheme before it.
	logins = regexp.MustCompile(`([\w.%+-]+):/?[^\s@/][^\s@]*@`)
	// field is the name of a field and the mark behind it; flag is an option of a command line.
	field = regexp.MustCompile(`([\p{L}\p{N}_.\-\[\]]{1,128})(?:\\*["'])?\s*(=>|:=|[:=：])[ \t]*`)
	flag  = regexp.MustCompile(`--?([\w-]{2,64})[ \t]+`)
	// element is an opening tag of XML.
	element = regexp.MustCompile(`<([\p{L}_][\w:.-]{0,127})(?:\s[^<>]*)?>`)
)

// elementEnd is how long the inside of an element of XML is.
func elementEnd(rest, name, _ string) int {
	if end := strings.Index(rest, "</"+name); end >= 0 {
		return end
	}
	return len(rest)
}

// replace hides what follows each match of a secret name, as far as end says.
func (n names) replace(s string, pattern *regexp.Regexp, end func(rest, name, sign string) int) string {
	var out strings.Builder
	done := 0
	for _, m := range pattern.FindAllStringSubmatchIndex(s, -1) {
		name := s[m[2]:m[3]]
		if m[0] < done || !n.secret(name) {
			continue
		}
		sign := ""
		if len(m) > 4 {
			sign = s[m[4]:m[5]]
		}
		if length := end(s[m[1]:], name, sign); length > 0 {
			out.WriteString(s[done:m[1]])
			out.WriteString(hidden)
			done = m[1] + length
		}
	}
	return out.String() + s[done:]
}

// valueEnd is how long the value is with which rest begins.
func valueEnd(rest, name, sign string) int {
	quoted := strings.TrimLeft(rest, `\`)
	escapes := rest[:len(rest)-len(quoted)]
	switch {
	case quoted == "":
		return len(rest)
	case strings.ContainsRune("\"'`", rune(quoted[0])):
		return closing(rest, escapes+quoted[:1])
	case quoted[0] == '{' || quoted[0] == '[':
		return balanced(rest)
	}
	stop := " \t\r\n,;&\"'<>)}]"
	if sign == ":" || sign == "：" {
		stop = "\r\n,;&\"'<>)}]" // prose and YAML have spaces in values
	}
	if lower := plain(name); strings.Contains(lower, "authorization") || strings.Contains(lower, "cookie") {
		stop = "\r\n"
	}
	if end := strings.IndexAny(rest, stop); end >= 0 {
		return end
	}
	return len(rest)
}

// closing is how long the string is that opens with quote and ends with it, or with the text.
func closing(s, quote string) int {
	for at := len(quote); ; {
		i := strings.Index(s[at:], quote)
		if i < 0 {
			return len(s)
		}
		at += i
		if s[at-1] != '\\' || strings.HasPrefix(quote, `\`) {
			return at + len(quote)
		}
		// An even number of backslashes escape each other, and not the quote.
		if run := at - len(strings.TrimRight(s[:at], `\`)); run%2 == 0 {
			return at + len(quote)
		}
		at += len(quote)
	}
}

// balanced is how long the object or array is with which s begins, whatever is in its strings.
func balanced(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		case '"':
			i += closing(s[i:], `"`) - 1
		}
	}
	return len(s)
}

// mails are e-mail addresses, also percent-encoded.
var mails = regexp.MustCompile(`[\p{L}\p{N}._%+\-]{1,128}(?:@|%40)[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+`)

// masked stands for what is hidden of something of which a part may be seen.
const masked = "•••"

// maskMail leaves the first letter and the domain.
func maskMail(s string) string {
	at := strings.LastIndex(s, "@")
	if at < 0 {
		at = strings.LastIndex(s, "%40")
	}
	_, size := utf8.DecodeRuneInString(s)
	if size >= at {
		size = 0 // it would be all of it
	}
	return s[:size] + masked + s[at:]
}

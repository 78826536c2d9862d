package redact

import (
	"slices"
	"strings"
	"unicode"
)

// hidden stands for what is hidden.
const hidden = "[hidden]"

// secretParts make a name one of a secret wherever they stand in it.
var secretParts = []string{
	"password", "passwd", "passphrase", "passcode", "secret", "token", "authorization", "cookie", "apikey", "accesskey",
	"privatekey", "signingkey", "encryptionkey", "credential", "bearer", "jwt", "creditcard", "cardnum", "cardno", "email", "phone", "msisdn",
	"密码", "口令", "令牌", "密钥", "手机", "电话", "身份证", "银行卡", "邮箱",
}

// secretWords make a name one of a secret where they are one of its words: others have them inside.
var secretWords = []string{
	"pwd", "pass", "auth", "card", "cards", "pan", "cvv", "cvc", "pin", "otp", "ssn", "iban", "mobile", "tel", "session", "sid",
}

// names says which names of fields are those of secrets.
type names struct{ more []string }

func (n names) with(keys []string) names {
	more := slices.Clone(n.more)
	for _, key := range keys {
		more = append(more, plain(key))
	}
	return names{more}
}

// maxNameBytes bounds the work for one name; longer ones are taken for those of secrets.
const maxNameBytes = 512

func (n names) secret(name string) bool {
	if len(name) > maxNameBytes {
		return true
	}
	flat := plain(name)
	in := func(part string) bool { return strings.Contains(flat, part) }
	if slices.ContainsFunc(secretParts, in) || slices.ContainsFunc(n.more, in) {
		return true
	}
	return slices.ContainsFunc(words(name), func(word string) bool { return slices.Contains(secretWords, word) })
}

// plain is the name of a field without what people vary: case, and marks between words.
func plain(name string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
}

// words are the words of a name such as card_no, cardNo or CARD-NO, in lower case.
func words(name string) []string {
	var out []string
	var word []rune
	end := func() {
		if len(word) > 0 {
			out = append(out, strings.ToLower(string(word)))
		}
		word = word[:0]
	}
	runes := []rune(name)
	for i, r := range runes {
		switch {
		case !unicode.IsLetter(r):
			end()
			continue
		case unicode.IsUpper(r) && i > 0 && (!unicode.IsUpper(runes[i-1]) || (i+1 < len(runes) && unicode.IsLower(runes[i+1]))):
			end()
		}
		word = append(word, r)
	}
	end()
	return out
}

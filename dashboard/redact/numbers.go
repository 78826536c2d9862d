package redact

import (
	"regexp"
	"strings"
)

var (
	// phones are numbers with a country's code, mobile numbers of China, and those of North America.
	phones = regexp.MustCompile(`\+[0-9][0-9 ().\-]{5,22}[0-9]|1[3-9][0-9]{9}|1[3-9][0-9][ \-][0-9]{4}[ \-][0-9]{4}|\(?[0-9]{3}\)?[ .\-]+[0-9]{3}[ .\-][0-9]{4}`)
	// citizens are numbers of identity cards of China.
	citizens = regexp.MustCompile(`[1-9][0-9]{5}(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9Xx]`)
	// runs are digits with at most one space or dash between two.
	runs   = regexp.MustCompile(`[0-9](?:[ \-]?[0-9])*`)
	groups = regexp.MustCompile(`[0-9]+`)
)

// numbers masks those of bank cards, of identity cards and of phones.
func numbers(s string) string {
	s = runs.ReplaceAllStringFunc(s, maskCards)
	s = whole(s, citizens, func(string) string { return hidden })
	return whole(s, phones, maskPhone)
}

// whole replaces matches that are no part of a longer number.
func whole(s string, pattern *regexp.Regexp, by func(string) string) string {
	digit := func(i int) bool { return i >= 0 && i < len(s) && s[i] >= '0' && s[i] <= '9' }
	var out strings.Builder
	done := 0
	for _, m := range pattern.FindAllStringIndex(s, -1) {
		if digit(m[0]-1) || digit(m[1]) {
			continue
		}
		out.WriteString(s[done:m[0]])
		out.WriteString(by(s[m[0]:m[1]]))
		done = m[1]
	}
	return out.String() + s[done:]
}

// maskPhone leaves the first characters and the last two.
func maskPhone(s string) string {
	const head, tail = 3, 2
	return s[:head] + masked + s[len(s)-tail:]
}

const minCard, maxCard = 14, 19

// maskCards leaves the last four digits of the numbers of cards in a run of digits.
func maskCards(run string) string {
	if len(run) < minCard {
		return run
	}
	var out strings.Builder
	parts := groups.FindAllStringIndex(run, -1)
	done := 0
	for first := 0; first < len(parts); first++ {
		last := card(run, parts[first:])
		if last < 0 {
			continue
		}
		const seen = 4
		end := parts[first+last][1]
		out.WriteString(run[done:parts[first][0]])
		out.WriteString(masked + run[end-seen:end])
		done, first = end, first+last
	}
	return out.String() + run[done:]
}

// card returns the index of the last of the groups that make up the number of a card with the first, and
// -1 where none do.
func card(run string, parts [][]int) int {
	var digits []byte
	for i, part := range parts {
		digits = append(digits, run[part[0]:part[1]]...)
		if len(digits) > maxCard {
			return -1
		}
		if len(digits) >= minCard && digits[0] >= '2' && digits[0] <= '6' && luhn(digits) {
			return i
		}
	}
	return -1
}

// luhn says whether the last digit is the one that follows from the others, as on cards.
func luhn(digits []byte) bool {
	sum := 0
	for i := range digits {
		n := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return sum%10 == 0
}

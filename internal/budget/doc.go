// Package budget holds one test, which fails for code that has outgrown a
// reader: a long file, function or script. What it finds wants a better shape,
// not a cut at the limit.
package budget

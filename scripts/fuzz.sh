#!/usr/bin/env bash
# fuzz.sh DURATION: fuzzes every target of the main module for that long; go
# test takes one at a time.
set -euo pipefail

go list -f '{{.Dir}} {{join .TestGoFiles " "}} {{join .XTestGoFiles " "}}' ./... |
	while read -r dir files; do
		for file in $files; do
			sed -nE 's/^func (Fuzz[A-Za-z0-9_]+)\(.*/\1/p' "$dir/$file" |
				while read -r target; do
					go test -run '^$' -fuzz "^$target\$" -fuzztime "$1" "$dir"
				done
		done
	done

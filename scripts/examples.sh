#!/usr/bin/env bash
# examples.sh: runs every example to its end. One that fails, or does not end
# by itself within a minute, fails the check.
set -euo pipefail

programs=$(mktemp -d)
trap 'rm -rf "$programs"' EXIT

go list -f '{{if eq .Name "main"}}{{.ImportPath}}{{end}}' ./examples/... |
	while read -r example; do
		echo "== $example"
		go build -o "$programs/example" "$example"
		timeout 60 "$programs/example" </dev/null
	done

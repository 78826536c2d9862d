#!/usr/bin/env bash
# Runs the tests of packages as a Redis user who may do just what "dueq acl" prints for all roles, so that
# a command that the code calls and the rules lack fails a test.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# The database is for the tests that use another than 0; each test has a namespace of its own, t1-TestName.
rules=$(go run ./cmd/dueq acl producer worker dashboard operator --namespace test \
  --redis redis://localhost/1 | sed -n 's/^user [^ ]* on //p')
REDISTEST_ACL=${rules/\~test:/\~t*:} go test -count=1 -short "$@"

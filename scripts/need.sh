#!/usr/bin/env bash
# need.sh PROGRAM PACKAGE...: makes sure that PROGRAM is there, with Debian's
# packages where this machine lets us. A missing program never skips a check.
set -euo pipefail

program=$1
shift
command -v "$program" >/dev/null && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -qq >&2 && apt-get install -y -qq --no-install-recommends "$@" >&2 || true
	command -v "$program" >/dev/null && exit 0
fi

echo "$program is missing; install it with: apt-get install $*" >&2
exit 1

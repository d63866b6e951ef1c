#!/usr/bin/env bash
# Runs every benchmark and writes what they print, with the machine and the versions, to bench/RESULTS.md.
# With BENCH_QUICK=1 they run briefly, so that CI sees them break, and nothing is written.
set -eu -o pipefail
cd "$(dirname "$0")"

if [ -z "${BENCH_DIR-}" ]; then # one for all of them
	mkdir -p .work
	BENCH_DIR=$(mktemp -d "$PWD/.work/run.XXXXXX")
	export BENCH_DIR
	trap 'rm -rf "$BENCH_DIR"' EXIT
fi
sections=$BENCH_DIR/sections.md
mkdir -p "$BENCH_DIR"
: >"$sections"

version() { # version NAME COMMAND…: its first line with a number in it, or that it is not here
	local name=$1 said
	shift
	said=$("$@" 2>/dev/null | grep -m 1 -oE '[0-9]+\.[0-9]+[^ ,)]*' || true)
	echo "$name ${said:-(not installed)}"
}

status=0
for script in p[0-9]*.sh; do
	echo
	echo "==== $script" >&2
	if ! bash "$script" >"$BENCH_DIR/section.md"; then
		echo "$script failed" >&2
		status=1
		continue
	fi
	cat "$BENCH_DIR/section.md"
	{
		echo
		cat "$BENCH_DIR/section.md"
	} >>"$sections"
done
if [ "${BENCH_QUICK-}" = 1 ] || [ $status != 0 ]; then
	exit $status
fi
{
	echo "# Results"
	echo
	echo "Written by \`make bench\`. Absolute times belong to one machine on one day; the ratios are what to look at."
	echo
	echo "- Machine: $(nproc) cores ($(uname -m)), $(awk '/MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo 2>/dev/null), $(uname -s) $(uname -r | cut -d- -f1), $(df -T . 2>/dev/null | awk 'NR == 2 { print $2 }')"
	echo "- $("${TACIT:-../bin/tacit}" version 2>/dev/null | head -n 1), $(go version | cut -d' ' -f3), commit $(git rev-parse --short HEAD 2>/dev/null || echo unknown)"
	PATH=$BENCH_DIR/peers:$PATH
	echo "- Peers: $(version age age --version), $(version pass pass version), $(version gpg gpg --version), $(version sops sops --version --disable-version-check), $(version gopass gopass version)"
	cat "$sections"
} >RESULTS.md
echo "written: bench/RESULTS.md" >&2

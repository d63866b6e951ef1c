#!/usr/bin/env bash
# test.sh MODE…: runs the tests in each configuration and sums up.
#
#   race         with the race detector (needs cgo)
#   shipped      as shipped; with TACIT_LONG=1 also the million-record and the long crash runs
#   secret       as shipped, with runtime/secret
#   integration  the modules below integration/, whose needs are too heavy for the module that ships
#
# The long runs are made once, as shipped, where time means something. With TACIT_NO_SKIP=1 every test must run in some mode.
set -eu -o pipefail
cd "$(dirname "$0")/.."

logs=$PWD/.testlog
rm -rf "$logs"
mkdir -p "$logs"
CGO_ENABLED=0 go build -o "$logs/testsum" ./scripts/testsum
trap 'rm -f "$logs/testsum"' EXIT

# Whoever started this may ignore signals (nohup, a job in the background), which children inherit; the tests send them.
defaults=()
if env --default-signal true 2>/dev/null; then defaults=(--default-signal); fi

long=${TACIT_LONG-}
unset TACIT_LONG
failed=0

for mode in "$@"; do
	began=$SECONDS
	case $mode in
	race)
		echo "== with the race detector"
		dirs=(.) env=(CGO_ENABLED=1) flags=(-race)
		;;
	shipped)
		echo "== as shipped${long:+, with the long runs}"
		dirs=(.) env=(CGO_ENABLED=0 "TACIT_LONG=$long") flags=()
		;;
	secret)
		echo "== with runtime/secret"
		dirs=(.) env=(CGO_ENABLED=0 GOEXPERIMENT=runtimesecret) flags=()
		;;
	integration)
		[ -f integration/go.mod ] || continue
		dirs=()
		for mod in integration/go.mod integration/*/go.mod; do
			if [ -f "$mod" ]; then dirs+=("$(dirname "$mod")"); fi
		done
		echo "== ${dirs[*]}"
		env=(CGO_ENABLED=0) flags=()
		;;
	*)
		echo "test.sh: no such mode: $mode" >&2
		exit 2
		;;
	esac
	{
		status=0
		for dir in "${dirs[@]}"; do
			(cd "$dir" && env ${defaults[@]+"${defaults[@]}"} "${env[@]}" go test -json -count=1 -timeout 25m ${flags[@]+"${flags[@]}"} ./...) </dev/null || status=1
		done
		exit $status
	} | "$logs/testsum" -log "$logs/$mode.json" || failed=1
	echo "$mode took $((SECONDS - began)) s"
done

"$logs/testsum" -total "$logs"/*.json || failed=1
exit $failed

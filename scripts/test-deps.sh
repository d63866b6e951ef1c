#!/usr/bin/env bash
# Sees to what the tests need besides Go. As root on Debian: installs what is missing. Otherwise: says what the tests will skip,
# and how to get it. With TACIT_NO_SKIP=1 a missing package is a failure.
set -eu -o pipefail

# command or file that shows that it is there : Debian package : what for
needs=(
	"gcc:gcc:the race detector"
	"/usr/include/stdlib.h:libc6-dev:the race detector"
	"git:git:tests of the repository itself, and base-URL mode"
	"curl:curl:base-URL mode"
	"gnome-keyring-daemon:gnome-keyring:the keyring slot"
	"dbus-daemon:dbus-daemon:the keyring slot"
	"dbus-run-session:dbus-daemon:the keyring slot"
	"secret-tool:libsecret-tools:the keyring slot, seen by another program"
	"age:age:backups open with stock age"
	"ssh-keygen:openssh-client:ssh recipients"
	"xclip:xclip:the clipboard"
	"xsel:xsel:the clipboard"
	"Xvfb:xvfb:the clipboard, without a screen"
	"openssl:openssl:a server that wants a certificate"
	"node:nodejs:an authorisation server, and verifiers of signatures"
	"npm:npm:an authorisation server, and verifiers of signatures"
	"python3:python3:the SDK for Python"
	"/usr/lib/postgresql/15/bin/initdb:postgresql:the sample project"
	"psql:postgresql-client:the sample project"
	"mypy:mypy:the types of the SDK for Python"
	"tmux:tmux:full-screen programs through run"
	"vim:vim:full-screen programs through run"
	"less:less:full-screen programs through run"
	"strace:strace:what is written, and when it is synced"
	"jq:jq:the backup's documentation, followed by hand"
	"zsh:zsh:completion, and values that eval must not run"
	"fish:fish:completion, and values that source must not run"
	"dash:dash:values that eval must not run"
	"direnv:direnv:the recipe in docs/render.md"
	"man:man-db:man pages"
	"groff:groff:man pages"
	"shellcheck:shellcheck:make lint"
	"pass:pass:benchmarks beside it"
	"gpg:gnupg:benchmarks beside pass"
	"/usr/sbin/nginx:nginx-light:benchmarks beside nginx"
)

missing=() why=()
for need in "${needs[@]}"; do
	IFS=: read -r probe package reason <<<"$need"
	case $probe in
	/*) [ -e "$probe" ] && continue ;;
	*) command -v "$probe" >/dev/null 2>&1 && continue ;;
	esac
	[[ " ${missing[*]-} " == *" $package "* ]] || missing+=("$package")
	why+=("  $probe: $reason")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
	echo "installing for the tests: ${missing[*]}"
	log=$(mktemp)
	trap 'rm -f "$log"' EXIT
	export DEBIAN_FRONTEND=noninteractive
	if (apt-get update -q && apt-get install -qy --no-install-recommends "${missing[@]}") >"$log" 2>&1 </dev/null; then
		exit 0
	fi
	tail -n 5 "$log" >&2
fi

{
	echo "not installed, so some tests will be skipped:"
	printf '%s\n' "${why[@]}"
	echo "to run them: sudo apt-get install --no-install-recommends ${missing[*]}"
} >&2
[ "${TACIT_NO_SKIP-}" != 1 ]

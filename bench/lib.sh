# What the benchmarks share. A script sources this and then measures; it prints Markdown.
#
#   TACIT        the binary (built when not given)
#   BENCH_DIR    where vaults and peers are made and kept; one of its own, removed afterwards, when not given
#   BENCH_ROUNDS how often each command is timed, 101 when not given
#   BENCH_QUICK  1: small numbers, few rounds, only peers that are there: it shall run, not judge
# shellcheck shell=bash disable=SC2034 # what is set here is read by the scripts
set -eu -o pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# On the disk of the repository by default: /tmp may be memory, and then a sync costs nothing.
if [ -n "${BENCH_DIR-}" ]; then
	mkdir -p "$BENCH_DIR"
else
	mkdir -p "$root/bench/.work"
	BENCH_DIR=$(mktemp -d "$root/bench/.work/run.XXXXXX")
	own_dir=1
fi
BENCH_DIR=$(cd "$BENCH_DIR" && pwd)
tools=$BENCH_DIR/tools
peers=$BENCH_DIR/peers
scratch=$(mktemp -d "$BENCH_DIR/scratch.XXXXXX")
mkdir -p "$tools" "$peers"

cleanup() {
	for dir in "${agents[@]}"; do TACIT_DIR=$dir TACIT_NO_AGENT=0 "$TACIT" agent stop -q >/dev/null 2>&1 || true; done
	if [ -n "${GNUPGHOME-}" ]; then gpgconf --kill all >/dev/null 2>&1 || true; fi
	if [ "${own_dir-}" = 1 ]; then rm -rf "$BENCH_DIR"; else rm -rf "$scratch"; fi
}
trap cleanup EXIT

(
	cd "$root"
	export CGO_ENABLED=0
	for tool in floor scrypt gen measure callers proxies; do
		go build -trimpath -ldflags '-s -w' -o "$tools/$tool.linked" "./bench/cmd/$tool"
		cp "$tools/$tool.linked" "$tools/$tool" && rm "$tools/$tool.linked" # as it is installed: see the Makefile
	done
)
if [ -z "${TACIT-}" ]; then
	make -s -C "$root" build
	TACIT=$root/bin/tacit
fi

# Peers are installed once, in the caller's home, where Go has its caches.
install_sops() {
	command -v sops >/dev/null && return
	[ ! -x "$peers/sops" ] || return 0
	[ "${BENCH_QUICK-}" != 1 ] || return 0
	echo "installing sops $SOPS_VERSION" >&2
	CGO_ENABLED=0 GOBIN=$peers go install "github.com/getsops/sops/v3/cmd/sops@$SOPS_VERSION" >&2 || echo "sops $SOPS_VERSION cannot be had here" >&2
}
SOPS_VERSION=v3.13.2
install_sops
PATH=$peers:$PATH

# Nothing of the caller's may decide what is measured.
unset XDG_DATA_HOME XDG_CONFIG_HOME XDG_STATE_HOME XDG_RUNTIME_DIR DBUS_SESSION_BUS_ADDRESS DISPLAY WAYLAND_DISPLAY
unset GNUPGHOME
for v in $(env | grep -oE '^(TACIT|PASSWORD_STORE|SOPS|GOPASS)_[A-Z_]*' || true); do unset "$v"; done
export HOME=$BENCH_DIR/home TACIT_NO_AGENT=1
mkdir -p -m 700 "$HOME"

if [ "${BENCH_QUICK-}" = 1 ]; then
	small=50 medium=500 large=5000 rounds=3
else
	small=100 medium=10000 large=1000000 rounds=${BENCH_ROUNDS:-101}
fi

have() { command -v "$1" >/dev/null; }
measure() { "$tools/measure" "$@"; }

# secret N is the name of a secret in the middle of a vault of N.
secret() {
	local i=$(($1 / 2))
	printf 'team-%03d/service-%04d/key-%07d' $((i % 997)) $((i % 9973)) "$i"
}

# vault N makes, once, a vault of N secrets that opens with a key file, and says where it is.
vault() {
	local dir=$BENCH_DIR/vault-$1
	if [ ! -e "$dir/done" ]; then
		rm -rf "$dir"
		mkdir -p -m 700 "$dir"
		TACIT_DIR=$dir "$TACIT" init --key-file "$dir/identity.txt" >/dev/null 2>&1
		"$tools/gen" "$1" | TACIT_DIR=$dir "$TACIT" import - --format json -q >/dev/null
		touch "$dir/done"
	fi
	echo "$dir"
}

# agent DIR starts an agent for a vault and unlocks it; it ends with the script.
agent() {
	TACIT_DIR=$1 TACIT_NO_AGENT=0 "$TACIT" unlock -q
	agents+=("$1")
}
agents=()

# copy DIR gives a copy of a vault that may be changed.
copy() {
	local to
	to=$(mktemp -d "$scratch/copy.XXXXXX")
	cp -a --reflink=auto "$1/." "$to/"
	echo "$to"
}

# of FILE NAME [FIELD] is one number of what measure wrote.
of() { jq -r --arg name "$2" --arg field "${3:-median_ms}" '.[$name][$field]' "$1"; }

calc() { awk "BEGIN { printf \"%.${2:-2}f\", $1 }"; }
holds() { awk "BEGIN { exit !($1) }"; }

# verdict CONDITION TEXT says whether a budget is met; a quick run does not judge.
verdict() {
	if [ "${BENCH_QUICK-}" = 1 ]; then
		printf '\n%s (not judged: a quick run)\n' "$2"
	elif holds "$1"; then
		printf '\n**met**: %s\n' "$2"
	else
		printf '\n**missed**: %s\n' "$2"
	fi
}

# Peers, each with N secrets. Each sets up once, and prints nothing.

gpg_home() {
	export GNUPGHOME=$BENCH_DIR/gnupg
	[ ! -e "$GNUPGHOME/done" ] || return 0
	mkdir -p -m 700 "$GNUPGHOME"
	gpg --batch --quiet --pinentry-mode loopback --passphrase '' --quick-generate-key bench@example.invalid default default never 2>/dev/null
	touch "$GNUPGHOME/done"
}

# pass_store N: one real entry, the others copies of it: `pass ls` looks at names, `pass show` at one file.
pass_store() {
	gpg_home
	export PASSWORD_STORE_DIR=$BENCH_DIR/pass-$1
	[ ! -e "$PASSWORD_STORE_DIR/.done" ] || return 0
	rm -rf "$PASSWORD_STORE_DIR"
	pass init bench@example.invalid >/dev/null
	head -c 225 /dev/urandom | base64 -w 0 | pass insert -e one >/dev/null
	local one=$PASSWORD_STORE_DIR/one.gpg
	"$tools/gen" "$1" | grep -oE 'team-[^"]*' | while IFS=/ read -r team service key; do
		mkdir -p "$PASSWORD_STORE_DIR/$team/$service"
		ln "$one" "$PASSWORD_STORE_DIR/$team/$service/$key.gpg"
	done
	touch "$PASSWORD_STORE_DIR/.done"
}

age_key() {
	age_key=$BENCH_DIR/age.key
	[ -e "$age_key" ] || age-keygen -o "$age_key" 2>/dev/null
	age_recipient=$(grep -o 'age1[a-z0-9]*' "$age_key" | head -n 1)
}

# age_blob N: all secrets in one file.
age_blob() {
	age_key
	age_blob=$BENCH_DIR/blob-$1.age
	[ -e "$age_blob" ] || "$tools/gen" "$1" | age -r "$age_recipient" -o "$age_blob"
}

# sops_file N: JSON in sops' own form.
sops_file() {
	age_key
	export SOPS_AGE_KEY_FILE=$age_key
	sops_file=$BENCH_DIR/sops-$1.json
	[ -e "$sops_file" ] || {
		"$tools/gen" "$1" >"$scratch/plain.json"
		sops encrypt --age "$age_recipient" "$scratch/plain.json" >"$sops_file.new"
		mv "$sops_file.new" "$sops_file"
		rm "$scratch/plain.json"
	}
}

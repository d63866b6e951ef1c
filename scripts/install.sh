#!/usr/bin/env bash
# Puts what `make man completions` built below $DESTDIR$PREFIX.
set -eu -o pipefail
cd "$(dirname "$0")/../bin"

to=${DESTDIR-}${PREFIX:-/usr/local}
put() { # put MODE FILE TARGET
	mkdir -p "$(dirname "$3")"
	install -m "$1" "$2" "$3"
}

put 755 tacit "$to/bin/tacit"
for page in man/*.1; do
	put 644 "$page" "$to/share/man/man1/${page#man/}"
done
put 644 completions/tacit.bash "$to/share/bash-completion/completions/tacit"
put 644 completions/tacit.zsh "$to/share/zsh/site-functions/_tacit"
put 644 completions/tacit.fish "$to/share/fish/vendor_completions.d/tacit.fish"
echo "installed: $to/bin/tacit"

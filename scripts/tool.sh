#!/usr/bin/env bash
# tool.sh PACKAGE VERSION: go install PACKAGE@VERSION, unless exactly that is installed already.
set -eu -o pipefail

package=$1 version=$2
bin=$(go env GOBIN)
bin=${bin:-$(go env GOPATH)/bin}/$(basename "$package")

# `go version -m` says what a binary was built from: "mod <module> <version> <sum>".
have=$( (go version -m "$bin" 2>/dev/null || true) | awk '$1 == "mod" {print $3}')
if [ "$have" = "$version" ]; then
	exit 0
fi
echo "installing $(basename "$package") $version (was: ${have:-none})"
CGO_ENABLED=0 go install "$package@$version"

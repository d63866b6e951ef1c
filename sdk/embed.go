// Package sdk holds the SDKs for scripts, so that `tacit run script.mjs` and `tacit run script.py` need nothing installed.
package sdk

import "embed"

// Files are the folders js and python as they are used; each is complete by itself.
//
//go:embed js/package.json js/index.cjs js/index.mjs js/preload.mjs js/resolve.mjs js/lib/*.cjs
//go:embed python/__main__.py python/tacit/*.py
var Files embed.FS

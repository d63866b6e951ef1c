// Package api is a client of tacit's API that oapi-codegen made from docs/openapi.yaml, and nobody else: if it works, others that
// are generated from the document will, too.
package api

//go:generate go run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen -config config.yaml ../../../docs/openapi.yaml

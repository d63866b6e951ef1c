// Package registry knows services: upstream APIs, how they authenticate, and which parts of them are capabilities.
//
// A [Service] is data. The built-in ones are YAML files under services/, which a generator checks and turns into Go at build time, so
// that a program which needs none of them pays nothing for them; a user's own are the same YAML, checked by the same rules, and are
// kept in the vault by package keeper. docs/service.schema.json is the published JSON Schema.
//
// The package knows no secret and opens no connection: package broker does, with what it reads here.
package registry

//go:build registry_bootstrap

package registry

// The generator is built with these, so that it runs whatever state the files are in that it writes.
var (
	builtinServices     [0]*Service
	builtinSecrets      [0]secretPlace
	builtinCapabilities [0]capabilityPlace
)

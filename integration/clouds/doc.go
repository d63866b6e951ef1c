// Package clouds lets the official SDKs of AWS, Google and Azure drive the fakes that tacit's providers are tested with, so that what passes
// against a fake is what would pass against the cloud as far as its SDK knows it; and lets both write what the other reads.
//
// It is a module of its own because the SDKs are heavy.
package clouds

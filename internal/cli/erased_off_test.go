//go:build linux && !goexperiment.runtimesecret

package cli_test

// erased: work on keys leaves copies of them, until their memory is used again.
const erased = false

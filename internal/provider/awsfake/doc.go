// Package awsfake is a small AWS for tests: Secrets Manager, the Parameter Store of Systems Manager, the Security Token Service, and what
// gives out credentials on a machine (SSO's portal, a container's endpoint, an instance's metadata).
//
// It answers as the API references say, and verifies signatures with a verifier of its own, written after the specification and not after
// the signer that is tested. That it is like AWS is shown in integration/clouds, where the official SDKs drive it.
package awsfake

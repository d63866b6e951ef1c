// Package gcpcreds finds the credentials that Google Cloud knows us by, where Google's own tools look for them ("application default
// credentials", https://google.aip.dev/auth/4110):
//
//  1. the file that GOOGLE_APPLICATION_CREDENTIALS names
//  2. the file that `gcloud auth application-default login` leaves
//  3. the metadata server of the machine, which is also that of GKE's and Cloud Run's workload identity
//
// The first that is there decides, and its failure is final. A file is one of: a service account's key, which signs its own tokens
// (https://google.aip.dev/auth/4111); an authorized user, whose refresh token is exchanged; an external account, whose token from a file
// or an address is exchanged (workload identity federation, https://google.aip.dev/auth/4117); or one that impersonates a service account.
//
// Nothing is asked or read before the first [Source.Get], and nothing is cached on disk. No key or token stands in any error.
package gcpcreds

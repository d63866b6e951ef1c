// Package rest is the HTTP that providers speak to their stores: one [Client] an address, which sends small requests and reads small
// answers.
//
// What it sees to, so that no provider has to:
//
//   - The request goes to the host that was configured and to no other: a redirect is followed on the same host only, with the same method.
//   - TLS 1.2 and up with verification, by the system's authorities or those of the configuration alone. Plain HTTP to this machine
//     only, unless the configuration says otherwise.
//   - An answer is read whole, up to a limit. One that breaks off, is too large or no JSON is an error, never half a value. JSON is read
//     strictly: a member that comes twice or a byte that is not UTF-8 could be another value than the one that was written.
//   - Errors have a class, say which provider and what the store answered by its status, and hold no address, no header and no text of
//     the answer. A 404 alone is not fault.NotFound: a proxy or a wrong address answers 404 as well, and then the chain would go on to
//     the next provider (I19). The provider looks at the store's own words and says [provider.NotFound] itself.
//   - One attempt. Retries, caching and batching are the chain's.
package rest

// Package golden says what a request to each of the built-in services looks like on the wire, according to the documentation of the
// service: the host, the place of the key, and an operation for each capability with its method, path and content type. It was
// written from the documentation and knows nothing of the service files, which are held against it: [Service.Handler] is an upstream
// that accepts what is documented and says what is wrong with anything else.
//
// Only tests import it.
//
// A file has one statement a line; # begins a comment:
//
//	host api.example.com              where the operations below it are; *.example.com for hosts of tenants
//	key header NAME VALUE…            the key's place. $SECRET stands for a secret, by its name in the vault
//	key query NAME VALUE
//	key path PREFIX
//	key basic USER:PASSWORD           RFC 7617
//	key oauth TOKEN-URL               a bearer token that this address gives for a refresh token
//	key sigv4 SERVICE                 AWS Signature Version 4, for that service
//	needs HEADER                      that each request to the service has
//	SERVICE/CAPABILITY METHOD PATH[?PARAMETER&…] [CONTENT]
//
// In a path {x} is one segment or a part of one, {x...} all the rest. The parameters must be there, others may. CONTENT is a media type,
// or json, form, multipart; without it there is no body.
package golden

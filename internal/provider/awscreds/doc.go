// Package awscreds finds the credentials that AWS knows us by, where AWS's own tools look for them, and signs requests with them.
//
// The places, in this order; the first where anything is configured decides, and its failure is final, as another identity might
// see another value:
//
//  1. the profile that the provider's settings name, and nothing else then
//  2. the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
//  3. a web identity: AWS_WEB_IDENTITY_TOKEN_FILE with AWS_ROLE_ARN, as in a pod of EKS
//  4. the profile AWS_PROFILE, else "default", of ~/.aws/config and ~/.aws/credentials: keys, a role with its source, a web identity, SSO or a
//     credential_process
//  5. the container's endpoint: ECS, or the pod identity of EKS
//  6. the instance's metadata service, version 2 only
//
// It is written after the SDK reference guide, "Standardized credential providers"
// (https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html). Nothing is asked or read before the first [Source.Get],
// and nothing is cached on disk. No key stands in any error.
package awscreds

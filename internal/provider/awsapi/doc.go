// Package awsapi speaks the JSON protocol of AWS (application/x-amz-json-1.1) for the two stores of secrets that AWS has: actions as
// signed POSTs, and errors by their code. See https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html.
package awsapi

package broker

import (
	"net/url"
	"strings"
)

// A scope is what a signature is good for.
type scope struct{ region, service string }

// hostScope reads the scope off a host of AWS: bedrock-runtime.eu-west-1.amazonaws.com, bucket.s3.eu-west-1.amazonaws.com,
// abc.execute-api.eu-west-1.amazonaws.com, abc.eu-west-1.es.amazonaws.com, iam.amazonaws.com. It is empty for another host.
func hostScope(host string) scope {
	host, _, _ = strings.Cut(strings.ToLower(host), ":")
	name := ""
	for _, suffix := range []string{".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".on.aws"} {
		if before, ok := strings.CutSuffix(host, suffix); ok {
			name = before
			break
		}
	}
	if name == "" {
		return scope{}
	}
	labels := strings.Split(name, ".")
	for i := len(labels) - 1; i >= 0; i-- {
		if !isRegion(labels[i]) {
			continue
		}
		if i+1 < len(labels) { // the service stands last: abc.eu-west-1.es
			return scope{labels[i], signingName(labels[len(labels)-1])}
		}
		before := labels[:i]
		if n := len(before); n > 1 && before[n-1] == "dualstack" {
			before = before[:n-1]
		}
		if len(before) == 0 {
			return scope{region: labels[i]}
		}
		return scope{labels[i], signingName(before[len(before)-1])}
	}
	// A host without a region: the old form of S3's, s3-eu-west-1, or a global service, which signs for this one.
	last := labels[len(labels)-1]
	if region, ok := strings.CutPrefix(last, "s3-"); ok && isRegion(region) {
		return scope{region, "s3"}
	}
	return scope{"us-east-1", signingName(last)}
}

// signingName returns the name that a service signs with, where the name of its host is another.
func signingName(label string) string {
	label = strings.TrimSuffix(label, "-fips")
	switch label {
	case "bedrock-runtime", "bedrock-agent", "bedrock-agent-runtime":
		return "bedrock"
	case "email":
		return "ses"
	case "lambda-url":
		return "lambda"
	case "s3-accesspoint", "s3-control":
		return "s3"
	}
	return label
}

// callersScope reads the scope of a signature that the caller's SDK made, off the header or the query: it may name a region where
// nothing else does. A wrong one makes a signature that AWS refuses, no more.
func callersScope(out *Outgoing) scope {
	credential := ""
	if _, rest, ok := strings.Cut(out.Header.Get("Authorization"), "Credential="); ok {
		credential, _, _ = strings.Cut(rest, ",")
	} else if values, err := url.ParseQuery(out.Query); err == nil {
		credential = values.Get("X-Amz-Credential")
	}
	// access key id/20150830/us-east-1/s3/aws4_request
	parts := strings.Split(credential, "/")
	if len(parts) < 5 || !isRegion(parts[len(parts)-3]) {
		return scope{}
	}
	return scope{parts[len(parts)-3], parts[len(parts)-2]}
}

// isRegion reports whether s looks like a region: us-east-1, us-gov-west-1, ap-southeast-12.
func isRegion(s string) bool {
	labels := strings.Split(s, "-")
	if len(labels) < 3 || len(s) > 32 || len(labels[0]) != 2 {
		return false
	}
	number := labels[len(labels)-1]
	for _, word := range labels[:len(labels)-1] {
		if word == "" || strings.Trim(word, "abcdefghijklmnopqrstuvwxyz") != "" {
			return false
		}
	}
	return number != "" && len(number) <= 2 && strings.Trim(number, "0123456789") == ""
}

// isRegionName reports whether s can be a region where somebody said so: what speaks like AWS has others, such as auto.
func isRegionName(s string) bool {
	return s != "" && len(s) <= 32 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

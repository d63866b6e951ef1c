package awscreds

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"tacit/internal/fault"
	"tacit/internal/provider"
)

// Sign puts a signature of version 4 on a finished request of that body.
func Sign(ctx context.Context, c Credentials, r *http.Request, body []byte, service, region string, now time.Time) error {
	hash := sha256.Sum256(body)
	keys := aws.Credentials{AccessKeyID: c.KeyID, SecretAccessKey: string(c.Key.Reveal()), SessionToken: c.Session}
	// A signer of its own: one that is kept would remember keys.
	if err := v4.NewSigner().SignHTTP(ctx, keys, r, hex.EncodeToString(hash[:]), service, region, now); err != nil {
		return fault.New(fault.Failed, "sign for AWS").From(provider.Origin)
	}
	return nil
}

// Endpoint returns the address of a service in a region: "https://sts.eu-west-1.amazonaws.com". An override, of the settings or of
// AWS_ENDPOINT_URL_SERVICE or AWS_ENDPOINT_URL, is the caller's to look for. False: that is no name of a region, and might be that of
// another host.
func Endpoint(service, region string) (string, bool) {
	if !isRegion(region) {
		return "", false
	}
	return "https://" + service + "." + region + "." + suffix(region), true
}

// isRegion reports whether s may be a region: lower-case letters, digits and hyphens.
func isRegion(s string) bool {
	return s != "" && len(s) <= 32 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == "" && s[0] != '-' && s[len(s)-1] != '-'
}

// suffix is the domain of the partition that a region is in (partitions.json of the SDKs).
func suffix(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "amazonaws.com.cn"
	case strings.HasPrefix(region, "eusc-"):
		return "amazonaws.eu"
	case strings.HasPrefix(region, "us-iso-"):
		return "c2s.ic.gov"
	case strings.HasPrefix(region, "us-isob-"):
		return "sc2s.sgov.gov"
	case strings.HasPrefix(region, "us-isof-"):
		return "csp.hci.ic.gov"
	case strings.HasPrefix(region, "eu-isoe-"):
		return "cloud.adc-e.uk"
	}
	return "amazonaws.com"
}

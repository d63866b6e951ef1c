package awscreds

import (
	"context"
	"strings"
)

// Override returns the address that the environment names for a service, by its own variable ("AWS_ENDPOINT_URL_STS") or by that for all;
// empty: AWS's own is meant.
func Override(getenv func(string) string, variable string) string {
	if strings.EqualFold(getenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"), "true") {
		return ""
	}
	return firstOf(getenv(variable), getenv("AWS_ENDPOINT_URL"))
}

// CheckEndpoint refuses what says to ask elsewhere than where AWS has its services, and is not done here: who means a private endpoint or
// one of FIPS must not get another. It is for stores that were told of no endpoint.
func (s *Source) CheckEndpoint(ctx context.Context) error {
	if err := s.turn.ForCredentials(ctx, s.c.Name); err != nil {
		return err
	}
	defer s.turn.Give()
	if err := s.read(); err != nil {
		return err
	}
	const fix = "set secrets.providers.%s.endpoint to the address of the store"
	name := s.profileName()
	p := s.files.profiles[name]
	if strings.EqualFold(firstOf(s.env("AWS_USE_FIPS_ENDPOINT"), p["use_fips_endpoint"]), "true") {
		return s.misconfigured("AWS_USE_FIPS_ENDPOINT or the profile %q wants endpoints of FIPS, which are not chosen here", name).WithFix(fix, s.c.Name)
	}
	if strings.EqualFold(firstOf(s.env("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"), p["ignore_configured_endpoint_urls"]), "true") {
		return nil
	}
	if p["endpoint_url"] != "" || p["services"] != "" {
		return s.misconfigured("the profile %q names endpoints (endpoint_url or services), which are not taken from there", name).WithFix(fix, s.c.Name)
	}
	return nil
}

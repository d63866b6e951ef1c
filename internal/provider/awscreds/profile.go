package awscreds

import (
	"context"
	"slices"

	"tacit/internal/secret"
)

// maxChain is how many profiles may stand one on the other.
const maxChain = 5

// profile returns the credentials of a profile. above are the profiles that it is the source of.
func (s *Source) profile(ctx context.Context, name string, above []string) (Credentials, error) {
	p, ok := s.files.profiles[name]
	switch {
	case !ok:
		return Credentials{}, s.misconfigured("the profile %q, which is the source of %q, is in none of %s", name, above[len(above)-1], s.files.where())
	case len(above) >= maxChain:
		return Credentials{}, s.misconfigured("more than %d profiles are sources one of another", maxChain)
	}
	from := "profile " + name
	role := p["role_arn"]
	// A profile may be its own source: then its keys are meant.
	if role == "" || slices.Contains(above, name) {
		return s.plainProfile(ctx, name, from, p, above)
	}
	if file := p["web_identity_token_file"]; file != "" {
		return s.webIdentity(ctx, file, role, p["role_session_name"], from)
	}
	if p["mfa_serial"] != "" {
		return Credentials{}, s.misconfigured("the role of %s asks for an MFA code, which nobody can be asked for here", from).
			WithFix("get temporary credentials with `aws sts assume-role`, or use SSO")
	}
	base, err := s.roleSource(ctx, name, p, above)
	if err != nil {
		return Credentials{}, err
	}
	return s.assumeRole(ctx, base, p, from)
}

// roleSource returns the credentials that a role is asked for with.
func (s *Source) roleSource(ctx context.Context, name string, p profile, above []string) (Credentials, error) {
	switch source := p["credential_source"]; {
	case p["source_profile"] != "" && source != "":
		return Credentials{}, s.misconfigured("the profile %q has a source_profile and a credential_source", name)
	case p["source_profile"] != "":
		return s.profile(ctx, p["source_profile"], append(above, name))
	case source == "Environment":
		return s.environment()
	case source == "Ec2InstanceMetadata":
		c, _, err := s.instance(ctx)
		return c, err
	case source == "EcsContainer":
		uri, err := s.containerURI()
		if err != nil || uri == "" {
			return Credentials{}, s.misconfigured("the profile %q takes credentials from the container, which offers none", name)
		}
		return s.container(ctx, uri)
	}
	return Credentials{}, s.misconfigured("the profile %q has a role_arn and nothing that says who asks for it", name).
		WithFix("give it a source_profile or a credential_source")
}

// plainProfile returns what a profile has without its role.
func (s *Source) plainProfile(ctx context.Context, name, from string, p profile, above []string) (Credentials, error) {
	switch {
	case p["aws_access_key_id"] != "":
		return Credentials{
			KeyID: p["aws_access_key_id"], Key: secret.New([]byte(p["aws_secret_access_key"])), Session: p["aws_session_token"], From: from,
		}, nil
	case slices.Contains(above, name):
		return Credentials{}, s.misconfigured("the profile %q is its own source and has no keys", name)
	case p["sso_session"] != "", p["sso_start_url"] != "":
		return s.sso(ctx, name, p)
	case p["credential_process"] != "":
		return s.process(ctx, p["credential_process"], from)
	}
	return Credentials{}, s.misconfigured("the profile %q says nothing of credentials", name)
}

package awscreds_test

import (
	"errors"
	"strings"
	"testing"

	"tacit/internal/fault"
	"tacit/internal/provider/awscreds"
)

// TestEndpointsThatAreNotTaken: who means another place than AWS's own is told, not asked there in silence.
func TestEndpointsThatAreNotTaken(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		config string
		env    []string // a name and a value
		want   string   // in the error; empty: there is none
	}{
		"nothing":                     {"[default]\nregion=x\n", nil, ""},
		"no files":                    {"", nil, ""},
		"an endpoint":                 {"[default]\nendpoint_url = https://vpce.example\n", nil, "endpoint_url"},
		"one of services":             {"[default]\nservices = ours\n[services ours]\nssm =\n  endpoint_url = https://vpce.example\n", nil, "services"},
		"of another profile":          {"[profile x]\nendpoint_url = https://vpce.example\n", nil, ""},
		"of the profile that counts":  {"[profile x]\nendpoint_url = https://vpce.example\n", []string{"AWS_PROFILE", "x"}, "endpoint_url"},
		"ignored":                     {"[default]\nendpoint_url = https://vpce.example\n", []string{"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"}, ""},
		"FIPS":                        {"[default]\nuse_fips_endpoint = true\n", nil, "FIPS"},
		"FIPS, by the environment":    {"", []string{"AWS_USE_FIPS_ENDPOINT", "TRUE"}, "FIPS"},
		"no FIPS, by the environment": {"[default]\nuse_fips_endpoint = true\n", []string{"AWS_USE_FIPS_ENDPOINT", "false"}, ""},
	} {
		d := newDesk(t)
		if test.config != "" {
			d.write(".aws/config", test.config)
		}
		if test.env != nil {
			d.env[test.env[0]] = test.env[1]
		}
		err := d.source("").CheckEndpoint(t.Context())
		var e *fault.Error
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case test.want != "" && (!errors.Is(err, fault.Usage) || !strings.Contains(err.Error(), test.want) || !errors.As(err, &e) || !strings.Contains(e.Fix, "secrets.providers.prod.endpoint")):
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}
}

func TestOverride(t *testing.T) {
	t.Parallel()
	env := map[string]string{"AWS_ENDPOINT_URL": "all"}
	of := func() string {
		return awscreds.Override(func(n string) string { return env[n] }, "AWS_ENDPOINT_URL_SSM")
	}
	if got := of(); got != "all" {
		t.Errorf("%q", got)
	}
	env["AWS_ENDPOINT_URL_SSM"] = "its own"
	if got := of(); got != "its own" {
		t.Errorf("%q", got)
	}
	env["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "true"
	if got := of(); got != "" {
		t.Errorf("%q", got)
	}
}

package awsssm

import (
	"bytes"
	"context"
	"strconv"
	"strings"
	"unicode/utf8"

	"tacit/internal/fault"
	"tacit/internal/provider"
	"tacit/internal/provider/awsapi"
	"tacit/internal/secret"
)

const (
	maxValue = 8 << 10 // bytes of an advanced parameter
	maxPages = 100     // of a description, which can have empty ones; the parameter asked for is on one of the first
)

// takes says why the store would not take that value under that name from us; empty: it would. What begins with "aws" is AWS's own, and
// can be there to be read.
func (s *store) takes(name string, value []byte) (why, fix string) {
	lower := strings.ToLower(s.prefix + name)
	switch {
	case s.holds(name) != "":
		return s.holds(name), "choose another name"
	case strings.HasPrefix(lower, "/aws"), strings.HasPrefix(lower, "/ssm"):
		return `no parameter of ours may begin with "aws" or "ssm"`, "choose another name, or give the provider a prefix"
	case len(value) > maxValue:
		return "a parameter has 8 KiB at most", "keep it in AWS Secrets Manager, which takes 64 KiB"
	case !utf8.Valid(value):
		return "a parameter is text, and this is no UTF-8", "keep it in base64, or in AWS Secrets Manager"
	case bytes.Contains(value, []byte("{{")):
		return "AWS would take {{ for the name of another parameter", "keep it in AWS Secrets Manager"
	}
	return "", ""
}

// Write implements [provider.Provider]. A new version is encrypted with the key that its request names, the account's own when it names
// none: what is overwritten keeps its key only if we ask for it first and name it.
func (s *store) Write(ctx context.Context, name string, v secret.Value) (provider.Item, error) {
	if err := provider.CheckWrite(s.name, name, v); err != nil {
		return provider.Item{}, err
	}
	if why, fix := s.takes(name, v.Reveal()); why != "" {
		return provider.Item{}, provider.Errorf(fault.Invalid, s.name, "it cannot hold %s: %s", name, why).About(name).WithFix("%s", fix)
	}
	has, err := s.describe(ctx, name)
	if err != nil {
		return provider.Item{}, err
	}
	it, err := s.put(ctx, name, v, has)
	if awsapi.CodeOf(err) == "ParameterAlreadyExists" { // by somebody else meanwhile
		if has, err = s.describe(ctx, name); err == nil {
			it, err = s.put(ctx, name, v, has)
		}
	}
	return it, s.because(err, name, "")
}

// A description is what the store says of a parameter without its value. Of one that is not there it is zero.
type description struct {
	Name  string `json:"Name"`
	Type  string `json:"Type"`
	KeyID string `json:"KeyId"`
}

// describe asks for the type and key of a parameter, and refuses to write one that is no SecureString.
func (s *store) describe(ctx context.Context, name string) (description, error) {
	type filter struct {
		Key    string   `json:"Key"`
		Option string   `json:"Option"`
		Values []string `json:"Values"`
	}
	in := struct {
		Filters   []filter `json:"ParameterFilters"`
		NextToken string   `json:"NextToken,omitzero"`
	}{Filters: []filter{{"Name", "Equals", []string{s.prefix + name}}}}
	for range maxPages {
		var out struct {
			NextToken  string        `json:"NextToken"`
			Parameters []description `json:"Parameters"`
		}
		if err := s.api.Call(ctx, "write "+name, "DescribeParameters", in, &out); err != nil {
			return description{}, err
		}
		switch {
		case len(out.Parameters) == 0 && out.NextToken == "":
			return description{}, nil
		case len(out.Parameters) == 0:
			in.NextToken = out.NextToken
			continue
		case len(out.Parameters) > 1, out.Parameters[0].Name != s.prefix+name:
			return description{}, s.lie("write " + name)
		case out.Parameters[0].Type != "SecureString":
			return description{}, s.otherType(name)
		}
		return out.Parameters[0], nil
	}
	return description{}, s.lie("write " + name)
}

// put writes a parameter: a new one only where has is zero.
func (s *store) put(ctx context.Context, name string, v secret.Value, has description) (provider.Item, error) {
	in := struct {
		Name      string `json:"Name"`
		Value     string `json:"Value"`
		Type      string `json:"Type"`
		KeyID     string `json:"KeyId,omitzero"`
		Tier      string `json:"Tier"`
		Overwrite bool   `json:"Overwrite"`
	}{s.prefix + name, string(v.Reveal()), "SecureString", has.KeyID, "Intelligent-Tiering", has.Name != ""}
	var out struct {
		Version int64 `json:"Version"`
	}
	if err := s.api.Call(ctx, "write "+name, "PutParameter", in, &out); err != nil {
		return provider.Item{}, err
	}
	if out.Version < 1 {
		return provider.Item{}, s.lie("write " + name)
	}
	return provider.Item{Name: name, Version: strconv.FormatInt(out.Version, 10)}, nil
}

// otherType is the error for writing what is there as another type.
func (s *store) otherType(name string) error {
	return provider.Errorf(fault.Conflict, s.name, "%s is there, and is no SecureString", name).About(name).
		WithFix("delete the parameter %s first: AWS does not change the type of one", s.prefix+name)
}

package awsfake

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// parameter is one version of a parameter.
type parameter struct {
	name, kind, value, tier, key string
	version                      int
	modified                     time.Time
}

type ssmIn struct {
	Name, Value, Type, Tier, Path, NextToken string
	KeyID                                    string `json:"KeyId"`
	Names                                    []string
	Overwrite, WithDecryption, Recursive     bool
	MaxResults                               int
	ParameterFilters                         []struct {
		Key, Option string
		Values      []string
	}
}

// defaultKey is the account's own key, which encrypts what names no other.
const defaultKey = "alias/aws/ssm"

func (s *Server) parameterAction(action string, body []byte) (any, *refusal) {
	var in ssmIn
	if json.Unmarshal(body, &in) != nil {
		return nil, refuse("SerializationException", "")
	}
	switch action {
	case "PutParameter":
		return s.putParameter(in)
	case "GetParameter":
		p, no := s.parameter(in.Name)
		if no != nil {
			return nil, no
		}
		return object{"Parameter": p.show(in.WithDecryption, selector(in.Name))}, nil
	case "GetParameters":
		return s.getParameters(in)
	case "GetParametersByPath":
		return s.byPath(in)
	case "GetParameterHistory":
		return s.history(in)
	case "DescribeParameters":
		return s.describeParameters(in)
	case "DeleteParameter":
		if s.parameters[in.Name] == nil {
			return nil, refuse("ParameterNotFound", "")
		}
		delete(s.parameters, in.Name)
		return object{}, nil
	}
	return nil, refuse("UnknownOperationException", "")
}

func (s *Server) putParameter(in ssmIn) (any, *refusal) {
	limit := 4096
	if in.Tier == "Advanced" || in.Tier == "Intelligent-Tiering" {
		limit = 8192
	}
	old := s.parameters[in.Name]
	lower := strings.ToLower(strings.TrimPrefix(in.Name, "/"))
	allowed := strings.Trim(in.Name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/_.-") == ""
	switch {
	case !allowed, in.Name == "", strings.Contains(in.Name, "/") && in.Name[0] != '/', strings.HasSuffix(in.Name, "/"),
		strings.HasPrefix(lower, "aws"), strings.HasPrefix(lower, "ssm"):
		return nil, refuse("ValidationException", "Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive).")
	case len(in.Name) > 1011:
		return nil, refuse("ValidationException", "Parameter name is too long.")
	case strings.Count(in.Name, "/") > 15:
		return nil, refuse("HierarchyLevelLimitExceededException", "A hierarchy can have a maximum of 15 levels.")
	case in.Value == "" || len(in.Value) > limit || !utf8.ValidString(in.Value):
		return nil, refuse("ValidationException", "%s tier parameters support a maximum parameter value of %d characters.", in.Tier, limit)
	case strings.Contains(in.Value, "{{"):
		return nil, refuse("ValidationException", "Parameter value can't nest another parameter.")
	case old != nil && !in.Overwrite:
		return nil, refuse("ParameterAlreadyExists", "The parameter already exists.")
	case old != nil && in.Type != "" && last(old).kind != in.Type:
		return nil, refuse("HierarchyTypeMismatchException", "")
	case old == nil && in.Type == "":
		return nil, refuse("ValidationException", "A parameter type is required when you create a parameter.")
	}
	p := &parameter{name: in.Name, kind: in.Type, value: in.Value, tier: in.Tier, version: 1, modified: s.now()}
	if old != nil {
		p.version, p.kind = last(old).version+1, last(old).kind
	}
	if p.kind == "SecureString" { // each version has the key that its own request names
		p.key = cmp.Or(in.KeyID, defaultKey)
	}
	s.parameters[in.Name] = append(old, p)
	return object{"Version": p.version, "Tier": "Standard"}, nil
}

// selector is what a name has behind its colon.
func selector(name string) string {
	if i := strings.LastIndexByte(name, ':'); i >= 0 {
		return name[i:]
	}
	return ""
}

// parameter finds "name" or "name:version".
func (s *Server) parameter(name string) (*parameter, *refusal) {
	bare, version, pinned := strings.Cut(name, ":")
	all := s.parameters[bare]
	if all == nil {
		return nil, refuse("ParameterNotFound", "")
	}
	if !pinned {
		return last(all), nil
	}
	n, err := strconv.Atoi(version)
	for _, p := range all {
		if err == nil && p.version == n {
			return p, nil
		}
	}
	return nil, refuse("ParameterVersionNotFound", "Systems Manager could not find version %s of %s.", version, bare)
}

func (p *parameter) show(decrypt bool, selector string) object {
	value := p.value
	if p.kind == "SecureString" && !decrypt {
		value = "AQICA" + base64.StdEncoding.EncodeToString([]byte(hexHash([]byte(value))))
	}
	out := object{
		"Name": p.name, "Type": p.kind, "Value": value, "Version": p.version, "LastModifiedDate": epoch(p.modified), "DataType": "text",
		"ARN": "arn:aws:ssm:" + Region + ":" + Account + ":parameter/" + strings.TrimPrefix(p.name, "/"),
	}
	if selector != "" {
		out["Selector"] = selector
	}
	return out
}

func (s *Server) getParameters(in ssmIn) (any, *refusal) {
	if len(in.Names) < 1 || len(in.Names) > 10 {
		return nil, refuse("ValidationException", "Member must have length less than or equal to 10")
	}
	found, invalid := []any{}, []string{}
	for _, name := range in.Names {
		if p, no := s.parameter(name); no == nil {
			found = append(found, p.show(in.WithDecryption, selector(name)))
		} else {
			invalid = append(invalid, name)
		}
	}
	slices.Reverse(found) // AWS promises no order
	return object{"Parameters": found, "InvalidParameters": invalid}, nil
}

func (s *Server) byPath(in ssmIn) (any, *refusal) {
	if !strings.HasPrefix(in.Path, "/") || in.MaxResults > 10 {
		return nil, refuse("ValidationException", "The parameter doesn't meet the parameter name requirements.")
	}
	var all []any
	for _, name := range sortedKeys(s.parameters) {
		below, ok := strings.CutPrefix(name, strings.TrimSuffix(in.Path, "/")+"/")
		if ok && (in.Recursive || !strings.Contains(below, "/")) {
			all = append(all, last(s.parameters[name]).show(in.WithDecryption, ""))
		}
	}
	page, token, no := cut(all, in.NextToken, min(s.page, 10))
	out := object{"Parameters": page}
	if token != "" {
		out["NextToken"] = token
	}
	return out, no
}

func (s *Server) history(in ssmIn) (any, *refusal) {
	if s.parameters[in.Name] == nil {
		return nil, refuse("ParameterNotFound", "")
	}
	var all []any
	for _, p := range s.parameters[in.Name] {
		all = append(all, p.show(in.WithDecryption, ""))
	}
	page, token, no := cut(all, in.NextToken, s.page)
	out := object{"Parameters": page}
	if token != "" {
		out["NextToken"] = token
	}
	return out, no
}

// describeParameters knows the one filter that is asked for here. A page can be empty and not the last, as AWS says.
func (s *Server) describeParameters(in ssmIn) (any, *refusal) {
	if len(in.ParameterFilters) != 1 || in.ParameterFilters[0].Key != "Name" || in.ParameterFilters[0].Option != "Equals" || len(in.ParameterFilters[0].Values) != 1 {
		return nil, refuse("InvalidFilterKey", "")
	}
	if in.NextToken == "" {
		return object{"Parameters": []any{}, "NextToken": "more"}, nil
	}
	found := []any{}
	if all := s.parameters[in.ParameterFilters[0].Values[0]]; all != nil {
		p := last(all)
		it := object{"Name": p.name, "Type": p.kind, "Version": p.version, "Tier": p.tier, "DataType": "text", "LastModifiedDate": epoch(p.modified)}
		if p.key != "" {
			it["KeyId"] = p.key
		}
		found = append(found, it)
	}
	return object{"Parameters": found}, nil
}

// ParameterKey returns the key that the newest version of a parameter is encrypted with; empty: it is not encrypted.
func (s *Server) ParameterKey(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return last(s.parameters[name]).key
}

// PutParameterWithKey puts a SecureString into the store that is encrypted with a key of the customer's, as somebody else would.
func (s *Server) PutParameterWithKey(name, key, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, no := s.putParameter(ssmIn{Name: name, Type: "SecureString", Value: value, KeyID: key, Overwrite: true}); no != nil {
		panic(fmt.Sprintf("awsfake: %s: %+v", name, *no))
	}
}

// PutParameter puts a parameter of that type into the store, as somebody else would.
func (s *Server) PutParameter(name, kind, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, no := s.putParameter(ssmIn{Name: name, Type: kind, Value: value, Overwrite: true}); no != nil {
		panic(fmt.Sprintf("awsfake: %s: %+v", name, *no))
	}
}

func last[T any](all []T) T { return all[len(all)-1] }

package awsfake

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// sm is one secret of Secrets Manager.
type sm struct {
	name     string
	created  time.Time
	deleted  time.Time // zero: it is not marked for deletion
	versions []*smVersion
}

type smVersion struct {
	id      string
	stages  []string
	created time.Time
	text    *string
	binary  []byte
}

func (s *sm) arn() string {
	return "arn:aws:secretsmanager:" + Region + ":" + Account + ":secret:" + s.name + "-AbCdEf"
}

// smIn is the members of all requests.
type smIn struct {
	SecretID                   string `json:"SecretId"`
	Name                       string
	ClientRequestToken         string
	SecretString               *string
	SecretBinary               []byte
	VersionID                  string `json:"VersionId"`
	VersionStage               string
	SecretIDList               []string `json:"SecretIdList"`
	MaxResults                 int
	NextToken                  string
	IncludeDeprecated          bool
	IncludePlannedDeletion     bool
	RecoveryWindowInDays       int64
	ForceDeleteWithoutRecovery bool
	Filters                    []struct {
		Key    string
		Values []string
	}
}

type object = map[string]any

const marked = "You can't perform this operation on the secret because it was marked for deletion."

func (s *Server) secretAction(action string, body []byte) (any, *refusal) {
	var in smIn
	if json.Unmarshal(body, &in) != nil {
		return nil, refuse("SerializationException", "")
	}
	switch action {
	case "CreateSecret":
		return s.create(in)
	case "ListSecrets":
		return s.list(in)
	case "BatchGetSecretValue":
		return s.batch(in)
	}
	it := s.find(in.SecretID)
	switch {
	case it == nil:
		return nil, refuse("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
	case action == "DescribeSecret":
		return s.describe(it), nil
	case action == "RestoreSecret":
		it.deleted = time.Time{}
		return object{"ARN": it.arn(), "Name": it.name}, nil
	case action == "DeleteSecret":
		return s.deleteSecret(it, in)
	case action == "ListSecretVersionIds":
		return s.listVersions(it, in)
	case !it.deleted.IsZero():
		return nil, refuse("InvalidRequestException", marked)
	case action == "GetSecretValue":
		return s.value(it, in)
	case action == "PutSecretValue":
		return s.put(it, in)
	}
	return nil, refuse("UnknownOperationException", "")
}

// find finds a secret by its name or ARN.
func (s *Server) find(id string) *sm {
	if it, ok := s.secrets[id]; ok {
		return it
	}
	for _, it := range s.secrets {
		if it.arn() == id {
			return it
		}
	}
	return nil
}

func (s *Server) create(in smIn) (any, *refusal) {
	allowed := strings.Trim(in.Name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/_+=.@-") == ""
	old := s.secrets[in.Name]
	switch {
	case in.Name == "" || len(in.Name) > 512 || !allowed:
		return nil, refuse("ValidationException", "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!")
	case old != nil && !old.deleted.IsZero():
		return nil, refuse("InvalidRequestException", "You can't create this secret because a secret with this name is already scheduled for deletion.")
	case old != nil:
		return nil, refuse("ResourceExistsException", "The operation failed because the secret %s already exists.", in.Name)
	}
	it := &sm{name: in.Name, created: s.now()}
	out, no := s.put(it, in)
	if no == nil {
		s.secrets[in.Name] = it
	}
	return out, no
}

func (s *Server) put(it *sm, in smIn) (any, *refusal) {
	size := len(in.SecretBinary)
	if in.SecretString != nil {
		size = len(*in.SecretString)
	}
	switch token := len(in.ClientRequestToken); {
	case token < 32 || token > 64:
		return nil, refuse("ValidationException", "1 validation error detected: clientRequestToken")
	case in.SecretString != nil && in.SecretBinary != nil:
		return nil, refuse("InvalidParameterException", "You can't specify both a binary secret value and a string secret value in the same secret.")
	case size == 0 || size > 65536:
		return nil, refuse("ValidationException", "1 validation error detected: value at 'secretString' failed to satisfy constraint")
	}
	for _, v := range it.versions {
		if v.id == in.ClientRequestToken {
			return nil, refuse("ResourceExistsException", "The version exists.")
		}
	}
	for _, v := range it.versions {
		v.stages = slices.DeleteFunc(v.stages, func(stage string) bool { return stage == "AWSPREVIOUS" })
		if i := slices.Index(v.stages, "AWSCURRENT"); i >= 0 {
			v.stages[i] = "AWSPREVIOUS"
		}
	}
	v := &smVersion{id: in.ClientRequestToken, stages: []string{"AWSCURRENT"}, created: s.now(), text: in.SecretString, binary: in.SecretBinary}
	it.versions = append(it.versions, v)
	return object{"ARN": it.arn(), "Name": it.name, "VersionId": v.id, "VersionStages": v.stages}, nil
}

func (s *Server) value(it *sm, in smIn) (any, *refusal) {
	if in.VersionID != "" && (len(in.VersionID) < 32 || len(in.VersionID) > 64) {
		return nil, refuse("InvalidParameterException", "Invalid VersionId.")
	}
	stage := in.VersionStage
	if stage == "" && in.VersionID == "" {
		stage = "AWSCURRENT"
	}
	for _, v := range it.versions {
		if (in.VersionID == "" || v.id == in.VersionID) && (stage == "" || slices.Contains(v.stages, stage)) {
			out := object{"ARN": it.arn(), "Name": it.name, "VersionId": v.id, "VersionStages": v.stages, "CreatedDate": epoch(v.created)}
			if v.text != nil {
				out["SecretString"] = *v.text
			} else {
				out["SecretBinary"] = v.binary
			}
			return out, nil
		}
	}
	return nil, refuse("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for staging label: %s", stage)
}

func (s *Server) batch(in smIn) (any, *refusal) {
	if len(in.SecretIDList) < 1 || len(in.SecretIDList) > 20 {
		return nil, refuse("ValidationException", "1 validation error detected: value at 'secretIdList' failed to satisfy constraint: Member must have length less than or equal to 20")
	}
	values, errs := []any{}, []any{}
	for _, id := range in.SecretIDList {
		no := refuse("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
		var out any
		if it := s.find(id); it != nil && !it.deleted.IsZero() {
			no = refuse("InvalidRequestException", marked)
		} else if it != nil {
			out, no = s.value(it, smIn{})
		}
		if no != nil {
			errs = append(errs, object{"SecretId": id, "ErrorCode": no.code, "Message": no.message})
		} else {
			values = append(values, out)
		}
	}
	return object{"SecretValues": values, "Errors": errs}, nil
}

func (s *Server) list(in smIn) (any, *refusal) {
	var all []any
	for _, name := range sortedKeys(s.secrets) {
		it := s.secrets[name]
		keep := it.deleted.IsZero() || in.IncludePlannedDeletion
		for _, f := range in.Filters {
			if f.Key != "name" {
				return nil, refuse("InvalidParameterException", "")
			}
			keep = keep && slices.ContainsFunc(f.Values, func(v string) bool { return strings.HasPrefix(name, v) })
		}
		if keep {
			all = append(all, s.describe(it))
		}
	}
	size := min(s.page, 100)
	if in.MaxResults > 0 {
		size = min(size, in.MaxResults)
	}
	page, token, no := cut(all, in.NextToken, size)
	out := object{"SecretList": page}
	if token != "" {
		out["NextToken"] = token
	}
	return out, no
}

func (s *Server) describe(it *sm) object {
	stages := object{}
	changed := it.created
	for _, v := range it.versions {
		if len(v.stages) > 0 {
			stages[v.id] = v.stages
		}
		changed = v.created
	}
	out := object{
		"ARN": it.arn(), "Name": it.name, "CreatedDate": epoch(it.created), "LastChangedDate": epoch(changed), "VersionIdsToStages": stages, "SecretVersionsToStages": stages,
	}
	if !it.deleted.IsZero() {
		out["DeletedDate"] = epoch(it.deleted)
	}
	return out
}

func (s *Server) listVersions(it *sm, in smIn) (any, *refusal) {
	var all []any
	for _, v := range it.versions {
		if len(v.stages) > 0 || in.IncludeDeprecated {
			all = append(all, object{"VersionId": v.id, "VersionStages": v.stages, "CreatedDate": epoch(v.created)})
		}
	}
	page, token, no := cut(all, in.NextToken, s.page)
	out := object{"ARN": it.arn(), "Name": it.name, "Versions": page}
	if token != "" {
		out["NextToken"] = token
	}
	return out, no
}

func (s *Server) deleteSecret(it *sm, in smIn) (any, *refusal) {
	switch {
	case in.ForceDeleteWithoutRecovery:
		delete(s.secrets, it.name)
	case in.RecoveryWindowInDays != 0 && (in.RecoveryWindowInDays < 7 || in.RecoveryWindowInDays > 30):
		return nil, refuse("InvalidParameterException", "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
	case !it.deleted.IsZero():
		return nil, refuse("InvalidRequestException", marked)
	default:
		it.deleted = s.now()
	}
	return object{"ARN": it.arn(), "Name": it.name, "DeletionDate": epoch(s.now().AddDate(0, 0, 30))}, nil
}

// PutSecret puts a secret into Secrets Manager, as somebody else would, and DeleteSecret marks one for deletion.
func (s *Server) PutSecret(name string, value []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := string(value)
	in := smIn{Name: name, ClientRequestToken: fmt.Sprintf("%032d", s.next()), SecretString: &text}
	if it := s.secrets[name]; it != nil {
		_, _ = s.put(it, in)
		return
	}
	_, _ = s.create(in)
}

// DeleteSecret marks a secret for deletion.
func (s *Server) DeleteSecret(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if it := s.secrets[name]; it != nil {
		it.deleted = s.now()
	}
}

func sortedKeys[T any](m map[string]T) []string {
	all := make([]string, 0, len(m))
	for k := range m {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}

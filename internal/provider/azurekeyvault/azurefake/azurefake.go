// Package azurefake is an Azure Key Vault for tests, with the token endpoint of Microsoft Entra ID and that of a machine. Azure's own
// SDK takes it for real (integration/clouds).
package azurefake

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Who the fake knows.
const (
	Tenant = "tenant-of-tests"
	Client = "client-of-tests"
	Domain = "example.com" // vaults are below it; the certificate of httptest is good for them
	Vault  = "https://shop." + Domain
)

// A Server is one vault and those who give tokens for it.
type Server struct {
	Secret   string        // of the client: its secret, or the token that is federated
	Life     time.Duration // of tokens
	Now      func() time.Time
	PageSize int
	Retain   bool   // soft delete is on: what was deleted keeps its name
	Next     string // where the second page of every list is said to be; empty: where it is
	Resource string // that the challenge names

	mu      sync.Mutex
	tokens  map[string]bool
	logins  int
	secrets map[string]*item // by lower-case name
	at      int64            // the time, which passes by a second a write
}

type item struct {
	name     string
	versions []object
	deleted  bool
	managed  bool
}

type object = map[string]any

// New returns a vault without secrets.
func New(secret string) *Server {
	return &Server{Secret: secret, Life: time.Hour, Now: time.Now, PageSize: 3, Resource: "https://" + Domain, tokens: map[string]bool{}, secrets: map[string]*item{}, at: 1767323045}
}

// Logins returns how often somebody got a token.
func (s *Server) Logins() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logins
}

// Revoke forgets all tokens.
func (s *Server) Revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

// Change changes the newest version of a secret: attributes by their name, or "contentType", "tags", "value".
func (s *Server) Change(name, key string, value any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.secrets[strings.ToLower(name)]
	newest := i.versions[len(i.versions)-1]
	switch key {
	case "managed":
		i.managed = true
	case "contentType", "tags", "value", "id":
		newest[key] = value
	default:
		newest["attributes"].(object)[key] = value
	}
}

// Put adds a version of a secret.
func (s *Server) Put(name, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(name, object{"value": value})
}

// SoftDelete deletes a secret so that it keeps its name.
func (s *Server) SoftDelete(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secrets[strings.ToLower(name)].deleted = true
}

func (s *Server) put(name string, body object) object {
	i := s.secrets[strings.ToLower(name)]
	if i == nil {
		i = &item{name: name}
		s.secrets[strings.ToLower(name)] = i
	}
	s.at++
	version := fmt.Sprintf("%032x", s.at)
	made := object{
		"id": Vault + "/secrets/" + i.name + "/" + version, "value": body["value"],
		"attributes": object{"enabled": true, "created": s.at, "updated": s.at, "recoveryLevel": "Recoverable+Purgeable"},
	}
	for _, key := range []string{"contentType", "tags"} {
		if body[key] != nil {
			made[key] = body[key]
		}
	}
	i.versions = append(i.versions, made)
	return made
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	path := strings.Trim(r.URL.Path, "/")
	switch {
	case path == Tenant+"/oauth2/v2.0/token":
		s.login(w, r)
		return
	case path == "metadata/identity/oauth2/token", path == "msi/token":
		s.machine(w, r, path)
		return
	case !s.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]:
		w.Header().Set("WWW-Authenticate", `Bearer authorization="https://login.example.com/`+Tenant+`", resource="`+s.Resource+`"`)
		fail(w, 401, "Unauthorized", "")
		return
	case r.URL.Query().Get("api-version") == "":
		fail(w, 400, "BadParameter", "")
		return
	}
	segments := strings.Split(path, "/")
	if segments[0] != "secrets" || len(segments) > 3 {
		fail(w, 404, "NotFound", "")
		return
	}
	if len(segments) == 1 {
		s.list(w, r)
		return
	}
	s.one(w, r, segments[1], strings.Join(segments[2:], ""))
}

func (s *Server) one(w http.ResponseWriter, r *http.Request, name, version string) {
	i := s.secrets[strings.ToLower(name)]
	there := i != nil && !i.deleted
	switch {
	case r.Method == http.MethodPut && i != nil && i.deleted:
		fail(w, 409, "Conflict", "ObjectIsDeletedButRecoverable")
	case r.Method == http.MethodPut:
		var body object
		_ = json.NewDecoder(r.Body).Decode(&body)
		answer(w, 200, s.put(name, body))
	case !there:
		fail(w, 404, "SecretNotFound", "")
	case r.Method == http.MethodDelete:
		i.deleted = true
		if !s.Retain {
			delete(s.secrets, strings.ToLower(name))
		}
		answer(w, 200, object{"id": i.versions[0]["id"], "recoveryId": Vault + "/deletedsecrets/" + name})
	case version == "versions":
		s.page(w, r, bare(i.versions))
	default:
		at := len(i.versions) - 1
		if version != "" {
			at = slices.IndexFunc(i.versions, func(o object) bool { return strings.HasSuffix(o["id"].(string), "/"+version) })
		}
		switch {
		case at < 0:
			fail(w, 404, "SecretNotFound", "")
		case i.versions[at]["attributes"].(object)["enabled"] == false:
			fail(w, 403, "Forbidden", "SecretDisabled")
		default:
			answer(w, 200, i.versions[at])
		}
	}
}

// bare is versions as lists show them.
func bare(versions []object) []object {
	var all []object
	for _, v := range versions {
		all = append(all, object{"id": v["id"], "attributes": v["attributes"], "tags": v["tags"]})
	}
	return all
}

func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	var all []object
	for _, i := range s.secrets {
		if !i.deleted {
			all = append(all, object{"id": Vault + "/secrets/" + i.name, "attributes": i.versions[len(i.versions)-1]["attributes"], "managed": i.managed})
		}
	}
	slices.SortFunc(all, func(a, b object) int { return strings.Compare(a["id"].(string), b["id"].(string)) })
	s.page(w, r, all)
}

func (s *Server) page(w http.ResponseWriter, r *http.Request, all []object) {
	from, _ := strconv.Atoi(r.URL.Query().Get("$skiptoken"))
	from = min(max(from, 0), len(all))
	to := min(from+s.PageSize, len(all))
	page := object{"value": append([]object{}, all[from:to]...), "nextLink": nil}
	if to < len(all) {
		page["nextLink"] = "https://" + withPort(r.Host) + r.URL.Path + "?api-version=7.4&$skiptoken=" + strconv.Itoa(to)
		if s.Next != "" {
			page["nextLink"] = s.Next
		}
	}
	answer(w, 200, page)
}

// withPort names the port, as Key Vault does.
func withPort(host string) string {
	if strings.Contains(host, ":") {
		return host
	}
	return host + ":443"
}

func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	proof := r.PostForm.Get("client_secret")
	if r.PostForm.Get("client_assertion_type") == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
		proof = r.PostForm.Get("client_assertion")
	}
	if r.PostForm.Get("grant_type") != "client_credentials" || r.PostForm.Get("client_id") != Client || proof != s.Secret || r.PostForm.Get("scope") != "https://"+Domain+"/.default" {
		answer(w, 401, object{"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret " + proof, "error_codes": []int{7000215}})
		return
	}
	answer(w, 200, object{"token_type": "Bearer", "access_token": s.Token(), "expires_in": int(s.Life.Seconds())})
}

func (s *Server) machine(w http.ResponseWriter, r *http.Request, path string) {
	q := r.URL.Query()
	good := r.Header.Get("Metadata") == "true" && q.Get("api-version") == "2018-02-01"
	if path == "msi/token" {
		good = r.Header.Get("X-IDENTITY-HEADER") == s.Secret && q.Get("api-version") == "2019-08-01"
	}
	if !good || q.Get("resource") != "https://"+Domain || q.Get("client_id") != "" && q.Get("client_id") != Client {
		answer(w, 400, object{"error": "invalid_request"})
		return
	}
	if path == "msi/token" { // https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
		answer(w, 200, object{
			"access_token": s.Token(), "expires_on": strconv.FormatInt(s.Now().Add(s.Life).Unix(), 10), "resource": q.Get("resource"), "token_type": "Bearer",
			"client_id": Client,
		})
		return
	}
	answer(w, 200, object{"access_token": s.Token(), "expires_in": strconv.Itoa(int(s.Life.Seconds()))})
}

// Token makes a token that is good. The caller is the fake itself, or a test before anybody else asks.
func (s *Server) Token() string {
	s.logins++
	t := s.Secret + "-token-" + strconv.Itoa(s.logins)
	s.tokens[t] = true
	return t
}

func answer(w http.ResponseWriter, status int, body object) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func fail(w http.ResponseWriter, status int, code, inner string) {
	e := object{"code": code, "message": "what Key Vault says"}
	if inner != "" {
		e["innererror"] = object{"code": inner}
	}
	answer(w, status, object{"error": e})
}

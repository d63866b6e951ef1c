package awsfake

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"
)

// Region and Account are where and whose everything is.
const (
	Region  = "eu-test-1"
	Account = "111122223333"
)

// A Server is AWS on a port of this machine. It fills lists page by page.
type Server struct {
	URL string

	// Before is asked first about every request to a store, whose action is "GetSecretValue" and the like; true: it has answered.
	Before func(w http.ResponseWriter, r *http.Request, action string) bool

	http *httptest.Server
	now  func() time.Time
	page int

	mu         sync.Mutex
	keys       map[string]Key
	asked      []string // the actions, in their order
	secrets    map[string]*sm
	parameters map[string][]*parameter
	machine    machine
	made       int // counts whatever needs a name of its own
}

// New starts a server that knows one pair of keys and gives out pages of that many; now is its clock.
func New(id string, key Key, page int, now func() time.Time) *Server {
	s := &Server{
		now: now, page: page, keys: map[string]Key{id: key}, secrets: map[string]*sm{}, parameters: map[string][]*parameter{},
	}
	s.http = httptest.NewServer(s)
	s.URL = s.http.URL
	return s
}

// Close ends it.
func (s *Server) Close() { s.http.CloseClientConnections(); s.http.Close() }

// Know makes a pair of keys known.
func (s *Server) Know(id string, key Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys[id] = key
}

// Asked returns the actions that were asked for, and forgets them.
func (s *Server) Asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.asked
	s.asked = nil
	return all
}

// A refusal is an error as the JSON protocols carry it.
type refusal struct{ code, message string }

func refuse(code, format string, args ...any) *refusal {
	return &refusal{code, fmt.Sprintf(format, args...)}
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return
	}
	if s.serveMachine(w, r) {
		return
	}
	prefix, action, ok := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if !ok {
		s.serveSTS(w, r, body)
		return
	}
	if s.Before != nil && s.Before(w, r, action) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, action)
	service := map[string]string{"secretsmanager": "secretsmanager", "AmazonSSM": "ssm"}[prefix]
	if code := verify(r, body, s.keys, service, s.now()); code != "" {
		Refuse(w, 400, code, "The security token included in the request is not good.")
		return
	}
	if r.Header.Get("Content-Type") != "application/x-amz-json-1.1" || r.Method != http.MethodPost {
		Refuse(w, 400, "SerializationException", "")
		return
	}
	var answer any
	var no *refusal
	if service == "ssm" {
		answer, no = s.parameterAction(action, body)
	} else {
		answer, no = s.secretAction(action, body)
	}
	if no != nil {
		Refuse(w, 400, no.code, no.message)
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_ = json.NewEncoder(w).Encode(answer)
}

// Refuse answers with an error.
func Refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"__type": code, "message": message})
}

// next returns a number that was not returned before.
func (s *Server) next() int {
	s.made++
	return s.made
}

// cut returns the part of a list that follows a token, and the token for the rest; empty: that was all.
func cut[T any](all []T, token string, size int) ([]T, string, *refusal) {
	from := 0
	if token != "" {
		if _, err := fmt.Sscanf(token, "page-%d", &from); err != nil || from > len(all) {
			return nil, "", refuse("InvalidNextTokenException", "")
		}
	}
	to := min(from+size, len(all))
	if to < len(all) {
		return all[from:to], fmt.Sprintf("page-%d", to), nil
	}
	return all[from:to], "", nil
}

// epoch is a time as JSON 1.1 has it: seconds, to the millisecond.
func epoch(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

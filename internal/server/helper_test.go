package server_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tacit/client"
	"tacit/internal/http1"
	"tacit/internal/keeper"
	"tacit/internal/secret"
	"tacit/internal/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// canned answers every call at once, with something of every shape. It reads an import to its end.
type canned struct{ keeper.API }

var when = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func aSecret() client.Secret {
	note := "a note"
	return client.Secret{ID: "s_1", Name: "a/b", Provider: "local", Scope: "global", Version: 2, Versions: 2, State: "active", Exposure: "readable", Note: &note, CreatedAt: when, UpdatedAt: when, ExpiresAt: &when}
}

func (canned) Status(context.Context, keeper.Caller) (client.Status, error) {
	return client.Status{Version: "test"}, nil
}

func (canned) Whoami(_ context.Context, c keeper.Caller) (client.Whoami, error) {
	return client.Whoami{Principal: c.Principal, Workspace: &c.Workspace, Group: &c.Group}, nil
}

func (canned) Get(_ context.Context, _ keeper.Caller, r keeper.GetRequest) (keeper.Read, error) {
	return keeper.Read{Secret: aSecret(), Version: 2, Field: r.Field, Value: secret.New([]byte("the value"))}, nil
}

func (canned) Show(context.Context, keeper.Caller, keeper.Ref) (keeper.Shown, error) {
	return keeper.Shown{Secret: aSecret()}, nil
}

func (canned) List(context.Context, keeper.Caller, keeper.ListRequest) (client.List, error) {
	return client.List{Secrets: []client.Secret{aSecret()}, Total: 1}, nil
}

func (canned) Names(_ context.Context, _ keeper.Caller, _ keeper.ListRequest, each func(string) error) error {
	return errors.Join(each("a"), each("b"))
}

func (canned) History(context.Context, keeper.Caller, keeper.Ref) (client.History, error) {
	return client.History{}, nil
}

func (canned) Diff(context.Context, keeper.Caller, keeper.Ref, int, int) (client.Diff, error) {
	return client.Diff{}, nil
}

func (canned) Decide(context.Context, keeper.Caller, keeper.DecideRequest) (client.Decided, error) {
	return client.Decided{ID: "d_0", Denied: []string{}}, nil
}
func (canned) Record(context.Context, keeper.Caller, keeper.RecordRequest) error { return nil }

func (canned) Due(context.Context, keeper.Caller, time.Duration) (client.Due, error) {
	return client.Due{}, nil
}

func (canned) Set(_ context.Context, _ keeper.Caller, r keeper.SetRequest) (keeper.Written, error) {
	return keeper.Written{Changed: client.Changed{Secret: aSecret()}, Value: r.Value}, nil
}

func (canned) Rotate(context.Context, keeper.Caller, keeper.RotateRequest) (client.Rotated, error) {
	return client.Rotated{}, nil
}

func (canned) Update(context.Context, keeper.Caller, keeper.UpdateRequest) (client.Changed, error) {
	return client.Changed{}, nil
}

func (canned) Move(context.Context, keeper.Caller, keeper.Ref, string) (client.Changed, error) {
	return client.Changed{}, nil
}

func (canned) Rollback(context.Context, keeper.Caller, keeper.Ref) (client.Changed, error) {
	return client.Changed{}, nil
}

func (canned) Remove(context.Context, keeper.Caller, keeper.RemoveRequest) (client.Removed, error) {
	return client.Removed{}, nil
}

func (canned) Purge(context.Context, keeper.Caller, keeper.Ref, []int) (client.Purged, error) {
	return client.Purged{}, nil
}

func (canned) Import(_ context.Context, _ keeper.Caller, r keeper.ImportRequest, next func() (keeper.ImportEntry, error)) (client.Imported, error) {
	out := client.Imported{Format: r.Format}
	for {
		_, err := next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		out.Total++
	}
}

func (canned) Audit(context.Context, keeper.Caller, keeper.AuditRequest) (client.Audit, error) {
	return client.Audit{}, nil
}

func (canned) AuditFollow(_ context.Context, _ keeper.Caller, _ keeper.AuditRequest, each func(client.AuditRecord) error) error {
	return each(client.AuditRecord{Seq: 1, Time: when})
}

func (canned) AuditExport(_ context.Context, _ keeper.Caller, _ keeper.AuditRequest, each func(client.AuditRecord) error) error {
	return each(client.AuditRecord{Seq: 1, Time: when})
}

func (canned) AuditWho(context.Context, keeper.Caller, keeper.Ref) (client.AuditWho, error) {
	return client.AuditWho{}, nil
}

func (canned) AuditVerify(context.Context, keeper.Caller, keeper.AuditVerifyRequest) (client.AuditVerify, error) {
	return client.AuditVerify{}, nil
}

func (canned) AuditCheckpoint(context.Context, keeper.Caller) (client.AuditCheckpoint, error) {
	return client.AuditCheckpoint{}, nil
}

func (canned) TokenCreate(context.Context, keeper.Caller, keeper.TokenRequest) (client.TokenCreated, error) {
	return client.TokenCreated{}, nil
}

func (canned) TokenList(context.Context, keeper.Caller) (client.Tokens, error) {
	return client.Tokens{}, nil
}

func (canned) TokenRevoke(context.Context, keeper.Caller, string) (client.TokensRevoked, error) {
	return client.TokensRevoked{}, nil
}

func (canned) Grant(context.Context, keeper.Caller, string, string) (client.Grant, error) {
	return client.Grant{}, nil
}

func (canned) GrantList(context.Context, keeper.Caller) (client.Grants, error) {
	return client.Grants{}, nil
}

func (canned) GrantRemove(context.Context, keeper.Caller, string) (client.Grant, error) {
	return client.Grant{}, nil
}

func (canned) PolicyShow(context.Context, keeper.Caller) (client.Policies, error) {
	return client.Policies{}, nil
}

func (canned) PolicySet(context.Context, keeper.Caller, string) (client.Policies, error) {
	return client.Policies{}, nil
}

func (canned) PolicyTest(context.Context, keeper.Caller, []byte) (client.PolicyTested, error) {
	return client.PolicyTested{}, nil
}

func (canned) PolicyExplain(context.Context, keeper.Caller, keeper.ExplainRequest) (client.PolicyExplained, error) {
	return client.PolicyExplained{}, nil
}

func anOwner(*http.Request) (keeper.Caller, error) {
	return keeper.Caller{Principal: "user/ana", Owner: true, Door: "socket"}, nil
}

// serve answers on l until the test ends.
func serve(t testing.TB, l net.Listener, o server.Options, limit int) {
	t.Helper()
	if o.API == nil {
		o.API = canned{}
	}
	if o.Caller == nil {
		o.Caller = anOwner
	}
	h := &http1.Server{Handler: server.New(o)}
	server.Configure(h, nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = h.Serve(server.Limit(l, limit))
	}()
	t.Cleanup(func() {
		_ = h.Close()
		<-done
	})
}

// socketDir is like t.TempDir, but shorter: a socket's path has 108 bytes.
func socketDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "tacit")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

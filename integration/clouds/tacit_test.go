package clouds

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tacit/internal/provider/awsfake"
	"tacit/internal/provider/gcpfake"
)

// A user has tacit, an empty home, a project with three clouds, and credentials for them.
type user struct {
	t    *testing.T
	home string
	bin  string
	env  []string
}

func newUser(t *testing.T, a *awsfake.Server, g *gcpfake.Server) *user {
	t.Helper()
	u := &user{t: t, home: t.TempDir()}
	u.bin = filepath.Join(u.home, "tacit")
	build := exec.Command("go", "build", "-o", u.bin, "./cmd/tacit")
	build.Dir, build.Env = "../..", append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	u.env = []string{
		"HOME=" + u.home, "PATH=" + os.Getenv("PATH"), "TERM=dumb", "AWS_ACCESS_KEY_ID=" + keyID, "AWS_SECRET_ACCESS_KEY=" + key, "AWS_SESSION_TOKEN=" + session,
		"AWS_REGION=" + awsfake.Region, "GOOGLE_CLOUD_PROJECT=" + gcpfake.Project, "GCE_METADATA_HOST=" + strings.TrimPrefix(g.URL, "http://"),
	}
	project := fmt.Sprintf(`secrets:
  providers:
    aws: {type: aws-secretsmanager, prefix: prod/app/, priority: 300, endpoint: %[1]q}
    ssm: {type: aws-ssm, prefix: /prod/app, priority: 200, endpoint: %[1]q}
    gcp: {type: gcp-secretmanager, priority: 100, endpoint: %[2]q}
`, a.URL, g.URL)
	if err := os.WriteFile(filepath.Join(u.home, "tacit.yaml"), []byte(project), 0o600); err != nil {
		t.Fatal(err)
	}
	u.run("", 0, "init")
	u.run("", 0, "config", "trust", "--force")
	return u
}

// run runs tacit and returns what it printed; it must end with that code, and say no key of the clouds.
func (u *user) run(stdin string, code int, args ...string) string {
	u.t.Helper()
	cmd := exec.CommandContext(u.t.Context(), u.bin, args...)
	cmd.Dir, cmd.Env, cmd.Stdin = u.home, u.env, strings.NewReader(stdin)
	out, _ := cmd.CombinedOutput() // the code says it
	if got := cmd.ProcessState.ExitCode(); got != code {
		u.t.Errorf("tacit %s: exit %d, want %d:\n%s", strings.Join(args, " "), got, code, out)
	}
	for _, s := range []string{key, session, "ya29."} {
		if strings.Contains(string(out), s) {
			u.t.Errorf("tacit %s: prints %q:\n%s", strings.Join(args, " "), s, out)
		}
	}
	return string(out)
}

// says fails unless a command prints all of that.
func (u *user) says(code int, want []string, args ...string) {
	u.t.Helper()
	out := u.run("", code, args...)
	for _, w := range want {
		if !strings.Contains(out, w) {
			u.t.Errorf("tacit %s lacks %q:\n%s", strings.Join(args, " "), w, out)
		}
	}
}

// TestTacit is a session of tacit itself with three clouds.
func TestTacit(t *testing.T) {
	t.Parallel()
	a := fakeAWS(t)
	g := gcpfake.New("", 3, time.Now, time.Hour)
	t.Cleanup(g.Close)
	u := newUser(t, a, g)

	for _, p := range []string{"aws", "ssm", "gcp"} {
		u.run("one", 0, "set", "db-password", "--provider", p)
		u.run("two of "+p, 0, "set", "db-password", "--provider", p)
		u.says(0, []string{"two of " + p}, "get", "db-password", "--provider", p)
		u.says(0, []string{"one"}, "get", p+":db-password@previous")
		u.says(0, []string{"db-password"}, "list", "--provider", p)
		u.says(3, []string{"no such secret"}, "get", "nothing", "--provider", p)
		u.says(0, nil, "history", "db-password", "--provider", p)
		u.says(0, nil, "provider", "test", p)
	}
	u.says(0, []string{"two of aws"}, "get", "db-password") // the chain: the highest first
	u.says(0, []string{"aws", "ssm", "gcp"}, "provider", "health")
	if out := u.run("x", 2, "set", "db.password", "--provider", "gcp"); !strings.Contains(out, "cannot hold") || !strings.Contains(out, "choose a name") {
		t.Errorf("a name that the store cannot hold: %s", out)
	}

	// What was deleted in the first store hides nothing of the second (I19).
	u.run("", 0, "rm", "db-password", "--provider", "aws", "--force")
	u.says(3, []string{"aws", "restore-secret"}, "get", "db-password")
	u.run("three", 0, "set", "db-password", "--provider", "aws")
	u.says(0, []string{"three"}, "get", "db-password")

	// An outage of the first store is not its absence.
	a.Close()
	u.says(7, []string{"aws", "unavailable"}, "get", "db-password")
	u.says(0, []string{"two of gcp"}, "get", "db-password", "--provider", "gcp")
}

// TestManyAreFewRequests: fifty secrets of one program are three requests.
func TestManyAreFewRequests(t *testing.T) {
	t.Parallel()
	a := fakeAWS(t)
	g := gcpfake.New("", 3, time.Now, time.Hour)
	t.Cleanup(g.Close)
	u := newUser(t, a, g)
	args := []string{"run", "--no-mask"}
	var want []string
	for i := range 50 {
		n := fmt.Sprintf("key-%d", i)
		a.PutSecret("prod/app/"+n, []byte("value-"+n))
		args = append(args, "-e", fmt.Sprintf("KEY_%d=%s", i, n))
		want = append(want, fmt.Sprintf("KEY_%d=value-%s", i, n))
	}
	a.Asked()
	u.says(0, want, append(args, "--", "sh", "-c", "env | grep ^KEY_")...)
	if got := a.Asked(); len(got) != 3 {
		b, _ := json.Marshal(got)
		t.Errorf("asked %s", b)
	}
}

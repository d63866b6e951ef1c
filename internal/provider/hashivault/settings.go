package hashivault

import (
	"cmp"
	"io"
	"os"
	"path/filepath"
	"strings"

	"tacit/internal/fault"
	"tacit/internal/name"
	"tacit/internal/provider"
	"tacit/internal/provider/rest"
	"tacit/internal/secret"
	"tacit/internal/settings"
)

// maxFile bounds the files that hold tokens and certificates.
const maxFile = 64 << 10

// Make makes the provider: see docs/providers/vault.md for the keys.
func Make(spec provider.Spec, w provider.World) (provider.Provider, error) {
	keys := spec.Settings
	if keys == nil {
		keys = &settings.Table{}
	}
	address := keys.Text("address", w.Getenv("VAULT_ADDR"))
	if address == "" {
		keys.Wrong("address", "address is missing, and VAULT_ADDR is not set")
	}
	v := &conn{
		name:      spec.Name,
		mount:     segments(keys, "path", "secret"),
		prefix:    segments(keys, "prefix", ""),
		namespace: strings.Trim(keys.Text("namespace", w.Getenv("VAULT_NAMESPACE")), "/"),
		version:   keys.Number("kv", 2, 1, 2),
		writing:   make(chan struct{}, 1),
	}
	if v.mount == "" {
		keys.Wrong("path", "path is where the key-value engine is mounted, such as secret")
	}
	if v.prefix != "" {
		v.prefix += "/"
	}
	if !header(v.namespace) {
		keys.Wrong("namespace", "namespace holds characters that no namespace has")
	}
	method, wrong := credentials(keys, w)
	ca := keys.Text("ca_pem", "")
	_, _ = keys.Has("cache_ttl"), keys.Has("max_retries") // keys of the chain
	if err := cmp.Or(keys.Done(), wrong); err != nil {
		return nil, err
	}
	if file := w.Getenv("VAULT_CACERT"); ca == "" && file != "" {
		pem, err := read(file)
		if err != nil {
			return nil, provider.Errorf(fault.Usage, spec.Name, "the file that VAULT_CACERT names cannot be read").WithFix("set VAULT_CACERT to a PEM file, or ca_pem in the configuration")
		}
		ca = string(pem)
	}
	client, err := rest.New(rest.Config{Name: spec.Name, Base: strings.TrimSuffix(address, "/"), CAPEM: ca, Debug: w.Debug, Getenv: w.Getenv, Now: w.Now})
	if err != nil {
		return nil, err
	}
	v.client = client
	v.session = newSession(method, w.Now)
	if v.version == 1 {
		return &kv1{v}, nil
	}
	return &kv2{v}, nil
}

// credentials reads who we are to Vault: a token, or one of the ways to get one by logging in.
func credentials(keys *settings.Table, w provider.World) (method, error) {
	own := keys.Text("token", "")
	ways := keys.Sub("auth")
	if ways == nil {
		return fixed{value: text(own), getenv: w.Getenv, home: w.Home}, nil
	}
	var chosen []method
	if own != "" || ways.Has("token") {
		chosen = append(chosen, fixed{value: text(ways.Text("token", own)), getenv: w.Getenv, home: w.Home})
	}
	var wrong error
	for _, kind := range []string{"approle", "kubernetes", "jwt"} {
		way := ways.Sub(kind)
		if way == nil {
			continue
		}
		mount := segments(way, "mount", kind)
		switch kind {
		case "approle":
			chosen = append(chosen, approle{
				mount: mount, role: way.Text("role_id", w.Getenv("VAULT_ROLE_ID")), secretID: text(way.Text("secret_id", "")), file: w.Path(way, way.Text("secret_id_path", "")),
				getenv: w.Getenv,
			})
		case "kubernetes":
			chosen = append(chosen, bearer{mount: mount, role: way.Text("role", ""), file: w.Path(way, way.Text("path", serviceAccount))})
		case "jwt":
			chosen = append(chosen, bearer{mount: mount, role: way.Text("role", ""), jwt: text(way.Text("jwt", "")), file: w.Path(way, way.Text("path", ""))})
		}
		wrong = cmp.Or(wrong, way.Done())
	}
	if len(chosen) != 1 {
		keys.Wrong("auth", "auth names one way to log in: token, approle, kubernetes or jwt")
		return nil, wrong
	}
	return chosen[0], cmp.Or(ways.Done(), wrong)
}

func text(s string) secret.Value { return secret.New([]byte(s)) }

// segments reads a path such as "team/app" and takes slashes at its ends off. What would be another path to Vault than it looks here
// is wrong.
func segments(keys *settings.Table, key, otherwise string) string {
	s := strings.Trim(keys.Text(key, otherwise), "/")
	if s != "" && name.Problem("x/"+s) != "" {
		keys.Wrong(key, "%s has segments of letters, digits, '-', '_' and '.'", key)
		return ""
	}
	return s
}

// header reports whether s may stand in a header: printable ASCII.
func header(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < '!' || r > '~' })
}

// read returns a small file.
func read(file string) ([]byte, error) {
	f, err := os.Open(filepath.Clean(file))
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was read
	return io.ReadAll(io.LimitReader(f, maxFile))
}

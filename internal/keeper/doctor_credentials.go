package keeper

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"tacit/internal/fault"
	"tacit/internal/name"
	"tacit/internal/order"
	"tacit/internal/registry"
	"tacit/internal/vault"
)

// maxCredentialChecks bounds how many findings of one kind about credentials are told one by one.
const maxCredentialChecks = 10

// credentials looks at every credential, made or automatic: whether it would answer, and why not. It asks nobody on the network.
func (d *doctor) credentials(v *vault.Reader) error {
	b, err := d.k.brokerage(v)
	if err != nil {
		return d.services(v, err)
	}
	f := &credentialFindings{byCheck: map[string][]finding{}}
	for _, made := range sortedCredentials(b) {
		s, ok := b.catalog.Service(made.Service)
		if !ok {
			f.add("credential.service", "warn", made.ID, "is for "+made.Service+", which is no service", "tacit credential rm "+made.ID)
			continue
		}
		a, err := d.k.account(v, s, made)
		if err != nil {
			f.add("credential.secret", "fail", made.ID, err.Error(), fixOf(err))
			continue
		}
		f.examine(a)
	}
	automatic := map[string]bool{}
	for _, s := range b.catalog.Services() {
		for _, scope := range v.ScopesInUse() {
			a, err := d.k.automatic(v, s, scope)
			if err != nil {
				return err
			}
			if a != nil {
				automatic[a.id] = true
				f.examine(a)
			}
		}
	}
	for _, x := range b.bindings {
		switch _, _, ok := b.catalog.Capability(x.Capability); {
		case !ok:
			f.add("credential.binding", "warn", x.Capability, "is bound to "+x.Credential+" in "+string(x.Scope)+", and is no capability", "tacit service list")
		case b.credentials[x.Credential] == nil && !automatic[x.Credential]:
			f.add("credential.binding", "warn", x.Capability, "is bound in "+string(x.Scope)+" to "+x.Credential+", which is not there", "tacit capability unbind "+x.Capability)
		}
	}
	f.report(d)
	return nil
}

// services names the services of the user's own for which nothing can be used (err is why): stored definitions that this version no
// longer accepts, or whose names belong to another service now.
func (d *doctor) services(v *vault.Reader, err error) error {
	f := &credentialFindings{byCheck: map[string][]finding{}}
	var own []*registry.Service
	readable := v.Small(vault.KindBroker, func(record string, plain []byte) error {
		if !strings.HasPrefix(record, serviceRecord) {
			return nil
		}
		s, err := registry.DecodeService(plain)
		if err != nil {
			f.add("credential.service", "fail", serviceIn(plain), err.Error(), fixOf(err))
			return nil
		}
		if _, err := registry.NewCatalog(s); err != nil {
			f.add("credential.service", "fail", s.ID, err.Error(), fixOf(err))
			return nil
		}
		own = append(own, s)
		return nil
	})
	if readable == nil && len(f.byCheck) == 0 {
		if _, clash := registry.NewCatalog(own...); clash != nil {
			f.add("credential.service", "fail", "", clash.Error(), fixOf(clash))
		}
	}
	if len(f.byCheck) == 0 {
		f.add("credential.service", "fail", "", err.Error(), fixOf(err))
	}
	f.report(d)
	return nil
}

// serviceIn returns the id in a definition that is not accepted; empty if it cannot be told.
func serviceIn(plain []byte) string {
	var s struct {
		Service string `json:"service"`
	}
	_ = json.Unmarshal(plain, &s)
	if name.Check(s.Service) != nil {
		return ""
	}
	return s.Service
}

func sortedCredentials(b *brokerage) []*credential {
	all := make([]*credential, 0, len(b.credentials))
	for _, c := range b.credentials {
		all = append(all, c)
	}
	order.By(all, func(x, y *credential) int { return cmp.Compare(x.ID, y.ID) })
	return all
}

// credentialFindings are what an examination of credentials finds, by check.
type credentialFindings struct {
	ready   int
	byCheck map[string][]finding
}

type finding struct{ status, object, detail, fix string }

func (f *credentialFindings) add(check, status, object, detail, fix string) {
	f.byCheck[check] = append(f.byCheck[check], finding{status, object, detail, fix})
}

// examine says of an account that it is ready, or all that keeps it from that.
func (f *credentialFindings) examine(a *account) {
	missing := a.missing(nil)
	if len(missing) == 0 {
		f.ready++
		return
	}
	where := ""
	if a.scope != name.Global {
		where = "in " + string(a.scope) + " "
	}
	for i := range a.service.Secrets {
		s := &a.service.Secrets[i]
		why := a.problem[s.Placeholder]
		if why == "" {
			continue
		}
		if why == whyGone {
			f.add("credential.waiting", "warn", a.id, where+"does not answer: the secret that was its "+s.Name+" is gone", a.remake())
			missing = slices.DeleteFunc(missing, func(m string) bool { return m == s.Name+" ("+why+")" })
			continue
		}
		secret := a.secrets[s.Placeholder]
		detail := where + "does not answer: " + secret.Name + " is " + why
		if why == whyExpired {
			f.add("credential.expired", "warn", a.id, detail, "tacit set "+secret.Name)
		} else {
			f.add("credential.pin", "warn", a.id, detail, pinFix(secret, a.service))
		}
		missing = slices.DeleteFunc(missing, func(m string) bool { return m == s.Name+" ("+why+")" })
	}
	if len(missing) > 0 {
		f.add("credential.waiting", "note", a.id, where+"waits for "+strings.Join(missing, ", "), "tacit service describe "+a.service.ID)
	}
}

// pinFix is what helps a service to a secret that is not sealed for it.
func pinFix(s *vault.Secret, service *registry.Service) string {
	switch {
	case s.Pin == "":
		return "tacit update " + s.Name + " --sealed"
	case pinnedService(s.Pin) == service.ID:
		return "tacit service add FILE --repin"
	}
	return "store it under another name: tacit set NEW --sealed --service " + service.ID
}

// report tells what was found, in an order of its own, and how many when they are many.
func (f *credentialFindings) report(d *doctor) {
	if len(f.byCheck) == 0 {
		d.add("credential.ready", "ok", "", fmt.Sprintf("every credential has what it needs (credentials: %d)", f.ready), "")
		return
	}
	if f.ready > 0 {
		d.add("credential.ready", "ok", "", fmt.Sprintf("credentials that have what they need: %d", f.ready), "")
	}
	for _, check := range []string{"credential.service", "credential.secret", "credential.expired", "credential.pin", "credential.waiting", "credential.binding"} {
		all := f.byCheck[check]
		order.By(all, func(x, y finding) int {
			return cmp.Or(cmp.Compare(x.object, y.object), cmp.Compare(x.detail, y.detail))
		})
		for _, x := range all[:min(len(all), maxCredentialChecks)] {
			d.add(check, x.status, x.object, x.detail, x.fix)
		}
		if more := len(all) - maxCredentialChecks; more > 0 {
			d.add(check, all[0].status, "", fmt.Sprintf("and %d more", more), "tacit credential list")
		}
	}
}

// fixOf returns what an error says about going on.
func fixOf(err error) string {
	var f *fault.Error
	if !errors.As(err, &f) {
		return ""
	}
	return f.Fix
}

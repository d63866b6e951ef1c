package keeper

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tacit/client"
	"tacit/internal/audit"
	"tacit/internal/engine"
	"tacit/internal/envelope"
	"tacit/internal/fault"
	"tacit/internal/paths"
	"tacit/internal/vault"
)

// Doctor looks at everything that can be wrong with the vault and its surroundings, and with Fix mends what can be mended without
// loss: file modes. It shows no value and needs no writable log.
func (k *Keeper) Doctor(ctx context.Context, c Caller, r DoctorRequest) (client.Doctor, error) {
	d := &doctor{k: k, c: c, r: r, out: client.Doctor{Checks: []client.DoctorCheck{}}}
	if _, err := os.Lstat(k.opts.Layout.Vault); err != nil {
		return d.out, noVault(k.opts.Layout.Vault)
	}
	d.permissions()
	d.network()
	for _, c := range r.Also {
		d.addCheck(c)
	}
	if d.unlocked(ctx) {
		d.vault(ctx)
		d.log(ctx)
	}
	d.out.OK = d.out.Counts.Warn == 0 && d.out.Counts.Fail == 0
	return d.out, nil
}

// doctor is one examination.
type doctor struct {
	k   *Keeper
	c   Caller
	r   DoctorRequest
	out client.Doctor
}

func (d *doctor) add(check, status, object, detail, fix string) {
	d.addCheck(client.DoctorCheck{Check: check, Status: status, Object: optional(object), Detail: detail, Fix: optional(fix)})
}

func (d *doctor) addCheck(c client.DoctorCheck) {
	if c.Status == "note" && d.r.Strict {
		c.Status = "warn"
	}
	n := &d.out.Counts
	switch c.Status {
	case "ok":
		n.OK++
	case "note":
		n.Note++
	case "warn":
		n.Warn++
	case "fail":
		n.Fail++
	case "skip":
		n.Skip++
	}
	d.out.Checks = append(d.out.Checks, c)
}

func (d *doctor) fail(check, object string, err error) {
	fix := fixOf(err)
	if fix == engine.DamageFix { // this is doctor
		fix = engine.RestoreFix
	}
	d.add(check, "fail", object, err.Error(), fix)
}

// permissions checks the modes of every file that tacit keeps (I07).
func (d *doctor) permissions() {
	l := d.k.opts.Layout
	all := []string{filepath.Dir(l.Vault), l.Vault, filepath.Join(filepath.Dir(l.Vault), "vault.lock"), l.Audit, l.Identity, l.Known}
	if logs, err := filepath.Glob(filepath.Join(l.Audit, "*")); err == nil {
		all = append(all, logs...)
	}
	wide := 0
	for _, path := range all {
		info, err := os.Lstat(path)
		if err != nil {
			continue
		}
		check := paths.CheckFile
		if info.IsDir() {
			check = paths.CheckDir
		}
		err = check(path)
		if err != nil && d.r.Fix {
			if paths.Fix(path) == nil && check(path) == nil {
				d.add("files.permissions", "note", path, "was open to others; mended", "")
				continue
			}
		}
		if err != nil {
			wide++
			d.fail("files.permissions", path, err)
		}
	}
	wide += d.unwritable(l.Audit)
	if wide == 0 {
		d.add("files.permissions", "ok", "", "only you can read the vault's files", "")
	}
}

// unwritable reports what an append to the log needs and its owner cannot write, and counts it: without its record nothing is read (I16).
func (d *doctor) unwritable(dir string) (n int) {
	needed := []string{dir, filepath.Join(dir, "audit.lock")}
	if logs, err := filepath.Glob(filepath.Join(dir, "*.log")); err == nil && len(logs) > 0 {
		needed = append(needed, logs[len(logs)-1])
	}
	for _, path := range needed {
		info, err := os.Stat(path)
		mode := paths.FileMode
		if err == nil && info.IsDir() {
			mode = paths.DirMode
		}
		if err != nil || info.Mode().Perm()&mode == mode {
			continue
		}
		if d.r.Fix && paths.Fix(path) == nil {
			d.add("files.permissions", "note", path, "could not be written; mended", "")
			continue
		}
		n++
		d.add("files.permissions", "fail", path, fmt.Sprintf("has mode %04o: you cannot write to it, and without its record nothing is read", info.Mode().Perm()),
			fmt.Sprintf("chmod %o %s", mode, paths.Quote(path)))
	}
	return n
}

func (d *doctor) network() {
	l := d.k.opts.Layout
	for _, dir := range []string{filepath.Dir(l.Vault), l.Audit} {
		kind, network, err := paths.Network(dir)
		switch {
		case err != nil:
			d.add("files.network", "skip", dir, "cannot tell the file system: "+err.Error(), "")
		case network:
			d.add("files.network", "warn", dir, "is on a network file system ("+kind+"): locks and durability are not what tacit needs", "set TACIT_DIR to a local directory")
		default:
			d.add("files.network", "ok", dir, "is on a local file system", "")
		}
		if l.Custom {
			break // one directory for everything
		}
	}
}

func (d *doctor) unlocked(ctx context.Context) bool {
	err := d.k.unlockForDoctor(ctx)
	if err == nil {
		d.add("vault.open", "ok", "", "opened by slot "+d.k.slot.ID+" ("+string(d.k.slot.Kind)+"); the vault that was used here before", "")
		return true
	}
	d.fail("vault.open", d.k.opts.Layout.Vault, err)
	return false
}

// unlockForDoctor opens a vault whose files are too open to others, since saying so is what doctor is for.
func (k *Keeper) unlockForDoctor(ctx context.Context) error {
	if err := k.checkFiles(); err != nil && fault.CodeOf(err) != fault.Permissions {
		return err
	}
	return k.openWith(ctx, k.bySlot, nothing)
}

func (d *doctor) vault(ctx context.Context) {
	err := d.k.vault.View(ctx, func(v *vault.Reader) error {
		d.integrity(v)
		d.slots(v)
		d.rotation(v)
		d.checkpoint(v)
		d.access(v)
		if err := d.secrets(v); err != nil {
			return err
		}
		return d.credentials(v)
	})
	if err != nil {
		d.fail("vault.integrity", "", err)
	}
}

func (d *doctor) integrity(v *vault.Reader) {
	problems, err := v.Check(d.r.Progress)
	if err != nil {
		d.fail("vault.integrity", "", err)
		return
	}
	for _, p := range problems {
		d.fail("vault.integrity", p.Object, p.Err)
	}
	if len(problems) == 0 {
		a := v.Anchor()
		d.add("vault.integrity", "ok", "", fmt.Sprintf("every record opens and none is missing (secrets: %d, values: %d)", a.Count(vault.KindSecret), a.Count(vault.KindValue)), "")
	}
}

func (d *doctor) slots(v *vault.Reader) {
	slots, err := v.Slots()
	if err != nil {
		d.fail("slots", "", err)
		return
	}
	recovery, phrase := false, false
	for _, s := range slots {
		recovery = recovery || s.Kind == envelope.SlotRecovery
		phrase = phrase || s.Kind == envelope.SlotPassphrase
	}
	d.add("slots", "ok", "", fmt.Sprintf("%d, each as the vault wrote it; sealing %s", len(slots), sealing(slots)), "")
	switch {
	case recovery:
		d.add("slot.recovery", "ok", "", "there is one", "")
	case phrase:
		d.add("slot.recovery", "note", "", "there is no recovery phrase: who forgets the passphrase loses the vault", "tacit slot add recovery")
	default:
		d.add("slot.recovery", "note", "", "there is no recovery phrase: who loses the key file or keyring loses the vault", "tacit slot add recovery")
	}
}

func (d *doctor) rotation(v *vault.Reader) {
	if v.Leaving() != 0 {
		d.add("vault.rotation", "warn", "", "a root rotation was interrupted", "tacit rotate-root --resume")
	}
}

// checkpoint looks at the key that signs checkpoints of the log, and at when it last did.
func (d *doctor) checkpoint(v *vault.Reader) {
	var out client.StatusAudit
	switch err := d.k.logbook(v, &out); {
	case err != nil:
		d.fail("audit.checkpoint", "", err)
	case out.CheckpointAt == nil:
		d.add("audit.checkpoint", "note", "", "none was made: nothing outside of this machine shows whether vault and log were both put back",
			"tacit audit checkpoint -o FILE, and keep FILE elsewhere")
	default:
		d.add("audit.checkpoint", "ok", "", "the last one was made "+out.CheckpointAt.Format(time.RFC3339), "")
	}
}

// secrets looks at metadata and values: what is due, weak, or used twice.
func (d *doctor) secrets(v *vault.Reader) error {
	now := d.k.opts.Now()
	var overdue, weak []string
	seen := make(map[[sha256.Size]byte]string)
	reused := make(map[string][]string)
	salt := make([]byte, 32)
	if _, err := io.ReadFull(d.k.opts.Random, salt); err != nil {
		return err
	}
	err := v.Each(func(s *vault.Secret) error {
		at, rotates := s.DueAt()
		if s.Expired(now) || rotates && !at.After(now) {
			overdue = append(overdue, s.Name)
		}
		value, err := v.Value(s)
		if err != nil {
			return nil // integrity has said so
		}
		defer clear(value)
		if len(value) < 64 {
			if bits, _ := envelope.Strength(value); bits < weakBits {
				weak = append(weak, s.Name)
			}
		}
		h := hmac.New(sha256.New, salt)
		h.Write(value)
		key := [sha256.Size]byte(h.Sum(nil))
		if first, ok := seen[key]; ok {
			reused[first] = append(reused[first], s.Name)
		} else {
			seen[key] = s.Name
		}
		return nil
	})
	if err != nil {
		d.fail("vault.integrity", "", err)
		return nil
	}
	d.found("secrets.due", "warn", overdue, "past expiry or rotation", "tacit due", "nothing is past its expiry or rotation")
	d.found("secrets.weak", "note", weak, "easy to guess", "tacit rotate NAME --generate", "no value is easy to guess")
	var twice []string
	for first, others := range reused {
		twice = append(twice, first+" = "+strings.Join(others, " = "))
	}
	d.found("secrets.reused", "note", twice, "the same value under several names", "tacit rotate NAME --generate", "no value is used twice")
	return nil
}

// weakBits is the estimated entropy below which a value is called easy to guess.
const weakBits = 40

// found reports a list of names, or that there is none.
func (d *doctor) found(check, status string, names []string, what, fix, none string) {
	if len(names) == 0 {
		d.add(check, "ok", "", none, "")
		return
	}
	some := names[:min(len(names), 10)]
	detail := fmt.Sprintf("%s: %s", what, strings.Join(some, ", "))
	if len(names) > len(some) {
		detail += fmt.Sprintf(", and %d more", len(names)-len(some))
	}
	d.add(check, status, "", detail, fix)
}

// log verifies the chain, and the clock against its last record.
func (d *doctor) log(ctx context.Context) {
	v, err := d.k.AuditVerify(ctx, d.c, AuditVerifyRequest{})
	switch {
	case err != nil:
		d.fail("audit.chain", "", err)
	case !v.OK:
		d.add("audit.chain", "fail", v.Bad.File, fmt.Sprintf("record %d: %s", v.Bad.Seq, v.Bad.Kind), "keep the files as they are; tacit audit verify says what it found")
	default:
		d.add("audit.chain", "ok", "", fmt.Sprintf("%d records, none edited or missing", v.Records), "")
	}
	last, err := d.k.log.Head(ctx)
	if err == nil && last.Record != nil {
		d.clock(last.Record)
	}
}

func (d *doctor) clock(last *audit.Record) {
	if ahead := last.Time.Sub(d.k.opts.Now()); ahead > time.Minute {
		d.add("clock", "warn", "", fmt.Sprintf("the last record is %s in the future: expiry and rotation go by this clock", ahead.Round(time.Second)), "set the clock")
		return
	}
	d.add("clock", "ok", "", "not behind the last record", "")
}

package keeper

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"tacit/internal/fault"
	"tacit/internal/name"
	"tacit/internal/order"
	"tacit/internal/registry"
	"tacit/internal/transfer/backup"
	"tacit/internal/vault"
)

// backupServices returns what a backup holds about services: all records of the broker but the leases, which end by themselves.
func (k *Keeper) backupServices(v *vault.Reader) (out backup.Services, err error) {
	err = v.Small(vault.KindBroker, func(record string, plain []byte) error {
		kind, _, _ := strings.Cut(record, "/")
		if list := serviceList(&out, kind+"/"); list != nil {
			*list = append(*list, slices.Clone(plain))
		}
		return nil
	})
	for _, kind := range restorable() { // their names are random, and their order with them
		order.By(*serviceList(&out, kind), bytes.Compare)
	}
	return out, err
}

// restorable are the kinds of records that a backup holds.
func restorable() []string {
	return []string{serviceRecord, credentialRecord, bindingRecord, limitRecord}
}

// serviceList returns where a backup has the records of a kind, nil for those that it has not.
func serviceList(s *backup.Services, kind string) *[][]byte {
	switch kind {
	case serviceRecord:
		return &s.Services
	case credentialRecord:
		return &s.Credentials
	case bindingRecord:
		return &s.Bindings
	case limitRecord:
		return &s.Limits
	}
	return nil
}

// restoreServices gives what a backup holds about services to put, after checking that the vault could be read with it.
func restoreServices(s backup.Services, put func(record string, plain []byte) error) error {
	b := newBrokerage()
	var own []*registry.Service
	for _, kind := range restorable() {
		for _, plain := range *serviceList(&s, kind) {
			record := kind + rand128()
			if err := b.read(record, plain, &own); err != nil {
				return inBackup(err)
			}
			if kind != serviceRecord {
				if err := onlyKnown(kind, plain); err != nil {
					return inBackup(err)
				}
			}
			if err := put(record, plain); err != nil {
				return err
			}
		}
	}
	if _, err := registry.NewCatalog(own...); err != nil {
		return inBackup(err)
	}
	return inBackup(b.check(len(s.Credentials), len(s.Limits)))
}

// onlyKnown refuses a record with a member that this version would leave out.
func onlyKnown(kind string, plain []byte) error {
	var into any
	switch kind {
	case credentialRecord:
		into = &credential{}
	case bindingRecord:
		into = &binding{}
	case limitRecord:
		into = &limit{}
	}
	d := json.NewDecoder(bytes.NewReader(plain))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

// check refuses what no command would have stored. So many credentials and limits were read.
func (b *brokerage) check(credentials, limits int) error {
	if len(b.credentials) != credentials || len(b.limits) != limits {
		return fault.New(fault.Corrupted, "a credential or limit is there twice")
	}
	for id, c := range b.credentials {
		if err := name.Check(id); err != nil {
			return err
		}
		if _, err := name.ParseScope(string(c.Scope)); err != nil {
			return err
		}
	}
	for _, x := range b.bindings {
		if _, err := name.ParseScope(string(x.Scope)); err != nil {
			return err
		}
	}
	return nil
}

func inBackup(err error) error {
	if err == nil {
		return nil
	}
	return fault.Wrap(fault.Corrupted, err, "read what the backup holds about services")
}

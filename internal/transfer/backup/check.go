package backup

import (
	"time"

	"tacit/internal/fault"
	"tacit/internal/name"
	"tacit/internal/transfer/jsonstream"
)

// maxText bounds one text of a secret in bytes. A vault's own bounds are smaller; this one makes sure that the longest spelling,
// six bytes a byte, fits what a reader takes as one token.
const maxText = jsonstream.MaxToken / 8

// check returns what is wrong with a secret, whoever made it: the Writer writes and the Reader returns only what passes.
// What a vault would further demand, say of a pin, is the vault's to check.
func (s *Secret) check() error {
	wrong := func(format string, args ...any) error {
		return fault.New(fault.Corrupted, "%q: "+format, append([]any{s.Name}, args...)...).About(s.Name)
	}
	if err := name.Check(s.Name); err != nil {
		return err
	}
	if _, err := name.ParseScope(s.Scope); err != nil {
		return err
	}
	for _, a := range s.Aliases {
		if err := name.Check(a); err != nil {
			return err
		}
	}
	for _, t := range s.Tags {
		if err := name.CheckTag(t); err != nil {
			return err
		}
	}
	switch {
	case s.ID == "":
		return wrong("it has no id")
	case s.Exposure != "readable" && s.Exposure != "sealed":
		return wrong("its exposure is neither readable nor sealed")
	case s.RotateEvery < 0 || s.RotateEvery%time.Second != 0:
		return wrong("rotate_every is not a number of seconds")
	case len(s.Versions) == 0:
		return wrong("it has no versions")
	}
	for _, text := range []*string{&s.ID, s.Pin, s.Owner, s.Note} {
		if text != nil && len(*text) > maxText {
			return wrong("one of its texts is longer than %d bytes", maxText)
		}
	}
	last := 0
	for _, v := range s.Versions {
		switch {
		case v.Value.Len() > maxText:
			return wrong("version %d is longer than %d bytes", v.Version, maxText)
		case v.Version <= last:
			return wrong("version %d does not follow version %d", v.Version, last)
		case v.Value.Len() == 0:
			return wrong("version %d has no value", v.Version)
		case v.FromVersion != nil && *v.FromVersion < 1:
			return wrong("version %d comes from version %d", v.Version, *v.FromVersion)
		}
		last = v.Version
	}
	return nil
}

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The Go files are those of the service files as they are now.
func TestGeneratedFilesAreFresh(t *testing.T) {
	t.Parallel()
	files, err := generate(filepath.Join("..", "services"))
	if err != nil {
		t.Fatal(err)
	}
	there, err := filepath.Glob(filepath.Join("..", generated))
	if err != nil {
		t.Fatal(err)
	}
	if len(there) != len(files) {
		t.Errorf("%d files, want %d: run go generate ./internal/registry", len(there), len(files))
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join("..", name))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what services/*.yaml say: run go generate ./internal/registry (%v)", name, err)
		}
	}
}

const acme = `service: acme
title: Acme
docs: https://docs.acme.example
checked: 2026-11-22
hosts: [api.acme.example]
secrets: {ACME_KEY: secret}
aliases: {acme.key: ACME_KEY}
auth: {query: {name: key, value: "{{secret}}"}}
capabilities:
  - {id: acme/things, methods: [GET], paths: [/things], risk: read, example: {method: GET, path: /things}}
`

// What each file may not say alone, and what two may not say together.
func TestCheck(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	good := put("acme.yaml", acme)
	var out bytes.Buffer
	if err := checkFiles(&out, []string{good}); err != nil || !strings.Contains(out.String(), "acme.yaml: ok, capabilities: 1") {
		t.Fatalf("%v: %s", err, out.String())
	}

	other := put("other.yaml", strings.Replace(acme, "service: acme", "service: acme-other", 1))
	wrong := put("wrong.yaml", strings.Replace(acme, "risk: read", "risk: low", 1))
	out.Reset()
	err := checkFiles(&out, []string{other, wrong})
	for _, want := range []string{
		"other.yaml:1: the file must be called acme-other.yaml",
		"other.yaml:1: the secret ACME_KEY is also in " + good,
		"other.yaml:1: the secret acme.key is also in " + good,
		"other.yaml:1: the capability acme/things is also in " + good,
		"wrong.yaml:10: risk is read, write, money or destructive",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
	if err == nil || strings.Contains(out.String(), "\n"+good) {
		t.Errorf("%v: %s", err, out.String())
	}
	out.Reset()
	if err := write(&out, dir, t.TempDir()); err == nil || !strings.Contains(out.String(), "wrong.yaml:10: ") {
		t.Errorf("Go was written from bad files: %v: %s", err, out.String())
	}
}

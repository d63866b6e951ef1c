package cli

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/textproto"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// requestBody is the body of a request to a service.
type requestBody struct {
	reader io.Reader // nil for none
	length int64     // -1 when it is not known
	media  string    // empty when nothing is known of it
	files  []*os.File
}

func (b *requestBody) close() {
	for _, f := range b.files {
		_ = f.Close()
	}
}

// escapeQuery escapes a name or value of a query (RFC 3986), a blank as %20.
func escapeQuery(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// requestBody returns what the flags say. Files are opened here, by the process of who names them (I13).
func (a *app) requestBody(f *invokeFlags) (*requestBody, error) {
	switch {
	case len(f.file) > 0:
		return a.multipart(f)
	case len(f.form) > 0:
		var pairs []string
		for _, field := range f.form {
			name, value, err := pair("--form", field)
			if err != nil {
				return nil, err
			}
			pairs = append(pairs, url.QueryEscape(name)+"="+url.QueryEscape(value))
		}
		text := strings.Join(pairs, "&")
		return &requestBody{reader: strings.NewReader(text), length: int64(len(text)), media: "application/x-www-form-urlencoded"}, nil
	case !f.bodyGiven:
		return &requestBody{}, nil
	case f.body == "-":
		return &requestBody{reader: a.world.Stdin, length: -1, media: "application/octet-stream"}, nil
	}
	if name, file := strings.CutPrefix(f.body, "@"); file {
		b := &requestBody{}
		r, size, err := b.open(name)
		if err != nil {
			return nil, err
		}
		b.reader, b.length, b.media = r, size, mediaOf(name)
		return b, nil
	}
	b := &requestBody{reader: strings.NewReader(f.body), length: int64(len(f.body)), media: "text/plain; charset=utf-8"}
	if json.Valid([]byte(f.body)) {
		b.media = "application/json"
	}
	return b, nil
}

// open opens a file that is sent. size is -1 when it has none that would stay, as a pipe.
func (b *requestBody) open(name string) (f *os.File, size int64, err error) {
	if f, err = openInput(name); err != nil {
		return nil, 0, err
	}
	b.files = append(b.files, f)
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return f, -1, nil
	}
	return f, info.Size(), nil
}

// mediaOf guesses what a file is by its name.
func mediaOf(name string) string {
	switch ext := strings.ToLower(filepath.Ext(name)); ext {
	case ".json":
		return "application/json"
	default:
		if t := mime.TypeByExtension(ext); t != "" {
			return t
		}
	}
	return "application/octet-stream"
}

// multipart returns a form with files (RFC 7578). They are read while it is sent.
func (a *app) multipart(f *invokeFlags) (*requestBody, error) {
	var (
		b     = &requestBody{}
		text  bytes.Buffer // between two files
		parts []io.Reader
		form  = multipart.NewWriter(&text)
	)
	cut := func() {
		piece := bytes.Clone(text.Bytes())
		text.Reset()
		parts = append(parts, bytes.NewReader(piece))
		b.add(int64(len(piece)))
	}
	for _, field := range f.form {
		name, value, err := pair("--form", field)
		if err != nil {
			return nil, err
		}
		_ = form.WriteField(name, value) // into memory
	}
	for _, file := range f.file {
		name, path, err := pair("--file", file)
		if err != nil {
			b.close()
			return nil, err
		}
		r, size, err := b.open(path)
		if err != nil {
			b.close()
			return nil, err
		}
		head := textproto.MIMEHeader{}
		head.Set("Content-Disposition", multipart.FileContentDisposition(name, filepath.Base(path)))
		head.Set("Content-Type", mediaOf(path))
		_, _ = form.CreatePart(head)
		cut()
		if size >= 0 {
			parts = append(parts, io.LimitReader(r, size)) // what grows meanwhile is not sent
		} else {
			parts = append(parts, r)
		}
		b.add(size)
	}
	_ = form.Close()
	cut()
	b.reader, b.media = io.MultiReader(parts...), form.FormDataContentType()
	return b, nil
}

// add adds to the length, which is not known as soon as one part's is not.
func (b *requestBody) add(n int64) {
	if n < 0 || b.length < 0 {
		b.length = -1
		return
	}
	b.length += n
}

package baseurl_test

import (
	"bufio"
	"bytes"
	"crypto/md5" //nolint:gosec // ETags
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// aws4 is a signer of AWS requests that neither AWS nor tacit wrote, running beside the test.
type aws4 struct {
	mu  sync.Mutex
	in  io.Writer
	out *bufio.Reader
}

func startAWS4(t *testing.T) *aws4 {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("node")); err != nil {
		t.Fatal(err)
	}
	ci := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent")
	ci.Dir = dir
	if out, err := ci.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	cmd := exec.Command("node", filepath.Join(dir, "verify.mjs"))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	return &aws4{in: in, out: bufio.NewReader(out)}
}

// authorization returns the header that aws4 makes of a request as it was received, with the headers that its signature names.
func (a *aws4) authorization(r *http.Request, signed []string, region, keyID, key string) (string, error) {
	headers := map[string]string{"host": r.Host}
	for _, name := range signed {
		switch name {
		case "host":
		case "content-length":
			headers[name] = strconv.FormatInt(r.ContentLength, 10)
		default:
			headers[name] = strings.Join(r.Header.Values(name), ",")
		}
	}
	question, err := json.Marshal(map[string]any{
		"credentials": map[string]string{"accessKeyId": keyID, "secretAccessKey": key},
		"request": map[string]any{
			"service": "s3", "region": region, "host": r.Host, "method": r.Method, "path": r.RequestURI, "headers": headers,
		},
	})
	if err != nil {
		return "", err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, err := a.in.Write(append(question, '\n')); err != nil {
		return "", err
	}
	line, err := a.out.ReadString('\n')
	if err != nil {
		return "", err
	}
	var answer string
	return answer, json.Unmarshal([]byte(line), &answer)
}

// A fakeS3 is what the tests need of S3, and as strict as S3 about who asks: every request is signed with the one key pair, and its body
// is the one that was signed.
type fakeS3 struct {
	verifier           *aws4
	region, keyID, key string

	mu      sync.Mutex
	objects map[string][]byte // bucket/key, as the key is
	uploads map[string]map[int][]byte
}

func (s *fakeS3) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Amz-Meta-Leak", "signed with "+s.key)
	body, err := s.verify(r)
	if err != nil {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(http.StatusForbidden)
		_, _ = fmt.Fprintf(w, "<Error><Code>SignatureDoesNotMatch</Code><Message>%s</Message></Error>", err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serve(w, r, body)
}

// verify returns the body, without the frames that it may have.
func (s *fakeS3) verify(r *http.Request) ([]byte, error) {
	given := r.Header.Get("Authorization")
	_, rest, _ := strings.Cut(given, "SignedHeaders=")
	names, _, _ := strings.Cut(rest, ",")
	signed := strings.Split(names, ";")
	if !slices.Contains(signed, "host") {
		return nil, errors.New("the host is not signed")
	}
	for name := range r.Header {
		if name = strings.ToLower(name); strings.HasPrefix(name, "x-amz-") && !slices.Contains(signed, name) {
			return nil, fmt.Errorf("%s is not signed", name)
		}
	}
	want, err := s.verifier.authorization(r, signed, s.region, s.keyID, s.key)
	if err != nil || given != want {
		return nil, fmt.Errorf("it is signed as\n%s\nand should be as\n%s, %w", given, want, err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	switch hash := r.Header.Get("X-Amz-Content-Sha256"); hash {
	case "UNSIGNED-PAYLOAD":
	default:
		if sum := sha256.Sum256(body); hex.EncodeToString(sum[:]) != hash {
			return nil, fmt.Errorf("the body does not have the hash %s", hash)
		}
	}
	if sum := r.Header.Get("X-Amz-Checksum-Crc32"); sum != "" && sum != crcOf(body) {
		return nil, errors.New("the body does not have its checksum")
	}
	return body, nil
}

func crcOf(body []byte) string {
	c := crc32.ChecksumIEEE(body)
	return base64.StdEncoding.EncodeToString([]byte{byte(c >> 24), byte(c >> 16), byte(c >> 8), byte(c)})
}

func etagOf(body []byte) string { return fmt.Sprintf(`"%x"`, md5.Sum(body)) } //nolint:gosec // as S3 does

// serve does what was asked. The bucket is the first segment; the rest of the path is the key, whatever is in it.
func (s *fakeS3) serve(w http.ResponseWriter, r *http.Request, body []byte) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	bucket, key, isObject := strings.Cut(name, "/")
	q := r.URL.Query()
	upload := q.Get("uploadId")
	part, _ := strconv.Atoi(q.Get("partNumber"))
	switch {
	case r.Method == http.MethodGet && !isObject && q.Get("list-type") == "2":
		s.list(w, bucket, q.Get("prefix"))
	case !isObject || key == "":
		http.Error(w, "not here", http.StatusNotImplemented)
	case r.Method == http.MethodPost && q.Has("uploads"):
		id := fmt.Sprintf("upload-%d+/=", len(s.uploads))
		s.uploads[id] = map[int][]byte{}
		answer(w, struct {
			XMLName               xml.Name `xml:"InitiateMultipartUploadResult"`
			Bucket, Key, UploadId string   //nolint:revive // as S3 spells it
		}{Bucket: bucket, Key: key, UploadId: id})
	case upload != "" && s.uploads[upload] == nil:
		http.Error(w, "no such upload", http.StatusNotFound)
	case r.Method == http.MethodPut && upload != "":
		s.uploads[upload][part] = body
		w.Header().Set("ETag", etagOf(body))
	case r.Method == http.MethodPost && upload != "":
		s.complete(w, name, upload, body)
	case r.Method == http.MethodPut:
		s.objects[name] = body
		w.Header().Set("ETag", etagOf(body))
	case r.Method == http.MethodDelete:
		delete(s.objects, name)
		w.WriteHeader(http.StatusNoContent)
	case s.objects[name] == nil:
		w.WriteHeader(http.StatusNotFound)
		answer(w, struct {
			XMLName xml.Name `xml:"Error"`
			Code    string
		}{Code: "NoSuchKey"})
	default:
		if r.Header.Get("Range") == "" {
			w.Header().Set("X-Amz-Checksum-Crc32", crcOf(s.objects[name]))
		}
		w.Header().Set("ETag", etagOf(s.objects[name]))
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(s.objects[name]))
	}
}

func (s *fakeS3) complete(w http.ResponseWriter, name, upload string, body []byte) {
	var parts struct {
		Part []struct {
			ETag       string
			PartNumber int
		}
	}
	if err := xml.Unmarshal(body, &parts); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var whole []byte
	for _, p := range parts.Part {
		piece := s.uploads[upload][p.PartNumber]
		if etagOf(piece) != p.ETag {
			http.Error(w, "InvalidPart", http.StatusBadRequest)
			return
		}
		whole = append(whole, piece...)
	}
	delete(s.uploads, upload)
	s.objects[name] = whole
	answer(w, struct {
		XMLName xml.Name `xml:"CompleteMultipartUploadResult"`
		ETag    string
	}{ETag: etagOf(whole)})
}

func (s *fakeS3) list(w http.ResponseWriter, bucket, prefix string) {
	type object struct {
		Key  string
		Size int
	}
	out := struct {
		XMLName  xml.Name `xml:"ListBucketResult"`
		Name     string
		Contents []object
	}{Name: bucket}
	for name, body := range s.objects {
		if key, ok := strings.CutPrefix(name, bucket+"/"); ok && strings.HasPrefix(key, prefix) {
			out.Contents = append(out.Contents, object{key, len(body)})
		}
	}
	slices.SortFunc(out.Contents, func(a, b object) int { return strings.Compare(a.Key, b.Key) })
	answer(w, out)
}

func answer(w http.ResponseWriter, v any) {
	text, err := xml.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/xml")
	_, _ = w.Write(text)
}

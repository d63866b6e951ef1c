package baseurl_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

// A wiretap keeps all that a client receives.
type wiretap struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (w *wiretap) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	dump, err := httputil.DumpResponse(answer, true)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all.Write(dump)
	return answer, err
}

func (w *wiretap) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.all.String()
}

// AWS's SDK, told nothing but an endpoint and a token as its access key id, uses S3.
func TestS3ClientOfAWS(t *testing.T) {
	t.Parallel()
	const region, keyID, key, bucket = "eu-central-1", "AKID-OF-THE-S3-TESTS", "key-of-the-s3-tests/0123456789+abcdefghi", "photos"
	h := newHome(t)
	upstream := &fakeS3{
		verifier: startAWS4(t), region: region, keyID: keyID, key: key, objects: map[string][]byte{}, uploads: map[string]map[int][]byte{},
	}
	seen := &notebook{t: t}
	hosts, network := start(t, seen.watch(func(r *http.Request) string {
		if v := r.Header.Get("X-Amz-Security-Token"); v != "" {
			t.Errorf("a session token reached the upstream: %s", v)
		}
		return r.Method + " " + r.RequestURI
	}, upstream))
	base, token := h.serve(t, "acme-s3", fmt.Sprintf(`
service: acme-s3
%s
secrets: {ACME_S3_ID: access_key_id, ACME_S3_KEY: secret_access_key}
public: [access_key_id]
auth:
  sigv4: {service: s3, region: %s}
capabilities:
  - {id: acme-s3/list, methods: [GET, HEAD], paths: [/%[3]s$], risk: read}
  - {id: acme-s3/objects, methods: [GET, HEAD, PUT, POST, DELETE], paths: [/%[3]s], opaque_path: true, risk: destructive}
%[4]s
`, hosts, region, bucket, network), "ACME_S3_ID", keyID, "ACME_S3_KEY", key)

	tap := &wiretap{}
	t.Cleanup(func() { absent(t, "what the client got", tap.String(), key) })
	// Nobody asks for the bucket in the path (UsePathStyle): with an address for a host the SDK puts it there by itself.
	client := func(id, session string, more ...func(*s3.Options)) *s3.Client {
		return s3.New(s3.Options{
			BaseEndpoint: aws.String(base), Region: region, HTTPClient: &http.Client{Transport: tap},
			Credentials: credentials.NewStaticCredentialsProvider(id, "a-secret-that-nobody-checks", session),
			Retryer:     aws.NopRetryer{},
		}, more...)
	}
	ctx := t.Context()
	put := func(c *s3.Client, name string, body []byte) error {
		_, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String(bucket), Key: &name, Body: bytes.NewReader(body)})
		return err
	}
	get := func(c *s3.Client, name string) ([]byte, error) {
		return read(c.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(bucket), Key: &name}))
	}
	c := client(token, "")

	keys := []string{
		"plain.txt", "with space.txt", "a+b.txt", "ü/€/日本 語.txt", "two//slashes", "three///", "/first", "100%", "a%2Fb", "?x=1&y=2", "#1;v=2",
		`"quoted" 'and' <tagged> {braced} [x] |^~$@!*(),:=\`, ".hidden", "a/../b", "a/./b", "tacit",
	}
	for i, name := range keys {
		body := []byte(fmt.Sprintln("the body of", i))
		if err := put(c, name, body); err != nil {
			t.Errorf("put %q: %v", name, err)
			continue
		}
		if upstream.objects[bucket+"/"+name] == nil {
			t.Errorf("put %q: the server has it under another name: %q", name, seen.take())
		}
		if got, err := get(c, name); err != nil || !bytes.Equal(got, body) {
			t.Errorf("get %q: %q, %v", name, got, err)
		}
	}
	list, err := c.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String(bucket), MaxKeys: aws.Int32(1000)})
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for _, o := range list.Contents {
		listed = append(listed, *o.Key)
	}
	if want := slices.Sorted(slices.Values(keys)); !slices.Equal(listed, want) {
		t.Errorf("listed %q, put %q", listed, want)
	}
	if list, err = c.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String(bucket), Prefix: aws.String("ü/€/日本 ")}); err != nil || len(list.Contents) != 1 {
		t.Errorf("a list with a prefix: %+v, %v", list, err)
	}
	for _, name := range keys {
		if _, err := c.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String(bucket), Key: &name}); err != nil {
			t.Errorf("delete %q: %v", name, err)
		}
	}
	if len(upstream.objects) > 0 {
		t.Errorf("%d objects are left", len(upstream.objects))
	}

	// In parts, with a name that has to be escaped; then a piece of it, which a signature lets through: the key is not on the wire.
	large, name := noise(11<<20), "parts/of a+large//one"
	if err := inParts(ctx, c, bucket, name, large); err != nil {
		t.Errorf("multipart: %v", err)
	}
	if got, err := get(c, name); err != nil || !bytes.Equal(got, large) {
		t.Errorf("multipart: %d bytes, %v", len(got), err)
	}
	piece, err := read(c.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(bucket), Key: &name, Range: aws.String("bytes=1000000-1000999")}))
	if err != nil || !bytes.Equal(piece, large[1000000:1001000]) {
		t.Errorf("a range: %d bytes, %v", len(piece), err)
	}
	if head, err := c.HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: &name}); err != nil || *head.ContentLength != int64(len(large)) {
		t.Errorf("head: %+v, %v", head, err)
	}
	// What SDKs do that read a body once: it is not hashed.
	unhashed := func(o *s3.Options) {
		o.APIOptions = append(o.APIOptions, v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware)
	}
	if err := put(client(token, "", unhashed), "unhashed", large); err != nil || !bytes.Equal(upstream.objects[bucket+"/unhashed"], large) {
		t.Errorf("unsigned payload: %v", err)
	}
	// A session token belongs to the signature that is dropped.
	if err := put(client(token, "a-session-token"), "session", large[:10]); err != nil {
		t.Errorf("session token: %v", err)
	}
	// A presigned address is the same request with the token in the query.
	presigned, err := s3.NewPresignClient(c).PresignGetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String("session")})
	if err != nil {
		t.Fatal(err)
	}
	if status, shown := h.curl(t, "", presigned.URL); status != "200" || !bytes.Contains([]byte(shown), large[:10]) {
		t.Errorf("presigned: %s\n%s", status, shown)
	}

	// The key does not come back, wherever the upstream puts it.
	upstream.mu.Lock()
	upstream.objects[bucket+"/leak"] = []byte("the key is " + key)
	upstream.mu.Unlock()
	if status, shown := h.curl(t, "", "--aws-sigv4", "aws:amz:"+region+":s3", "-u", token+":anything", base+"/"+bucket+"/leak"); status != "200" ||
		!strings.Contains(shown, "the key is ***") || strings.Contains(shown, key) {
		t.Errorf("status %s\n%s", status, shown)
	}
	if !strings.Contains(tap.String(), "X-Amz-Meta-Leak: signed with ***") {
		t.Error("the header that repeats the key was not cleaned")
	}
	seen.take()

	refused := func(what string, err error, code int) {
		t.Helper()
		var answered interface{ HTTPStatusCode() int }
		if !errors.As(err, &answered) || answered.HTTPStatusCode() != code {
			t.Errorf("%s: %v, want status %d", what, err, code)
		}
	}
	refused("no token", put(client("AKID-OF-SOMEBODY", ""), "x", nil), 401)
	refused("the real id, without its key", put(client(keyID, ""), "x", nil), 401)
	refused("a token as session token", put(client("AKID-OF-SOMEBODY", token), "x", nil), 400)
	refused("a token twice", put(client(token, token), "x", nil), 400)
	refused("a token as key of an object", put(c, "x-"+token, nil), 400)
	refused("a token in a body", put(c, "x", []byte(token)), 400)
	refused("a token in a large body", put(c, "x", append(noise(1<<20), token...)), 422) // it breaks off before the token
	if upstream.objects[bucket+"/x"] != nil {
		t.Error("an object was written that holds a token")
	}
	if got := seen.take(); len(got) > 1 {
		t.Errorf("the upstream got %q", got)
	}
	_, err = c.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("others"), Key: aws.String("x")})
	refused("another bucket", err, 403)
	_, err = c.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: aws.String(bucket), Delete: &types.Delete{
		Objects: []types.ObjectIdentifier{{Key: aws.String("session")}},
	}})
	refused("many objects deleted", err, 403)
	var problem smithy.APIError
	if !errors.As(err, &problem) {
		t.Errorf("the SDK does not know the error: %v", err)
	}
	for _, args := range [][]string{
		{"-H", "x-api-key: " + token},
		{"-H", "x-amz-security-token: " + token},
		{"--url-query", "token=" + token},
	} {
		status, shown := h.curl(t, "", append(args, base+"/"+bucket+"/session")...)
		if status != "400" {
			t.Errorf("%v: %s", args, shown)
		}
	}
	if got := seen.take(); got != nil {
		t.Errorf("the upstream got %q", got)
	}
}

// read returns the body of an object.
func read(o *s3.GetObjectOutput, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	defer o.Body.Close() //nolint:errcheck // it was read
	return io.ReadAll(o.Body)
}

// inParts uploads an object in parts of 5 MiB, of which the last may be smaller.
func inParts(ctx context.Context, c *s3.Client, bucket, name string, body []byte) error {
	begun, err := c.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &bucket, Key: &name})
	if err != nil {
		return err
	}
	done := &types.CompletedMultipartUpload{}
	number := int32(0)
	for piece := range slices.Chunk(body, 5<<20) {
		number++
		part, err := c.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: &bucket, Key: &name, UploadId: begun.UploadId, PartNumber: aws.Int32(number), Body: bytes.NewReader(piece),
		})
		if err != nil {
			return err
		}
		done.Parts = append(done.Parts, types.CompletedPart{ETag: part.ETag, PartNumber: aws.Int32(number)})
	}
	_, err = c.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: &bucket, Key: &name, UploadId: begun.UploadId, MultipartUpload: done})
	return err
}

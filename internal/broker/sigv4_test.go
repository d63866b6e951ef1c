package broker

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"tacit/internal/fault"
	"tacit/internal/registry"
)

// The keys of AWS's documentation.
const (
	exampleKeyID  = "AKIAIOSFODNN7EXAMPLE"
	exampleSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" //nolint:gosec // published
)

func signer(t testing.TB, service, region string, at time.Time, values ...string) Strategy {
	t.Helper()
	s := serviceOf(registry.Auth{Kind: registry.KindSigV4, SigV4: registry.SigV4{Service: service, Region: region}},
		"access_key_id", "secret_access_key", "session_token", "region")
	if len(values) == 0 {
		values = []string{"access_key_id", exampleKeyID, "secret_access_key", exampleSecret}
	}
	made, err := NewStrategy(s, valuesOf(values...), StrategyDeps{Now: func() time.Time { return at }})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func s3Example() time.Time { return time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC) }

// fromHTTP is the request written in text, as an Outgoing.
func fromHTTP(t testing.TB, text string) *Outgoing {
	t.Helper()
	head, body, _ := strings.Cut(text, "\n\n")
	line, fields, _ := strings.Cut(head, "\n")
	parts := strings.Fields(line)
	target, err := url.Parse(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	query := target.Query()
	out := &Outgoing{Method: parts[0], Scheme: "https", Path: target.EscapedPath(), Query: query.Encode(), Header: http.Header{}, ContentLength: int64(len(body))}
	for field := range strings.SplitSeq(fields, "\n") {
		name, value, _ := strings.Cut(field, ":")
		out.Header.Add(name, strings.TrimSpace(value))
	}
	out.Host = out.Header.Get("Host")
	out.Header.Del("Host")
	out.Header.Del("X-Amz-Date") // ours
	out.Header.Del("Content-Length")
	if body != "" {
		out.Body = strings.NewReader(body)
	}
	return out
}

func TestSigV4PassesTheSuiteOfAWS(t *testing.T) {
	t.Parallel()
	var suite struct {
		AccessKeyID     string `json:"access_key_id"`
		SecretAccessKey string `json:"secret_access_key"`
		Region, Service string
		Tests           []struct{ Name, Request, Authorization string }
	}
	text, err := os.ReadFile("testdata/aws4_testsuite.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &suite); err != nil {
		t.Fatal(err)
	}
	if len(suite.Tests) != 21 {
		t.Errorf("%d tests", len(suite.Tests))
	}
	for _, c := range suite.Tests {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			out := fromHTTP(t, c.Request)
			values := []string{"access_key_id", suite.AccessKeyID, "secret_access_key", suite.SecretAccessKey}
			if token := out.Header.Get("X-Amz-Security-Token"); token != "" {
				values = append(values, "session_token", token)
				out.Header.Set("X-Amz-Security-Token", "the-caller's-own")
			}
			s := signer(t, suite.Service, suite.Region, time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC), values...)
			apply(t, s, out)
			if got := out.Header.Get("Authorization"); got != c.Authorization {
				t.Errorf("signed\n%s\nnot\n%s", got, c.Authorization)
			}
			if out.Header.Get("X-Amz-Date") != "20150830T123600Z" {
				t.Errorf("dated %s", out.Header.Get("X-Amz-Date"))
			}
		})
	}
}

// The examples of https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html. The region comes from nowhere but
// the host: one without a region is us-east-1.
func TestSigV4SignsTheExamplesOfS3(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ request, signature string }{
		"GET object": {
			"GET /test.txt HTTP/1.1\nHost: examplebucket.s3.amazonaws.com\nRange: bytes=0-9",
			"f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
		},
		"PUT object, with a dollar in its key": {
			"PUT /test$file.text HTTP/1.1\nHost: examplebucket.s3.amazonaws.com\nDate: Fri, 24 May 2013 00:00:00 GMT\n" +
				"x-amz-storage-class: REDUCED_REDUNDANCY\nx-amz-content-sha256: 44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072\n\n" +
				"Welcome to Amazon S3.",
			"98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
		},
		"GET bucket lifecycle": {
			"GET /?lifecycle HTTP/1.1\nHost: examplebucket.s3.amazonaws.com",
			"fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
		},
		"list objects": {
			"GET /?max-keys=2&prefix=J HTTP/1.1\nHost: examplebucket.s3.amazonaws.com",
			"34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out := fromHTTP(t, c.request)
			apply(t, signer(t, "", "", s3Example()), out)
			if got := out.Header.Get("Authorization"); !strings.HasSuffix(got, "Signature="+c.signature) {
				t.Errorf("signed %s, not %s", got, c.signature)
			}
		})
	}
}

// What a key has for bytes is sent so that S3 reads them the one way: a bare + would be a space. What is escaped stays so, since a slash
// or dots in a key are not those of the path that was judged.
func TestI24KeysOfS3StayAsTheyWereJudged(t *testing.T) {
	t.Parallel()
	for sent, want := range map[string]string{
		"/a+b/c(d)!":         "/a%2Bb/c%28d%29%21",
		"/a%2Bb/%2F/%2E%2E/": "/a%2Bb/%2F/%2E%2E/",
		"/%C3%BC%20~/-._":    "/%C3%BC%20~/-._",
		"/":                  "/",
	} {
		out := outgoing()
		out.Path = sent
		apply(t, signer(t, "s3", "us-east-1", s3Example()), out)
		if out.Path != want {
			t.Errorf("%s is sent as %s", sent, out.Path)
		}
		out.Path = sent
		if apply(t, signer(t, "bedrock", "us-east-1", s3Example()), out); out.Path != sent {
			t.Errorf("%s is sent to Bedrock as %s", sent, out.Path)
		}
	}
	for _, bad := range []string{"/a b", "/%zz", "/a%", `/a\`} {
		out := outgoing()
		out.Path = bad
		if _, err := signer(t, "bedrock", "us-east-1", s3Example()).Apply(context.Background(), out); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// Attack: a "SigV4" header that had no signature, or signed nothing of the request. Whatever changes in it changes the signature.
func TestAttackSigV4HeaderWithoutASignature(t *testing.T) {
	t.Parallel()
	s := signer(t, "s3", "us-east-1", s3Example())
	seen := map[string]string{}
	for name, change := range map[string]func(out *Outgoing){
		"as it is": func(*Outgoing) {},
		"method":   func(out *Outgoing) { out.Method = http.MethodDelete },
		"path":     func(out *Outgoing) { out.Path = "/other" },
		"query":    func(out *Outgoing) { out.Query = "versionId=2" },
		"host":     func(out *Outgoing) { out.Host = "other.s3.amazonaws.com" },
		"header":   func(out *Outgoing) { out.Header.Set("X-Amz-Acl", "public-read") },
		"body":     func(out *Outgoing) { out.Header.Set(amzContentSHA256, strings.Repeat("0", 64)) },
	} {
		out := fromHTTP(t, "GET /test.txt HTTP/1.1\nHost: examplebucket.s3.amazonaws.com")
		change(out)
		apply(t, s, out)
		authorization := out.Header["Authorization"]
		if len(authorization) != 1 {
			t.Fatalf("%s: %q", name, authorization)
		}
		_, signature, _ := strings.Cut(authorization[0], "Signature=")
		if len(signature) != 64 || seen[signature] != "" || strings.Contains(authorization[0], exampleSecret) {
			t.Errorf("%s: signed %s, like %q", name, authorization[0], seen[signature])
		}
		seen[signature] = name
	}
}

// The caller's SDK signs with a key that is none. Nothing of that signature is left, wherever it stood.
func TestI25AnotherSignatureIsDropped(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"header": "GET /test.txt HTTP/1.1\nHost: examplebucket.s3.amazonaws.com\nRange: bytes=0-9\n" +
			"Authorization: AWS4-HMAC-SHA256 Credential=tacit_x/20130524/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=00\n" +
			"X-Amz-Date: 20010101T000000Z\nX-Amz-Security-Token: theirs\nX-Amz-Content-Sha256: UNSIGNED-PAYLOAD",
		"query": "GET /test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=tacit_x%2F20130524%2Fus-east-1%2Fs3%2Faws4_request" +
			"&X-Amz-Date=20010101T000000Z&x-amz-expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=00&X-Amz-Security-Token=theirs" +
			"&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD HTTP/1.1\nHost: examplebucket.s3.amazonaws.com\nRange: bytes=0-9",
	} {
		out := fromHTTP(t, text)
		apply(t, signer(t, "s3", "", s3Example()), out)
		// The same as AWS publishes for the bare request.
		if got := out.Header.Get("Authorization"); !strings.HasSuffix(got, "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41") {
			t.Errorf("%s: signed %s", name, got)
		}
		if out.Query != "" || out.Header.Get(amzSecurityToken) != "" || len(out.Header[amzDate]) != 1 || len(out.Header["Authorization"]) != 1 {
			t.Errorf("%s: sent ?%s with %v", name, out.Query, out.Header)
		}
	}
}

func TestSigV4Payloads(t *testing.T) {
	t.Parallel()
	const body = "Welcome to Amazon S3."
	sum := hexSHA256([]byte(body))
	for _, c := range []struct {
		name, service, given, body string
		want                       string // in the header; empty: none
	}{
		{"S3 without a body", "s3", "", "", hexSHA256(nil)},
		{"S3, said to be unsigned without a body", "s3", payloadUnsigned, "", hexSHA256(nil)},
		{"S3 with a body streams", "s3", "", body, payloadUnsigned},
		{"S3, hash given", "s3", sum, body, sum},
		{"S3, unsigned chunks with a checksum", "s3", payloadUnsignedTrailer, body, payloadUnsignedTrailer},
		{"another service is hashed", "bedrock", "", body, ""},
		{"another service, hash given", "bedrock", sum, body, sum},
		{"another service, unsigned", "bedrock", payloadUnsigned, body, sum},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			out := outgoing()
			if c.body != "" {
				out = withBody(out, "text/plain", c.body)
			}
			if c.given != "" {
				out.Header.Set(amzContentSHA256, c.given)
			}
			s := signer(t, c.service, "us-east-1", s3Example())
			read := out.Body
			apply(t, s, out)
			if got := out.Header.Get(amzContentSHA256); got != c.want {
				t.Errorf("says %q, not %q", got, c.want)
			}
			if c.service == "s3" && read != out.Body {
				t.Error("a body that could stream was read")
			}
			if bodyOf(t, out) != c.body || out.ContentLength != int64(len(c.body)) {
				t.Error("another body is sent")
			}
		})
	}
	for _, c := range []struct{ service, given string }{
		{"s3", "STREAMING-AWS4-HMAC-SHA256-EVENTS"},
		{"s3", "nonsense"},
		{"s3", strings.ToUpper(sum) + "00"},
		{"bedrock", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"},
		{"bedrock", payloadUnsignedTrailer},
	} {
		out := withBody(outgoing(), "text/plain", body)
		out.Header.Set(amzContentSHA256, c.given)
		if _, err := signer(t, c.service, "us-east-1", s3Example()).Apply(context.Background(), out); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s with %s: %v", c.service, c.given, err)
		}
	}
}

// chunkedUpload is the body of https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html.
func chunkedUpload(trailer string, signatures ...string) string {
	var b strings.Builder
	for i, n := range []int{65536, 1024, 0} {
		fmt.Fprintf(&b, "%x", n)
		if len(signatures) > 0 {
			b.WriteString(";chunk-signature=" + signatures[i])
		}
		b.WriteString("\r\n")
		if n > 0 {
			b.WriteString(strings.Repeat("a", n) + "\r\n")
		}
	}
	return b.String() + trailer + "\r\n"
}

func streamed(how, body string) *Outgoing {
	out := withBody(outgoing(), "text/plain", body)
	out.Method, out.Host = http.MethodPut, "s3.amazonaws.com"
	out.Header.Set(amzContentSHA256, how)
	out.Header.Set("Content-Encoding", "aws-chunked,gzip")
	out.Header.Set("X-Amz-Decoded-Content-Length", "66560")
	return out
}

// AWS's example of an upload in signed chunks, read in pieces of every kind, is the object and nothing else.
func TestSigV4DecodesSignedChunks(t *testing.T) {
	t.Parallel()
	encoded := chunkedUpload("",
		"ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
		"0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
		"b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9")
	if len(encoded) != 66824 { // as published
		t.Fatalf("the example has %d bytes", len(encoded))
	}
	for name, how := range readers() {
		out := streamed("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", encoded)
		out.Body = how(out.Body)
		apply(t, signer(t, "s3", "", s3Example()), out)
		if got := bodyOf(t, out); got != strings.Repeat("a", 66560) {
			t.Errorf("%s: %d bytes come out", name, len(got))
		}
		if out.ContentLength != 66560 || out.Header.Get(amzContentSHA256) != payloadUnsigned || out.Header.Get("Content-Encoding") != "gzip" ||
			out.Header.Get("X-Amz-Decoded-Content-Length") != "" {
			t.Errorf("%s: %d bytes, %v", name, out.ContentLength, out.Header)
		}
	}
}

// The example of sigv4-streaming-trailers.html: without signatures it is an upload in unsigned chunks, with its checksum.
func TestSigV4UnsignsChunksWithATrailer(t *testing.T) {
	t.Parallel()
	checksum := "x-amz-checksum-crc32c:sOO8/Q==\r\n"
	encoded := chunkedUpload(checksum+"x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n",
		"b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
		"1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
		"2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992")
	for name, how := range readers() {
		out := streamed("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", encoded)
		out.Body = how(out.Body)
		out.Header.Set("X-Amz-Trailer", "x-amz-checksum-crc32c")
		apply(t, signer(t, "s3", "", s3Example()), out)
		if got := bodyOf(t, out); got != chunkedUpload(checksum) {
			t.Errorf("%s: %d bytes come out", name, len(got))
		}
		if out.ContentLength != -1 || out.Header.Get(amzContentSHA256) != payloadUnsignedTrailer || out.Header.Get("X-Amz-Trailer") == "" ||
			out.Header.Get("Content-Encoding") != "aws-chunked,gzip" || out.Header.Get("X-Amz-Decoded-Content-Length") != "66560" {
			t.Errorf("%s: %d bytes, %v", name, out.ContentLength, out.Header)
		}
	}
}

func readers() map[string]func(io.Reader) io.Reader {
	return map[string]func(io.Reader) io.Reader{
		"whole": func(r io.Reader) io.Reader { return r }, "byte by byte": iotest.OneByteReader, "in halves": iotest.HalfReader,
		"data with the end": iotest.DataErrReader,
	}
}

func TestSigV4RefusesMalformedChunks(t *testing.T) {
	t.Parallel()
	whole := chunkedUpload("", "00", "11", "22")
	for name, encoded := range map[string]string{
		"empty":                  "",
		"cut in the data":        whole[:1000],
		"cut at a border":        whole[:strings.Index(whole, "400;")],
		"cut before the end":     whole[:len(whole)-2],
		"something follows":      whole + "x",
		"another upload follows": whole + whole,
		"a size that is none":    strings.Replace(whole, "400;", "4g0;", 1),
		"a negative size":        strings.Replace(whole, "400;", "-400;", 1),
		"an enormous size":       strings.Replace(whole, "400;", "ffffffffffffffff;", 1),
		"more than announced":    strings.Replace(whole, "400;", "401;", 1),
		"less than announced":    "1;x\r\na\r\n0;x\r\n\r\n",
		"no line breaks":         strings.ReplaceAll(whole, "\r\n", "\n"),
		"an endless line":        strings.Repeat("0", 1<<20),
		"an endless trailer":     strings.TrimSuffix(whole, "\r\n") + strings.Repeat("a:b\r\n", 100),
		"a trailer that is none": strings.TrimSuffix(whole, "\r\n") + "nonsense\r\n\r\n",
	} {
		for _, how := range []string{"STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"} {
			out := streamed(how, encoded)
			apply(t, signer(t, "s3", "", s3Example()), out)
			if n, err := io.Copy(io.Discard, out.Body); err == nil {
				t.Errorf("%s: %d bytes were taken", name, n)
			}
		}
	}
	for _, length := range []string{"", "-1", "x", "99999999999999999999"} {
		out := streamed("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", whole)
		out.Header.Set("X-Amz-Decoded-Content-Length", length)
		if _, err := signer(t, "s3", "", s3Example()).Apply(context.Background(), out); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("length %q: %v", length, err)
		}
	}
}

// FuzzChunks: what comes out is never longer than announced, keeps its length when it ends well, and depends on no chunk borders.
func FuzzChunks(f *testing.F) {
	f.Add([]byte("3;chunk-signature=0\r\nabc\r\n0;chunk-signature=0\r\n\r\n"), int64(3))
	f.Add([]byte("1\r\na\r\n2\r\nbc\r\n0\r\nx-amz-checksum-crc32:AA==\r\n\r\n"), int64(3))
	f.Fuzz(func(t *testing.T, encoded []byte, length int64) {
		if length < 0 {
			return
		}
		one, err := io.ReadAll(&chunks{from: bufio.NewReader(bytes.NewReader(encoded)), left: length})
		if int64(len(one)) > length || err == nil && int64(len(one)) != length {
			t.Errorf("%d bytes of %d: %v", len(one), length, err)
		}
		two, err2 := io.ReadAll(iotest.OneByteReader(&chunks{from: bufio.NewReaderSize(iotest.OneByteReader(bytes.NewReader(encoded)), 16), left: length}))
		if (err == nil) != (err2 == nil) || err == nil && !bytes.Equal(one, two) {
			t.Errorf("%q and %q, %v and %v", one, two, err, err2)
		}
		// What was unsigned is itself in chunks, and the same data.
		kept, err3 := io.ReadAll(&chunks{from: bufio.NewReader(bytes.NewReader(encoded)), left: length, keep: true})
		if (err == nil) != (err3 == nil) {
			t.Errorf("%v and %v", err, err3)
		}
		if err == nil {
			again, err := io.ReadAll(&chunks{from: bufio.NewReader(bytes.NewReader(kept)), left: length})
			if err != nil || !bytes.Equal(one, again) {
				t.Errorf("%q became %q: %v", encoded, kept, err)
			}
		}
	})
}

func TestSigV4Scope(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]scope{
		"s3.amazonaws.com":                                {"us-east-1", "s3"},
		"examplebucket.s3.amazonaws.com":                  {"us-east-1", "s3"},
		"s3.eu-central-1.amazonaws.com":                   {"eu-central-1", "s3"},
		"my.bucket.s3.eu-central-1.amazonaws.com":         {"eu-central-1", "s3"},
		"bucket.s3.dualstack.eu-central-1.amazonaws.com":  {"eu-central-1", "s3"},
		"s3-eu-west-1.amazonaws.com":                      {"eu-west-1", "s3"},
		"bucket.s3-eu-west-1.amazonaws.com":               {"eu-west-1", "s3"},
		"s3.cn-north-1.amazonaws.com.cn":                  {"cn-north-1", "s3"},
		"bedrock-runtime.us-gov-west-1.amazonaws.com":     {"us-gov-west-1", "bedrock"},
		"bedrock-runtime-fips.us-east-1.amazonaws.com":    {"us-east-1", "bedrock"},
		"secretsmanager.ap-southeast-2.amazonaws.com:443": {"ap-southeast-2", "secretsmanager"},
		"abc.execute-api.eu-west-1.amazonaws.com":         {"eu-west-1", "execute-api"},
		"abc.lambda-url.eu-west-1.on.aws":                 {"eu-west-1", "lambda"},
		"search-x-abc.eu-west-1.es.amazonaws.com":         {"eu-west-1", "es"},
		"iam.amazonaws.com":                               {"us-east-1", "iam"},
		"EMAIL.eu-west-1.amazonaws.com":                   {"eu-west-1", "ses"},
		"minio.acme.example":                              {},
		"s3.eu-west-1.amazonaws.com.evil.example":         {},
		"amazonaws.com":                                   {},
	} {
		if got := hostScope(host); got != want {
			t.Errorf("%s: %+v", host, got)
		}
	}
}

// Where nothing else says it, the region is the one that the caller's SDK signed for, or the credential's.
func TestSigV4RegionOfACredential(t *testing.T) {
	t.Parallel()
	request := func(authorization string) *Outgoing {
		out := outgoing()
		out.Host = "minio.acme.example"
		if authorization != "" {
			out.Header.Set("Authorization", authorization)
		}
		return out
	}
	theirs := "AWS4-HMAC-SHA256 Credential=tacit_x/20130524/eu-west-3/s3/aws4_request, SignedHeaders=host, Signature=00"
	keys := []string{"access_key_id", exampleKeyID, "secret_access_key", exampleSecret}
	for _, c := range []struct{ region, value, authorization, want string }{
		{"eu-west-1", "auto", theirs, "eu-west-1"},
		{"", "auto", theirs, "auto"},
		{"", "", theirs, "eu-west-3"},
	} {
		values := keys
		if c.value != "" {
			values = append(keys[:4:4], "region", c.value)
		}
		out := request(c.authorization)
		apply(t, signer(t, "s3", c.region, s3Example(), values...), out)
		if got := out.Header.Get("Authorization"); !strings.Contains(got, exampleKeyID+"/20130524/"+c.want+"/s3/aws4_request") {
			t.Errorf("signed %s, not for %s", got, c.want)
		}
	}
	for _, authorization := range []string{"", "Bearer x", strings.Replace(theirs, "eu-west-3", "../evil", 1)} {
		if _, err := signer(t, "s3", "", s3Example()).Apply(context.Background(), request(authorization)); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%q: %v", authorization, err)
		}
	}
}

// The signature is the only thing made with the secret key that travels; a session token does itself.
func TestI28WhatOfAWSIsOnTheWire(t *testing.T) {
	t.Parallel()
	bare := signer(t, "s3", "us-east-1", s3Example())
	if bare.OnWire() || !injects(bare, exampleSecret) {
		t.Error("a secret key is looked for, and does not travel")
	}
	session := signer(t, "s3", "us-east-1", s3Example(), "access_key_id", exampleKeyID, "secret_access_key", exampleSecret, "session_token", "session-0123456789")
	if !session.OnWire() || !injects(session, "session-0123456789") {
		t.Error("a session token is looked for, and travels")
	}
	for _, bad := range [][]string{
		{"access_key_id", "AK\nID", "secret_access_key", exampleSecret},
		{"access_key_id", exampleKeyID},
		{"access_key_id", exampleKeyID, "secret_access_key", exampleSecret, "session_token", "a\r\nb"},
		{"access_key_id", exampleKeyID, "secret_access_key", exampleSecret, "region", "eu west"},
	} {
		service := serviceOf(registry.Auth{Kind: registry.KindSigV4}, "access_key_id", "secret_access_key", "session_token", "region")
		if _, err := NewStrategy(service, valuesOf(bad...), StrategyDeps{Now: s3Example}); fault.CodeOf(err) != fault.Invalid || strings.Contains(err.Error(), exampleSecret) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func BenchmarkSigV4(b *testing.B) {
	s := signer(b, "s3", "us-east-1", s3Example())
	b.ReportAllocs()
	for b.Loop() {
		out := outgoing()
		_, _ = s.Apply(context.Background(), out)
	}
}

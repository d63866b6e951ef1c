package golden_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"tacit/internal/demo/golden"
)

// What differs from the documentation is refused, so that a test that passes says something.
func TestWhatIsNotDocumentedIsRefused(t *testing.T) {
	t.Parallel()
	all, err := golden.Read()
	if err != nil {
		t.Fatal(err)
	}
	secrets := map[string]string{
		"OPENAI_API_KEY": "value-of-openai", "TRELLO_API_KEY": "value-of-key", "TRELLO_TOKEN": "value-of-token", "TELEGRAM_BOT_TOKEN": "value:of-bot",
		"TWILIO_ACCOUNT_SID": "value-of-sid", "TWILIO_AUTH_TOKEN": "value-of-auth", "NOTION_TOKEN": "value-of-notion",
		"AWS_S3_ACCESS_KEY_ID": "value-of-id", "AWS_S3_SECRET_ACCESS_KEY": "value-of-aws",
	}
	signature := "AWS4-HMAC-SHA256 Credential=value-of-id/20261122/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=" +
		strings.Repeat("0a", 32)
	for _, test := range []struct {
		name, service, method, target string
		header                        []string // name: value
		want                          string   // the capability, or a part of the problem
	}{
		{"as documented", "openai", "POST", "/v1/embeddings", []string{"authorization: Bearer value-of-openai", "content-type: application/json"}, "openai/embeddings"},
		{"no key", "openai", "GET", "/v1/models", nil, "the header authorization"},
		{"another key", "openai", "GET", "/v1/models", []string{"authorization: Bearer other"}, "the header authorization"},
		{"another scheme", "openai", "GET", "/v1/models", []string{"authorization: Token value-of-openai"}, "the header authorization"},
		{"another header", "openai", "GET", "/v1/models", []string{"x-api-key: value-of-openai"}, "the header authorization"},
		{"in two places", "openai", "GET", "/v1/models?k=value-of-openai", []string{"authorization: Bearer value-of-openai"}, "in another place too"},
		{"another path", "openai", "GET", "/v1/model", []string{"authorization: Bearer value-of-openai"}, "no such operation"},
		{"another method", "openai", "PUT", "/v1/models", []string{"authorization: Bearer value-of-openai"}, "no such operation"},
		{"another content", "openai", "POST", "/v1/embeddings", []string{"authorization: Bearer value-of-openai", "content-type: text/plain"}, "the content"},
		{"a form without boundary", "openai", "POST", "/v1/files", []string{"authorization: Bearer value-of-openai", "content-type: multipart/form-data"}, "no boundary"},
		{"parameters", "trello", "GET", "/1/search?key=value-of-key&token=value-of-token&query=x", nil, "trello/search"},
		{"a parameter twice", "trello", "GET", "/1/search?key=value-of-key&key=x&token=value-of-token&query=x", nil, "the parameter key"},
		{"a parameter lacks", "trello", "GET", "/1/search?key=value-of-key&token=value-of-token", nil, "query is required"},
		{"path", "telegram", "POST", "/botvalue:of-bot/getMe", nil, "telegram/get-me"},
		{"path of another", "telegram", "POST", "/botx/getMe", nil, "the path does not begin"},
		{"basic", "twilio", "GET", "/", []string{"authorization: Basic dmFsdWUtb2Ytc2lkOm90aGVy"}, "the user"},
		{"a header lacks", "notion", "GET", "/v1/users", []string{"authorization: Bearer value-of-notion"}, "notion-version is required"},
		{"more than documented", "trello", "GET", "/1/emoji?key=value-of-key&token=value-of-token", []string{"authorization: Bearer x"}, "more authenticates"},
		{"signed", "aws-s3", "GET", "/bucket/a/b", []string{"authorization: " + signature, "x-amz-date: 20261122T010203Z"}, "aws-s3/objects-read"},
		{"signed for another", "aws-s3", "GET", "/bucket/a/b", []string{"authorization: " + strings.Replace(signature, "/s3/", "/sts/", 1), "x-amz-date: 20261122T010203Z"}, "it is for sts"},
		{"the key as signature", "aws-s3", "GET", "/bucket/a/b", []string{"authorization: Bearer value-of-aws"}, "the form of AWS4"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			mine := map[string]string{}
			for name, value := range secrets {
				if strings.HasPrefix(name, strings.ToUpper(strings.Split(test.service, "-")[0])) {
					mine[name] = value
				}
			}
			r := httptest.NewRequest(test.method, test.target, nil)
			for _, h := range test.header {
				name, value, _ := strings.Cut(h, ": ")
				r.Header.Set(name, value)
			}
			w := httptest.NewRecorder()
			all[test.service].Handler(mine).ServeHTTP(w, r)
			var v golden.Verdict
			if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
				t.Fatal(err)
			}
			if got := v.Capability + v.Problem; !strings.Contains(got, test.want) {
				t.Errorf("%d %q, not %q", w.Code, got, test.want)
			}
		})
	}
}

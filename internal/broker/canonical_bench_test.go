package broker

import (
	"net/http"
	"strings"
	"testing"
)

// typical is a request as the OpenAI SDK for Node sends it, without its key.
func typical() Request {
	h := http.Header{}
	for name, value := range map[string]string{
		"Accept": "application/json", "Content-Type": "application/json", "User-Agent": "OpenAI/JS 6.9.1", "X-Stainless-Retry-Count": "0",
		"X-Stainless-Lang": "js", "X-Stainless-Package-Version": "6.9.1", "X-Stainless-Os": "Linux", "X-Stainless-Arch": "x64",
		"X-Stainless-Runtime": "node", "X-Stainless-Runtime-Version": "v24.1.0", "Connection": "keep-alive", "Accept-Language": "*",
		"Sec-Fetch-Mode": "cors", "Accept-Encoding": "gzip, deflate", "Content-Length": "512",
	} {
		h[name] = []string{value}
	}
	return Request{
		Method: "POST", Path: "/v1/models/gpt-5/completions", Query: "stream=true&limit=20", Header: h,
		Body: strings.NewReader(strings.Repeat("x", 512)), ContentLength: 512,
	}
}

// BenchmarkCanonicalise is all that stands between the door and the policy. Budget: 2 µs with few headers, as curl sends them.
func BenchmarkCanonicalise(b *testing.B) {
	service := gateService(b)
	reserved := Reserved{Headers: []string{"authorization"}}
	sdk := typical()
	sdk.Method = "GET"
	sdk.Path = "/v1/models"
	curl := Request{Method: "GET", Path: "/v1/models", Header: http.Header{"Accept": {"*/*"}, "User-Agent": {"curl/8.5.0"}, "Content-Type": {"application/json"}}}
	escaped := curl
	escaped.Path, escaped.Query = "/public/%7eana/a%20b", "q=a+b&page%5Bsize%5D=3"
	for name, r := range map[string]Request{"sdk": sdk, "curl": curl, "escaped": escaped} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c, err := Canonicalise(r)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := Match(service, c); err != nil {
					b.Fatal(err)
				}
				if err := c.Reserve(reserved); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

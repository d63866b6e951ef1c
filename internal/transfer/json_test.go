package transfer

import (
	"strings"
	"testing"
)

func TestJSON(t *testing.T) {
	checkGood(t, "json", []goodCase{
		{"empty", `{}`, ``},
		{"flat", "{\n\"db.password\": \"x\",\n\"API_KEY\":\"y\"}\n", `
db.password="x" line 2
API_KEY="y" line 3
`},
		{"escapes", `{"a":"\"\\\/\b\f\n\r\t\u0000\u00e9\ud83d\ude00é"}`, "\na=" + `"\"\\/\b\f\n\r\t\x00é😀é"` + " line 1\n"},
		{"not interpreted", `{"a":"${secret:b} $(id) ${cmd:id} {{x}}"}`, `
a="${secret:b} $(id) ${cmd:id} {{x}}" line 1
`},
		{"numbers and booleans as written", `{"port":5432,"f":1.50,"e":1E3,"yes":true,"n":-0,"big":12345678901234567890123}`, `
port="5432" line 1
f="1.50" line 1
e="1E3" line 1
yes="true" line 1
n="-0" line 1
big="12345678901234567890123" line 1
`},
		{"all fields", `{"a":{"value":"v","tags":["prod","db"],"expires_at":"2026-12-31","scope":"workspace/W","note":"n","owner":"ana",
"aliases":["b","c"],"rotate_every":"30d","exposure":"sealed","service":"own/acme"}}`, `
a="v" line 1 scope=workspace/W tags=[prod db] aliases=[b c] expires=2026-12-31T23:59:59Z rotate=720h0m0s note=n owner=ana sealed=true service=own/acme
`},
		{"other spellings", `{"a":{"value":"v","expiresAt":"24h","sealed":false},"b":{"sealed":true,"exposure":"sealed","value_base64":"AP8="}}`, `
a="v" line 1 expires=2026-07-02T12:00:00Z sealed=false
b="\x00\xff" line 1 sealed=true
`},
		{"null is absent", `{"a":{"value":null,"value_base64":"eA==","tags":null,"note":null,"expires_at":null,"sealed":null}}`, `
a="x" line 1
`},
		{"several scopes", `{"a":[{"value":"1"},
{"value":"2","scope":"workspace/W"}],
"b":"3"}`, `
a="1" line 1
a="2" line 2 scope=workspace/W
b="3" line 3
`},
		{"invalid names are entries", `{"1a":"x","a b":"y","":"z"}`, `
1a="x" line 1 invalid=invalid name: it must begin with a letter
a b="y" line 1 invalid=invalid name: it holds a character that is not allowed
="z" line 1 invalid=invalid name: it is empty
`},
		{"empty value", `{"a":""}`, `
a="" line 1 invalid=the value is empty
`},
		{"names like fields", `{"value":"v","tags":"t"}`, `
value="v" line 1
tags="t" line 1
`},
		{"encrypted by sops", `{"a":"ENC[AES256_GCM,data:x]"}`, `
a="ENC[AES256_GCM,data:x]" line 1
encrypted_value at line 1: the value of a was encrypted by sops and is imported as it stands
`},
	})
}

func TestJSONMistakes(t *testing.T) {
	v := `"value":"` + canary + `"`
	checkBad(t, "json", []badCase{
		{"empty", ``, `line 1: the document ends too early`},
		{"a list", `["a"]`, `line 1: expected an object for the document`},
		{"a string", `"` + canary + `"`, `line 1: expected an object for the document`},
		{"unknown field", "{\"a\":\"x\",\n\n\"b\":{" + v + ",\n\"expire\":\"1d\"}}", `line 4: unknown field "expire"`},
		{"nested", `{"a":{"b":{"c":"` + canary + `"}}}`, `line 1: unknown field "b"`},
		{"case of a field", `{"a":{"Value":"x"}}`, `line 1: unknown field "Value"`},
		{"duplicate name", "{\"a\":\"x\",\n\"a\":\"" + canary + "\"}", `line 2: duplicate name "a"`},
		{"duplicate by escape", "{\"a\":\"x\",\n\"\\u0061\":\"y\"}", `line 2: duplicate name "a"`},
		{"duplicate field", "{\"a\":{" + v + ",\n" + v + "}}", `line 2: duplicate field "value"`},
		{"duplicate by alias of a field", `{"a":{"expires_at":"1d","expiresAt":"1d",` + v + `}}`, `line 1: duplicate field "expiresAt"`},
		{"duplicate scope", "{\"a\":[{" + v + "},\n{" + v + "}]}", `line 2: duplicate scope of "a"`},
		{"duplicate after list", "{\"a\":[{" + v + "}],\n\"a\":\"x\"}", `line 2: duplicate name "a"`},
		{"both values", `{"a":{` + v + `,"value_base64":"eA=="}}`, `line 1: "a" has both value and value_base64`},
		{"no value", `{"x":"y","a":{"tags":["x"]}}`, `line 1: "a" has no value`},
		{"null value", `{"a":null}`, `line 1: "a" is null`},
		{"null in object", `{"a":{"value":null}}`, `line 1: "a" has no value`},
		{"empty list", `{"a":[]}`, `line 1: "a" has no value`},
		{"list of strings", `{"a":["` + canary + `"]}`, `line 1: expected an object for a secret`},
		{"value is an object", `{"a":{"value":{"b":"` + canary + `"}}}`, `line 1: expected a string for value`},
		{"value is a list", `{"a":{"value":["` + canary + `"]}}`, `line 1: value must be a string`},
		{"tags is a string", `{"a":{` + v + `,"tags":"x"}}`, `line 1: tags must be a list of strings`},
		{"tag is a number", `{"a":{` + v + `,"tags":["x",1]}}`, `line 1: expected a string for an item of tags`},
		{"bad tag", `{"a":{` + v + `,"tags":["a b"]}}`, `line 1: invalid tag "a b"`},
		{"too many tags", `{"a":{` + v + `,"tags":["x"` + strings.Repeat(`,"x"`, maxItems) + `]}}`, `line 1: tags has more than 1000 items`},
		{"bad alias", `{"a":{` + v + `,"aliases":["1"]}}`, `line 1: invalid name "1"`},
		{"bad scope", `{"a":{` + v + `,"scope":"team/x"}}`, `line 1: invalid scope "team/x"`},
		{"bad date", "{\"a\":{" + v + ",\n\"expires_at\":\"soon\"}}", `line 2: invalid duration "soon"`},
		{"bad rotation", `{"a":{` + v + `,"rotate_every":"2026-12-31"}}`, `line 1: invalid duration "2026-12-31"`},
		{"bad exposure", `{"a":{` + v + `,"exposure":"open"}}`, `line 1: exposure must be sealed or readable`},
		{"sealed is text", `{"a":{` + v + `,"sealed":"true"}}`, `line 1: sealed must be true or false`},
		{"sealed is a number", `{"a":{` + v + `,"sealed":1}}`, `line 1: sealed must be true or false`},
		{"contradiction", `{"a":{` + v + `,"sealed":true,"exposure":"readable"}}`, `line 1: exposure and sealed contradict each other`},
		{"note is a number", `{"a":{` + v + `,"note":1}}`, `line 1: note must be a string`},
		{"bad base64", `{"a":{"value_base64":"` + canary + `"}}`, `line 1: the value is not base64`},
		{"base64 without padding", `{"a":{"value_base64":"eA"}}`, `line 1: the value is not base64`},
		{"cut in a value", "{\"a\":\"" + canary, `line 1: the document ends too early`},
		{"cut after a comma", "{\"a\":\"x\",\n", `line 2: the document ends too early`},
		{"cut before the end", "{\"a\":\"" + canary + "\"\n", `line 2: the document ends too early`},
		{"two documents", "{\"a\":\"x\"}\n{\"b\":\"" + canary + "\"}", `line 2: something follows the end of the document`},
		{"rest", "{\"a\":\"x\"} " + canary, `line 1: something follows the end of the document`},
		{"trailing comma", "{\"a\":\"x\",\n}", `line 1, column 9: not valid JSON`},
		{"comment", "{\n// " + canary + "\n}", `line 2, column 1: not valid JSON`},
		{"single quotes", "{'a':'" + canary + "'}", `line 1, column 2: not valid JSON`},
		{"bare word", "{\"a\":" + canary + "}", `line 1, column 6: not valid JSON`},
		{"line end in a string", "{\"a\":\"" + canary + "\nx\"}", `line 1, column 20: not valid JSON`},
		{"bad escape", `{"a":"` + canary + `\x"}`, `line 1, column 20: not valid JSON`},
		{"lone surrogate", `{"a":"` + canary + `\ud800"}`, `line 1, column 20: not valid JSON`},
		{"latin-1", "{\"a\":\"" + canary + "\xe9\"}", `line 1: the text is not UTF-8`},
		{"deep", `{"a":` + strings.Repeat("[", 100_000), `line 1: expected an object for a secret`},
		{"leading zero", `{"a":0123}`, `line 1, column 7: not valid JSON`},
		{"metadata export", `{"format":1,"exported_at":"2026-01-01T00:00:00Z","secrets":[{"id":"s_1"}],"total":1}`, `line 1: this is an export without values`},
		{"inside of a backup", `{"tacit_backup":1,"exported_at":"x"}`, `line 1: this is the inside of a backup`},
	})
}

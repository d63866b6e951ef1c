// Package mask knows in which forms a secret may appear in text, and replaces them in a stream. It is the one place that does:
// the broker cleans answers with it (I28, secrets of 8 bytes or more) and run cleans what a program prints (I14, 4 bytes or more).
//
// Compile the secrets once, and make a scanner for each stream:
//
//	patterns := mask.Compile(8, token, password)
//	r := mask.NewReader(body, patterns, mask.Replacement) // or NewWriter, or NewScanner to feed it by hand
//
// # What is masked
//
// Of every value, and of the value without the white space around it (a file often ends in a newline that what it is used for
// does not have), these forms:
//
//   - the bytes themselves, and as a terminal prints them: \n as \r\n;
//   - base64 and base64url, wherever in a longer encoded text the value begins (three alignments), padded or not. A character
//     that also encodes a neighbour's bits cannot be known and stays: up to four bits of the first and of the last byte;
//   - hex, in any case;
//   - URL-encoded, as RFC 3986, net/url, the URL standard, JavaScript, Java, PHP and Python write it, with escapes in any case;
//   - JSON-escaped, as encoding/json, JavaScript, Python, PHP, Gson and .NET write it, with escapes in any case;
//   - every line of a value of several lines, without the white space around it.
//
// A form that has letters among the digits of its escapes is compared without regard to the case of ASCII letters as a whole; hex
// too; every other form is compared exactly. A line shorter than the minimum is no form; nor is anything of a value shorter than
// it, which is why sealed values that short are refused.
//
// Every byte that is part of any form's occurrence is hidden, also where occurrences overlap; a run of bytes to hide without a
// byte to show in it becomes one replacement. The replacement is output: it is never scanned itself.
//
// # What is not masked
//
// Anything that was computed from the secret: compressed, encrypted, hashed, reversed, cut, or spread with something in between
// (base64 broken into lines, hex with colons or spaces, a dump, a value wrapped or coloured in its middle by a terminal). Anything encoded
// twice, or in a way that is not in the list: HTML entities, quoted-printable, \x escapes, shell and SQL quoting, UTF-16, another
// case of the letters. Escapes that no known encoder would write, such as %61 for an a, or a mix of two encoders. A secret
// against a program that wants to tell it is not what this is for: that is what sealed secrets are for.
//
// # Streams
//
// A scanner remembers what it must across chunks, of any size, in memory that does not grow with the stream. What it holds back
// is only a tail that a form of a secret may begin with, so that an event passes on as it comes. At its end that tail is
// shown: whoever passes on what may be cut off in the middle of a secret ends it with [Scanner.Cut].
//
// Patterns are the secrets, in memory and in clear: drop them as soon as the values. They print as "***".
package mask

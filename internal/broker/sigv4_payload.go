package broker

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"tacit/internal/fault"
	"tacit/internal/httpgrammar"
)

// What stands for the hash of a body in X-Amz-Content-Sha256. See
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html and sigv4-streaming-trailers.html.
const (
	payloadUnsigned        = "UNSIGNED-PAYLOAD"
	payloadUnsignedTrailer = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"

	streamingPrefix  = "STREAMING-"
	streamingTrailer = "-PAYLOAD-TRAILER"
	streamingPlain   = "-PAYLOAD"
)

// signedPayload returns what stands for the body in the signature, and makes the body fit it.
//
// A hash that the caller gives is kept: the service compares it with what arrives. Chunks that the caller signed, with a key that
// AWS does not know, lose those signatures: what is left is the plain body, or, when a checksum follows it, unsigned chunks. TLS
// protects both. Only a body that is neither hashed nor S3's is read as a whole.
func signedPayload(out *Outgoing, s3 bool) (string, error) {
	given := out.Header.Get(amzContentSHA256)
	switch {
	case given == "" || given == payloadUnsigned:
	case isSHA256(given) || given == payloadUnsignedTrailer && s3:
		out.Header[amzContentSHA256] = []string{given} // once
		return given, nil
	case s3 && strings.HasPrefix(given, streamingPrefix) && strings.HasSuffix(given, streamingTrailer):
		return unsignChunks(out)
	case s3 && strings.HasPrefix(given, streamingPrefix) && strings.HasSuffix(given, streamingPlain):
		if err := decodeChunks(out); err != nil {
			return "", err
		}
	default:
		return "", fault.New(fault.Invalid, "sign for AWS: x-amz-content-sha256 is neither a hash nor a way to send a body that can be signed anew")
	}

	hash := payloadUnsigned
	if out.Body == nil {
		hash = hexSHA256(nil)
	} else if !s3 {
		body, err := buffer(out)
		if err != nil {
			return "", err
		}
		hash = hexSHA256(body)
	}
	if s3 || given != "" {
		out.Header[amzContentSHA256] = []string{hash}
	}
	return hash, nil
}

// isSHA256 reports whether s is one in hex.
func isSHA256(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}

// decodeChunks makes the body of out the plain one.
func decodeChunks(out *Outgoing) error {
	length, err := decodedLength(out)
	if err != nil {
		return err
	}
	out.Body = &chunks{from: bufio.NewReader(out.Body), left: length}
	out.ContentLength = length
	dropChunkHeaders(out)
	out.Header.Del("X-Amz-Decoded-Content-Length")
	out.Header.Del("X-Amz-Trailer")
	return nil
}

// unsignChunks takes the signatures out of the chunks of out's body and of the trailer.
func unsignChunks(out *Outgoing) (string, error) {
	length, err := decodedLength(out)
	if err != nil {
		return "", err
	}
	out.Body = &chunks{from: bufio.NewReader(out.Body), left: length, keep: true}
	out.ContentLength = -1 // it depends on how the caller cut the chunks
	out.Header.Del("Content-Length")
	out.Header[amzContentSHA256] = []string{payloadUnsignedTrailer}
	return payloadUnsignedTrailer, nil
}

func decodedLength(out *Outgoing) (int64, error) {
	length, err := strconv.ParseInt(out.Header.Get("X-Amz-Decoded-Content-Length"), 10, 64)
	if err != nil || length < 0 || out.Body == nil {
		return 0, fault.New(fault.Invalid, "sign for AWS: a body in chunks needs x-amz-decoded-content-length")
	}
	return length, nil
}

// dropChunkHeaders takes out what says that the body is in chunks.
func dropChunkHeaders(out *Outgoing) {
	out.Header.Del("Content-Length")
	var left []string
	for coding := range strings.SplitSeq(strings.Join(out.Header["Content-Encoding"], ","), ",") {
		if coding = strings.TrimSpace(coding); coding != "" && !strings.EqualFold(coding, "aws-chunked") {
			left = append(left, coding)
		}
	}
	out.Header.Del("Content-Encoding")
	if len(left) > 0 {
		out.Header.Set("Content-Encoding", strings.Join(left, ","))
	}
}

// maxChunkLine bounds a line of the framing, in bytes: a size, a signature, or a checksum.
const maxChunkLine = 1 << 10

func malformedChunks() error {
	return fault.New(fault.Invalid, "sign for AWS: the chunks of the body are malformed")
}

// chunks reads a body in AWS's chunks,
//
//	size in hex;chunk-signature=…\r\n data \r\n … 0;chunk-signature=…\r\n [name:value\r\n …] \r\n
//
// and returns its data alone, or, with keep, the same chunks and the trailer without signatures.
type chunks struct {
	from *bufio.Reader
	keep bool

	left    int64  // data still to come, as announced
	chunk   int64  // of which in this chunk
	begun   bool   // a chunk was read, so that a line break stands before the next
	pending string // framing that is to be returned first
	ended   bool
	err     error
}

func (c *chunks) Read(p []byte) (int, error) {
	for c.err == nil && c.pending == "" && c.chunk == 0 {
		if c.ended {
			c.err = io.EOF
		} else {
			c.err = c.next()
		}
	}
	if c.pending != "" && len(p) > 0 {
		n := copy(p, c.pending)
		c.pending = c.pending[n:]
		return n, nil
	}
	if c.err != nil || len(p) == 0 {
		return 0, c.err
	}
	n, err := c.from.Read(p[:min(int64(len(p)), c.chunk)])
	c.chunk -= int64(n)
	c.left -= int64(n)
	if err != nil {
		c.err = noEOF(err)
	}
	return n, c.err
}

// next reads the line before a chunk, and after the last one all that follows.
func (c *chunks) next() error {
	if c.begun {
		if line, err := c.line(); err != nil || line != "" {
			return cmp.Or(err, malformedChunks())
		}
		c.frame("\r\n")
	}
	c.begun = true
	line, err := c.line()
	if err != nil {
		return err
	}
	size, _, _ := strings.Cut(line, ";")
	n, err := strconv.ParseUint(size, 16, 62)
	if err != nil || int64(n) > c.left || n == 0 && c.left > 0 {
		return malformedChunks()
	}
	c.chunk = int64(n)
	c.frame(fmt.Sprintf("%x\r\n", n))
	if n > 0 {
		return nil
	}
	return c.trailer()
}

// trailer reads what follows the last chunk.
func (c *chunks) trailer() error {
	c.ended = true
	for range 16 { // a checksum and its signature; more is no trailer
		line, err := c.line()
		if err != nil {
			return err
		}
		if line == "" {
			c.frame("\r\n")
			if _, err := c.from.ReadByte(); !errors.Is(err, io.EOF) { // something follows
				return cmp.Or(err, malformedChunks())
			}
			return nil
		}
		name, _, ok := strings.Cut(line, ":")
		if !ok || !httpgrammar.IsToken(name) || httpgrammar.HasControl(line) {
			return malformedChunks()
		}
		if !strings.EqualFold(name, "x-amz-trailer-signature") {
			c.frame(line + "\r\n")
		}
	}
	return malformedChunks()
}

// frame notes framing that is kept.
func (c *chunks) frame(s string) {
	if c.keep {
		c.pending += s
	}
}

// line returns the next line without its end.
func (c *chunks) line() (string, error) {
	var line []byte
	for len(line) < maxChunkLine {
		b, err := c.from.ReadByte()
		if err != nil {
			return "", noEOF(err)
		}
		if b == '\n' {
			s, ok := strings.CutSuffix(string(line), "\r")
			if !ok {
				return "", malformedChunks()
			}
			return s, nil
		}
		line = append(line, b)
	}
	return "", malformedChunks()
}

// noEOF returns err, but for an end in the middle of things: that is malformed.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return malformedChunks()
	}
	return err
}

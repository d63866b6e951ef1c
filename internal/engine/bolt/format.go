package bolt

import (
	"encoding/binary"
	"hash/fnv"
	"os"
)

// The file format is bbolt's, version 2 (go.etcd.io/bbolt v1.5.0, internal/common: meta.go, page.go, bucket.go), with pages of
// 4096 bytes on every machine. Integers have the byte order of the machine that wrote them; an engine file is not meant to
// travel between byte orders (a backup is).
//
//	page     0  id        uint64   where the page is, in pages
//	         8  flags     uint16   1 branch, 2 leaf, 4 meta, 16 freelist
//	        10  count     uint16   elements
//	        12  overflow  uint32   pages that follow and belong to this one
//	        16  elements, then keys and values without gaps, in the order of the elements
//
//	branch   0  pos       uint32   of the key, from the start of this element
//	         4  ksize     uint32
//	         8  page      uint64   the child whose first key is this key
//
//	leaf     0  flags     uint32   1: the value is a bucket
//	         4  pos       uint32   of the key; the value follows it
//	         8  ksize     uint32
//	        12  vsize     uint32
//
//	meta    16  magic, version, page size, flags                            4 × uint32
//	        32  root page and sequence of the root bucket                   2 × uint64
//	        48  freelist, end (the first page never used), txid, checksum   4 × uint64
//
//	bucket   0  root      uint64   0: an inline page follows this header
//	         8  sequence  uint64
//
// Meta page i holds the newest transaction whose number is i modulo 2. Both are always valid and one apart: a meta lies in one
// 512-byte sector, which a crash does not tear, and the next commit writes only the older one. An invalid one therefore means
// damage; going on with the other, as bbolt does, would silently take back a commit.
const (
	pageSize    = 4096
	headerSize  = 16
	elementSize = 16
	bucketSize  = 16
	metaEnd     = 80

	branchPage   = 1
	leafPage     = 2
	metaPage     = 4
	freelistPage = 16

	bucketElement = 1

	magic   = 0xED0CDAED
	version = 2

	maxKey = 32768 // bbolt's own limit
)

// bucketName is the one bucket. Bytes, since it is compared with bytes.
const bucketName = "tacit"

var order = binary.NativeEndian

// meta is what the two meta pages say, as the newer one has it.
type meta struct {
	root     uint64 // page of the root bucket, which holds our bucket
	freelist uint64
	end      uint64 // first page id that was never used
	txid     uint64
}

// decodeMeta reads the meta page that starts at b, which is page id.
func decodeMeta(b []byte, id uint64) (meta, error) {
	h := decodeHeader(b)
	sum := fnv.New64a()
	sum.Write(b[16:72])
	switch {
	case order.Uint32(b[16:]) != magic:
		return meta{}, damagef("meta page %d: this is not a vault", id)
	case order.Uint64(b[72:]) != sum.Sum64():
		return meta{}, damagef("meta page %d: wrong checksum", id)
	case order.Uint32(b[20:]) != version:
		return meta{}, damagef("meta page %d: format %d, not %d", id, order.Uint32(b[20:]), version)
	case order.Uint32(b[24:]) != pageSize:
		return meta{}, damagef("meta page %d: page size %d, not %d", id, order.Uint32(b[24:]), pageSize)
	case h.id != id || h.flags != metaPage:
		return meta{}, damagef("meta page %d: wrong page header", id)
	}
	return meta{root: order.Uint64(b[32:]), freelist: order.Uint64(b[48:]), end: order.Uint64(b[56:]), txid: order.Uint64(b[64:])}, nil
}

// readMeta reads both meta pages and checks them against each other and against the size of the file.
func readMeta(f *os.File) (meta, error) {
	var b [pageSize + metaEnd]byte
	if _, err := f.ReadAt(b[:], 0); err != nil {
		return meta{}, unreadable(err)
	}
	m0, err := decodeMeta(b[:], 0)
	if err != nil {
		return meta{}, err
	}
	m1, err := decodeMeta(b[pageSize:], 1)
	if err != nil {
		return meta{}, err
	}
	newer, older := m0, m1
	if m1.txid > m0.txid {
		newer, older = m1, m0
	}
	info, err := f.Stat()
	if err != nil {
		return meta{}, err
	}
	size := uint64(info.Size())
	switch {
	case m0.txid%2 != 0 || newer.txid != older.txid+1:
		return meta{}, damagef("the meta pages do not follow each other (%d, %d)", m0.txid, m1.txid)
	case newer.end > size/pageSize || older.end > newer.end:
		return meta{}, damagef("it has %d bytes and should have %d pages of %d", size, newer.end, pageSize)
	case newer.root < 2 || newer.root >= newer.end || newer.freelist < 2 || newer.freelist >= newer.end:
		return meta{}, damagef("the meta page points outside of the file")
	}
	return newer, nil
}

// latestTxid returns the number of the newest transaction without a lock. A meta page may be in the middle of being written;
// then the other one is the answer, since that commit has not happened yet.
func latestTxid(f *os.File) (uint64, error) {
	var b [pageSize + metaEnd]byte
	if _, err := f.ReadAt(b[:], 0); err != nil {
		return 0, unreadable(err)
	}
	m0, err0 := decodeMeta(b[:], 0)
	m1, err1 := decodeMeta(b[pageSize:], 1)
	if err0 != nil && err1 != nil {
		return 0, err0
	}
	return max(m0.txid, m1.txid), nil // the zero meta of an error loses
}

// raiseTxids adds an even number to both transaction numbers of a closed database so that they are above floor: the
// generation of a vault goes on growing when a new file takes the place of the old one. The caller syncs.
func raiseTxids(f *os.File, floor uint64) error {
	var b [pageSize + metaEnd]byte
	if _, err := f.ReadAt(b[:], 0); err != nil {
		return err
	}
	lift := (floor + 2) &^ 1
	for _, at := range []int{0, pageSize} {
		page := b[at : at+metaEnd]
		order.PutUint64(page[64:], order.Uint64(page[64:])+lift)
		sum := fnv.New64a()
		sum.Write(page[16:72])
		order.PutUint64(page[72:], sum.Sum64())
		if _, err := f.WriteAt(page, int64(at)); err != nil {
			return err
		}
	}
	return nil
}

package consent

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/minio/highwayhash"
)

// blockFolder is where an embedded server keeps the messages of a stream, under
// the ledger's Dir. $G is the name that NATS has for those who have no account.
func blockFolder(stream string) string {
	return filepath.Join(storeFolder, "jetstream", "$G", "streams", stream, "msgs")
}

// The form of a record in a block, as nats-server writes it (server/filestore.go):
//
//	length    4 bytes, little endian as all of them, of the whole record; the
//	          highest bit says that there are headers
//	sequence  8 bytes
//	time      8 bytes, nanoseconds since 1970
//	subject   2 bytes for its length
//	          the subject; if there are headers 4 bytes for their length, and
//	          the headers; the body
//	checksum  8 bytes: HighwayHash-64 over sequence, time, subject, headers and
//	          body, its key the SHA-256 of the stream's name, "-" and the
//	          block's number
const (
	recordHead     = 22
	recordChecksum = 8
	maxRecord      = recordHead + 4<<10 + 2*maxEntry + recordChecksum
	hasHeaders     = 1 << 31

	// notAnEntry are the bits of a sequence that mark what is left of a deleted
	// message. The chain has none but for those that the server lost.
	notAnEntry = 1<<63 | 1<<62

	// maxGap is how many messages of the register may be missing before one that
	// was never finished. The server would list each of them.
	maxGap = 1 << 20
)

// isSubject reports whether a subject is one of the chain's. The checksum does
// not cover where it ends.
func isSubject(subject []byte) bool {
	if principal, ok := bytes.CutPrefix(subject, []byte(changeSubject)); ok {
		return isWord(principal, maxPrincipal)
	}
	words, ok := bytes.CutPrefix(subject, []byte(noticeSubject))
	version, language, two := bytes.Cut(words, []byte("."))
	return ok && two && isWord(version, maxNoticeWord) && isWord(language, maxNoticeWord)
}

// isRegistered reports whether a subject is one of the register's.
func isRegistered(subject []byte) bool {
	if principal, ok := bytes.CutPrefix(subject, []byte(personSubject)); ok {
		return isWord(principal, maxPrincipal)
	}
	_, _, ok := receivedIn(string(subject))
	return ok
}

// readBlocks calls each for every entry in the store under dir, in order, as
// its files hold them; body is valid during the call only. It changes nothing
// and needs no server. It fails with ledger_damaged, naming the entry, the file
// and the place in it, when a record does not fit its checksum, and with the
// first error of each.
//
// A record that was never finished, at the very end of the newest file, is left
// out if it is newer than acknowledged: somebody is writing it, or was when the
// process was killed.
//
// It reads a record at a time, so memory is bounded whatever a damaged length
// says.
func readBlocks(dir string, acknowledged uint64, each func(sequence uint64, subject string, body []byte) error) error {
	return readStream(dir, blockReader{stream: streamName, isSubject: isSubject, acknowledged: acknowledged}, each)
}

// readRegister reads the register under dir in the way of readBlocks, with gaps
// where something was forgotten. What was replaced may still be there, before
// what replaced it.
func readRegister(dir string, each func(sequence uint64, subject string, body []byte) error) error {
	return readStream(dir, blockReader{stream: registerName, isSubject: isRegistered, gaps: true}, each)
}

// readStream reads all blocks of a stream.
func readStream(dir string, b blockReader, each func(sequence uint64, subject string, body []byte) error) error {
	numbers, err := blockNumbers(dir, b.stream)
	if err != nil {
		return unavailable("the ledger's files cannot be read", err)
	}
	for i, number := range numbers {
		b.name = filepath.Join(dir, blockFolder(b.stream), strconv.Itoa(number)+".blk")
		b.number, b.last, b.at = number, i == len(numbers)-1, 0
		if err := b.readFile(each); err != nil {
			return err
		}
	}
	return nil
}

// blockNumbers lists the blocks, oldest first. No folder is no blocks.
func blockNumbers(dir, stream string) ([]int, error) {
	files, err := os.ReadDir(filepath.Join(dir, blockFolder(stream)))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var numbers []int
	for _, file := range files {
		if name, ok := strings.CutSuffix(file.Name(), ".blk"); ok {
			if number, err := strconv.Atoi(name); err == nil {
				numbers = append(numbers, number)
			}
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

// A blockReader reads one file.
type blockReader struct {
	stream       string
	isSubject    func(subject []byte) bool
	gaps         bool // sequences may be missing
	name         string
	number       int
	last         bool   // it is the newest file
	newest       uint64 // sequence of the newest entry that was read
	acknowledged uint64

	at int64 // where the record begins
}

func (b *blockReader) readFile(each func(uint64, string, []byte) error) error {
	file, err := os.Open(b.name)
	if err != nil {
		return unavailable("the ledger's files cannot be read", err)
	}
	defer file.Close()
	return b.read(file, each)
}

func (b *blockReader) read(block io.Reader, each func(uint64, string, []byte) error) error {
	key := sha256.Sum256(fmt.Appendf(nil, "%s-%d", b.stream, b.number))
	hash, err := highwayhash.NewDigest64(key[:])
	if err != nil {
		return unavailable("the ledger's files cannot be checked", err)
	}
	in := bufio.NewReaderSize(block, 64<<10)
	var head [recordHead]byte
	var record []byte
	for {
		n, err := io.ReadFull(in, head[:])
		switch {
		case err == io.EOF:
			return nil
		case errors.Is(err, io.ErrUnexpectedEOF):
			return b.broken(head[:n], in, "it is cut off")
		case err != nil:
			return unavailable("the ledger's files cannot be read", err)
		}
		stated := binary.LittleEndian.Uint32(head[0:])
		length := int(stated &^ hasHeaders)
		subject := int(binary.LittleEndian.Uint16(head[20:]))
		rest := length - recordHead
		bodyAt := subject // behind the subject and what stands for the headers
		if stated&hasHeaders != 0 {
			bodyAt += 4
		}
		if length > maxRecord || bodyAt > rest-recordChecksum {
			return b.broken(head[:], in, "its length cannot be right")
		}
		if cap(record) < rest {
			record = make([]byte, rest)
		}
		record = record[:rest]
		switch _, err := io.ReadFull(in, record); {
		case err == io.EOF, errors.Is(err, io.ErrUnexpectedEOF):
			return b.broken(head[:], in, "it is cut off")
		case err != nil:
			return unavailable("the ledger's files cannot be read", err)
		}
		content, checksum := record[:rest-recordChecksum], record[rest-recordChecksum:]
		hash.Reset()
		hash.Write(head[4:20])
		hash.Write(content[:subject])
		hash.Write(content[bodyAt:])
		if hash.Sum64() != binary.LittleEndian.Uint64(checksum) {
			return b.broken(head[:], in, "it does not fit its checksum")
		}
		sequence := binary.LittleEndian.Uint64(head[4:])
		if sequence&notAnEntry != 0 {
			b.at += int64(length)
			continue
		}
		// The checksum covers neither where the subject ends nor where the headers do.
		if !b.isSubject(content[:subject]) {
			return b.damaged("its subject is none of this ledger's")
		}
		if bodyAt > subject {
			headers := binary.LittleEndian.Uint32(content[subject:])
			if int64(headers) > int64(len(content)-bodyAt) || !headersForm(content[bodyAt:bodyAt+int(headers)]) {
				return b.damaged("the length of its headers cannot be right")
			}
			bodyAt += int(headers)
		}
		if err := each(sequence, string(content[:subject]), content[bodyAt:]); err != nil {
			return err
		}
		b.at += int64(length)
		b.newest = sequence
	}
}

// headersForm reports whether a message's headers are whole.
func headersForm(headers []byte) bool {
	return bytes.HasPrefix(headers, []byte("NATS/1.0\r\n")) && bytes.HasSuffix(headers, []byte("\r\n\r\n"))
}

// broken says what is wrong with a record, unless it is one that was never
// finished.
func (b *blockReader) broken(head []byte, rest *bufio.Reader, what string) error {
	if !b.last || b.newest < b.acknowledged {
		return b.damaged(what)
	}
	if _, err := rest.Peek(1); err != io.EOF {
		return b.damaged(what) // something follows
	}
	// The server believes the sequence of the last record before it checks it. A
	// write that was cut short has the right one, or none yet.
	if len(head) >= 12 {
		if sequence := binary.LittleEndian.Uint64(head[4:]); sequence != b.newest+1 && sequence != 0 && !(b.gaps && b.newest < sequence && sequence-b.newest < maxGap) {
			return b.damaged(what)
		}
	}
	return nil
}

func (b *blockReader) damaged(what string) error {
	if b.gaps {
		return &Error{Code: CodeLedgerDamaged, Message: fmt.Sprintf("the ledger's register is damaged: %s, at byte %d of %s: "+
			"put back the newest copy of the ledger's folder", what, b.at, b.name)}
	}
	return damaged(b.newest+1, "%s, at byte %d of %s: put back the newest copy of the ledger's folder", what, b.at, b.name)
}

// AuditFolder checks the ledger under dir as its files hold it, without opening
// it and without changing anything; a server may be running on it. It checks
// all that Ledger.Audit does, the checksums of the store, and that nothing is
// missing that this node has acknowledged. It fails with ledger_damaged, naming
// the first entry that is not in order, or with ledger_unavailable.
func AuditFolder(dir string) (Audit, error) {
	known := &witness{path: filepath.Join(dir, witnessFile)} // read first: the store is never behind it
	if err := known.read(); err != nil {
		return Audit{}, err
	}
	if numbers, err := blockNumbers(dir, streamName); err == nil && len(numbers) == 0 && known.sequence == 0 {
		return Audit{}, unavailable("there is no ledger in this folder; one that is kept in a NATS cluster is audited there", nil)
	}
	again := newState()
	err := readBlocks(dir, known.sequence, func(sequence uint64, subject string, body []byte) error {
		change, n, err := again.check(sequence, subject, body)
		if err != nil {
			return err
		}
		if err := known.saw(sequence, body); err != nil {
			return err
		}
		again.put(sequence, body, change, n)
		return nil
	})
	if err != nil {
		return Audit{}, err
	}
	if err := known.reached(again.sequence); err != nil {
		return Audit{}, err
	}
	return again.audit(), nil
}

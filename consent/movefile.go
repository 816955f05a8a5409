package consent

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// A ledger on its way from one store to another is a file:
//
//	header   one line of JSON, readable by anybody, without anybody's data
//	chunks   the records, encrypted
//
// It holds the secrets that lead from people to their records, so it is
// encrypted under a key that only those have who have the keys of the nodes. The
// chunks are those of the STREAM construction (Hoang, Reyhanitabar, Rogaway,
// Vizár 2015), as age uses it: AES-256-GCM over 64 KiB each, the nonce being the
// chunk's number and whether it is the last one. So a file that was changed, cut,
// or put together anew does not decrypt, and none of it is believed before the
// last chunk is there.
//
// A record is a byte for its kind, the length of the subject and of the body as
// variable-length integers, and the two. The entries of the chain come first, in
// order and from the first one on; then what recipients received; then who is
// behind the records; then the end, whose body says what all that adds up to.

// MovingKeySize is the length in bytes of the key that a moved ledger is
// encrypted under.
const MovingKeySize = 32

const (
	moveFormat = "tempogate-ledger-1"

	chunkSize     = 64 << 10 // of plaintext
	maxMoveHeader = 4 << 10
	saltSize      = 32

	kindEntry    = 'e'
	kindReceived = 'r'
	kindPerson   = 'p'
	kindEnd      = '.'
)

// A moveHeader is the first line of the file.
type moveHeader struct {
	Format     string    `json:"format"`
	ExportedAt time.Time `json:"exported_at"`
	ReceiptKey string    `json:"receipt_key"` // name of the key that signed the receipts
	Live       bool      `json:"live"`        // nodes were at work: what they changed afterwards is not in it
	Salt       []byte    `json:"salt"`
}

// Moved says what a moved ledger consists of.
type Moved struct {
	Audit
	Registered int `json:"registered"` // people who can be found
	Received   int `json:"received"`   // counts of what recipients received
}

// A badFile is an error about the file itself.
func badFile(format string, arguments ...any) error {
	return &Error{Code: CodeBadLedgerFile, Message: fmt.Sprintf(format, arguments...)}
}

var errNotWhole = badFile("the file is damaged or cut off, or was made with other keys: copy the keys of the nodes that it was exported with, and get the file anew")

// sealing returns the cipher of a file.
func sealing(key []byte, header []byte, salt []byte) (cipher.AEAD, error) {
	if len(key) != MovingKeySize {
		return nil, &Error{Code: CodeBadKey, Message: fmt.Sprintf("the key of a moved ledger has %d bytes", MovingKeySize)}
	}
	// The header goes in, so that it cannot be changed either.
	derived, err := hkdf.Key(sha256.New, key, salt, moveFormat+"\n"+string(header), 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// chunkNonce is the nonce of a chunk.
func chunkNonce(number uint64, last bool) []byte {
	nonce := make([]byte, 12)
	binary.BigEndian.PutUint64(nonce[3:], number)
	if last {
		nonce[11] = 1
	}
	return nonce
}

// A moveWriter writes the file. Close has to be called for it to be whole.
type moveWriter struct {
	out    io.Writer
	seal   cipher.AEAD
	number uint64
	chunk  []byte // not sealed yet, at most chunkSize
	sealed []byte
}

func newMoveWriter(out io.Writer, key []byte, header moveHeader) (*moveWriter, error) {
	header.Format, header.Salt = moveFormat, make([]byte, saltSize)
	if _, err := rand.Read(header.Salt); err != nil {
		return nil, err
	}
	line, err := json.Marshal(&header)
	if err != nil {
		return nil, err
	}
	w := &moveWriter{out: out}
	if w.seal, err = sealing(key, line, header.Salt); err != nil {
		return nil, err
	}
	_, err = out.Write(append(line, '\n'))
	return w, err
}

// record writes one record.
func (w *moveWriter) record(kind byte, subject string, body []byte) error {
	head := binary.AppendUvarint(binary.AppendUvarint([]byte{kind}, uint64(len(subject))), uint64(len(body)))
	for _, part := range [][]byte{head, []byte(subject), body} {
		for len(part) > 0 {
			if len(w.chunk) == chunkSize {
				if err := w.flush(false); err != nil {
					return err
				}
			}
			n := min(len(part), chunkSize-len(w.chunk))
			w.chunk = append(w.chunk, part[:n]...)
			part = part[n:]
		}
	}
	return nil
}

func (w *moveWriter) flush(last bool) error {
	w.sealed = w.seal.Seal(w.sealed[:0], chunkNonce(w.number, last), w.chunk, nil)
	w.number++
	clear(w.chunk)
	w.chunk = w.chunk[:0]
	_, err := w.out.Write(w.sealed)
	return err
}

// end writes the end.
func (w *moveWriter) end(all Moved) error {
	body, err := json.Marshal(&all)
	if err != nil {
		return err
	}
	if err := w.record(kindEnd, "", body); err != nil {
		return err
	}
	return w.flush(true)
}

// A moveReader decrypts the file.
type moveReader struct {
	in     *bufio.Reader
	seal   cipher.AEAD
	number uint64
	sealed []byte
	plain  []byte // of the chunk that is being read, what is left of it
	last   bool
}

// readMoveHeader reads the first line.
func readMoveHeader(in *bufio.Reader) (header moveHeader, line []byte, err error) {
	line, err = in.ReadSlice('\n')
	if err != nil || len(line) > maxMoveHeader {
		return header, nil, badFile("this is no exported ledger")
	}
	line = bytes.Clone(line[:len(line)-1])
	if json.Unmarshal(line, &header) != nil || header.Format == "" {
		return header, nil, badFile("this is no exported ledger")
	}
	if header.Format != moveFormat {
		return header, nil, badFile("the file is of another format than this program reads, %s", moveFormat)
	}
	return header, line, nil
}

func newMoveReader(in io.Reader, key []byte) (*moveReader, moveHeader, error) {
	r := &moveReader{in: bufio.NewReaderSize(in, maxMoveHeader), sealed: make([]byte, chunkSize+16)}
	header, line, err := readMoveHeader(r.in)
	if err != nil {
		return nil, header, err
	}
	r.seal, err = sealing(key, line, header.Salt)
	return r, header, err
}

// Read implements io.Reader. It gives out nothing that was not written so, and
// io.EOF only where the file was ended.
func (r *moveReader) Read(p []byte) (int, error) {
	for len(r.plain) == 0 {
		if r.last {
			return 0, io.EOF
		}
		n, err := io.ReadFull(r.in, r.sealed)
		switch {
		case err == nil:
		case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		default:
			return 0, err
		}
		if _, err := r.in.Peek(1); err != nil {
			r.last = true
		}
		if r.plain, err = r.seal.Open(r.sealed[:0], chunkNonce(r.number, r.last), r.sealed[:n], nil); err != nil {
			return 0, errNotWhole
		}
		r.number++
	}
	n := copy(p, r.plain)
	r.plain = r.plain[n:]
	return n, nil
}

// readRecords calls each for every record, the end among them, and fails unless
// the end is the end. body is valid during the call only.
func readRecords(in io.Reader, each func(kind byte, subject string, body []byte) error) error {
	buffered := bufio.NewReaderSize(in, chunkSize)
	var body []byte
	for {
		kind, err := buffered.ReadByte()
		if err != nil {
			return notEnded(err)
		}
		var lengths [2]uint64
		for i, most := range []uint64{maxSubject, 2 * maxEntry} {
			if lengths[i], err = binary.ReadUvarint(buffered); err != nil {
				return notEnded(err)
			}
			if lengths[i] > most {
				return badFile("the file holds a record that cannot be one")
			}
		}
		subject := make([]byte, lengths[0])
		if _, err := io.ReadFull(buffered, subject); err != nil {
			return notEnded(err)
		}
		body = append(body[:0], make([]byte, lengths[1])...)
		if _, err := io.ReadFull(buffered, body); err != nil {
			return notEnded(err)
		}
		if err := each(kind, string(subject), body); err != nil {
			return err
		}
		if kind == kindEnd {
			if _, err := buffered.ReadByte(); err != io.EOF {
				return badFile("the file goes on behind its end")
			}
			return nil
		}
	}
}

// maxSubject bounds a subject in bytes: the longest has a word and two names.
const maxSubject = 64 + 2*maxPrincipal

// notEnded is the error for a file that ends before its end.
func notEnded(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errNotWhole
	}
	return err
}

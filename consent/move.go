package consent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A Moving says how a ledger is moved.
type Moving struct {
	// Key, of MovingKeySize bytes, encrypts the file. Take it from
	// identity.MovingKey: then whoever cannot read the nodes' keys cannot read
	// the file, and a ledger cannot come to nodes that would find nobody in it.
	Key []byte

	// Live takes a copy while nodes are at work, as a backup. What they change
	// afterwards is not in it, and withdrawals may be among that, so it is not for
	// moving: ImportLedger takes it only when Live is set there too.
	Live bool

	// Progress is told how many of how many messages are done. It may be nil.
	Progress func(stage string, done, of int)
}

func (m *Moving) show(stage string, done, of int) {
	if m.Progress != nil && of > 0 {
		m.Progress(stage, done, of)
	}
}

// ExportLedger writes a whole ledger to out, from the embedded store under
// config.Dir or, with config.NATSURL, from a cluster: every entry of the chain as
// it is, and who is behind the records. People who were erased stay so. The file
// is encrypted; see Moving. No node may have the ledger open meanwhile, unless it
// is for a backup. Nothing is changed.
//
// Of config it uses Dir, NATSURL, NATS and Logger. It fails with ledger_damaged,
// ledger_busy, bad_key or ledger_unavailable.
func ExportLedger(ctx context.Context, config LedgerConfig, moving Moving, out io.Writer) (Moved, error) {
	var moved Moved
	signer, err := ownSigner(config)
	if err != nil {
		return moved, err
	}
	known := &witness{path: config.file(witnessFile)}
	if err := known.read(); err != nil {
		return moved, err
	}
	if config.NATSURL == "" {
		if numbers, err := blockNumbers(config.dir(), streamName); err == nil && len(numbers) == 0 && known.sequence == 0 {
			return moved, unavailable("there is no ledger in this data directory", nil)
		}
	}
	s, err := openToMove(ctx, config, known.sequence)
	if err != nil {
		return moved, err
	}
	defer s.close()
	info, err := s.stream.Info(ctx)
	if err != nil {
		return moved, readFailed(err)
	}
	if info.State.Consumers > 0 && !moving.Live {
		return moved, &Error{Code: CodeLedgerBusy, Message: "nodes have this ledger open, and what they change would be lost: stop them first " +
			"(one that was killed counts for half a minute), or take a copy of it as a backup"}
	}
	w, err := newMoveWriter(out, moving.Key, moveHeader{ExportedAt: time.Now().UTC().Truncate(time.Second), ReceiptKey: signer.keyID, Live: info.State.Consumers > 0})
	if err != nil {
		return moved, err
	}
	chain, err := s.readChain(ctx, known, func(sequence uint64, subject string, body []byte) error {
		moving.show("exporting", int(sequence), int(info.State.LastSeq))
		return w.record(kindEntry, subject, body)
	})
	if err != nil {
		return moved, err
	}
	switch {
	case chain.entries == 0:
		return moved, unavailable("there is no ledger here", nil)
	case chain.sequence != chain.entries:
		return moved, damaged(chain.sequence, "entries before it are missing")
	}
	moved.Audit = chain.audit()
	people, received, err := s.readRegister(ctx)
	if err != nil {
		return moved, err
	}
	for subject, body := range received {
		if err := w.record(kindReceived, subject, body); err != nil {
			return moved, err
		}
		moved.Received++
	}
	owned := map[string]struct{}{}
	for subject, who := range people {
		record := who.record()
		if p := chain.people[record]; p != nil && p.erased {
			continue // an erasure that was cut short
		}
		owned[record] = struct{}{}
		if err := w.record(kindPerson, subject, who.secret[:]); err != nil {
			return moved, err
		}
		moved.Registered++
	}
	if err := everybodyOwned(chain, owned); err != nil {
		return moved, err
	}
	return moved, w.end(moved)
}

// everybodyOwned checks that somebody is behind each record that was not erased.
func everybodyOwned(chain *state, owned map[string]struct{}) error {
	for record, p := range chain.people {
		if _, known := owned[record]; !known && !p.erased {
			return damaged(p.sequence, "the register does not say whose it is, so nobody could take it back")
		}
	}
	return nil
}

// ownSigner returns the key that signs receipts, and makes none: a ledger comes
// from and goes to nodes that have their keys.
func ownSigner(config LedgerConfig) (*signer, error) {
	if _, err := os.Stat(config.file(receiptKeyFile)); err != nil {
		return nil, &Error{Code: CodeBadKey, Message: "the data directory holds no " + receiptKeyFile + ": copy the keys of the nodes there first", cause: err}
	}
	return openSigner(config.file(receiptKeyFile))
}

// openToMove opens the store that a ledger is moved from or to.
func openToMove(ctx context.Context, config LedgerConfig, acknowledged uint64) (*store, error) {
	nothing := func(uint64, string, []byte) error { return nil }
	s, err := openStore(ctx, config.store(acknowledged, intake{nothing, nothing}, config.logger()))
	if err != nil {
		return nil, notOpened(err)
	}
	return s, nil
}

// readRegister reads all of the register. In a cluster the one that answers may
// be behind, so as many messages have to come as there are.
func (s *store) readRegister(ctx context.Context) (people map[string]*who, received map[string][]byte, err error) {
	for range maxTries {
		info, err := s.register.Info(ctx)
		if err != nil {
			return nil, nil, readFailed(err)
		}
		people, received = map[string]*who{}, map[string][]byte{}
		if info.State.Msgs > 0 {
			err = s.load(ctx, s.register, func(sequence uint64, subject string, body []byte) error {
				if _, _, ok := receivedIn(subject); ok {
					received[subject] = bytes.Clone(body)
					return nil
				}
				w, err := readWho(sequence, subject, body)
				people[subject] = w
				return err
			})
		}
		if err != nil {
			return nil, nil, readFailed(err)
		}
		if uint64(len(people)+len(received)) >= info.State.Msgs {
			return people, received, nil
		}
	}
	return nil, nil, unavailable("the register cannot be read as a whole: are most of the cluster's servers there?", nil)
}

// ImportLedger puts a ledger that ExportLedger wrote into the embedded store under
// config.Dir or, with config.NATSURL, into a cluster that InitCluster has set up.
// All of the file is checked before anything is written: that it is whole, the
// chain from the first entry to the last, and that somebody is behind each record.
// Afterwards all is read back and compared. So the moved ledger has the same head,
// and each receipt stands for the same entry.
//
// The place that it goes to must be empty. One import that was cut short is
// finished by calling it again with the same file; until then no node opens what
// is there.
//
// Of config it uses Dir, NATSURL, NATS, Replicas and Logger. It fails with
// bad_ledger_file, ledger_not_empty, ledger_damaged, bad_key or
// ledger_unavailable.
func ImportLedger(ctx context.Context, config LedgerConfig, moving Moving, in io.ReadSeeker) (Moved, error) {
	signer, err := ownSigner(config)
	if err != nil {
		return Moved{}, err
	}
	moved, err := checkFile(ctx, moving, signer, in)
	if err != nil {
		return moved, err
	}
	known := &witness{path: config.file(witnessFile)}
	if err := known.read(); err != nil {
		return moved, err
	}
	// A note of what an embedded store had, or of this very ledger when it was here
	// before, does not stand in the way.
	if config.NATSURL == "" && known.sequence > 0 && (known.sequence != moved.Newest || known.digest != moved.Head) {
		return moved, notEmpty("the data directory", "a ledger was here: take another directory, or move "+storeFolder+", "+witnessFile+" and "+placeFile+" away")
	}
	s, err := openToMove(ctx, config, 0)
	if err != nil {
		return moved, err
	}
	defer s.close()
	if err := s.fill(ctx, config, moving, moved, known, in); err != nil {
		return moved, err
	}
	moving.show("verifying", 0, 1)
	chain, err := s.readChain(ctx, &witness{}, nil)
	if err != nil {
		return moved, err
	}
	if chain.audit() != moved.Audit {
		return moved, damaged(chain.sequence, "what was imported is not what the file holds: somebody else has written to the same place")
	}
	people, received, err := s.readRegister(ctx)
	if err != nil {
		return moved, err
	}
	if len(people) != moved.Registered || len(received) != moved.Received {
		return moved, &Error{Code: CodeLedgerDamaged, Message: "the register that was imported is not the one that the file holds: somebody else has written to the same place"}
	}
	moving.show("verifying", 1, 1)
	return moved, leaveWitness(config, moved)
}

// leaveWitness notes how far the ledger has come.
func leaveWitness(config LedgerConfig, moved Moved) error {
	w, err := openWitness(config.file(witnessFile))
	if err != nil {
		return err
	}
	if moved.Newest > 0 {
		_, err = w.file.WriteAt(fmt.Appendf(nil, witnessForm, moved.Newest, moved.Head), 0)
	}
	return errors.Join(err, w.file.Sync(), w.close())
}

// checkFile reads the whole file and returns what it holds.
func checkFile(ctx context.Context, moving Moving, signer *signer, in io.ReadSeeker) (moved Moved, err error) {
	size, err := in.Seek(0, io.SeekEnd)
	if err != nil {
		return moved, err
	}
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return moved, err
	}
	r, header, err := newMoveReader(in, moving.Key)
	if err != nil {
		return moved, err
	}
	switch {
	case header.ReceiptKey != signer.keyID:
		return moved, &Error{Code: CodeBadKey, Message: "the receipts of this ledger were signed with another " + receiptKeyFile + " than the one here: copy the one that belongs to it"}
	case header.Live && !moving.Live:
		return moved, badFile("the file is a copy that was taken while nodes were at work: what was withdrawn since is not in it, so it may only be taken as a backup")
	}
	chain, owned := newState(), map[string]struct{}{}
	stated := Moved{}
	err = readRecords(r, func(kind byte, subject string, body []byte) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		moving.show("checking", int(r.number)*chunkSize, int(size))
		switch kind {
		case kindEntry:
			change, n, err := chain.check(chain.sequence+1, subject, body)
			if err != nil {
				return err
			}
			chain.put(chain.sequence+1, body, change, n)
		case kindReceived:
			if _, _, ok := receivedIn(subject); !ok || !json.Valid(body) {
				return badFile("the file holds a count that is none")
			}
			moved.Received++
		case kindPerson:
			w, err := readWho(0, subject, body)
			if err != nil {
				return err
			}
			record := w.record()
			if _, twice := owned[record]; twice || (chain.people[record] != nil && chain.people[record].erased) {
				return badFile("the file names somebody twice, or somebody who was erased")
			}
			owned[record] = struct{}{}
			moved.Registered++
		case kindEnd:
			return json.Unmarshal(body, &stated)
		default:
			return badFile("the file holds a record of a kind that this program does not know")
		}
		return nil
	})
	if err != nil {
		return moved, err
	}
	moved.Audit = chain.audit()
	if moved != stated {
		return moved, badFile("the file does not hold what it says it holds")
	}
	return moved, everybodyOwned(chain, owned)
}

// fill writes what the file holds, after what an earlier try has left.
func (s *store) fill(ctx context.Context, config LedgerConfig, moving Moving, moved Moved, known *witness, in io.ReadSeeker) error {
	place := "the cluster"
	if config.NATSURL == "" {
		place = "the data directory"
	}
	info, err := s.stream.Info(ctx)
	if err != nil {
		return readFailed(err)
	}
	people, received, err := s.readRegister(ctx)
	if err != nil {
		return err
	}
	there := info.State.LastSeq
	switch {
	case there == moved.Newest && known.sequence == there && known.digest == moved.Head:
		return notEmpty(place, "it holds this ledger already, and nothing was changed")
	case there < moved.Newest && len(people)+len(received) > 0, there > moved.Newest, len(people) > moved.Registered, len(received) > moved.Received:
		return notEmpty(place, "what it holds is not from this file")
	}
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return err
	}
	r, _, err := newMoveReader(in, moving.Key)
	if err != nil {
		return err
	}
	all := int(moved.Newest) + moved.Registered + moved.Received
	batch, done := &batch{store: s}, 0
	sequence, stage := uint64(0), byte(kindEntry)
	err = readRecords(r, func(kind byte, subject string, body []byte) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if kind != stage { // what comes next must not be there before all of this is
			if err := batch.wait(); err != nil {
				return err
			}
			stage = kind
		}
		done++
		moving.show("importing", min(done, all), all)
		switch kind {
		case kindEntry:
			sequence++
			if sequence > there {
				return batch.put(subject, body, jetstream.WithExpectStream(streamName), jetstream.WithExpectLastSequence(sequence-1))
			}
			before, has, err := s.get(ctx, sequence)
			if err != nil {
				return readFailed(err)
			}
			if before != subject || !bytes.Equal(has, body) {
				return notEmpty(place, "what it holds is not from this file")
			}
		case kindReceived:
			if has, ok := received[subject]; ok && bytes.Equal(has, body) {
				return nil
			}
			return batch.put(subject, body, jetstream.WithExpectStream(registerName), jetstream.WithExpectLastSequencePerSubject(0))
		case kindPerson:
			if has := people[subject]; has != nil && bytes.Equal(has.secret[:], body) {
				return nil
			}
			return batch.put(subject, body, jetstream.WithExpectStream(registerName), jetstream.WithExpectLastSequencePerSubject(0))
		}
		return nil
	})
	// Also what was cut short waits for what is on its way, so that it is there
	// when it is done again.
	err = errors.Join(err, batch.wait())
	var own *Error
	switch {
	case err == nil, errors.As(err, &own):
		return err
	case errors.Is(err, context.Canceled):
		return unavailable("the import was cut short: do it again with the same file, and it goes on where it stopped", err)
	}
	return unavailable("the import was cut short, do it again with the same file, and it goes on where it stopped", errors.New(withoutPeople(err.Error())))
}

func notEmpty(place, why string) error {
	return &Error{Code: CodeLedgerNotEmpty, Message: place + " is not empty: " + why}
}

// maxBatch is how many messages are on their way at a time.
const maxBatch = 256

// A batch writes many messages in their order, and does not wait for each.
type batch struct {
	store   *store
	pending []jetstream.PubAckFuture
}

func (b *batch) put(subject string, body []byte, options ...jetstream.PublishOpt) error {
	future, err := b.store.js.PublishMsgAsync(&nats.Msg{Subject: subject, Data: bytes.Clone(body)}, options...)
	if err != nil {
		return err
	}
	if b.pending = append(b.pending, future); len(b.pending) < maxBatch {
		return nil
	}
	return b.wait()
}

// wait returns when all is on disk, or is known not to be: each message is given
// up after a time.
func (b *batch) wait() error {
	var failed error
	for _, future := range b.pending {
		select {
		case <-future.Ok():
		case err := <-future.Err():
			if failed == nil {
				failed = err
			}
		}
	}
	b.pending = b.pending[:0]
	return failed
}

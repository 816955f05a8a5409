package consent

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
)

// maxRequestKey bounds a key in bytes.
const maxRequestKey = 128

type requestKey struct{}

// WithRequestKey returns a context for one change that knows it by a key of the
// caller's choice, as the Idempotency-Key header of HTTP carries. When the same
// person makes the same change with the same key again, nothing happens a second
// time and the answer is the first one's, however much later, on whichever node,
// and whatever else has happened in between: so a yes that is sent again does
// not undo a no. The same key with another change fails with request_key_reused.
//
// The key is kept in the entry, as a digest, for as long as the ledger is. A
// change that found nothing to do has no entry and is not remembered.
func WithRequestKey(ctx context.Context, key string) context.Context {
	return context.WithValue(ctx, requestKey{}, key)
}

// CheckRequestKey fails with bad_request_key for a key that WithRequestKey does
// not take: it is 1 to 128 printable ASCII characters.
func CheckRequestKey(key string) error {
	ok := 0 < len(key) && len(key) <= maxRequestKey
	for i := range len(key) {
		ok = ok && ' ' <= key[i] && key[i] <= '~'
	}
	if !ok {
		return &Error{Code: CodeBadRequestKey, Message: "the key of a request is 1 to 128 printable ASCII characters"}
	}
	return nil
}

// A request is what somebody asked for under a key. A nil request has no key.
type request struct {
	key  string
	asks string // digest of what is asked for

	looked uint64 // the revision up to which history does not have the key
}

// requestOf returns the request of a change: its kind and what it asks for.
func requestOf(ctx context.Context, kind string, asks any) (*request, error) {
	key, ok := ctx.Value(requestKey{}).(string)
	if !ok {
		return nil, nil
	}
	if err := CheckRequestKey(key); err != nil {
		return nil, err
	}
	body, err := json.Marshal(asks)
	if err != nil {
		return nil, err
	}
	return &request{key: key, asks: digest(sha256.Sum256(fmt.Appendf(nil, "%s %s", kind, body))).String()}, nil
}

// in returns the digest of the key for one record, so that the same key of two
// people does not show.
func (r *request) in(record string) string {
	return digest(sha256.Sum256(fmt.Appendf(nil, "%s %s", record, r.key))).String()
}

var errKeyReused = &Error{Code: CodeRequestKeyReused, Message: "this key came with another request before: take a new key for each"}

// earlier returns what came of a request when it was made before, and a done
// without an entry when it was not. A person who has not changed since the last
// look is not looked at again.
func (l *Ledger) earlier(ctx context.Context, r *request, p *person) (done, error) {
	if r == nil || p == nil || p.revision == r.looked {
		return done{}, nil
	}
	record := p.who.record()
	key := r.in(record)
	var found done
	err := l.store.read(ctx, l.store.stream, 1, changeSubject+record, func(sequence uint64, subject string, body []byte) error {
		e, err := decodeChange(subject, body)
		if err != nil {
			return damaged(sequence, "%v", err)
		}
		if e.RequestKey == key {
			if e.Request != r.asks {
				return errKeyReused
			}
			found = done{person: p, entry: e, sequence: sequence, digest: sha256.Sum256(body)}
			return errEnough
		}
		if sequence >= p.sequence {
			return errEnough
		}
		return nil
	})
	if err != nil {
		return done{}, readFailed(err)
	}
	if found.entry == nil {
		r.looked = p.revision
	}
	return found, nil
}

// againNo is again for a no. When the store cannot be asked it finds nothing, so
// that the no is tried, fails, and shuts the gate all the same.
func (l *Ledger) againNo(ctx context.Context, r *request, principal string) (done, error) {
	d, err := l.again(ctx, r, principal)
	if errors.Is(err, &Error{Code: CodeLedgerUnavailable}) {
		return done{}, nil
	}
	return d, err
}

// again returns what came of a request when it was made before. It is asked
// before the request is checked against the current notice: what was taken once
// is answered in the same way for ever. And it is asked before a change has its
// turn, so that nobody waits for somebody's long history to be read.
func (l *Ledger) again(ctx context.Context, r *request, principal string) (done, error) {
	if r == nil {
		return done{}, nil
	}
	p, err := l.personInStore(ctx, principal)
	if errors.Is(err, ErrNeverAsked) {
		return done{}, nil
	}
	if err != nil {
		return done{}, err
	}
	return l.earlier(ctx, r, p)
}

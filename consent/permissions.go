package consent

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/tempogate/tempogate/consent/internal/keyfile"
)

// DefaultAccount is the name of the NATS account that NATSAccount writes unless
// told otherwise.
const DefaultAccount = "TEMPOGATE"

// The files that NATSAccount keeps the seeds of its users in.
const (
	setupKeyFile     = "setup.nk"
	nodeKeyFile      = "node.nk"
	recipientKeyFile = "recipient-%s.nk"
)

// A NATSUser is one who may connect to the NATS servers, and what they may do
// there. Nothing that is not listed is allowed.
type NATSUser struct {
	Name      string   // setup, node, or recipient and its name
	Key       string   // public nkey
	Seed      string   // file with the seed of it
	Publish   []string // subjects
	Subscribe []string // subjects
	Responses bool     // may answer what it is sent
}

// NATSUsers returns the users of a ledger in a NATS cluster: one that sets it up,
// one that the nodes are, and one for each recipient, who may hear its own tempo,
// answer that it came, and nothing else. Their seeds are files under dir that only
// the owner may read; they are made on first use and kept after that. It fails
// with unknown_recipient for what cannot be the name of one, and with bad_key.
func NATSUsers(dir string, recipients []string) ([]NATSUser, error) {
	entries := []string{changeSubject + "*", noticeSubject + "*.*", personSubject + "*", receivedSubject + "*.*"}
	inbox := []string{"_INBOX.>"}
	var reading []string
	for _, stream := range []string{streamName, registerName} {
		reading = append(reading, "$JS.API.STREAM.INFO."+stream, "$JS.API.STREAM.MSG.GET."+stream)
		for _, call := range []string{"CREATE", "INFO", "MSG.NEXT", "DELETE"} {
			reading = append(reading, "$JS.API.CONSUMER."+call+"."+stream+".>")
		}
	}
	users := []NATSUser{{
		Name: "setup", Seed: setupKeyFile,
		Publish: append([]string{"$JS.API.>", userInfoSubject}, entries...), Subscribe: inbox,
	}, {
		Name: "node", Seed: nodeKeyFile,
		Publish: slices.Concat([]string{"$JS.API.INFO", userInfoSubject, "$JS.API.STREAM.MSG.DELETE." + registerName, tempoSubject + "*", nodesSubject},
			reading, entries),
		Subscribe: append([]string{tempoSubject + "*", nodesSubject}, inbox...), Responses: true,
	}}
	for _, name := range recipients {
		if !noticeName.MatchString(name) {
			return nil, &Error{Code: CodeUnknownRecipient, Message: fmt.Sprintf("%q cannot be the name of a recipient", name)}
		}
		users = append(users, NATSUser{
			Name: "recipient " + name, Seed: fmt.Sprintf(recipientKeyFile, name),
			Subscribe: []string{tempoSubject + name}, Responses: true,
		})
	}
	if err := makeDir(dir); err != nil {
		return nil, &Error{Code: CodeBadKey, Message: "the folder for keys cannot be written to", cause: err}
	}
	for i := range users {
		u := &users[i]
		u.Seed = filepath.Join(dir, u.Seed)
		var err error
		if u.Key, err = keyfile.NKey(u.Seed); err != nil {
			return nil, &Error{Code: CodeBadKey, Message: "the key of the " + u.Name + " cannot be used", cause: err}
		}
	}
	return users, nil
}

// AppendNATSAccount appends to dst an account with these users, in the form of
// the configuration of nats-server, for each server of the cluster to include.
// The name of the account has to be one of letters, digits, '-' and '_'. It holds
// no secret.
func AppendNATSAccount(dst []byte, account string, users []NATSUser) ([]byte, error) {
	if !isWord(account, maxPrincipal) {
		return dst, &Error{Code: CodeBadConfig, Message: "the name of an account is made of letters, digits, '-' and '_'"}
	}
	dst = fmt.Appendf(dst, "accounts {\n  %s {\n    jetstream: enabled\n    users: [\n", account)
	for _, u := range users {
		publish := "deny: \">\""
		if len(u.Publish) > 0 {
			publish = "allow: [" + quoted(u.Publish) + "]"
		}
		dst = fmt.Appendf(dst, "      # %s\n      { nkey: %s, permissions: {\n          publish: { %s }\n          subscribe: { allow: [%s] }\n",
			u.Name, u.Key, publish, quoted(u.Subscribe))
		if u.Responses {
			dst = fmt.Appendf(dst, "          allow_responses: { max: 1, expires: \"%s\" }\n", 2*takenWithin)
		}
		dst = append(dst, "      } }\n"...)
	}
	return append(dst, "    ]\n  }\n}\n"...), nil
}

func quoted(subjects []string) string {
	words := make([]string, len(subjects))
	for i, s := range subjects {
		words[i] = strconv.Quote(s)
	}
	return strings.Join(words, ", ")
}

// ReceiveTempo is Ledger.Receive for a recipient that connects to the NATS
// servers itself, with credentials of its own: it calls each with every estimate,
// from all nodes, until the context ends or each fails, and returns that error.
// What each has taken without an error is counted as delivered. Once it listens,
// it calls each with nil. A connection that is lost is made anew. Whoever is slow
// misses estimates, and lost is called with how many that were, as far as this
// side can tell; it may be nil.
func ReceiveTempo(ctx context.Context, servers string, access NATSAccess, recipient string, each func(line []byte) error, lost func(estimates int)) error {
	if !noticeName.MatchString(recipient) {
		return &Error{Code: CodeUnknownRecipient, Message: fmt.Sprintf("%q cannot be the name of a recipient", recipient)}
	}
	if err := checkServers(servers); err != nil {
		return unavailable("tempo cannot be received", err)
	}
	options, err := access.options()
	if err != nil {
		return err
	}
	conn, err := nats.Connect(servers, append(options,
		nats.Name("tempogate recipient"), nats.MaxReconnects(-1), nats.IgnoreAuthErrorAbort(),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), // asked for below
	)...)
	if err != nil {
		return unavailable("tempo cannot be received", notLetIn(err, access))
	}
	defer conn.Close()
	lines := make(chan *nats.Msg, outboxSize)
	subscription, err := conn.ChanSubscribe(tempoSubject+recipient, lines)
	if err == nil {
		err = flush(ctx, conn)
	}
	if err == nil && errors.Is(conn.LastError(), nats.ErrPermissionViolation) {
		err = fmt.Errorf("these credentials may not hear the tempo for %s", recipient)
	}
	if err != nil {
		return unavailable("tempo cannot be received", err)
	}
	if err := each(nil); err != nil {
		return err
	}
	for missed := 0; ; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case m := <-lines:
			if err := each(m.Data); err != nil {
				return err
			}
			if err := m.Respond(nil); err != nil && !errors.Is(err, nats.ErrMsgNoReply) {
				return unavailable("tempo cannot be received", err)
			}
		}
		if n, err := subscription.Dropped(); err == nil && n > missed {
			if lost != nil {
				lost(n - missed)
			}
			missed = n
		}
	}
}

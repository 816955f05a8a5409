package consent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A NATSAccess says how to get into an external NATS cluster. The zero value
// shows no credentials, and speaks TLS where the address (tls://) or the server
// asks for it. At most one of Credentials, NKey and User may be set.
type NATSAccess struct {
	Credentials string // file with a user's JWT and seed, as nsc writes it (.creds)
	NKey        string // file with the seed of an nkey
	User        string
	Password    string // of User

	CA   string // file with the certificates (PEM) to trust, in place of the system's
	Cert string // file with the client certificate (PEM), for servers that ask for one
	Key  string // file with its private key
}

// DefaultReplicas is how many servers of a cluster keep the ledger unless a
// LedgerConfig says otherwise: of three, one may be lost.
const DefaultReplicas = 3

const (
	// tempoFlushTimeout bounds how long a server that does not read is waited for,
	// so that closing a ledger is quick.
	tempoFlushTimeout = time.Second

	// askTimeout bounds a question that may go unanswered, and askAgain is the
	// pause after one that nobody can answer yet.
	askTimeout = 2 * time.Second
	askAgain   = 100 * time.Millisecond
)

// connect connects to the server, embedded or external: once for the ledger, and
// once for what is derived.
func (s *store) connect(config storeConfig) (err error) {
	if err := checkServers(config.servers); err != nil {
		return err
	}
	options, err := config.access.options()
	if err != nil {
		return err
	}
	log := config.log
	options = append(options,
		nats.MaxReconnects(-1),
		nats.ReconnectWait(reconnectWait),
		nats.ReconnectJitter(reconnectWait, reconnectWait),
		// A change that could not be sent has failed, and must not happen later.
		nats.ReconnectBufSize(-1),
		// A node whose credentials are changed, or that is told so wrongly, tries on.
		nats.IgnoreAuthErrorAbort(),
		// Without a handler the library writes to standard error.
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if errors.Is(err, nats.ErrPermissionViolation) {
				s.denied(err)
			}
			log.Warn("ledger store", "says", withoutPeople(err.Error()))
		}),
	)
	if s.embedded != nil {
		options = append(options, nats.InProcessServer(s.embedded))
	}
	s.conn, err = nats.Connect(config.servers, append(options,
		nats.Name("tempogate ledger"),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("ledger lost its store", "cause", err)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) {
			log.Info("ledger found its store again")
			s.relink()
		}),
	)...)
	if err != nil {
		return notLetIn(err, config.access)
	}
	s.tempo, err = nats.Connect(config.servers, append(options, nats.Name("tempogate tempo"), nats.FlusherTimeout(tempoFlushTimeout))...)
	if err != nil {
		return notLetIn(err, config.access)
	}
	s.js, err = jetstream.New(s.conn, jetstream.WithPublishAsyncTimeout(electionTimeout))
	return err
}

// options returns what the NATS library wants to know.
func (a NATSAccess) options() (options []nats.Option, err error) {
	ways := 0
	for _, way := range []string{a.Credentials, a.NKey, a.User} {
		if way != "" {
			ways++
		}
	}
	switch {
	case ways > 1:
		return nil, &Error{Code: CodeBadConfig, Message: "give one of a credentials file, an nkey file, and a user with a password"}
	case a.Password != "" && a.User == "":
		return nil, &Error{Code: CodeBadConfig, Message: "a password belongs to a user"}
	case (a.Cert == "") != (a.Key == ""):
		return nil, &Error{Code: CodeBadConfig, Message: "a client certificate and its key belong together"}
	}
	switch {
	case a.Credentials != "":
		// The library reads it at each connecting, and so takes a new one.
		if err := canRead(a.Credentials); err != nil {
			return nil, err
		}
		options = append(options, nats.UserCredentials(a.Credentials))
	case a.NKey != "":
		if err := canRead(a.NKey); err != nil {
			return nil, err
		}
		key, err := nats.NkeyOptionFromSeed(a.NKey)
		if err != nil {
			return nil, &Error{Code: CodeBadKey, Message: "the nkey file " + a.NKey + " holds no seed of a user (SU...)"}
		}
		options = append(options, key)
	case a.User != "":
		options = append(options, nats.UserInfo(a.User, a.Password))
	}
	if a.CA != "" {
		options = append(options, nats.RootCAs(a.CA))
	}
	if a.Cert != "" {
		options = append(options, nats.ClientCert(a.Cert, a.Key))
	}
	return options, nil
}

// canRead says which file it is that cannot be read.
func canRead(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return &Error{Code: CodeBadKey, Message: "the credentials cannot be read", cause: err}
	}
	return f.Close()
}

// notLetIn says in words of this side why there is no connection.
func notLetIn(err error, access NATSAccess) error {
	switch {
	case !errors.Is(err, nats.ErrAuthorization) && !errors.Is(err, nats.ErrAuthExpired):
		return fmt.Errorf("no connection: %w", err)
	case access == NATSAccess{CA: access.CA, Cert: access.Cert, Key: access.Key}:
		return fmt.Errorf("no connection: the server asks for credentials, and none were given: %w", err)
	}
	return fmt.Errorf("no connection: the server does not take these credentials: %w", err)
}

// checkServers sees to it that no error of the library quotes an address, which
// may hold a password.
func checkServers(servers string) error {
	for i, server := range strings.Split(servers, ",") {
		if _, err := url.Parse(strings.TrimSpace(server)); err != nil {
			return fmt.Errorf("server %d is not an address like nats://host:4222", i+1)
		}
	}
	return nil
}

// watchPermissions returns a context that ends, with that as its cause, when the
// server does not allow something. It would be waited for in vain: the server
// says so beside the request and not in answer to it.
func (s *store) watchPermissions(ctx context.Context) (watched context.Context, done func()) {
	watched, cancel := context.WithCancelCause(ctx)
	s.mu.Lock()
	s.allow = cancel
	s.mu.Unlock()
	return watched, func() {
		s.mu.Lock()
		s.allow = nil
		s.mu.Unlock()
		cancel(nil)
	}
}

func (s *store) denied(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.allow != nil {
		s.allow(fmt.Errorf("these credentials do not have the permissions of a node, as tempogate cluster permissions prints them: %s",
			withoutPeople(err.Error())))
	}
}

// replicated reports whether the store has several replicas. It looks at what is
// known of it and asks nobody.
func (s *store) replicated() bool { return s.stream.CachedInfo().Config.Replicas > 1 }

// openExternal finds the streams of an external server or cluster, and sees
// whether all is as a node needs it.
func (s *store) openExternal(ctx context.Context, config storeConfig) error {
	account := s.account(ctx)
	if _, err := s.js.AccountInfo(ctx); err != nil {
		return s.explain(ctx, account, err)
	}
	clustered := s.conn.ConnectedClusterName() != ""
	wanted := wantedReplicas(config.replicas, clustered)
	// In a cluster streams that are not there are more likely looked for in the
	// wrong place than not made yet, and would be made there.
	if err := s.openStreams(ctx, config.acknowledged == 0 && !clustered, wanted); err != nil {
		return s.explain(ctx, account, err)
	}
	for _, stream := range []jetstream.Stream{s.stream, s.register} {
		if c := stream.CachedInfo().Config; c.Replicas < wanted {
			return fmt.Errorf("stream %s is kept by %d of the servers, %d are wanted: run tempogate cluster init with --nats-replicas %d, or give fewer here",
				c.Name, c.Replicas, wanted, wanted)
		}
	}
	if err := s.checkPermissions(ctx); err != nil {
		return s.explain(ctx, account, err)
	}
	config.log.Info("ledger is in NATS", "account", account, "cluster", s.conn.ConnectedClusterName(), "replicas", s.stream.CachedInfo().Config.Replicas)
	return nil
}

// wantedReplicas returns how many replicas there are to be.
func wantedReplicas(configured int, clustered bool) int {
	switch {
	case configured > 0:
		return configured
	case clustered:
		return DefaultReplicas
	}
	return 1
}

// explain says in words of this side why an account does not do.
func (s *store) explain(ctx context.Context, account string, err error) error {
	var api *jetstream.APIError
	var own *Error
	switch {
	case context.Cause(ctx) != nil && !errors.Is(context.Cause(ctx), context.Canceled) && !errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		return context.Cause(ctx)
	case errors.As(err, &own):
		return err
	case errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		return fmt.Errorf("%s has no JetStream: enable it in the configuration of the servers, or use the credentials of another account: %w", account, err)
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled):
		return fmt.Errorf("the servers have no JetStream that %s could use: enable it in their configuration: %w", account, err)
	case errors.Is(err, jetstream.ErrStreamNotFound) && s.conn.ConnectedClusterName() != "":
		return fmt.Errorf("%s does not hold the ledger: run tempogate cluster init there, or use the credentials of the account that holds it: %w", account, err)
	case errors.Is(err, jetstream.ErrNoStreamResponse), errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout):
		return fmt.Errorf("the store in %s does not answer: are most of its servers there?: %w", account, err)
	case errors.As(err, &api):
		return fmt.Errorf("%s: %w", account, err)
	}
	return err
}

// account asks the server which account the connection belongs to, and returns
// it in words. Servers tell whom they let ask.
func (s *store) account(ctx context.Context) string {
	const unknown = "the account of these credentials"
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	answer, err := s.tempo.RequestWithContext(ctx, userInfoSubject, nil)
	if err != nil {
		return unknown
	}
	var told struct {
		Data struct {
			Account string `json:"account"`
			Name    string `json:"account_name"`
		} `json:"data"`
	}
	if json.Unmarshal(answer.Data, &told) != nil || told.Data.Account == "" {
		return unknown
	}
	if told.Data.Name != "" {
		return "account " + told.Data.Name
	}
	return "account " + told.Data.Account
}

// userInfoSubject is where a server tells who somebody is to it.
const userInfoSubject = "$SYS.REQ.USER.INFO"

// probeWord stands where the name of a record, a person or a recipient would.
const probeWord = "permission-check"

// checkPermissions sees whether a node may do all that it will have to, by
// asking for things that come to nothing.
func (s *store) checkPermissions(ctx context.Context) error {
	for _, subject := range []string{
		changeSubject + probeWord, noticeSubject + probeWord + ".en",
		personSubject + probeWord, receivedSubject + probeWord + "." + probeWord,
	} {
		// No stream has that name, so the one that gets it refuses.
		_, err := s.js.PublishMsg(ctx, &nats.Msg{Subject: subject}, jetstream.WithExpectStream(probeWord))
		if !isAPIError(err) {
			return fmt.Errorf("a change cannot be written: %w", err)
		}
	}
	// No message has the number 0.
	if err := s.register.SecureDeleteMsg(ctx, 0); err != nil && !isAPIError(err) && !errors.Is(err, jetstream.ErrMsgDeleteUnsuccessful) {
		return fmt.Errorf("nobody could be forgotten: %w", err)
	}
	// Nobody takes these for a message: no recipient has that name, and nodes say
	// more than nothing.
	for _, subject := range []string{tempoSubject + probeWord, nodesSubject} {
		if err := s.tempo.Publish(subject, nil); err != nil {
			return err
		}
	}
	others, err := s.tempo.SubscribeSync(nodesSubject)
	if err != nil {
		return err
	}
	defer others.Unsubscribe() // fails only when the connection has ended
	if err := flush(ctx, s.tempo); err != nil {
		return err
	}
	if err := s.tempo.LastError(); errors.Is(err, nats.ErrPermissionViolation) && !strings.Contains(err.Error(), userInfoSubject) {
		s.denied(err)
		return err
	}
	return nil
}

// flush returns when the server has seen all that was sent, and has said what of
// it it does not allow.
func flush(ctx context.Context, conn *nats.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return conn.FlushWithContext(ctx)
}

func isAPIError(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api)
}

// heardFromMost returns how long ago the leader that has answered last heard
// from so many others that they and it are a majority: 0 where there are no
// others. It fails where there is no leader, or one that has not heard from them
// yet.
func heardFromMost(cluster *jetstream.ClusterInfo) (time.Duration, error) {
	if cluster == nil || len(cluster.Replicas) == 0 {
		return 0, nil
	}
	if cluster.Leader == "" {
		return 0, errNoLeader
	}
	var heard []time.Duration
	for _, peer := range cluster.Replicas {
		if peer.Active > 0 { // 0 is said of a server that was never heard from
			heard = append(heard, peer.Active)
		}
	}
	needed := (len(cluster.Replicas) + 1) / 2 // and the leader itself
	if len(heard) < needed {
		return 0, errNoMajority
	}
	slices.Sort(heard)
	return heard[needed-1], nil
}

var (
	errNoLeader   = errors.New("the cluster is electing a leader")
	errNoMajority = errors.New("the leader has not heard from most of the others yet")
)

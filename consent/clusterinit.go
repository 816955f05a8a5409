package consent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// A ClusterReport says what InitCluster found and did.
type ClusterReport struct {
	Cluster string         `json:"cluster,omitempty"` // name of the NATS cluster; empty for a server in none
	Server  string         `json:"server"`            // version of the server that answered
	Account string         `json:"account"`
	Storage int64          `json:"storage_bytes"`      // that the account may use on disk; -1 for no limit
	Used    uint64         `json:"storage_used_bytes"` // of that
	Streams []StreamReport `json:"streams"`            // the chain and the register
	Warning string         `json:"warning,omitempty"`  // what an operator should know; empty when all is well
}

// A StreamReport says how one stream was found and left.
type StreamReport struct {
	Stream   string   `json:"stream"`
	Found    bool     `json:"found"`            // it was there already
	Mended   []string `json:"mended,omitempty"` // what was changed in one that was
	Replicas int      `json:"replicas"`         // servers that keep it
	Leader   string   `json:"leader,omitempty"` // the one that all writes go through now
	Current  int      `json:"replicas_current"` // replicas that have everything, as of the end of the call
	Messages uint64   `json:"messages"`         // that it holds
	Bytes    uint64   `json:"bytes"`            // of those
}

// replicaPoll is how often InitCluster looks whether all replicas are current.
const replicaPoll = 200 * time.Millisecond

// InitCluster sets up what nodes need in the JetStream of an external NATS
// cluster, config.NATSURL: the streams of the ledger, each on config.Replicas
// servers. What is there already is left as it is, so that it may be called again;
// more replicas than before are made, and settings that would let entries be
// deleted or answers be old are taken back. It returns when all replicas have
// everything.
//
// Of config it uses NATSURL, NATS, Replicas and Logger. It fails with
// ledger_unavailable, and says what the account lacks, or which stream of the
// same name is not one of a ledger.
func InitCluster(ctx context.Context, config LedgerConfig) (*ClusterReport, error) {
	s, err := config.connectExternal()
	if err != nil {
		return nil, notOpened(err)
	}
	defer s.close()
	ctx, done := s.watchPermissions(ctx)
	defer done()
	report := &ClusterReport{Cluster: s.conn.ConnectedClusterName(), Server: s.conn.ConnectedServerVersion(), Account: s.account(ctx)}
	if err := s.setUp(ctx, config, report); err != nil {
		return nil, unavailable("the cluster cannot be set up", s.explain(ctx, report.Account, err))
	}
	return report, nil
}

// connectExternal connects to an external server, and to nothing else.
func (c *LedgerConfig) connectExternal() (*store, error) {
	if c.NATSURL == "" {
		return nil, &Error{Code: CodeBadConfig, Message: "no NATS server is named"}
	}
	s := &store{}
	s.relink()
	if err := s.connect(c.store(0, intake{}, c.logger())); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *store) setUp(ctx context.Context, config LedgerConfig, report *ClusterReport) error {
	account, err := s.js.AccountInfo(ctx)
	if err != nil {
		return err
	}
	limits, used := account.Limits, account.Store
	for _, tier := range account.Tiers { // accounts of an operator may have limits by the number of replicas
		limits, used = tier.Limits, used+tier.Store
	}
	report.Storage, report.Used = limits.MaxStore, used
	wanted := wantedReplicas(config.Replicas, report.Cluster != "")
	for _, stream := range []struct {
		config jetstream.StreamConfig
		check  func(jetstream.StreamConfig) error
	}{{streamConfig(), checkStream}, {registerConfig(), checkRegister}} {
		told, err := s.setUpStream(ctx, replicated(stream.config, wanted), stream.check)
		if err != nil {
			return err
		}
		report.Streams = append(report.Streams, told)
	}
	switch {
	case report.Cluster == "":
		report.Warning = "this server is in no cluster: when it is away or lost, so is the ledger"
	case report.Streams[0].Replicas < DefaultReplicas:
		report.Warning = "with fewer than 3 replicas the ledger does not survive the loss of a server"
	}
	return nil
}

// setUpStream makes a stream, or mends one that is there.
func (s *store) setUpStream(ctx context.Context, wanted jetstream.StreamConfig, check func(jetstream.StreamConfig) error) (told StreamReport, err error) {
	told.Stream = wanted.Name
	stream, err := s.js.Stream(ctx, wanted.Name)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		stream, err = s.js.CreateStream(ctx, wanted)
	case err == nil:
		told.Found = true
		mended := stream.CachedInfo().Config
		if told.Mended = mend(&mended, wanted); len(told.Mended) == 0 {
			break
		}
		if err := check(mended); err != nil {
			return told, err
		}
		stream, err = s.js.UpdateStream(ctx, mended)
	}
	if err != nil {
		return told, notMade(wanted, err)
	}
	if err := check(stream.CachedInfo().Config); err != nil {
		return told, fmt.Errorf("%w; if it holds nothing that you need, delete it and try again", err)
	}
	for {
		info, err := stream.Info(ctx)
		if err != nil {
			return told, err
		}
		told.Replicas, told.Messages, told.Bytes, told.Current = info.Config.Replicas, info.State.Msgs, info.State.Bytes, 1
		if info.Cluster != nil {
			told.Leader = info.Cluster.Leader
			for _, peer := range info.Cluster.Replicas {
				if peer.Current {
					told.Current++
				}
			}
		}
		if told.Current >= told.Replicas {
			return told, nil
		}
		select {
		case <-time.After(replicaPoll):
		case <-ctx.Done():
			return told, fmt.Errorf("stream %s: %d of its %d replicas have caught up so far: %w", wanted.Name, told.Current, told.Replicas, ctx.Err())
		}
	}
}

// mend changes what can be changed without doubt, and says what that is. Fewer
// replicas are never made.
func mend(c *jetstream.StreamConfig, wanted jetstream.StreamConfig) (mended []string) {
	if c.Replicas < wanted.Replicas {
		mended = append(mended, fmt.Sprintf("replicas: %d, were %d", wanted.Replicas, c.Replicas))
		c.Replicas = wanted.Replicas
	}
	if c.AllowDirect {
		mended = append(mended, "direct reads are not allowed any more")
		c.AllowDirect = false
	}
	if wanted.DenyDelete && !(c.DenyDelete && c.DenyPurge) {
		mended = append(mended, "deletion and purging are denied")
		c.DenyDelete, c.DenyPurge = true, true
	}
	return mended
}

// notMade says in words of this side why a stream could not be made so.
func notMade(wanted jetstream.StreamConfig, err error) error {
	var api *jetstream.APIError
	if errors.As(err, &api) {
		switch api.ErrorCode {
		case codeNoPeers, codeNotClustered:
			return fmt.Errorf("stream %s cannot have %d replicas: fewer servers than that have JetStream and room for it, "+
				"add servers or ask for fewer replicas: %w", wanted.Name, wanted.Replicas, err)
		case codeBytesRequired:
			return fmt.Errorf("stream %s would need a limit of bytes in this account, and the ledger never forgets: "+
				"lift max_bytes_required: %w", wanted.Name, err)
		}
	}
	return fmt.Errorf("stream %s: %w", wanted.Name, err)
}

// Error codes of nats-server (server/errors.json) that the library has no names
// for.
const (
	codeLeaderless    jetstream.ErrorCode = 10008 // JetStream system temporarily unavailable
	codeInProcess     jetstream.ErrorCode = 10158 // duplicate message id is in process
	codeNoPeers       jetstream.ErrorCode = 10005 // no suitable peers for placement
	codeNotClustered  jetstream.ErrorCode = 10074 // replicas > 1 not supported in non-clustered mode
	codeBytesRequired jetstream.ErrorCode = 10113 // account requires a stream config to have max bytes set
)

// AuditCluster checks the ledger in an external NATS cluster, config.NATSURL, as
// AuditFolder does one in files: every entry follows from the one before, nobody's
// changes have a gap, and nothing is missing that the node of config.Dir has
// acknowledged, if there is one. It changes nothing. It fails with
// ledger_damaged, naming the first entry that is not in order, or with
// ledger_unavailable.
//
// Of config it uses Dir, NATSURL, NATS and Logger.
func AuditCluster(ctx context.Context, config LedgerConfig) (Audit, error) {
	known := &witness{path: config.file(witnessFile)} // read first: the store is never behind it
	if err := known.read(); err != nil {
		return Audit{}, err
	}
	s, err := config.connectExternal()
	if err != nil {
		return Audit{}, notOpened(err)
	}
	defer s.close()
	ctx, done := s.watchPermissions(ctx)
	defer done()
	if err := s.openStreams(ctx, false, 0); err != nil {
		return Audit{}, notOpened(s.explain(ctx, s.account(ctx), err))
	}
	state, err := s.readChain(ctx, known, nil)
	if err != nil {
		return Audit{}, err
	}
	return state.audit(), nil
}

// readChain reads all entries that are there now and checks that each follows
// from the one before and that nothing is missing that the witness has seen. each,
// if there is one, is called for every one of them.
func (s *store) readChain(ctx context.Context, known *witness, each func(sequence uint64, subject string, body []byte) error) (*state, error) {
	again := newState()
	newest, _, err := s.last(ctx, 0)
	if err != nil {
		return nil, readFailed(err)
	}
	if newest == 0 {
		return again, known.reached(0)
	}
	err = s.readThrough(ctx, s.stream, 1, "", func(sequence uint64, subject string, body []byte) error {
		change, n, err := again.check(sequence, subject, body)
		if err != nil {
			return err
		}
		if err := known.saw(sequence, body); err != nil {
			return err
		}
		again.put(sequence, body, change, n)
		if each != nil {
			if err := each(sequence, subject, body); err != nil {
				return err
			}
		}
		if sequence >= newest {
			return errEnough
		}
		return nil
	})
	if err != nil {
		return nil, readFailed(err)
	}
	return again, known.reached(again.sequence)
}

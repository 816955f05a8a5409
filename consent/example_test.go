package consent_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/tempogate/tempogate/consent"
)

// The whole course: a notice, a yes, the gate, a session that watches, and a
// withdrawal that has taken effect before it is answered.
func ExampleLedger() {
	dir, err := os.MkdirTemp("", "tempogate")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	ledger, err := consent.OpenLedger(ctx, consent.LedgerConfig{Dir: dir})
	if err != nil {
		panic(err)
	}
	defer ledger.Close()

	const ada = "4vrneemecd525gtmivbtxmkxne2wxyodzaazi7nbe5mj2jiqm7ha" // a pseudonym, see package identity
	fmt.Println("before:", ledger.Decide(ada, consent.Acceleration).Reason)

	notice := ledger.Notice() // shown to the person
	receipt, err := ledger.Give(ctx, ada, consent.GiveRequest{
		NoticeVersion: notice.Version,
		NoticeSHA256:  notice.SHA256,
		Categories:    []consent.Category{consent.Acceleration},
		Method:        "example",
	})
	if err != nil {
		panic(err)
	}
	fmt.Println("receipt:", receipt.Event.Change, receipt.Event.Validity, receipt.Verify(ledger.Keys()))
	fmt.Println("motion:", ledger.Decide(ada, consent.Acceleration).Reason)
	fmt.Println("location:", ledger.Decide(ada, consent.Location).Reason)

	stop := ledger.Watch(ada, func(g consent.Grant) {
		if !g.Covers(consent.Acceleration) {
			fmt.Println("session: ended,", g.State)
		}
	})
	defer stop()
	if _, err := ledger.Withdraw(ctx, ada, "example"); err != nil {
		panic(err)
	}
	fmt.Println("after:", ledger.Decide(ada, consent.Acceleration).Reason)
	// Output:
	// before: never_asked
	// receipt: given PT15552000S <nil>
	// motion: allowed
	// location: category_not_granted
	// session: ended, withdrawn
	// after: withdrawn
}

// A receipt is checked with the published keys and nothing else.
func ExampleReceipt_Verify() {
	dir, err := os.MkdirTemp("", "tempogate")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	ledger, err := consent.OpenLedger(ctx, consent.LedgerConfig{Dir: dir})
	if err != nil {
		panic(err)
	}
	notice := ledger.Notice()
	receipt, err := ledger.Give(ctx, "ada", consent.GiveRequest{
		NoticeVersion: notice.Version, NoticeSHA256: notice.SHA256,
		Categories: []consent.Category{consent.Acceleration}, Method: "example",
	})
	if err != nil {
		panic(err)
	}
	file, _ := json.Marshal(receipt)
	published, _ := json.Marshal(ledger.Keys())
	ledger.Close()

	keys, err := consent.ParseKeys(published)
	if err != nil {
		panic(err)
	}
	kept, err := consent.ParseReceipt(file)
	if err != nil {
		panic(err)
	}
	fmt.Println(kept.Verify(keys))
	kept.Purpose = "Advertising"
	fmt.Println(kept.Verify(keys))
	// Output:
	// <nil>
	// consent: the receipt cannot be relied on: its signature does not fit: it was changed after it was signed
}

// A third party that people named hears their tempo from the NATS servers, as
// itself and over a connection of its own, whichever node they run on.
func ExampleReceiveTempo() {
	ctx, cancel := context.WithCancel(context.Background())
	servers, runs, stop := aFleet() // of the operator; a recipient knows the addresses, and has a key
	defer stop()
	access := consent.NATSAccess{} // with the key: NATSAccess{NKey: "recipient-coach.nk"}

	err := consent.ReceiveTempo(ctx, servers, access, "coach", func(line []byte) error {
		if line == nil { // listening
			runs()
			return nil
		}
		var tempo struct {
			Person   string // the name that coach alone knows the runner by
			Activity string
			BPM      int
		}
		if err := json.Unmarshal(line, &tempo); err != nil {
			return err
		}
		fmt.Println(len(tempo.Person), tempo.Activity, tempo.BPM)
		cancel() // enough for an example
		return nil
	}, func(estimates int) { fmt.Println("too slow, missed", estimates) })
	fmt.Println(err)
	// Output:
	// 52 run 163
	// context canceled
}

// aFleet is one server and one node, on which somebody who named coach runs when
// runs is called.
func aFleet() (servers string, runs, stop func()) {
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	dir, err := os.MkdirTemp("", "tempogate")
	must(err)
	nats, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true, JetStream: true, StoreDir: dir})
	must(err)
	go nats.Start()
	if !nats.ReadyForConnections(30 * time.Second) {
		panic("no server")
	}
	builtIn, err := consent.BuiltInNotices()
	must(err)
	notice, err := consent.ParseNotice(bytes.Replace(builtIn[0].Source(), []byte(`"recipients": []`),
		[]byte(`"recipients": [{"name": "coach", "why": "Plans your training."}]`), 1))
	must(err)
	ctx := context.Background()
	ledger, err := consent.OpenLedger(ctx, consent.LedgerConfig{Dir: dir, NATSURL: nats.ClientURL(), Notice: notice})
	must(err)
	_, err = ledger.Give(ctx, "runner", consent.GiveRequest{
		NoticeVersion: notice.Version, NoticeSHA256: notice.SHA256,
		Categories: []consent.Category{consent.Acceleration}, Recipients: []string{"coach"}, Method: "example",
	})
	must(err)
	runs = func() { ledger.Deliver("runner", []byte(`{"activity":"run","bpm":163}`)) }
	return nats.ClientURL(), runs, func() {
		must(ledger.Close())
		nats.Shutdown()
		nats.WaitForShutdown()
		must(os.RemoveAll(dir))
	}
}

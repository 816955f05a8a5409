package consent_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

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

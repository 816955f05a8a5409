// Package consent keeps who said yes to what, and answers one question: may
// data of this category of this person be taken in now?
//
// Most callers need two things: OpenLedger, and Ledger.Decide, which is the
// gate. A session also needs Ledger.Watch, to hear of a withdrawal before the
// next frame comes.
//
// # What happens to a yes
//
//	notice ──shown──▶ person ──Give──▶ entry ──▶ stream, synced to disk
//	                                                │
//	                 answer ◀── watchers ◀── state ◀┘   one reader, one order
//
// A Notice says in plain words what is collected and why, and is known by its
// version and the SHA-256 of its bytes. Give records a yes to those words, for
// some of the notice's categories. The yes is one entry of a stream in NATS
// JetStream, which is embedded in the process by default; every other change is
// one too. The state in memory is what the entries add up to. It changes in one
// place only, where entries come back from the stream, on the node that made
// the change as on every other. Give and Withdraw return after that: whoever has
// their answer finds it in Decide.
//
// # States
//
// Given, Refused and Withdrawn are written down; Expired is Given with its
// deadline behind it. The deadline is inside the record and Decide compares it
// with the clock, so nothing has to run for an expiry to take effect. A yes
// stands for the words it was given to: under a later version of the notice it
// counts only when that version, and every one between, says that it needs no
// fresh consent (TestTraces, notice_versions).
// Taking back an optional category keeps the rest; taking back one that the
// notice calls required takes back everything.
//
// # When the ledger cannot answer
//
// The answer is no. A node may answer for one lease after it asked the store
// for its newest entry and had taken that in; after that it could have missed a
// withdrawal. A withdrawal that cannot be put on disk is not acknowledged, and
// nothing of that person is let in all the same. A disk that is full stops
// changes and nothing else.
//
// # The chain
//
// Each entry holds the SHA-256 of the entry before it in the whole ledger, not
// only of the same person: so one digest stands for all of history, and a
// person cannot be left out of it unnoticed. The price is that changes are made
// one after the other, on all nodes together, by compare-and-set on the newest
// sequence of the stream. One change takes well under a millisecond, and people
// change their minds rarely. Every opening checks the chain, and Audit does on
// demand; a note beside the store of how far it had come tells of a store that
// was cut off or copied back. A receipt holds the place and digest of its entry
// and so is a witness in somebody else's hand.
//
// # Records and people
//
// The chain knows records, not people. What leads from a person to a record is a
// random secret that lies in the register, a second stream that can forget
// (register.go). Erase ends a consent, says so in the chain, and overwrites the
// secret: the chain stays whole, and nobody can tell any more whose the record
// was. The same secret gives each recipient of tempo its own name for a person,
// so that Deliver tells two of them nothing that they could join (delivery.go).
//
// # In a cluster
//
// With NATSURL the streams are those of an external JetStream, on several
// servers, and all else is the same. InitCluster makes them, and a node that
// starts says what does not do. There, the server that leads a stream answers
// for it; one that was cut off from the others believes for up to 20 s that it
// still leads, while they elect another. So a lease counts from when the leader
// last heard from most of the others, which it says with each answer, and a node
// that was cut off together with it stops within the lease (lease.go).
// ExportLedger and ImportLedger move a ledger from one kind of store to another.
//
// # Guarantees
//
//   - The reason of a decision is the first thing that is against it, for one
//     category (Decide) and for a frame (Permit): TestTheGate.
//   - A decision allocates nothing: TestDecideDoesNotAllocate; what it costs:
//     BenchmarkDecide.
//   - What was acknowledged is there after kill -9: TestKilledRightAfterAnAcknowledgement.
//     It was synced to disk before: TestTheStoreSyncsAlways.
//   - Every watcher has been told, and Decide refuses, before a withdrawal is
//     acknowledged: TestWatchersAreToldBeforeTheAnswer; on the other nodes too,
//     soon: TestAWithdrawalReachesTheOtherNode.
//   - However many changes race for one person, none is lost, and whoever was
//     answered last has the last word: TestAThousandChangesRaceForOnePerson,
//     TestTwoNodesRaceForOnePerson.
//   - "Nothing to change" is said only after asking the store:
//     TestNothingToChangeIsNotSaidFromMemory.
//   - A request that comes again with its key changes nothing and is answered as
//     before, after a restart, on another node, and after other changes:
//     TestARequestThatComesAgainChangesNothing, TestCopiesOfOneRequestRace.
//   - Whatever is asked in whatever order, and whenever the process is killed, the
//     ledger says what a model of a few lines says: TestOperationsWithKills.
//   - Nothing leads to whoever was erased, in the answers or in any file, and the
//     chain and the receipts verify: TestAnErasedPersonIsUnknown; also when the
//     process died meanwhile, TestAnErasureThatWasCutShortIsFinished, and on the
//     other nodes, TestTheOtherNodeForgetsToo.
//   - A record that belongs to nobody and was not erased is noticed:
//     TestALostRegisterIsNoticed.
//   - Tempo goes to whom the grant names and to nobody else, each under a name of
//     its own, and the person sees how much: TestTempoGoesToWhomTheGrantNames. A
//     withdrawal stops what is queued: TestAWithdrawalStopsWhatIsQueued.
//   - A lost store ends the node's answers within the lease: TestALostStoreEndsTheLease.
//     So does a store that was cut off from most of its servers:
//     TestALeaderThatIsCutOffRenewsNoLease.
//   - What is wrong with an account or its streams is said at the start:
//     TestAccountsThatDoNotDo, TestStreamsThatAreNoLedger; setting up may be
//     repeated: TestInitClusterMayBeRepeated.
//   - A recipient with credentials of its own hears its own tempo and nothing
//     else: TestRecipientsHearOnlyTheirOwn. One that is slow holds up nobody:
//     TestASlowRecipientHoldsUpNobody.
//   - A ledger that was moved is the same, and whoever was erased stays so:
//     TestAMovedLedgerIsTheSame. A file that is broken, and a place that is not
//     empty, are refused before anything is written: TestMovesThatAreRefused; a
//     move that was cut short is finished: TestAnImportThatWasCutShortIsFinished;
//     without the keys the file tells nothing: TestAMovedLedgerTellsNothing.
//   - A withdrawal that cannot be kept still shuts the gate:
//     TestAWithdrawalThatCannotBeKept.
//   - A full disk loses no grant and ends no other session:
//     TestAFullDiskLosesNoGrant, TestATornWriteLosesNoGrant,
//     TestAStoreOutOfSpaceLosesNoGrant.
//   - A changed, missing or forged entry is found and named: TestAFlippedByteIsFound,
//     TestAStoreThatIsMissingAPartIsNoticed, TestAForgedEntryStopsTheLedger; so is
//     a store from yesterday: TestAStoreFromYesterdayIsNoticed, and a whole folder
//     from yesterday: TestAFolderFromYesterdayIsNoticed.
//   - Any byte of an entry that is changed is found and named, in bounded time and
//     memory, before a server is started on it: TestEveryFlippedByteIsFoundInTheFiles,
//     TestADamagedSequenceDoesNotHangTheStart; a write that a crash cut short is
//     no damage: TestAWriteThatWasNeverFinished.
//   - A notice that was edited and kept its version is refused:
//     TestAnEditedNoticeIsRefused, TestWhatIsWrongAtTheOpening; in every
//     language: TestAnEditedTranslationIsRefused.
//   - A receipt verifies only as it was signed: TestAChangedReceiptDoesNotVerify.
//   - The embedded server opens no port, takes no signal and writes nothing to
//     the standard streams: TestTheEmbeddedServerKeepsToItself.
//   - No log line names anybody, not even by pseudonym: TestTheLogNamesNobody.
//
// The stories under testdata/trace show the rest in detail.
package consent

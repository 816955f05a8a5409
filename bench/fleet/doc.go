// Package fleet runs several ingest nodes on a cluster of NATS servers, all on
// this machine and each a process of its own, and looks at what becomes of
// people's consent when parts of it fail.
//
// Start brings a fleet up: servers with replication 3, whose routes go through a
// Link each, and nodes that reach the servers through Links. A Link can be cut
// (connections break, new ones are refused) or stalled (nothing comes through,
// and nobody is told). Processes can be killed, stopped, paused, and started
// anew.
//
// # What must never happen
//
// Faults has people give and take back consent and send motion through all nodes
// while one thing after another fails, drawn from a seed. A Checker is told of
// each change that was asked for and acknowledged, and of each frame that was
// answered with an estimate, with its time. It looks for two things:
//
//   - an acknowledged consent that is lost: it is not in the history at the end,
//     or a node that was asked more than a lease after the acknowledgement says
//     that there is none;
//   - a frame that was accepted after a withdrawal was acknowledged: sent more
//     than a lease after the acknowledgement, and answered.
//
// All times are of one clock, that of the process that runs the people: a frame
// counts from before it was sent, an acknowledgement from when it had come. So
// the rules are a little lenient, by the way there and back, and never accuse
// anybody wrongly.
//
// The checker is proved by planting: TestCheckerFindsWhatIsPlanted in histories of
// a few lines, and Config.Plant in a run (cmd/tempogate, fleet.txtar).
//
// # Beside that
//
// Restart restarts all nodes in turn under load and looks at how the sessions
// come back. Carry compares what a frame costs on one node and on two.
package fleet

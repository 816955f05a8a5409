// Package lockdown keeps what is in a process's memory from reaching a disk or
// another process.
//
// Apply turns off core dumps, makes the process unreadable for everybody but
// root, and sees to it that nothing is swapped out. What cannot be had is
// returned as warnings, in words for the operator, and is no error: a server on a
// machine that does not allow it serves all the same.
//
// # Guarantees
//
//   - A process that crashes, on its own or by SIGABRT, leaves no core file
//     (TestNoCoreFile).
//   - Another process of the same user cannot read its memory
//     (TestMemoryIsClosed), unless Config.Inspectable is set.
//
// # Swap
//
// Where the machine has no swap, or the control group of the process may not use
// any, there is nothing to do. Otherwise memory is locked, page by page as it is
// touched (MCL_ONFAULT), if the process has CAP_IPC_LOCK or no limit
// (RLIMIT_MEMLOCK). Under a limit it is not even tried: once it is reached, the
// runtime could get no memory any more. Locked memory is not given back to the
// system when it is freed.
package lockdown

#include "textflag.h"

// func prefetch(p unsafe.Pointer, bytes uintptr)
TEXT ·prefetch(SB), NOSPLIT|NOFRAME, $0-16
	MOVD p+0(FP), R0
	MOVD bytes+8(FP), R1
	ADD  R0, R1
	AND  $~63, R0
more:
	PRFM (R0), PLDL1KEEP
	ADD  $64, R0
	CMP  R1, R0
	BLO  more
	RET

// func prefetchStack()
//
// From the end of the stack, which is the first field of g, up to the stack
// pointer.
TEXT ·prefetchStack(SB), NOSPLIT|NOFRAME, $0-0
	MOVD (g), R0
	MOVD RSP, R1
more:
	PRFM (R0), PLDL1KEEP
	ADD  $64, R0
	CMP  R1, R0
	BLO  more
	RET

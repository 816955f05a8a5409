#include "textflag.h"

// func prefetch(p unsafe.Pointer, bytes uintptr)
TEXT ·prefetch(SB), NOSPLIT|NOFRAME, $0-16
	MOVQ p+0(FP), AX
	MOVQ bytes+8(FP), CX
	ADDQ AX, CX
	ANDQ $~63, AX
more:
	PREFETCHT0 (AX)
	ADDQ $64, AX
	CMPQ AX, CX
	JB   more
	RET

// func prefetchStack()
//
// From the end of the stack, which is the first field of g, up to its own return
// address.
TEXT ·prefetchStack(SB), NOSPLIT|NOFRAME, $0-0
	MOVQ (TLS), CX
	MOVQ (CX), AX
more:
	PREFETCHT0 (AX)
	ADDQ $64, AX
	CMPQ AX, SP
	JB   more
	RET

//go:build !noclear

#include "textflag.h"

// func clearStack()
//
// It clears from the end of the stack, which is the first field of g, up to its
// own return address. Nothing is in use there: there is no red zone, signals have
// a stack of their own, and a goroutine is not preempted in assembly.
TEXT ·clearStack(SB), NOSPLIT|NOFRAME, $0-0
	MOVQ (TLS), CX
	MOVQ (CX), DI
	MOVQ SP, CX
	SUBQ DI, CX
	SHRQ $3, CX
	XORL AX, AX
	CLD
	REP
	STOSQ
	PXOR X0, X0
	PXOR X1, X1
	PXOR X2, X2
	PXOR X3, X3
	PXOR X4, X4
	PXOR X5, X5
	PXOR X6, X6
	PXOR X7, X7
	PXOR X8, X8
	PXOR X9, X9
	PXOR X10, X10
	PXOR X11, X11
	PXOR X12, X12
	PXOR X13, X13
	PXOR X14, X14
	PXOR X15, X15
	RET

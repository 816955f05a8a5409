//go:build !noclear

#include "textflag.h"

// func clearStack()
//
// It clears from the end of the stack, which is the first field of g, up to the
// frame of its caller. Nothing is in use there: signals have a stack of their own,
// and a goroutine is not preempted in assembly.
TEXT ·clearStack(SB), NOSPLIT|NOFRAME, $0-0
	MOVD (g), R0
	MOVD RSP, R1
	// The word below the stack pointer holds the caller's frame pointer.
	SUB  $16, R1
loop:
	CMP  R1, R0
	BHS  done
	MOVD ZR, (R0)
	ADD  $8, R0
	B    loop
done:
	FMOVD ZR, F0
	FMOVD ZR, F1
	FMOVD ZR, F2
	FMOVD ZR, F3
	FMOVD ZR, F4
	FMOVD ZR, F5
	FMOVD ZR, F6
	FMOVD ZR, F7
	FMOVD ZR, F8
	FMOVD ZR, F9
	FMOVD ZR, F10
	FMOVD ZR, F11
	FMOVD ZR, F12
	FMOVD ZR, F13
	FMOVD ZR, F14
	FMOVD ZR, F15
	FMOVD ZR, F16
	FMOVD ZR, F17
	FMOVD ZR, F18
	FMOVD ZR, F19
	FMOVD ZR, F20
	FMOVD ZR, F21
	FMOVD ZR, F22
	FMOVD ZR, F23
	FMOVD ZR, F24
	FMOVD ZR, F25
	FMOVD ZR, F26
	FMOVD ZR, F27
	FMOVD ZR, F28
	FMOVD ZR, F29
	FMOVD ZR, F30
	FMOVD ZR, F31
	RET

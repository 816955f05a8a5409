package wire

// Limits of one frame. A frame beyond them is refused, not cut.
const (
	MaxSamples = 4096       // acceleration readings a frame, 40 s at 100 Hz
	MaxFixes   = 64         // location readings a frame
	MaxBlock   = 256 * 1024 // bytes that an S2 block may unfold to
	MaxDepth   = 32         // nested JSON objects and arrays

	// MaxAccelerationMPS2 is the largest acceleration that any axis may
	// show. Phones end at 8 or 16 g (157 m/s²); what lies beyond 1000 m/s²
	// was sent in another unit.
	MaxAccelerationMPS2 = 1000

	// Bounds of what a location may say. Nothing that carries a phone is faster
	// or knows less of its place.
	MaxSpeedMPS  = 1000
	MaxAccuracyM = 1e6
)

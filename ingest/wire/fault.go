package wire

import "strconv"

// A fault is a mistake in a JSON text. Zero is none. It is a number rather
// than an error so that the scanner stays free of allocations and of anything
// taken from the text.
type fault uint8

const (
	faultNone fault = iota
	faultEnd
	faultSyntax
	faultDepth
	faultNumber
	faultRange
	faultControl
	faultEscape
	faultUTF8
	faultTrailing
	faultTop
	faultPayload
	faultReading
	faultKeyTwice
	faultType
	faultUnknownType
	faultControlPayload
	faultNoName
	faultName
	faultNoTime
	faultTime
	faultTimeRange
	faultNoValues
	faultValues
	faultAxis
	faultUnits
	faultLatitude
	faultLongitude
	faultSpeed
	faultAccuracy
	faultMissing
	faultTooManySamples
	faultTooManyFixes
	faultActivity
	faultProbability
	faultConfidence
)

// faultText says what to mend. None of the texts may quote the input.
var faultText = [...]string{
	faultNone:           "",
	faultEnd:            "JSON ends too early",
	faultSyntax:         "not JSON",
	faultDepth:          "JSON nested deeper than 32",
	faultNumber:         "not a JSON number",
	faultRange:          "number beyond the range of a double",
	faultControl:        "control character in a JSON string",
	faultEscape:         "bad escape in a JSON string",
	faultUTF8:           "JSON string is not UTF-8",
	faultTrailing:       "something follows the JSON object",
	faultTop:            "must be a JSON object",
	faultPayload:        "payload must be an array",
	faultReading:        "each entry of payload must be an object",
	faultKeyTwice:       "a key that counts occurs twice in one object",
	faultType:           "type must be a string",
	faultUnknownType:    "unknown type: a control frame is withdraw or end, a batch has no type",
	faultControlPayload: "a control frame has no payload",
	faultNoName:         "a reading has no name",
	faultName:           "name must be a string",
	faultNoTime:         "a reading has no time",
	faultTime:           "time must be an integer of nanoseconds, without fraction or exponent",
	faultTimeRange:      "time is out of range",
	faultNoValues:       "a reading has no values",
	faultValues:         "values must be an object",
	faultAxis:           "an acceleration needs x, y and z, all numbers",
	faultUnits:          "acceleration beyond 1000 m/s2: send m/s2",
	faultLatitude:       "latitude must be -90 to 90 degrees",
	faultLongitude:      "longitude must be -180 to 180 degrees",
	faultSpeed:          "speed beyond 1000: send m/s",
	faultAccuracy:       "horizontalAccuracy beyond 1000 km: send metres",
	faultMissing:        "a location needs latitude and longitude, and numbers throughout",
	faultTooManySamples: "more than 4096 acceleration readings in a frame",
	faultTooManyFixes:   "more than 64 locations in a frame",
	faultActivity:       "unknown activity",
	faultConfidence:     "cadence_confidence must be from 0 to 1",
	faultProbability:    "p must be an object of numbers from 0 to 1",
}

// in makes the error for a mistake at a byte of a JSON text (for an S2 frame,
// of the text that it unfolds to).
func (f fault) in(text []byte, position int) *Error {
	if position >= len(text) {
		f = faultEnd
	}
	code := CodeMalformed
	if f == faultTooManySamples || f == faultTooManyFixes {
		code = CodeTooLarge
	}
	return &Error{Code: code, Detail: faultText[f] + " (at byte " + strconv.Itoa(position) + ")"}
}

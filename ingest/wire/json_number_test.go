package wire

import (
	"errors"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

var numbers = []string{
	"0", "-0", "1", "-1", "9.80665", "-9.806650161743164", "0.1", "0.30000000000000004",
	"1234567", "12345678", "123456789", "0.12345678", "0.123456789", "0.00000001", // around eight digits
	"1698501144401773000",
	"9007199254740993",                         // 2^53+1 lies between two doubles
	"9007199254740992.5", "4503599627370497.5", // ties go to even
	"9999999999999999999", "18446744073709551615", // 19 and 20 digits
	"0.9999999999999999999", "0.000000000000000000000000001",
	"0.0000000000000000000000000012345678901234567", // 10^-28: the slow way
	"5e-324", "2.2250738585072014e-308", "1.7976931348623157e308", "1e23", "9.5367431640625e-7", "1E+2", "1e-0007",
	"3.141592653589793238462643383279502884197",
	"0.000123456789012345678",
	"12345678901234567890123456789012345678901234567890.5",
}

// The fast way has to round exactly as the standard library does.
func TestParseNumberRoundsLikeStrconv(t *testing.T) {
	check := func(text string) {
		t.Helper()
		want, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal(err)
		}
		for _, behind := range []string{"", ",", "}        ", " ,12345678"} {
			got, next, f := parseNumber([]byte("x"+text+behind), 1)
			if f != faultNone || next != 1+len(text) || math.Float64bits(got) != math.Float64bits(want) {
				t.Errorf("parseNumber(%s) = %v, next %d, fault %d, want %v", text, got, next, f, want)
			}
			if end, f := skipNumber([]byte(text+behind), 0); f != faultNone || end != len(text) {
				t.Errorf("skipNumber(%s) stops at %d with fault %d", text, end, f)
			}
		}
	}
	for _, text := range numbers {
		check(text)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 50_000 {
		var text string
		switch v := (random.Float64() - 0.5) * math.Pow(10, float64(random.IntN(8)-4)); random.IntN(3) {
		case 0:
			text = strconv.FormatFloat(v, 'f', -1, 64)
		case 1:
			text = strconv.FormatFloat(float64(float32(v)), 'f', -1, 64) // as phones do
		default:
			text = strconv.FormatFloat(v, 'f', random.IntN(22), 64)
		}
		check(text)
	}
}

func TestNumbersThatAreNone(t *testing.T) {
	for _, text := range []string{
		"", "-", "+1", ".5", "1.", "-.5", "01", "-01", "1.e5", "1e", "1e+", "0x10", "NaN", "Infinity", "-Infinity", "--1", "1_000", "１",
	} {
		end, f := skipNumber([]byte(text), 0)
		v, next, pf := parseNumber([]byte(text), 0)
		// "01" and "0x10" begin with the number 0; what follows is found by
		// whoever looks for a comma.
		if f == faultNone && end == len(text) {
			t.Errorf("skipNumber takes %q", text)
		}
		if pf == faultNone && next == len(text) {
			t.Errorf("parseNumber takes %q as %v", text, v)
		}
		if (f == faultNone) != (pf == faultNone) || f == faultNone && end != next {
			t.Errorf("parseNumber and skipNumber disagree about %q", text)
		}
	}
	if _, _, f := parseNumber([]byte("1e999"), 0); f != faultRange {
		t.Error("1e999 has to be beyond a double")
	}
}

func TestParseTime(t *testing.T) {
	for _, c := range []struct {
		text string
		want int64
		f    fault
	}{
		{"0", 0, faultNone},
		{"-0", 0, faultNone},
		{"7", 7, faultNone},
		{"-12345678", -12345678, faultNone},
		{"1698501144401773000", 1698501144401773000, faultNone},
		{"4611686018427387904", 1 << 62, faultNone},
		{"-4611686018427387904", -1 << 62, faultNone},
		{"4611686018427387905", 0, faultTimeRange},
		{"9999999999999999999", 0, faultTimeRange},
		{"18446744073709551617", 0, faultTimeRange}, // 2^64+1 must not come out as 1
		{strings.Repeat("0", 30), 0, faultTimeRange},
		{"007", 0, faultNumber},
		{"1698501144401773000.0", 0, faultTime},
		{"1.698501144401773e18", 0, faultTime},
		{"1E3", 0, faultTime},
		{"\"1698501144401773000\"", 0, faultTime},
		{"null", 0, faultTime},
		{"-", 0, faultTime},
		{"", 0, faultTime},
	} {
		for _, behind := range []string{"", ",        "} {
			got, next, f := parseTime([]byte(c.text+behind), 0)
			if got != c.want || f != c.f || f == faultNone && next != len(c.text) {
				t.Errorf("parseTime(%s) = %d, next %d, fault %d, want %d, fault %d", c.text, got, next, f, c.want, c.f)
			}
		}
	}
}

// An error of the standard library holds a copy of the number. Nothing of it may
// stay: the frame that it came in is all that is overwritten by others.
func TestNumbersBeyondTheRangeLeaveNoCopy(t *testing.T) {
	text := []byte("7253819612345678901e999")
	_, err := strconv.ParseFloat(string(text), 64)
	var e *strconv.NumError
	if !errors.As(err, &e) || e.Num != string(text) {
		t.Fatalf("the control: an error without a copy, %v", err)
	}
	if _, _, f := parseSlow(text, 0); f != faultRange || string(text) != "7253819612345678901e999" {
		t.Errorf("fault %d, and the frame holds %s", f, text)
	}
}

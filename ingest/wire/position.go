package wire

import (
	"math"

	"github.com/tempogate/tempogate/classifier"
)

// earthRadiusM is the mean radius of the earth (IUGG, (2a+b)/3 of WGS 84).
const earthRadiusM = 6371008.8

const degree = math.Pi / 180

// clockSetBack is how far behind the last fix a fix may be and still count as
// late. Beyond that the phone's clock was set, and the track starts again.
const clockSetBack = 60e9 // ns

// positionHold is how long a position is kept while acceleration comes without
// fixes. A leg as long as that says little about the speed of now.
const positionHold = 10e9 // ns

// expire forgets the position when it is too old.
func (p *lastPosition) expire(now int64) {
	if p.known && now-p.sensorTime > positionHold {
		*p = lastPosition{}
	}
}

// lastPosition is where the phone was at the last fix: the one thing that
// outlives a frame. The zero value knows nothing.
type lastPosition struct {
	known               bool
	sensorTime          int64
	latitude, longitude float64 // degrees
}

// step fills in how far fix lies from the position before and moves on. It
// reports false, and leaves everything as it was, for a fix that is not newer
// than the last: between two fixes already used there is no "metres moved
// since the fix before".
//
// The earth is taken as a sphere, and as flat between two fixes
// (equirectangular projection at their mean latitude). The sphere costs up to
// 0.6 % against the ellipsoid, the flatness a few millimetres in 10 km, and a
// phone is wrong by several metres.
func (p *lastPosition) step(fix *classifier.Fix, latitude, longitude float64) bool {
	fix.EastM, fix.NorthM = math.NaN(), math.NaN()
	if p.known {
		since := fix.SensorTime - p.sensorTime
		if since <= 0 && since > -clockSetBack {
			return false
		}
		if since > 0 {
			fix.EastM, fix.NorthM = displacement(p.latitude, p.longitude, latitude, longitude)
		}
	}
	*p = lastPosition{known: true, sensorTime: fix.SensorTime, latitude: latitude, longitude: longitude}
	return true
}

// displacement returns the metres from one position to another.
func displacement(latitude1, longitude1, latitude2, longitude2 float64) (eastM, northM float64) {
	turn := longitude2 - longitude1
	if turn > 180 { // over the date line
		turn -= 360
	} else if turn < -180 {
		turn += 360
	}
	northM = (latitude2 - latitude1) * degree * earthRadiusM
	eastM = turn * degree * earthRadiusM * math.Cos((latitude1+latitude2)/2*degree)
	return eastM, northM
}

// moved is the inverse of displacement: where one is after walking so far.
func moved(latitude, longitude, eastM, northM float64) (latitude2, longitude2 float64) {
	latitude2 = latitude + northM/(degree*earthRadiusM)
	longitude2 = longitude + eastM/(degree*earthRadiusM*math.Cos((latitude+latitude2)/2*degree))
	return latitude2, longitude2
}

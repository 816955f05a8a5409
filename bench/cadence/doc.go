// Package cadence measures how well the tempo follows the steps.
package cadence

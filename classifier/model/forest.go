package model

import "github.com/tempogate/tempogate/classifier/feature"

const (
	// MaxTrees and MaxLeaves bound a forest that is read.
	MaxTrees  = 512
	MaxLeaves = 4096

	featureBits = 8
	leafMark    = 1<<featureBits - 1 // feature of a node that is a leaf
)

// A Node is one node of a tree. The nodes of a tree stand in the order of a
// walk that goes to the low side first, so that the low side of a split is the
// node after it.
type Node struct {
	Threshold float32 // a value above it goes to the high side
	link      uint32  // the feature, and above its bits the place of what is next: one word is loaded faster than two
}

// A Tree splits the space of features and holds the shares of the classes in
// each piece.
type Tree struct {
	Nodes  []Node
	Shares [][Classes]float32 // of each leaf, in the order of the leaves
}

// A Forest is a number of trees, whose shares are averaged (Breiman 2001).
type Forest []Tree

// Split returns the node that sends what lies above the threshold to the node
// at place high of the same tree.
func Split(feature int, threshold float32, high int) Node {
	return Node{threshold, uint32(high)<<featureBits | uint32(feature)}
}

// Leaf returns the node that is a leaf with the shares at the given place.
func Leaf(place int) Node { return Node{link: uint32(place)<<featureBits | leafMark} }

// IsLeaf tells a leaf from a split.
func (n Node) IsLeaf() bool { return n.link&leafMark == leafMark }

// Feature returns the place in feature.Names of what a split looks at.
func (n Node) Feature() int { return int(n.link & leafMark) }

// Next returns of a split the place of the high side, of a leaf that of its
// shares.
func (n Node) Next() int { return int(n.link >> featureBits) }

// shares writes the mean of the shares of the leaves that f falls into to
// dst. 0 allocations.
func (forest Forest) shares(dst *Scores, f *[slots]float32) {
	// Not an array, which would be added to in memory, one tree after the other.
	var a, b, c, d, e float32
	for t := range forest {
		nodes, place := forest[t].Nodes, 0
		n := nodes[0]
		for !n.IsLeaf() {
			place++
			if f[n.Feature()%slots] > n.Threshold {
				place = n.Next()
			}
			n = nodes[place]
		}
		leaf := &forest[t].Shares[n.Next()]
		a, b, c, d, e = a+leaf[0], b+leaf[1], c+leaf[2], d+leaf[3], e+leaf[4]
	}
	for k, sum := range [Classes]float32{a, b, c, d, e} {
		dst[k] = float64(sum) / float64(len(forest))
	}
}

// slots is a power of two that holds feature.Count, so that a place
// needs no check.
const slots = 64

var _ = [slots - feature.Count]struct{}{} // does not compile when there are more

package model

import (
	"math"
	"strconv"
	"strings"

	"github.com/tempogate/tempogate/classifier/feature"
)

// shareUnit is what a share is counted in: a leaf of a few dozen windows knows
// its shares no better than to a thousandth.
const shareUnit = 1000

// append writes the number of trees and a line for each. A split is the place
// of its feature, a colon and its threshold, and is followed by what lies below
// the threshold and then by what lies above; a leaf is its shares in thousandths.
//
//	fine 2
//	tree 3:0.52 1000,0,0,0,0 7:-1.5 0,900,100,0,0 0,20,980,0,0
//	tree 1000,0,0,0,0
func (forest Forest) append(dst []byte, name string) []byte {
	dst = append(append(dst, name...), ' ')
	dst = strconv.AppendInt(dst, int64(len(forest)), 10)
	dst = append(dst, '\n')
	for t := range forest {
		dst = append(dst, "tree"...)
		for _, n := range forest[t].Nodes {
			dst = append(dst, ' ')
			if !n.IsLeaf() {
				dst = strconv.AppendUint(dst, uint64(n.Feature()), 10)
				dst = append(dst, ':')
				dst = strconv.AppendFloat(dst, float64(n.Threshold), 'g', 6, 32)
				continue
			}
			for k, share := range forest[t].Shares[n.Next()] {
				if k > 0 {
					dst = append(dst, ',')
				}
				dst = strconv.AppendInt(dst, int64(math.Round(float64(share)*shareUnit)), 10)
			}
		}
		dst = append(dst, '\n')
	}
	return dst
}

func (p *parser) forest(name string) Forest {
	count := p.one(name)
	if p.err == nil && !(count >= 1 && count <= MaxTrees && count == math.Trunc(count)) {
		p.fail("%v trees: 1 to %d are possible", count, MaxTrees)
	}
	if p.err != nil {
		return nil
	}
	forest := make(Forest, int(count))
	for t := range forest {
		fields := strings.Fields(p.word("tree"))
		if left := p.tree(&forest[t], fields, 0); len(left) > 0 {
			p.fail("%q after the last leaf", clip(left[0]))
		}
	}
	return forest
}

// maxDepth bounds the splits between the root and a leaf.
const maxDepth = 200

// tree appends the nodes that the first fields describe to t and returns the
// fields after them.
func (p *parser) tree(t *Tree, fields []string, depth int) []string {
	switch {
	case p.err != nil:
		return nil
	case len(fields) == 0:
		p.fail("a split has nothing on one side")
		return nil
	case depth > maxDepth || len(t.Shares) >= MaxLeaves:
		p.fail("a tree of more than %d leaves or %d splits deep", MaxLeaves, maxDepth)
		return nil
	}
	number, threshold, split := strings.Cut(fields[0], ":")
	if !split {
		t.Nodes = append(t.Nodes, Leaf(len(t.Shares)))
		t.Shares = append(t.Shares, p.shares(fields[0]))
		return fields[1:]
	}
	place := len(t.Nodes)
	t.Nodes = append(t.Nodes, Node{})
	f, err := strconv.ParseUint(number, 10, 8)
	if err != nil || f >= uint64(feature.Count) {
		p.fail("%q is no feature's place", clip(number))
	}
	value, err := strconv.ParseFloat(threshold, 32)
	if err != nil || math.IsNaN(value) || math.IsInf(value, 0) {
		p.fail("%q is not a finite number", clip(threshold))
	}
	fields = p.tree(t, fields[1:], depth+1)
	t.Nodes[place] = Split(int(f), float32(value), len(t.Nodes))
	return p.tree(t, fields, depth+1)
}

// shares reads a leaf.
func (p *parser) shares(field string) (shares [Classes]float32) {
	parts := strings.Split(field, ",")
	if len(parts) != Classes {
		p.fail("%q is neither a split nor a leaf with %d shares", clip(field), Classes)
		return shares
	}
	for k, part := range parts {
		n, err := strconv.ParseUint(part, 10, 16)
		if err != nil || n > shareUnit {
			p.fail("%q is no share in thousandths", clip(part))
		}
		shares[k] = float32(n) / shareUnit
	}
	return shares
}

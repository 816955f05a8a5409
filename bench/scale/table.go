package scale

import (
	"fmt"
	"math"
	"time"
)

// Append appends to dst what so many users need, which limit comes first, and what
// the formulas say beside what was simulated, as Markdown. It calls tell with each
// number of users before it simulates for it.
func (c Config) Append(dst []byte, users []float64, seed uint64, tell func(users float64)) []byte {
	var plans []Plan
	for _, n := range users {
		plans = append(plans, c.Plan(n))
	}
	dst = appendPlans(dst, plans)
	dst = append(dst, "\nIn one cluster, the first comes first:\n\n"...)
	dst = appendLimits(dst, plans[0].Limits)
	for _, p := range plans {
		tell(p.Users)
		dst = fmt.Appendf(dst, "\nA day of one of the clusters of %s users, with %s users and %d nodes:\n\n",
			amount(p.Users), amount(p.Users/float64(p.Cells)), p.Nodes/p.Cells)
		dst = appendChecks(dst, c.Simulate(p, seed))
	}
	return dst
}

// appendPlans appends to dst plans as a table, one column each.
func appendPlans(dst []byte, plans []Plan) []byte {
	dst = append(dst, "| users |"...)
	for _, p := range plans {
		dst = fmt.Appendf(dst, " %s |", amount(p.Users))
	}
	dst = append(dst, "\n|---|"...)
	for range plans {
		dst = append(dst, "---|"...)
	}
	dst = append(dst, '\n')
	for _, row := range []struct {
		what string
		cell func(Plan) string
	}{
		{"clusters, each with a ledger of its own", func(p Plan) string { return amount(float64(p.Cells)) }},
		{"sessions at the busiest moment of the day", func(p Plan) string { return amount(p.Peak) }},
		{"so many or fewer in all but one of 10 000 days", func(p Plan) string { return amount(p.Likely) }},
		{"sessions that begin, a second, at the busiest moment", func(p Plan) string { return amount(p.Starts) }},
		{"sessions that a node carries, by its cores", func(p Plan) string { return amount(p.ByCPU) }},
		{"by its memory", func(p Plan) string { return amount(p.ByMemory) }},
		{"ingest nodes, one to spare in each cluster", func(p Plan) string { return amount(float64(p.Nodes)) }},
		{"NATS servers", func(p Plan) string { return amount(float64(p.Servers)) }},
		{"the ledger in the memory of each node", func(p Plan) string { return bytes(p.Ledger) }},
		{"start of a node", func(p Plan) string { return p.Start.Round(100 * time.Millisecond).String() }},
		{"the ledger grows, on each NATS server, a year", func(p Plan) string { return bytes(p.Disk) }},
		{"changes of consent a second in the busiest hour, each cluster", func(p Plan) string { return amount(p.Changes) }},
		{"NATS, each cluster, at the busiest moment", func(p Plan) string {
			return amount(p.Messages) + " messages/s, " + bytes(p.NATS) + "/s"
		}},
		{"from phones at the busiest moment", func(p Plan) string { return bytes(p.Up) + "/s" }},
		{"to phones", func(p Plan) string { return bytes(p.Down) + "/s" }},
		{"nodes and servers, a year", func(p Plan) string { return amount(p.Price) }},
		{"the same for each user", func(p Plan) string { return fmt.Sprintf("%.4f", p.Price/p.Users) }},
	} {
		dst = fmt.Appendf(dst, "| %s |", row.what)
		for _, p := range plans {
			dst = fmt.Appendf(dst, " %s |", row.cell(p))
		}
		dst = append(dst, '\n')
	}
	return dst
}

// appendLimits appends to dst which limit of one cluster comes first, as a table.
func appendLimits(dst []byte, limits []Limit) []byte {
	dst = append(dst, "| what is used up | at so many users |\n|---|---|\n"...)
	for _, l := range limits {
		dst = fmt.Appendf(dst, "| %s | %s |\n", l.What, amount(l.Users))
	}
	return dst
}

// appendChecks appends to dst what the formulas say beside what was simulated.
func appendChecks(dst []byte, checks []Check) []byte {
	dst = append(dst, "| | formula | simulated |\n|---|---|---|\n"...)
	for _, c := range checks {
		formula := figure(c.Formula, c.Unit)
		if c.Bound {
			formula = "at most " + formula
		}
		dst = fmt.Appendf(dst, "| %s | %s | %s |\n", c.What, formula, figure(c.Simulated, c.Unit))
	}
	return dst
}

func figure(v float64, unit string) string {
	if unit == "" {
		return amount(v)
	}
	return fmt.Sprintf("%.3g %s", v, unit)
}

// amount writes a number for people: three digits of it, thousands apart.
func amount(v float64) string {
	if v < 100 && v != math.Trunc(v) {
		return fmt.Sprintf("%.3g", v)
	}
	if v >= 1000 { // three digits
		unit := math.Pow(10, math.Floor(math.Log10(v))-2)
		v = math.Round(v/unit) * unit
	}
	text := fmt.Sprintf("%.0f", v)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + " " + text[at:]
	}
	return text
}

// bytes writes a number of them.
func bytes(v float64) string {
	units := []string{"B", "kB", "MB", "GB", "TB"}
	for v >= 1000 && len(units) > 1 {
		v, units = v/1000, units[1:]
	}
	return fmt.Sprintf("%.3g %s", v, units[0])
}

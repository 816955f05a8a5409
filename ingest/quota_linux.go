package ingest

import (
	"bufio"
	"io/fs"
	"math"
	"os"
	"path"
	"strconv"
	"strings"
)

// quota returns the tightest limit of processor time, in processors, that a
// control group around this process has; +Inf without any. A process that has used
// it up stands still for the rest of the period.
func quota() float64 { return quotaIn(os.DirFS("/")) }

// quotaIn is quota in a system with these files. Both versions of control groups are
// read where they are usually mounted (cgroups(7); cpu.max in the kernel's
// admin-guide/cgroup-v2, cpu.cfs_quota_us in scheduler/sched-bwc).
func quotaIn(system fs.FS) float64 {
	least := math.Inf(1)
	groups, err := system.Open("proc/self/cgroup")
	if err != nil {
		return least
	}
	defer groups.Close()
	for lines := bufio.NewScanner(groups); lines.Scan(); {
		// "0::/user.slice" in version 2, "4:cpu,cpuacct:/user.slice" in version 1.
		fields := strings.SplitN(lines.Text(), ":", 3)
		if len(fields) < 3 {
			continue
		}
		for group := path.Clean("/" + fields[2]); ; group = path.Dir(group) {
			limit := math.Inf(1)
			for controller := range strings.SplitSeq(fields[1], ",") {
				switch controller {
				case "":
					limit = share(system, path.Join("sys/fs/cgroup", group, "cpu.max"))
				case "cpu":
					folder := path.Join("sys/fs/cgroup", fields[1], group)
					limit = share(system, path.Join(folder, "cpu.cfs_quota_us"), path.Join(folder, "cpu.cfs_period_us"))
				}
			}
			least = min(least, limit)
			if group == "/" {
				break
			}
		}
	}
	return least
}

// share returns the quotient of the first two numbers in files; +Inf where there
// are none or the first is no limit ("max", or -1).
func share(system fs.FS, files ...string) float64 {
	var words []string
	for _, file := range files {
		text, err := fs.ReadFile(system, file)
		if err != nil {
			return math.Inf(1)
		}
		words = append(words, strings.Fields(string(text))...)
	}
	if len(words) < 2 {
		return math.Inf(1)
	}
	quota, err := strconv.ParseFloat(words[0], 64)
	period, wrong := strconv.ParseFloat(words[1], 64)
	if err != nil || wrong != nil || !(quota > 0) || !(period > 0) {
		return math.Inf(1)
	}
	return quota / period
}

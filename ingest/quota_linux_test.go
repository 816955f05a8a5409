package ingest

import (
	"math"
	"testing"
	"testing/fstest"
)

// The tightest limit counts, of the process's own group or of one around it.
func TestQuota(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  float64
	}{
		"no control groups": {nil, math.Inf(1)},
		"version 2, no limit": {map[string]string{
			"proc/self/cgroup":                   "0::/system.slice\n",
			"sys/fs/cgroup/system.slice/cpu.max": "max 100000\n",
		}, math.Inf(1)},
		"version 2, in a container": {map[string]string{
			"proc/self/cgroup":      "0::/\n",
			"sys/fs/cgroup/cpu.max": "150000 100000\n",
		}, 1.5},
		"version 2, the group around it is tighter": {map[string]string{
			"proc/self/cgroup":               "0::/pods/one\n",
			"sys/fs/cgroup/pods/one/cpu.max": "200000 100000\n",
			"sys/fs/cgroup/pods/cpu.max":     "50000 100000\n",
		}, 0.5},
		"version 1": {map[string]string{
			"proc/self/cgroup": "3:cpuset:/\n2:cpu,cpuacct:/docker/x\n0::/\n",
			"sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_quota_us":  "8000\n",
			"sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_period_us": "20000\n",
			"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us":           "-1\n",
			"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us":          "100000\n",
		}, 0.4},
		"what nobody can read": {map[string]string{
			"proc/self/cgroup":      "nonsense\n0::/\n",
			"sys/fs/cgroup/cpu.max": "0 0\n",
		}, math.Inf(1)},
	} {
		system := fstest.MapFS{}
		for file, text := range c.files {
			system[file] = &fstest.MapFile{Data: []byte(text)}
		}
		if got := quotaIn(system); got != c.want {
			t.Errorf("%s: %g processors, want %g", name, got, c.want)
		}
	}
	if n := quota(); !(n > 0) {
		t.Errorf("this process may have %g processors", n)
	}
}

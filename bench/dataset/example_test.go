package dataset_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/tempogate/tempogate/bench/dataset"
)

// A recording is a file, or a folder with a file a sensor.
func ExampleRead() {
	dir, err := os.MkdirTemp("", "recording")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			log.Fatal(err)
		}
	}
	write("acceleration.csv", "t,ax,ay,az\n0.00,0.1,9.7,0.4\n0.01,0.2,9.9,0.3\n")
	write("fixes.csv", "t,lat,lon,speed,accuracy\n0,60.0000,10,2.8,5\n1,60.0001,10,,\n")

	recordings, err := dataset.Read(dir, dataset.Options{})
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range recordings {
		fmt.Println(r.Format, len(r.Samples), "samples,", len(r.Fixes), "fixes")
		fmt.Printf("%.1f m/s² along y at %d ns\n", r.Samples[1].Y, r.Samples[1].SensorTime)
		fmt.Printf("moved %.2f m north\n", r.Fixes[1].NorthM)
	}
	// Output:
	// csv 2 samples, 2 fixes
	// 9.9 m/s² along y at 10000000 ns
	// moved 11.12 m north
}

// A collection is a directory with an index of what is in it.
func ExampleOpenCollection() {
	dir, err := os.MkdirTemp("", "collection")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	for name, text := range map[string]string{
		"index.csv": "path,dataset,subject,activity,placement\nwalk.csv,mine,me,walk,pocket\n",
		"walk.csv":  "t,ax,ay,az\n0.00,0.1,9.7,0.4\n0.01,0.2,9.9,0.3\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			log.Fatal(err)
		}
	}

	c, err := dataset.OpenCollection(dir)
	if err != nil {
		log.Fatal(err)
	}
	for _, e := range c.Entries {
		recordings, err := c.Read(e)
		if err != nil {
			log.Fatal(err)
		}
		label, _ := recordings[0].LabelAt(5_000_000)
		fmt.Println(e.Path, "of", e.Subject, "is a", label.Activity)
	}
	// Output:
	// walk.csv of me is a walk
}

// Errors name the line that is wrong, and never a value.
func ExampleLineError() {
	dir, err := os.MkdirTemp("", "broken")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "run.csv")
	if err := os.WriteFile(path, []byte("t,ax,ay,az\n0.00,0.1,9.7,0.4\n0.01,0.2,NaN,0.3\n"), 0o644); err != nil {
		log.Fatal(err)
	}
	_, err = dataset.Read(path, dataset.Options{})
	fmt.Println(strings.TrimPrefix(err.Error(), dir+string(filepath.Separator)))
	// Output:
	// run.csv:3: acceleration is not a finite number
}

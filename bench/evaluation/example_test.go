package evaluation_test

import (
	"context"
	"fmt"

	"github.com/tempogate/tempogate/bench/dataset"
	"github.com/tempogate/tempogate/bench/evaluation"
	"github.com/tempogate/tempogate/classifier"
)

// Measures by hand, of answers that somebody else gave.
func ExampleConfusion() {
	var c evaluation.Confusion
	c.Add(classifier.Walk, classifier.Walk, 90)
	c.Add(classifier.Walk, classifier.Unknown, 10)
	c.Add(classifier.Run, classifier.Run, 45)
	c.Add(classifier.Run, classifier.Walk, 5)
	fmt.Printf("walk: precision %.3f, recall %.3f, F1 %.3f\n",
		c.Precision(classifier.Walk), c.Recall(classifier.Walk), c.F1(classifier.Walk))
	fmt.Printf("macro-F1 %.3f\n", c.MacroF1())
	// Output:
	// walk: precision 0.947, recall 0.900, F1 0.923
	// macro-F1 0.935
}

// The protocol on a collection, and where its report goes.
func ExampleRunActivity() {
	collection, err := dataset.OpenCollection("recordings")
	if err != nil {
		fmt.Println("no collection here")
		return
	}
	report, err := evaluation.RunActivity(context.Background(), collection, evaluation.ActivityConfig{
		Protocol: evaluation.LeaveOneSubjectOut, Merge: 10,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(report.Summary())
	if err := report.Write("out", false); err != nil {
		fmt.Println(err)
	}
	// Output: no collection here
}

// Folds show what a protocol keeps apart.
func ExampleFolds() {
	entries := []dataset.Entry{
		{Path: "1", Dataset: "town", Subject: "anna", Signals: "acc"},
		{Path: "2", Dataset: "town", Subject: "ben", Signals: "acc"},
		{Path: "3", Dataset: "hills", Subject: "anna", Signals: "acc"},
	}
	folds, err := evaluation.Folds(entries, evaluation.LeaveOneDatasetOut, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range folds {
		fmt.Println(f.Name, "train", f.Train, "test", f.Test)
	}
	// Output:
	// hills train [0 1] test [2]
	// town train [2] test [0 1]
}

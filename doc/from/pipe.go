// SPDX-License-Identifier: BSD-3-Clause
// Runs a pipeline, and prints its output and the status of each stage.

package main

import (
	"fmt"
	"log"
	"os"
	"os/exec"
	"strings"
)

func main() {
	read, write, err := os.Pipe()
	if err != nil {
		log.Fatal(err)
	}
	source := exec.Command("sh", "-c", "echo b; echo a; exit 4")
	source.Stdout = write
	sort := exec.Command("sort")
	sort.Stdin = read
	var out strings.Builder
	sort.Stdout = &out
	if err := source.Start(); err != nil {
		log.Fatal(err)
	}
	if err := sort.Start(); err != nil {
		log.Fatal(err)
	}
	write.Close() // or sort never sees the end
	read.Close()
	source.Wait()
	sort.Wait()
	fmt.Printf("%ssource: %d, sort: %d\n", out.String(),
		source.ProcessState.ExitCode(), sort.ProcessState.ExitCode())
}

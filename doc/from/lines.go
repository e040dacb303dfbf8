// SPDX-License-Identifier: BSD-3-Clause
// Prints the lines of a child as they come, and then its exit status.

package main

import (
	"bufio"
	"fmt"
	"log"
	"os/exec"
)

func main() {
	child := exec.Command("sh", "-c", "echo one; echo two; exit 3")
	out, err := child.StdoutPipe()
	if err == nil {
		err = child.Start()
	}
	if err != nil {
		log.Fatal(err)
	}
	n := 0
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		n++
		fmt.Printf("%d: %s\n", n, lines.Text())
	}
	if err := lines.Err(); err != nil {
		log.Fatal(err)
	}
	child.Wait() // after all reads: it closes the pipe
	fmt.Println("exit status", child.ProcessState.ExitCode())
}

// SPDX-License-Identifier: BSD-3-Clause
// Waits a limited time for a line. The half that came by then is not lost.

package main

import (
	"bufio"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"time"
)

func main() {
	child := exec.Command("sh", "-c", "printf hal; read go; echo f")
	in, err := child.StdinPipe()
	if err != nil {
		log.Fatal(err)
	}
	read, write, err := os.Pipe() // a StdoutPipe has no SetReadDeadline
	if err != nil {
		log.Fatal(err)
	}
	child.Stdout = write
	if err := child.Start(); err != nil {
		log.Fatal(err)
	}
	write.Close()
	out := bufio.NewReader(read)
	read.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	line, err := out.ReadString('\n')
	if errors.Is(err, os.ErrDeadlineExceeded) {
		fmt.Println("no line yet")
		fmt.Fprintln(in, "go")
		read.SetReadDeadline(time.Time{})
		var rest string
		rest, err = out.ReadString('\n')
		line += rest // ReadString has returned the first half
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(line)
	child.Wait()
}

// SPDX-License-Identifier: BSD-3-Clause
// Stops a child: SIGTERM first, and SIGKILL if that does not help.

package main

import (
	"bufio"
	"fmt"
	"log"
	"os/exec"
	"syscall"
	"time"
)

func main() {
	child := exec.Command("sh", "-c", "trap '' TERM; echo ready; exec sleep 60")
	out, err := child.StdoutPipe()
	if err == nil {
		err = child.Start()
	}
	if err != nil {
		log.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(line)
	child.Process.Signal(syscall.SIGTERM)
	timer := time.AfterFunc(100*time.Millisecond, func() {
		child.Process.Kill()
	})
	child.Wait()
	timer.Stop()
	status := child.ProcessState.Sys().(syscall.WaitStatus)
	fmt.Printf("ended by signal %d\n", status.Signal())
}

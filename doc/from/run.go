// SPDX-License-Identifier: BSD-3-Clause
// Runs a command with input, collects its output, and limits its time.

package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os/exec"
	"strings"
	"time"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	sort := exec.CommandContext(ctx, "sort", "-u")
	sort.Stdin = strings.NewReader("pear\nfig\npear\n")
	out, err := sort.Output()
	var failed *exec.ExitError
	if ctx.Err() != nil {
		err = ctx.Err()
	} else if errors.As(err, &failed) {
		err = nil // it has run, and its status is printed
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%sexit status %d\n", out, sort.ProcessState.ExitCode())
}

// SPDX-License-Identifier: BSD-3-Clause
// Runs six commands, at most two at a time, and adds up their results.

package main

import (
	"fmt"
	"log"
	"os/exec"
	"strconv"
	"strings"
)

func square(n int) (int, error) {
	s := strconv.Itoa(n)
	out, err := exec.Command("expr", s, "*", s).Output()
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(out)))
}

func main() {
	type result struct {
		square int
		err    error
	}
	limit := make(chan struct{}, 2)
	results := make(chan result)
	for n := 1; n <= 6; n++ {
		go func(n int) {
			limit <- struct{}{}
			defer func() { <-limit }()
			s, err := square(n)
			results <- result{s, err}
		}(n)
	}
	sum := 0
	for i := 0; i < 6; i++ {
		r := <-results
		if r.err != nil {
			log.Fatal(r.err)
		}
		sum += r.square
	}
	fmt.Printf("6 jobs, sum %d\n", sum)
}

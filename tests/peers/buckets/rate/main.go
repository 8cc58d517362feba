// Reads `rate burst`, then lines of `nanoseconds-since-the-line-before cost`; answers 1 or 0 to each.
package main

import (
	"bufio"
	"fmt"
	"os"
	"time"

	"golang.org/x/time/rate"
)

func main() {
	in, out := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	defer out.Flush()
	var perSecond, burst int
	if _, err := fmt.Fscan(in, &perSecond, &burst); err != nil {
		panic(err)
	}
	limiter := rate.NewLimiter(rate.Limit(perSecond), burst)
	now := time.Unix(1_000_000, 0)
	for {
		var step int64
		var cost int
		if _, err := fmt.Fscan(in, &step, &cost); err != nil {
			return
		}
		now = now.Add(time.Duration(step))
		answer := 0
		if limiter.AllowN(now, cost) {
			answer = 1
		}
		fmt.Fprintln(out, answer)
	}
}

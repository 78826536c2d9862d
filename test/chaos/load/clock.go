package load

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// checkClock refuses to run with another clock than was asked for: such a run would show nothing.
func (s *settings) checkClock() error {
	var ts unix.Timespec // asked of the kernel, past package time
	if err := unix.ClockGettime(unix.CLOCK_REALTIME, &ts); err != nil {
		return err
	}
	off := time.Until(time.Unix(ts.Unix())) + s.Clock
	if off.Abs() > time.Second {
		return fmt.Errorf("this process's clock is %v off where it was to be %v: is it a program that package mutant built?",
			s.Clock-off, s.Clock)
	}
	return nil
}

/* A clock that is ahead by CLOCK_AHEAD_MILLIS, or behind when that is negative. Only the time of day is:
 * clocks that measure how long something takes stay as they are. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *at)
{
    int failed = (int)syscall(SYS_clock_gettime, clock, at);
    const char *ahead = getenv("CLOCK_AHEAD_MILLIS");
    if (!failed && clock == CLOCK_REALTIME && ahead) {
        long long nanos = at->tv_nsec + atoll(ahead) * 1000000;
        long long seconds = nanos / 1000000000 - (nanos % 1000000000 < 0);
        at->tv_sec += seconds;
        at->tv_nsec = nanos - seconds * 1000000000;
    }
    return failed;
}

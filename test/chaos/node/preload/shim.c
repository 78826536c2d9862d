// Preloaded into redis-server. It writes down how much of each file fdatasync
// and fsync have put on disk, so that a power cut can be played by cutting the
// files to that, fails writes to files as a full disk would, and shifts the
// clock of the day. (libfaketime cannot do that here: the allocator asks for
// the time before it has started.)
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static ssize_t (*real_write)(int, const void *, size_t);
static int (*real_fdatasync)(int);
static int (*real_fsync)(int);
static const volatile long long *shift; // of the clock in ns, in a file shared with the harness

static const volatile long long *shared(const char *path) {
	int fd = path ? open(path, O_RDONLY) : -1;
	if (fd < 0) return NULL;
	void *at = mmap(NULL, sizeof *shift, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	return at == MAP_FAILED ? NULL : at;
}

__attribute__((constructor)) static void start(void) {
	real_write = dlsym(RTLD_NEXT, "write");
	real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
	real_fsync = dlsym(RTLD_NEXT, "fsync");
	shift = shared(getenv("DUEQ_SHIM_CLOCK"));
}

// The system call needs no dlsym, so this works from the first instruction on.
// Only the clock of the day is shifted, as by somebody who sets it: the
// monotonic one goes on.
int clock_gettime(clockid_t clock, struct timespec *ts) {
	long rc = syscall(SYS_clock_gettime, clock, ts);
	if (rc != 0 || !shift || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)) return rc;
	long long ns = ts->tv_sec * 1000000000LL + ts->tv_nsec + *shift;
	ts->tv_sec = ns / 1000000000;
	ts->tv_nsec = ns % 1000000000;
	return 0;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone) {
	(void)zone;
	struct timespec ts;
	if (clock_gettime(CLOCK_REALTIME, &ts) != 0) return -1;
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = ts.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *out) {
	struct timespec ts;
	if (clock_gettime(CLOCK_REALTIME, &ts) != 0) return -1;
	if (out) *out = ts.tv_sec;
	return ts.tv_sec;
}

static int regular(int fd, struct stat *st) {
	return fstat(fd, st) == 0 && S_ISREG(st->st_mode);
}

// The record's name is the inode, which a rename keeps. A write of 8 bytes is
// whole after SIGKILL.
static int note_synced(int fd, int (*sync)(int)) {
	struct stat st;
	int known = regular(fd, &st); // what comes after this line may not be synced
	int rc = sync(fd);
	const char *dir = getenv("DUEQ_SHIM_SYNCED");
	if (rc != 0 || !known || !dir) return rc;
	char path[512];
	snprintf(path, sizeof path, "%s/%llu", dir, (unsigned long long)st.st_ino);
	int out = open(path, O_CREAT | O_WRONLY, 0600);
	if (out < 0) return rc;
	long long size = st.st_size;
	if (pwrite(out, &size, sizeof size, 0) != sizeof size) rc = -1;
	close(out);
	return rc;
}

int fdatasync(int fd) { return note_synced(fd, real_fdatasync); }
int fsync(int fd) { return note_synced(fd, real_fsync); }

ssize_t write(int fd, const void *buf, size_t n) {
	struct stat st;
	const char *flag = getenv("DUEQ_SHIM_FULL");
	// fd 1 and 2 are the log: it must tell what happened.
	if (flag && fd > 2 && regular(fd, &st) && access(flag, F_OK) == 0) {
		errno = ENOSPC;
		return -1;
	}
	return real_write(fd, buf, n);
}

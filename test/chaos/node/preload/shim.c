// Preloaded into redis-server. It writes down how much of each file fdatasync
// and fsync have put on disk, so that a power cut can be played by cutting the
// files to that, and fails writes to files as a full disk would.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static ssize_t (*real_write)(int, const void *, size_t);
static int (*real_fdatasync)(int);
static int (*real_fsync)(int);

__attribute__((constructor)) static void start(void) {
	real_write = dlsym(RTLD_NEXT, "write");
	real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
	real_fsync = dlsym(RTLD_NEXT, "fsync");
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

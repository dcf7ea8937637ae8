/* Preloaded into a program in a guest, so that its power can be cut at a known step.
 *   STALL_ON=TEXT  after the first step whose line holds this text the program says so on the second serial line and
 *                  waits for ever
 *   NO_FSYNC=1     fsync does nothing and says that all is well
 * A step is a write to a kernel file, an fsync, or a file that is given a name, renamed or removed below a directory's
 * descriptor. Every step is told in the file that STEPS names, if it names one. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void step(const char *what, const char *name)
{
	ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
	const char *at = getenv("STALL_ON"), *list = getenv("STEPS");
	char line[600];
	int length = snprintf(line, sizeof line, "%s %s\n", what, name), out;

	if (list && (out = open(list, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) >= 0) {
		if (real(out, line, length) != length)
			abort();
		close(out);
	}
	if (!at || !strstr(line, at))
		return;
	out = open("/dev/ttyS1", O_WRONLY | O_NOCTTY);
	if (out < 0 || real(out, "stalled ", 8) != 8 || real(out, line, length) != length)
		abort();
	for (;;)
		pause();
}

static const char *name_of(int fd, char *space, size_t size)
{
	char link[40];
	ssize_t length;

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	length = readlink(link, space, size - 1);
	space[length < 0 ? 0 : length] = 0;
	return space;
}

static int of_kernel(const char *name)
{
	return !strncmp(name, "/proc/sys/", 10) || !strncmp(name, "/sys/", 5);
}

ssize_t write(int fd, const void *data, size_t size)
{
	ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write"), done = real(fd, data, size);
	char space[512];

	if (fd > 2 && of_kernel(name_of(fd, space, sizeof space)))
		step("wrote", space);
	return done;
}

int fsync(int fd)
{
	int (*real)(int) = dlsym(RTLD_NEXT, "fsync"), done = getenv("NO_FSYNC") ? 0 : real(fd);
	char space[512];

	step("synced", name_of(fd, space, sizeof space));
	return done;
}

int linkat(int from_at, const char *from, int to_at, const char *to, int flags)
{
	int (*real)(int, const char *, int, const char *, int) = dlsym(RTLD_NEXT, "linkat");
	int done = real(from_at, from, to_at, to, flags);

	step("linked", to);
	return done;
}

int renameat(int from_at, const char *from, int to_at, const char *to)
{
	int (*real)(int, const char *, int, const char *) = dlsym(RTLD_NEXT, "renameat");
	int done = real(from_at, from, to_at, to);

	step("renamed", to);
	return done;
}

int unlinkat(int at, const char *name, int flags)
{
	int (*real)(int, const char *, int) = dlsym(RTLD_NEXT, "unlinkat"), done = real(at, name, flags);

	step("removed", name);
	return done;
}

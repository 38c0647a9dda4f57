/*
 * A disk that takes SLOW_DISK_BYTES bytes a second, whatever is behind it: preloaded into any program (LD_PRELOAD, ld.so(8)), it lets each
 * write to a regular file wait for as long as such a disk would need for it. What is written to sockets and pipes does not wait.
 *
 *     cc -shared -fPIC -O2 -o slow-disk.so slow-disk.c -ldl -lpthread
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* One disk, which does one thing after another. */
static pthread_mutex_t disk = PTHREAD_MUTEX_INITIALIZER;
static double rate = -1;

static void work(int fd, ssize_t bytes) {
  struct stat file;
  if (bytes <= 0 || fstat(fd, &file) != 0 || !S_ISREG(file.st_mode)) return;
  pthread_mutex_lock(&disk);
  if (rate < 0) {
    const char *given = getenv("SLOW_DISK_BYTES");
    rate = given ? atof(given) : 0;
  }
  if (rate > 0) {
    double seconds = (double)bytes / rate;
    struct timespec span = {(time_t)seconds, (long)((seconds - (time_t)seconds) * 1e9)};
    nanosleep(&span, NULL);
  }
  pthread_mutex_unlock(&disk);
}

#define NEXT(name) __typeof__(name) *next = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

ssize_t write(int fd, const void *bytes, size_t count) {
  NEXT(write);
  ssize_t written = next(fd, bytes, count);
  work(fd, written);
  return written;
}

ssize_t writev(int fd, const struct iovec *pieces, int count) {
  NEXT(writev);
  ssize_t written = next(fd, pieces, count);
  work(fd, written);
  return written;
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) {
  NEXT(pwrite);
  ssize_t written = next(fd, bytes, count, at);
  work(fd, written);
  return written;
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
  NEXT(pwrite64);
  ssize_t written = next(fd, bytes, count, at);
  work(fd, written);
  return written;
}

ssize_t pwritev(int fd, const struct iovec *pieces, int count, off_t at) {
  NEXT(pwritev);
  ssize_t written = next(fd, pieces, count, at);
  work(fd, written);
  return written;
}

ssize_t pwritev64(int fd, const struct iovec *pieces, int count, off64_t at) {
  NEXT(pwritev64);
  ssize_t written = next(fd, pieces, count, at);
  work(fd, written);
  return written;
}

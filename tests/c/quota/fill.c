/* fill WAY PATH: grows a file in one way until refused, and prints where that was. */
#include "observe.h"
#include <sys/uio.h>

static char bytes[65536];

static ssize_t grow(const char *way, int fd, off_t size) {
    struct iovec parts[2] = {{bytes, 3}, {bytes, 4}};
    if (strcmp(way, "write-1") == 0)
        return write(fd, bytes, 1);
    if (strcmp(way, "write-1000") == 0)
        return write(fd, bytes, 1000);
    if (strcmp(way, "write-4096") == 0)
        return write(fd, bytes, 4096);
    if (strcmp(way, "write-65536") == 0)
        return write(fd, bytes, 65536);
    if (strcmp(way, "append") == 0)
        return write(fd, bytes, 100);
    if (strcmp(way, "pwrite") == 0)
        return pwrite(fd, bytes, 100, size);
    if (strcmp(way, "writev") == 0)
        return writev(fd, parts, 2);
    if (strcmp(way, "ftruncate") == 0)
        return ftruncate(fd, size + 1) == 0 ? 1 : -1;
    fprintf(stderr, "no such way: %s\n", way);
    exit(2);
}

int main(int argc, char **argv) {
    struct stat meta;
    if (argc != 3)
        return 2;
    const char *way = argv[1], *path = argv[2];
    int append = strcmp(way, "append") == 0 ? O_APPEND : 0;
    int fd = open(path, O_WRONLY | O_CREAT | append, 0644);
    if (fd < 0) {
        printf("open: %s\n", error_name(errno));
        return 1;
    }
    long long written = 0;
    ssize_t count;
    while (fstat(fd, &meta), (count = grow(way, fd, meta.st_size)) > 0)
        written += count;
    int error = errno;
    fstat(fd, &meta);
    printf("%lld bytes, then %s\n", (long long)meta.st_size, error_name(error));
    /* Nor does the next byte fit. A write that failed has not moved the descriptor, though the bytes
     * that fitted are there. */
    lseek(fd, 0, SEEK_END);
    int again = write(fd, bytes, 1) < 0 ? errno : 0;
    fstat(fd, &meta);
    printf("%lld bytes, then %s\n", (long long)meta.st_size, error_name(again));
    if (written > meta.st_size)
        printf("%lld bytes were reported, %lld are there\n", written, (long long)meta.st_size);
    return 0;
}

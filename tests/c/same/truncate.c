/* Files that shrink and grow by ftruncate. */
#include "observe.h"

int main(void) {
    struct stat meta;
    int fd = open("/data/hello", O_RDWR);
    SEE(ftruncate(fd, 5));
    see_bytes("cut", fd, 0, 48);
    SEE(ftruncate(fd, 10));
    see_bytes("grown", fd, 0, 48);
    SEE(ftruncate(fd, 10));
    SEE(ftruncate(fd, 0));
    see_bytes("none", fd, 0, 48);
    SEE(ftruncate(fd, 1000000));
    see_bytes("hole", fd, 999990, 48);
    SEE(pwrite(fd, "x", 1, 500000));
    see_bytes("around", fd, 499998, 5);
    SEE(fstat(fd, &meta));
    printf("%lld bytes\n", (long long)meta.st_size);
    SEE(ftruncate(fd, -1));
    SEE(ftruncate(fd, 400000));
    SEE(ftruncate(fd, 600000));
    see_bytes("gone", fd, 499998, 5);
    SEE(lseek(fd, 0, SEEK_END));
    SEE(ftruncate(fd, 3));
    SEE(lseek(fd, 0, SEEK_CUR));
    SEE(write(fd, "end", 3));
    see_bytes("after", fd, 599998, 48);
    SEE(truncate("/data/hello", 2));
    SEE(truncate("/data/hello", 4));
    see_bytes("path", fd, 0, 48);
    SEE(truncate("/data/missing", 0));
    SEE(truncate("/data/dir", 0));
    SEE(truncate("/data/link", 1));
    see_bytes("link", fd, 0, 48);
    SEE(close(fd));
    SEE(ftruncate(fd, 0));
    fd = open("/data/hello", O_RDONLY);
    SEE(ftruncate(fd, 0));
    SEE(close(fd));
    fd = open("/data/hello", O_WRONLY);
    SEE(ftruncate(fd, 8));
    see_file("/data/hello");
    SEE(ftruncate(STDOUT_FILENO, 0));
    return 0;
}

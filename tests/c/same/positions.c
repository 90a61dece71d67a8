/* pread and pwrite, before and past the end. */
#include "observe.h"

int main(void) {
    char bytes[16];
    int fd = open("/data/hello", O_RDWR);
    SEE(pread(fd, bytes, 16, 0));
    SEE(pread(fd, bytes, 16, 10));
    SEE(pread(fd, bytes, 16, 13));
    SEE(pread(fd, bytes, 16, 1000));
    SEE(pread(fd, bytes, 0, 0));
    SEE(pread(fd, bytes, 4, -1));
    SEE(lseek(fd, 0, SEEK_CUR));
    SEE(pwrite(fd, "W", 1, 7));
    see_bytes("one", fd, 0, 48);
    SEE(pwrite(fd, "!!\n", 3, 12));
    see_bytes("over the end", fd, 0, 48);
    SEE(pwrite(fd, "gap", 3, 20));
    see_bytes("past the end", fd, 0, 48);
    SEE(pwrite(fd, "", 0, 100));
    see_bytes("nothing", fd, 0, 48);
    SEE(pwrite(fd, "x", 1, -1));
    SEE(lseek(fd, 0, SEEK_CUR));
    SEE(read(fd, bytes, 5));
    printf("%.5s\n", bytes);
    SEE(lseek(fd, 0, SEEK_CUR));
    SEE(pwrite(fd, "far", 3, 5000000));
    see_bytes("far", fd, 4999998, 48);
    SEE(pwrite(fd, "x", 1, 0x7fffffffffffffff));
    SEE(pread(fd, bytes, 1, 0x7fffffffffffffff));
    SEE(pwrite(STDOUT_FILENO, "x", 1, 0));
    SEE(pread(STDIN_FILENO, bytes, 1, 0));
    int dir = open("/data/dir", O_RDONLY | O_DIRECTORY);
    SEE(pwrite(dir, "x", 1, 0));
    return 0;
}

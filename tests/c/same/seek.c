/* lseek in files, directories and streams. */
#include "observe.h"

int main(void) {
    char bytes[16];
    int fd = open("/data/hello", O_RDWR);
    SEE(lseek(fd, 0, SEEK_CUR));
    SEE(lseek(fd, 0, SEEK_END));
    SEE(lseek(fd, -6, SEEK_END));
    SEE(read(fd, bytes, 5));
    printf("%.5s\n", bytes);
    SEE(lseek(fd, -5, SEEK_CUR));
    SEE(write(fd, "WORLD", 5));
    see_bytes("hello", fd, 0, 48);
    SEE(lseek(fd, -1, SEEK_SET));
    SEE(lseek(fd, -100, SEEK_CUR));
    SEE(lseek(fd, -100, SEEK_END));
    SEE(lseek(fd, 0, SEEK_CUR));
    SEE(lseek(fd, 0, 77));
    SEE(lseek(fd, 40, SEEK_SET));
    SEE(read(fd, bytes, 5));
    SEE(write(fd, "x", 1));
    SEE(lseek(fd, 0, SEEK_CUR));
    SEE(lseek(fd, 0, SEEK_END));
    see_bytes("hello", fd, 0, 48);
    SEE(lseek(fd, 0x7fffffffffffffff, SEEK_SET));
    SEE(lseek(fd, 1, SEEK_CUR));
    SEE(lseek(STDIN_FILENO, 0, SEEK_CUR));
    SEE(lseek(STDOUT_FILENO, 0, SEEK_CUR));
    SEE(lseek(77, 0, SEEK_CUR));
    return 0;
}

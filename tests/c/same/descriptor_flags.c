/* fcntl, and descriptors that are used the wrong way. */
#include "observe.h"

int main(void) {
    char bytes[8];
    int fd = open("/data/hello", O_RDWR);
    SEE(fcntl(fd, F_GETFL));
    SEE(fcntl(fd, F_SETFL, O_APPEND));
    SEE(fcntl(fd, F_GETFL));
    SEE(write(fd, "end\n", 4));
    see_file("/data/hello");
    SEE(fcntl(fd, F_SETFL, 0));
    SEE(write(fd, "S", 1));
    see_file("/data/hello");
    SEE(fcntl(fd, F_SETFL, O_NONBLOCK));
    SEE(fcntl(fd, F_GETFL));
    SEE(write(fd, "nonblocking", 11));
    SEE(pread(fd, bytes, 8, 0));
    see_file("/data/hello");
    SEE(fcntl(fd, F_SETFL, O_SYNC));
    SEE(fcntl(fd, F_GETFD));
    SEE(fcntl(77, F_GETFL));
    int sync = SEE(open("/data/sync", O_WRONLY | O_CREAT | O_SYNC, 0644));
    SEE(write(sync, "x", 1));
    int dsync = SEE(open("/data/dsync", O_WRONLY | O_CREAT | O_DSYNC | O_NONBLOCK, 0644));
    SEE(write(dsync, "0123456789", 10));
    int dir = open("/data/dir", O_RDONLY | O_DIRECTORY);
    SEE(fcntl(dir, F_GETFL));
    SEE(fcntl(STDOUT_FILENO, F_SETFL, O_APPEND));
    SEE(isatty(STDOUT_FILENO));
    SEE(isatty(fd));
    SEE(read(STDIN_FILENO, bytes, 8));
    SEE(write(STDIN_FILENO, "x", 1));
    SEE(read(STDOUT_FILENO, bytes, 8));
    SEE(write(77, "x", 1));
    SEE(close(77));
    SEE(fsync(fd));
    SEE(fdatasync(fd));
    SEE(fsync(77));
    SEE(fsync(STDOUT_FILENO));
    return 0;
}

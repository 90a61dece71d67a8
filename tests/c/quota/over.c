/* A directory that holds more than its quota: it is read and emptied, not grown. */
#include "observe.h"

int main(void) {
    SEE_OPEN("/data/hello", O_RDONLY);
    see_file("/data/hello");
    see_list("/data/dir");
    int fd = open("/data/hello", O_RDWR);
    SEE(pwrite(fd, "HELLO", 5, 0));
    SEE(pwrite(fd, "x", 1, 13));
    SEE(ftruncate(fd, 14));
    SEE(ftruncate(fd, 13));
    SEE(pwrite(fd, "0123456789", 10, 8));
    see_file("/data/hello");
    SEE_OPEN("/data/new", O_WRONLY | O_CREAT);
    SEE(mkdir("/data/new", 0755));
    SEE(symlink("x", "/data/new"));
    SEE(link("/data/hello", "/data/new"));
    SEE(rename("/data/hello", "/data/renamed"));
    SEE(rename("/data/renamed", "/data/hello"));
    SEE(truncate("/data/big", 50000));
    SEE_OPEN("/data/new", O_WRONLY | O_CREAT);
    SEE(unlink("/data/dir/file"));
    SEE(rmdir("/data/dir/inner"));
    SEE(rename("/data/hello", "/data/link"));
    SEE_OPEN("/data/big", O_WRONLY | O_TRUNC);
    SEE_OPEN("/data/new", O_WRONLY | O_CREAT);
    make("/data/new", "there is room again\n");
    see_file("/data/new");
    return 0;
}

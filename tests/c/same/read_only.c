/* A directory that the host gives to read. */
#include "observe.h"

int main(void) {
    struct stat meta;
    struct timespec times[2] = {{1, 0}, {2, 0}};
    SEE_OPEN("/ro/hello", O_RDONLY);
    see_file("/ro/hello");
    see_file("/ro/link");
    SEE_OPEN("/ro/hello", O_WRONLY);
    SEE_OPEN("/ro/hello", O_RDWR);
    SEE_OPEN("/ro/hello", O_RDONLY | O_TRUNC);
    SEE_OPEN("/ro/hello", O_RDONLY | O_CREAT);
    SEE_OPEN("/ro/hello", O_RDONLY | O_APPEND);
    SEE_OPEN("/ro/hello", O_WRONLY | O_APPEND);
    SEE_OPEN("/ro/new", O_WRONLY | O_CREAT);
    SEE_OPEN("/ro/new", O_RDONLY | O_CREAT);
    SEE_OPEN("/ro/dir", O_RDONLY | O_DIRECTORY);
    SEE_OPEN("/ro/missing", O_RDWR);
    SEE_OPEN("/ro/missing", O_RDONLY);
    SEE(mkdir("/ro/new", 0755));
    SEE(mkdir("/ro/dir", 0755));
    SEE(rmdir("/ro/void"));
    SEE(rmdir("/ro/missing"));
    SEE(unlink("/ro/hello"));
    SEE(unlink("/ro/missing"));
    SEE(symlink("x", "/ro/new"));
    SEE(link("/ro/hello", "/ro/new"));
    SEE(rename("/ro/hello", "/ro/new"));
    SEE(rename("/data/hello", "/ro/new"));
    SEE(rename("/ro/hello", "/data/new"));
    SEE(utimensat(AT_FDCWD, "/ro/hello", times, 0));
    SEE(truncate("/ro/hello", 0));
    SEE(stat("/ro/hello", &meta));
    SEE(access("/ro/hello", W_OK));
    SEE_OPEN("/ro/up", O_RDONLY);
    SEE_OPEN("/ro/inside", O_RDONLY);
    int fd = open("/ro/hello", O_RDONLY);
    SEE(ftruncate(fd, 0));
    SEE(write(fd, "x", 1));
    SEE(futimens(fd, times));
    SEE(fsync(fd));
    SEE(fdatasync(fd));
    int dir = open("/ro/dir", O_RDONLY | O_DIRECTORY);
    SEE(openat(dir, "new", O_WRONLY | O_CREAT, 0644));
    SEE(mkdirat(dir, "new", 0755));
    SEE(unlinkat(dir, "file", 0));
    see_list("/ro/dir");
    return 0;
}

/* Files that are removed while they are open. */
#include "observe.h"

int main(void) {
    struct stat meta;
    int fd = open("/data/hello", O_RDWR);
    SEE(unlink("/data/hello"));
    SEE_OPEN("/data/hello", O_RDONLY);
    see_bytes("removed", fd, 0, 48);
    SEE(pwrite(fd, "HELLO", 5, 0));
    SEE(pwrite(fd, "far", 3, 100000));
    SEE(fstat(fd, &meta));
    printf("%lld bytes, %llu links\n", (long long)meta.st_size, (unsigned long long)meta.st_nlink);
    see_bytes("removed", fd, 0, 13);
    SEE(ftruncate(fd, 2));
    see_bytes("removed", fd, 0, 13);
    make("/data/hello", "a new one\n");
    see_bytes("removed", fd, 0, 13);
    see_file("/data/hello");
    SEE(close(fd));
    see_file("/data/hello");

    /* A file that never gets another name, as a scratch file. */
    int scratch = open("/data/scratch", O_RDWR | O_CREAT | O_EXCL, 0600);
    SEE(unlink("/data/scratch"));
    for (int i = 0; i < 100; i++)
        if (write(scratch, "0123456789abcdef", 16) != 16)
            SEE(-1);
    SEE(lseek(scratch, 0, SEEK_CUR));
    see_bytes("scratch", scratch, 1590, 48);

    int dir = open("/data/void", O_RDONLY | O_DIRECTORY);
    SEE(rmdir("/data/void"));
    SEE(openat(dir, "new", O_WRONLY | O_CREAT, 0644));
    SEE(mkdirat(dir, "new", 0755));
    SEE(fstat(dir, &meta));
    see_list("/data");
    return 0;
}

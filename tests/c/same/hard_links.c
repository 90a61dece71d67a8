/* Hard links: one file under several names. */
#include "observe.h"

int main(void) {
    SEE(link("/data/hello", "/data/alias"));
    see_stat("/data/hello");
    see_stat("/data/alias");
    SEE(link("/data/hello", "/data/alias"));
    SEE(link("/data/hello", "/data/dir"));
    SEE(link("/data/hello", "/data/missing/alias"));
    SEE(link("/data/missing", "/data/alias2"));
    SEE(link("/data/dir", "/data/dir2"));
    SEE(link("/data/link", "/data/link2"));
    see_stat("/data/link2");
    see_stat("/data/hello");
    SEE(linkat(AT_FDCWD, "/data/link", AT_FDCWD, "/data/link3", AT_SYMLINK_FOLLOW));
    see_stat("/data/link3");
    SEE(link("/data/dangling", "/data/dangling2"));
    see_stat("/data/dangling2");
    SEE(link("/data/hello", "/data/dir/alias"));
    SEE(link("/data/hello/", "/data/alias3"));
    SEE(link("/data/hello", "/data/alias3/"));
    SEE(link("/data/hello", "/ro/alias"));
    SEE(link("/ro/hello", "/data/from-ro"));
    SEE(link("", "/data/alias4"));

    int fd = open("/data/alias", O_RDWR);
    SEE(pwrite(fd, "grown through an alias", 22, 13));
    see_file("/data/hello");
    see_stat("/data/dir/alias");
    SEE(unlink("/data/hello"));
    see_stat("/data/alias");
    SEE(unlink("/data/alias"));
    see_stat("/data/dir/alias");
    struct stat meta;
    fstat(fd, &meta);
    printf("%llu links\n", (unsigned long long)meta.st_nlink);
    SEE(unlink("/data/dir/alias"));
    SEE(fstat(fd, &meta));
    printf("%llu links\n", (unsigned long long)meta.st_nlink);
    see_bytes("nameless", fd, 0, 48);
    return 0;
}

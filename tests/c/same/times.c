/* Times that are set and kept. */
#include "observe.h"

static void see_times(const char *path) {
    struct stat meta;
    if (lstat(path, &meta) != 0) {
        printf("%s: %s\n", path, error_name(errno));
        return;
    }
    /* The time now differs from run to run. */
    if (meta.st_mtim.tv_sec > 1700000000)
        printf("%s: changed lately\n", path);
    else
        printf("%s: changed at %lld.%09ld\n", path, (long long)meta.st_mtim.tv_sec,
               meta.st_mtim.tv_nsec);
    if (meta.st_atim.tv_sec < 1700000000)
        printf("%s: read at %lld.%09ld\n", path, (long long)meta.st_atim.tv_sec,
               meta.st_atim.tv_nsec);
}

int main(void) {
    struct timespec both[2] = {{1000, 5}, {2000, 999999999}};
    struct timespec omit[2] = {{0, UTIME_OMIT}, {3000, 0}};
    struct timespec none[2] = {{0, UTIME_OMIT}, {0, UTIME_OMIT}};
    struct timespec now[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};
    struct timespec wrong[2] = {{0, 1000000000}, {0, 0}};
    struct timespec old[2] = {{-5, 0}, {-5, 0}};
    int cwd = AT_FDCWD, nofollow = AT_SYMLINK_NOFOLLOW;
    SEE(utimensat(cwd, "/data/hello", both, 0));
    see_times("/data/hello");
    SEE(utimensat(cwd, "/data/hello", omit, 0));
    see_times("/data/hello");
    SEE(utimensat(cwd, "/data/hello", none, 0));
    see_times("/data/hello");
    SEE(utimensat(cwd, "/data/hello", wrong, 0));
    SEE(utimensat(cwd, "/data/hello", old, 0));
    SEE(utimensat(cwd, "/data/link", both, 0));
    see_times("/data/hello");
    SEE(utimensat(cwd, "/data/link", omit, nofollow));
    see_times("/data/link");
    SEE(utimensat(cwd, "/data/dangling", both, 0));
    SEE(utimensat(cwd, "/data/dangling", both, nofollow));
    see_times("/data/dangling");
    SEE(utimensat(cwd, "/data/dir", both, 0));
    see_times("/data/dir");
    SEE(utimensat(cwd, "/data/missing", both, 0));
    SEE(utimensat(cwd, "/data/up", both, 0));
    SEE(utimensat(cwd, "/ro/hello", both, 0));
    int fd = open("/data/empty", O_RDWR);
    SEE(futimens(fd, both));
    see_times("/data/empty");
    SEE(write(fd, "x", 1));
    see_times("/data/empty");
    SEE(futimens(fd, omit));
    SEE(futimens(fd, now));
    see_times("/data/empty");
    int reader = open("/data/dir/file", O_RDONLY);
    SEE(futimens(reader, both));
    see_times("/data/dir/file");
    int ro = open("/ro/hello", O_RDONLY);
    SEE(futimens(ro, both));
    return 0;
}

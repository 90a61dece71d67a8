/* Paths and links that would leave the directory. */
#include "observe.h"

int main(void) {
    struct stat meta;
    char target[64];
    SEE_OPEN("/data/../secret", O_RDONLY);
    SEE_OPEN("/data/dir/../../secret", O_RDONLY);
    SEE_OPEN("/data/dir/../../data/hello", O_RDONLY);
    SEE_OPEN("/data/..", O_RDONLY | O_DIRECTORY);
    SEE_OPEN("/data/../../../../../etc/passwd", O_RDONLY);
    SEE_OPEN("/data/up", O_RDONLY);
    SEE_OPEN("/data/up", O_WRONLY | O_CREAT);
    SEE_OPEN("/data/through", O_RDONLY);
    SEE_OPEN("/data/round", O_RDONLY);
    SEE_OPEN("/data/absolute", O_RDONLY);
    SEE_OPEN("/data/absolute", O_WRONLY | O_CREAT);
    SEE_OPEN("/data/inside", O_RDONLY);
    SEE_OPEN("/etc/passwd", O_RDONLY);
    SEE(stat("/data/up", &meta));
    SEE(stat("/data/absolute", &meta));
    SEE(stat("/data/../secret", &meta));
    SEE(lstat("/data/absolute", &meta));
    SEE(readlink("/data/absolute", target, sizeof target));
    SEE(readlink("/data/up", target, sizeof target));
    SEE(unlink("/data/../secret"));
    SEE(unlink("/data/up/x"));
    SEE(mkdir("/data/../made", 0755));
    SEE(rename("/data/hello", "/data/../hello"));
    SEE(rename("/data/../secret", "/data/secret"));
    SEE(link("/data/hello", "/data/../hello"));
    SEE(link("/data/../secret", "/data/secret"));
    SEE(link("/data/up", "/data/up-too"));
    see_stat("/data/up-too");
    SEE(symlink("/etc/passwd", "/data/mine"));
    SEE(symlink("../secret", "/data/mine-too"));
    SEE_OPEN("/data/mine-too", O_RDONLY);
    SEE(symlink("x", "/data/../mine"));
    SEE(rmdir("/data/.."));
    see_list("/data/..");
    see_list("/data/absolute");
    return 0;
}

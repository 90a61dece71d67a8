/* Paths that lead nowhere. */
#include "observe.h"

int main(void) {
    SEE_OPEN("/data/missing", O_RDONLY);
    SEE_OPEN("/data/missing", O_RDWR);
    SEE_OPEN("/data/missing/deeper", O_RDONLY);
    SEE_OPEN("/data/hello/deeper", O_RDONLY);
    SEE_OPEN("/data/hello/", O_RDONLY);
    SEE_OPEN("/data/hello/.", O_RDONLY);
    SEE_OPEN("/data/hello/..", O_RDONLY);
    SEE_OPEN("/data/slash", O_RDONLY);
    SEE_OPEN("/data/dir/file/", O_RDWR);
    SEE_OPEN("/data/missing/../hello", O_RDONLY);
    SEE_OPEN("/data/dir/../hello", O_RDONLY);
    SEE_OPEN("/data/hello/../hello", O_RDONLY);
    SEE_OPEN("/data/dangling", O_RDONLY);
    SEE_OPEN("/nowhere", O_RDONLY);
    SEE_OPEN("/datax/hello", O_RDONLY);
    SEE_OPEN("data/hello", O_RDONLY);
    SEE_OPEN("hello", O_RDONLY);
    SEE_OPEN("", O_RDONLY);
    SEE_OPEN(".", O_RDONLY);
    SEE_OPEN("/", O_RDONLY);
    struct stat meta;
    SEE(stat("/data/missing", &meta));
    SEE(stat("/data/hello/deeper", &meta));
    SEE(stat("/data/dangling", &meta));
    SEE(lstat("/data/dangling", &meta));
    SEE(stat("", &meta));
    SEE(access("/data/missing", F_OK));
    SEE(access("/data/hello", R_OK | W_OK));
    SEE(access("/data/dangling", F_OK));
    SEE(access("/data/dir", X_OK));
    SEE(unlink("/data/missing"));
    SEE(rmdir("/data/missing"));
    SEE(mkdir("/data/missing/deeper", 0755));
    SEE(mkdir("/data/hello/deeper", 0755));
    return 0;
}

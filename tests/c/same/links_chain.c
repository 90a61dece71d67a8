/* Chains and loops of links. */
#include "observe.h"

int main(void) {
    char path[64];
    struct stat meta;
    for (int n = 0; n < 45; n += 4) {
        snprintf(path, sizeof path, "/data/chain/%d", n);
        printf("%s: ", path);
        SEE_OPEN(path, O_RDONLY);
        SEE(stat(path, &meta));
    }
    SEE_OPEN("/data/loop", O_RDONLY);
    SEE_OPEN("/data/loop", O_RDONLY | O_NOFOLLOW);
    SEE_OPEN("/data/loop", O_WRONLY | O_CREAT);
    SEE_OPEN("/data/ping", O_RDONLY);
    SEE_OPEN("/data/pong/deeper", O_RDONLY);
    SEE_OPEN("/data/link", O_RDONLY | O_NOFOLLOW);
    SEE_OPEN("/data/link", O_WRONLY | O_NOFOLLOW);
    SEE_OPEN("/data/to-dir/file", O_RDONLY | O_NOFOLLOW);
    SEE_OPEN("/data/hello", O_RDONLY | O_NOFOLLOW);
    SEE(stat("/data/loop", &meta));
    SEE(lstat("/data/loop", &meta));
    SEE(mkdir("/data/loop/deeper", 0755));
    SEE(mkdir("/data/loop", 0755));
    SEE(unlink("/data/loop/deeper"));
    SEE(rename("/data/ping", "/data/pang"));
    SEE_OPEN("/data/pang", O_RDONLY);
    see_stat("/data/pang");
    SEE(unlink("/data/loop"));
    SEE(unlink("/data/link"));
    see_file("/data/hello");
    see_list("/data");
    return 0;
}

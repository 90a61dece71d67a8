/* Links whose target does not exist yet. */
#include "observe.h"

int main(void) {
    SEE_OPEN("/data/dangling", O_RDONLY);
    SEE_OPEN("/data/dangling", O_WRONLY);
    SEE_OPEN("/data/dangling", O_WRONLY | O_CREAT | O_EXCL);
    SEE_OPEN("/data/dangling", O_WRONLY | O_CREAT | O_NOFOLLOW);
    see_stat("/data/nowhere");
    SEE_OPEN("/data/dangling", O_WRONLY | O_CREAT);
    see_stat("/data/nowhere");
    make("/data/dangling", "through a link\n");
    see_file("/data/nowhere");
    see_stat("/data/dangling");

    SEE(symlink("deep/er", "/data/far"));
    SEE_OPEN("/data/far", O_WRONLY | O_CREAT);
    SEE(symlink("dir/inner/born", "/data/near"));
    SEE_OPEN("/data/near", O_WRONLY | O_CREAT);
    see_stat("/data/dir/inner/born");
    SEE(symlink("../up-and-away", "/data/out"));
    SEE_OPEN("/data/out", O_WRONLY | O_CREAT);
    SEE(symlink("made", "/data/to-made"));
    SEE(mkdir("/data/to-made", 0755));
    SEE(mkdir("/data/to-made/", 0755));
    SEE(symlink("x", "/data/to-made"));
    SEE(link("/data/hello", "/data/to-made"));
    SEE(rename("/data/hello", "/data/to-made"));
    see_stat("/data/to-made");
    see_stat("/data/made");
    return 0;
}

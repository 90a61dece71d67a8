/* Removing what cannot be removed that way. */
#include "observe.h"

int main(void) {
    SEE(unlink("/data/dir"));
    SEE(unlink("/data/dir/"));
    SEE(unlink("/data/void"));
    SEE(unlink("/data/hello/"));
    SEE(unlink("/data/hello/x"));
    SEE(unlink(""));
    SEE(unlink("/data"));
    SEE(unlink("/data/."));
    SEE(unlink("/data/dir/.."));
    SEE(rmdir("/data/hello"));
    SEE(rmdir("/data/dir"));
    SEE(rmdir("/data/link"));
    SEE(rmdir("/data/to-dir"));
    SEE(rmdir("/data/to-dir/"));
    SEE(rmdir("/data/dangling"));
    SEE(rmdir("/data"));
    SEE(rmdir("/data/."));
    SEE(rmdir("/data/void/."));
    SEE(rmdir("/data/void/.."));
    SEE(rmdir("/data/dir/inner/.."));
    SEE(rmdir("/data/void/"));
    SEE(rmdir("/data/void"));
    SEE(remove("/data/dir/inner"));
    SEE(remove("/data/dir/file"));
    SEE(remove("/data/dir"));
    SEE(unlink("/data/to-dir"));
    SEE(unlink("/data/dangling"));
    SEE(unlink("/data/absolute"));
    SEE(unlink("/data/slash"));
    SEE(unlinkat(AT_FDCWD, "/data/chain", AT_REMOVEDIR));
    SEE(unlinkat(AT_FDCWD, "/data/hello", AT_REMOVEDIR));
    SEE(unlinkat(AT_FDCWD, "/data/hello", 0));
    see_list("/data");
    return 0;
}

/* Files that are created: new ones, ones that exist, with and without O_EXCL. */
#include "observe.h"

#define NEW (O_WRONLY | O_CREAT)

int main(void) {
    SEE_OPEN("/data/new", NEW);
    SEE_OPEN("/data/new", NEW | O_EXCL);
    SEE_OPEN("/data/new", NEW);
    SEE_OPEN("/data/hello", O_RDWR | O_CREAT);
    see_file("/data/hello");
    SEE_OPEN("/data/hello", NEW | O_EXCL);
    SEE_OPEN("/data/dir", NEW);
    SEE_OPEN("/data/dir", NEW | O_EXCL);
    SEE_OPEN("/data/dir", O_RDONLY | O_CREAT);
    SEE_OPEN("/data/link", NEW | O_EXCL);
    SEE_OPEN("/data/dangling", NEW | O_EXCL);
    SEE_OPEN("/data/loop", NEW | O_EXCL);
    SEE_OPEN("/data/read-only", O_RDONLY | O_CREAT);
    SEE_OPEN("/data/read-only-excl", O_RDONLY | O_CREAT | O_EXCL);
    SEE_OPEN("/data/none/new", NEW);
    SEE_OPEN("/data/hello/new", NEW);
    SEE_OPEN("/data/new/", NEW);
    SEE_OPEN("/data/newer/", NEW);
    SEE_OPEN("/data/", NEW);
    SEE_OPEN("/data", NEW);
    SEE_OPEN("", NEW);
    SEE_OPEN("/", NEW);
    SEE_OPEN("/new", NEW);
    SEE_OPEN("/data//dir/./inner/../new", NEW);
    SEE_OPEN("/data/to-dir/through-link", NEW);
    SEE_OPEN("/data/dir/inner/../../void/new", NEW);
    see_list("/data/dir");
    return 0;
}

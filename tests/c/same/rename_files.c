/* Renaming files over what is there. */
#include "observe.h"

int main(void) {
    make("/data/a", "file a\n");
    make("/data/b", "file b, longer\n");
    SEE(rename("/data/a", "/data/c"));
    see_file("/data/a");
    see_file("/data/c");
    SEE(rename("/data/c", "/data/b"));
    see_file("/data/b");
    see_file("/data/c");
    SEE(rename("/data/b", "/data/dir"));
    SEE(rename("/data/b", "/data/void"));
    SEE(rename("/data/b", "/data/dir/b"));
    see_file("/data/dir/b");
    SEE(rename("/data/missing", "/data/x"));
    SEE(rename("/data/dir/b", "/data/missing/b"));
    SEE(rename("/data/dir/b", "/data/hello/b"));
    SEE(rename("/data/dir/b", "/data/b/"));
    SEE(rename("/data/dir/b/", "/data/b"));
    SEE(rename("", "/data/b"));
    SEE(rename("/data/dir/b", ""));
    SEE(rename("/data/link", "/data/link2"));
    see_stat("/data/link2");
    see_file("/data/link2");
    SEE(rename("/data/dir/b", "/data/link2"));
    see_stat("/data/link2");
    see_file("/data/link2");
    see_file("/data/hello");
    SEE(rename("/data/hello", "/data/dangling"));
    see_stat("/data/dangling");
    SEE(rename("/data/dangling", "/data/to-dir/moved"));
    see_file("/data/dir/moved");
    SEE(rename("/data/empty", "/data/dir/../renamed"));
    see_list("/data");
    return 0;
}

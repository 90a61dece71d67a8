/* Renaming directories over what is there. */
#include "observe.h"

int main(void) {
    SEE(mkdir("/data/one", 0755));
    make("/data/one/file", "in one\n");
    SEE(rename("/data/one", "/data/two"));
    see_list("/data/two");
    SEE(rename("/data/two", "/data/void"));
    see_list("/data/void");
    SEE(rename("/data/void", "/data/dir"));
    SEE(rename("/data/void", "/data/hello"));
    SEE(rename("/data/void", "/data/link"));
    SEE(rename("/data/void", "/data/to-dir"));
    SEE(rename("/data/void", "/data/void/deeper"));
    SEE(rename("/data/dir", "/data/dir/inner/self"));
    SEE(rename("/data/dir/inner", "/data/dir"));
    SEE(rename("/data/void", "/data/dir/inner"));
    see_list("/data/dir/inner");
    SEE(rename("/data/dir/inner/", "/data/slash-from"));
    SEE(rename("/data/slash-from", "/data/slash-to/"));
    see_list("/data/slash-to");
    SEE(rename("/data/slash-to", "/data/missing/x"));
    SEE(rename("/data/to-dir", "/data/moved-link"));
    see_stat("/data/moved-link");
    see_stat("/data/dir");
    SEE(rename("/data", "/data/x"));
    SEE(rename("/data/dir", "/data"));
    SEE(rename("/data/.", "/data/x"));
    SEE(rename("/data/dir/.", "/data/x"));
    SEE(rename("/data/dir/..", "/data/x"));
    SEE(rename("/data/dir", "/data/slash-to/."));
    /* A descriptor of a directory stays with it. */
    int dir = open("/data/dir", O_RDONLY | O_DIRECTORY);
    SEE(rename("/data/dir", "/data/elsewhere"));
    SEE(openat(dir, "file", O_RDONLY));
    SEE(mkdirat(dir, "made", 0755));
    see_list("/data/elsewhere");
    return 0;
}

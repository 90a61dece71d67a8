/* mkdir over everything, and deep trees. */
#include "observe.h"

int main(void) {
    char path[512];
    SEE(mkdir("/data/new", 0755));
    SEE(mkdir("/data/new", 0755));
    SEE(mkdir("/data/newer/", 0700));
    SEE(mkdir("/data/hello", 0755));
    SEE(mkdir("/data/hello/", 0755));
    SEE(mkdir("/data/link", 0755));
    SEE(mkdir("/data/dangling", 0755));
    SEE(mkdir("/data/to-dir/made", 0755));
    SEE(mkdir("/data/void/.", 0755));
    SEE(mkdir("/data/void/..", 0755));
    SEE(mkdir("/data/void/x/..", 0755));
    SEE(mkdir("/data", 0755));
    SEE(mkdir("/data/", 0755));
    SEE(mkdir("/", 0755));
    SEE(mkdir("", 0755));
    SEE(mkdir("/data/missing/new", 0755));
    strcpy(path, "/data/deep");
    for (int depth = 0; depth < 40; depth++) {
        if (mkdir(path, 0755) != 0)
            SEE(-1);
        strcat(path, "/d");
    }
    make(path, "at the bottom\n");
    see_file(path);
    SEE(rename("/data/deep/d/d", "/data/void/d"));
    see_list("/data/deep/d");
    path[10] = 0;
    see_stat(path);
    /* Emptied from below. */
    strcpy(path, "/data/void/d");
    for (int depth = 0; depth < 37; depth++)
        strcat(path, "/d");
    SEE(unlink(strcat(path, "/d")));
    while (strlen(path) > strlen("/data/void/d")) {
        *strrchr(path, '/') = 0;
        if (rmdir(path) != 0) {
            SEE(-1);
            break;
        }
    }
    see_list("/data/void");
    return 0;
}

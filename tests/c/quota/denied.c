/* A component that may read below /data/in and write below /data/out. */
#include "observe.h"

int main(void) {
    struct stat meta;
    struct timespec times[2] = {{1, 0}, {2, 0}};
    see_file("/data/in/readable");
    SEE_OPEN("/data/in/readable", O_RDWR);
    SEE_OPEN("/data/in/readable", O_RDONLY | O_TRUNC);
    SEE_OPEN("/data/in/new", O_WRONLY | O_CREAT);
    SEE_OPEN("/data/in/missing", O_RDONLY);
    make("/data/out/written", "written\n");
    SEE_OPEN("/data/out/written", O_RDONLY);
    SEE_OPEN("/data/out/written", O_RDWR);
    SEE_OPEN("/data/out/written", O_WRONLY | O_TRUNC);
    SEE_OPEN("/data/hello", O_RDONLY);
    SEE_OPEN("/data/hello", O_WRONLY);
    SEE_OPEN("/data/missing", O_RDONLY);
    SEE_OPEN("/data/new", O_WRONLY | O_CREAT);
    SEE(stat("/data/in/readable", &meta));
    SEE(stat("/data/hello", &meta));
    SEE(stat("/data/out/written", &meta));
    SEE(unlink("/data/in/readable"));
    SEE(unlink("/data/hello"));
    SEE(mkdir("/data/in/made", 0755));
    SEE(mkdir("/data/out/made", 0755));
    SEE(mkdir("/data/made", 0755));
    SEE(rename("/data/in/readable", "/data/out/moved"));
    SEE(rename("/data/out/written", "/data/out/renamed"));
    SEE(link("/data/in/readable", "/data/out/alias"));
    SEE(utimensat(AT_FDCWD, "/data/in/readable", times, 0));
    SEE(utimensat(AT_FDCWD, "/data/out/made", times, 0));
    /* A link is decided by where it leads. */
    SEE(symlink("../in/readable", "/data/out/to-in"));
    SEE(symlink("../hello", "/data/out/to-hello"));
    SEE_OPEN("/data/out/to-in", O_RDONLY);
    SEE_OPEN("/data/out/to-in", O_WRONLY);
    SEE_OPEN("/data/out/to-hello", O_RDONLY);
    SEE_OPEN("/data/out/to-hello", O_WRONLY);
    SEE_OPEN("/data/in/to-out", O_WRONLY | O_CREAT);
    SEE_OPEN("/data/in/../hello", O_RDONLY);
    SEE_OPEN("/data/out/../in/readable", O_RDONLY);
    see_list("/data/in");
    see_list("/data/out");
    see_list("/data");
    SEE_OPEN("/data/void", O_RDONLY | O_DIRECTORY);
    SEE_OPEN("/data/in", O_RDONLY | O_DIRECTORY);
    SEE(unlink("/data/out/to-in"));
    SEE(unlink("/data/out/made"));
    SEE(rmdir("/data/out/made"));
    return 0;
}

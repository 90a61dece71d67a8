/* Paths from descriptors of directories, and a working directory. */
#include "observe.h"

int main(void) {
    struct stat meta;
    char path[64];
    int dir = open("/data/dir", O_RDONLY | O_DIRECTORY);
    SEE(openat(dir, "file", O_RDONLY));
    SEE(openat(dir, "./inner/../file", O_RDONLY));
    SEE(openat(dir, "../hello", O_RDONLY));
    SEE(openat(dir, "..", O_RDONLY));
    SEE(openat(dir, ".", O_RDONLY));
    SEE(openat(dir, "", O_RDONLY));
    SEE(openat(dir, "/data/hello", O_RDONLY));
    SEE(openat(dir, "missing", O_RDONLY));
    SEE(openat(77, "file", O_RDONLY));
    int file = open("/data/hello", O_RDONLY);
    SEE(openat(file, "x", O_RDONLY));
    SEE(symlinkat("../hello", dir, "above"));
    SEE(openat(dir, "above", O_RDONLY));
    SEE(symlinkat("file", dir, "beside"));
    SEE(openat(dir, "beside", O_RDONLY));
    SEE(fstatat(dir, "beside", &meta, AT_SYMLINK_NOFOLLOW));
    SEE(renameat(dir, "file", AT_FDCWD, "/data/void/file"));
    SEE(linkat(AT_FDCWD, "/data/void/file", dir, "alias", 0));
    SEE(unlinkat(dir, "inner", 0));
    SEE(unlinkat(dir, "inner", AT_REMOVEDIR));
    SEE(mkdirat(dir, "made", 0755));
    SEE(unlinkat(dir, "../hello", 0));
    SEE(renameat(dir, "alias", dir, "../alias"));
    SEE(faccessat(dir, "alias", R_OK, 0));
    SEE(close(dir));
    SEE(openat(dir, "alias", O_RDONLY));
    SEE(mkdirat(dir, "x", 0755));

    SEE(chdir("/data/dir"));
    printf("%s\n", getcwd(path, sizeof path));
    SEE_OPEN("alias", O_RDONLY);
    SEE_OPEN("../hello", O_RDONLY);
    SEE_OPEN("../../secret", O_RDONLY);
    SEE_OPEN("new", O_WRONLY | O_CREAT);
    SEE(chdir("missing"));
    SEE(chdir("/data/hello"));
    SEE(chdir(".."));
    printf("%s\n", getcwd(path, sizeof path));
    see_list(".");
    return 0;
}

/* Names at and past the longest. */
#include "observe.h"

static char path[8192];

static const char *at(const char *prefix, int length) {
    size_t start = strlen(prefix);
    memcpy(path, prefix, start);
    memset(path + start, 'n', length);
    path[start + length] = 0;
    return path;
}

int main(void) {
    struct stat meta;
    for (int length = 254; length <= 257; length++) {
        printf("%d: ", length);
        SEE_OPEN(at("/data/", length), O_WRONLY | O_CREAT);
        SEE(stat(path, &meta));
        SEE(unlink(path));
        SEE(mkdir(path, 0755));
        SEE(rmdir(path));
        SEE(symlink("x", path));
        SEE(unlink(path));
        SEE(rename("/data/empty", path));
        SEE(rename(path, "/data/empty"));
        SEE(link("/data/hello", path));
        SEE(unlink(path));
    }
    /* Many short names. */
    for (int parts = 500; parts <= 2500; parts += 500) {
        strcpy(path, "/data/");
        for (int i = 0; i < parts; i++)
            strcat(path, "./");
        strcat(path, "hello");
        printf("%d: ", parts);
        SEE_OPEN(path, O_RDONLY);
    }
    /* Directories made one below another, until the path is longer than one may be. */
    int dir = open("/data/void", O_RDONLY | O_DIRECTORY);
    for (int depth = 0; depth < 15; depth++) {
        at("", 200);
        if (mkdirat(dir, path, 0755) != 0)
            SEE(-1);
        int next = openat(dir, path, O_RDONLY | O_DIRECTORY);
        if (next < 0)
            SEE(-1);
        close(dir);
        dir = next;
    }
    SEE(openat(dir, "deep", O_WRONLY | O_CREAT, 0644));
    SEE(fstatat(dir, "deep", &meta, 0));
    return 0;
}

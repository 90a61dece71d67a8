/* Fields of stat that two directories share. */
#include "observe.h"

static void see_fields(const char *what, const struct stat *meta) {
    printf("%s: %s, mode %o, uid %u, gid %u, rdev %llu\n", what, type_name(meta->st_mode),
           meta->st_mode & 07777, meta->st_uid, meta->st_gid, (unsigned long long)meta->st_rdev);
    if (!S_ISDIR(meta->st_mode))
        printf("  %lld bytes, %llu links\n", (long long)meta->st_size,
               (unsigned long long)meta->st_nlink);
}

int main(void) {
    static const char *paths[] = {"/data", "/data/dir", "/data/hello", "/data/empty",
                                  "/data/link", "/data/to-dir", "/data/to-dir/",
                                  "/data/round", "/ro/hello", "/ro", "/data/here/."};
    struct stat meta, other;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        if (SEE(stat(paths[i], &meta)) == 0)
            see_fields(paths[i], &meta);
        if (SEE(lstat(paths[i], &meta)) == 0)
            see_fields(paths[i], &meta);
    }
    for (int fd = 0; fd < 6; fd++)
        if (SEE(fstat(fd, &meta)) == 0 && fd != 1)
            printf("  %s\n", type_name(meta.st_mode));
    int fd = open("/data/hello", O_RDWR);
    fstat(fd, &meta);
    see_fields("hello", &meta);
    stat("/data/link", &other);
    printf("same file: %d\n", meta.st_ino == other.st_ino && meta.st_dev == other.st_dev);
    stat("/data/empty", &other);
    printf("same file: %d\n", meta.st_ino == other.st_ino);
    link("/data/hello", "/data/alias");
    stat("/data/alias", &other);
    printf("same file: %d\n", meta.st_ino == other.st_ino);
    SEE(fstat(77, &meta));
    return 0;
}

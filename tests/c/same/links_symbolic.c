/* Making and reading symbolic links. */
#include "observe.h"

static void see_link(const char *path) {
    char target[4200];
    ssize_t length = SEE(readlink(path, target, sizeof target));
    if (length >= 0)
        printf("  %.*s\n", length < 60 ? (int)length : 60, target);
}

int main(void) {
    static char longest[4200];
    char small[4];
    SEE(symlink("hello", "/data/new"));
    see_link("/data/new");
    see_stat("/data/new");
    see_file("/data/new");
    SEE(symlink("hello", "/data/new"));
    SEE(symlink("hello", "/data/hello"));
    SEE(symlink("hello", "/data/dir"));
    SEE(symlink("hello", "/data/missing/new"));
    SEE(symlink("hello", "/data/hello/new"));
    SEE(symlink("", "/data/nothing"));
    SEE(symlink("hello", ""));
    SEE(symlink("/data/hello", "/data/absolute-too"));
    SEE(symlink("../hello", "/data/dir/above"));
    see_file("/data/dir/above");
    SEE(symlink("a b\tc", "/data/odd name"));
    see_link("/data/odd name");
    see_link("/data/hello");
    see_link("/data/dir");
    see_link("/data/missing");
    see_link("/data/absolute");
    SEE(readlink("/data/link", small, sizeof small));
    printf("%.4s\n", small);
    SEE(readlink("/data/link", small, 0));
    for (int length = 250; length <= 4100; length += 1925) {
        memset(longest, 'x', length);
        longest[length] = 0;
        SEE(symlink(longest, "/data/long"));
        see_stat("/data/long");
        see_link("/data/long");
        SEE_OPEN("/data/long", O_RDONLY);
        SEE(unlink("/data/long"));
    }
    SEE(rename("/data/new", "/data/renamed"));
    see_link("/data/renamed");
    SEE(unlink("/data/renamed"));
    see_file("/data/hello");
    return 0;
}

/* A tree that is made, walked, copied and removed. */
#include "observe.h"
#include <ftw.h>

static int files, directories, links, deepest;

static int visit(const char *path, const struct stat *meta, int type, struct FTW *at) {
    (void)path;
    files += type == FTW_F;
    directories += type == FTW_D || type == FTW_DP;
    links += type == FTW_SL || type == FTW_SLN;
    deepest = at->level > deepest ? at->level : deepest;
    return meta->st_size < 0;
}

static int forget(const char *path, const struct stat *meta, int type, struct FTW *at) {
    (void)meta, (void)type, (void)at;
    return remove(path);
}

static void fill(const char *path, int depth) {
    char below[256];
    mkdir(path, 0755);
    for (int i = 0; i < 3; i++) {
        snprintf(below, sizeof below, "%s/file-%d", path, i);
        make(below, below);
        snprintf(below, sizeof below, "%s/link-%d", path, i);
        symlink("file-0", below);
        snprintf(below, sizeof below, "%s/dir-%d", path, i);
        if (depth > 0)
            fill(below, depth - 1);
    }
}

int main(void) {
    fill("/data/tree", 3);
    SEE(nftw("/data/tree", visit, 16, FTW_PHYS));
    printf("%d files, %d directories, %d links, depth %d\n", files, directories, links, deepest);
    see_list("/data/tree/dir-1/dir-2");
    SEE(rename("/data/tree/dir-0", "/data/moved"));
    files = directories = links = deepest = 0;
    SEE(nftw("/data/moved", visit, 16, FTW_PHYS | FTW_DEPTH));
    printf("%d files, %d directories, %d links, depth %d\n", files, directories, links, deepest);
    SEE(nftw("/data/tree", forget, 16, FTW_PHYS | FTW_DEPTH));
    see_stat("/data/tree");
    struct dirent **names;
    int count = SEE(scandir("/data/moved", &names, NULL, alphasort));
    for (int i = 0; i < count; i++)
        printf("%s\n", names[i]->d_name);
    return 0;
}

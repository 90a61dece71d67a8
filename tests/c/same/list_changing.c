/* Directories that change while they are listed. */
#include "observe.h"

static int count(DIR *dir) {
    int entries = 0;
    errno = 0;
    while (readdir(dir) != NULL)
        entries++;
    printf("%d entries, %s\n", entries, errno ? error_name(errno) : "end");
    return entries;
}

int main(void) {
    char path[64];
    struct dirent *entry;
    mkdir("/data/many", 0755);
    for (int i = 0; i < 300; i++) {
        snprintf(path, sizeof path, "/data/many/%d", i);
        close(open(path, O_WRONLY | O_CREAT, 0644));
    }
    /* Each entry is removed as it is read; a second pass finds what the first left. */
    DIR *dir = opendir("/data/many");
    int removed = 0;
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "/data/many/%s", entry->d_name);
        removed += unlink(path) == 0;
    }
    printf("%s\n", removed > 0 ? "removed some" : "removed none");
    rewinddir(dir);
    while ((entry = readdir(dir)) != NULL) {
        snprintf(path, sizeof path, "/data/many/%s", entry->d_name);
        if (entry->d_name[0] != '.')
            unlink(path);
    }
    rewinddir(dir);
    count(dir);
    make("/data/many/new", "new\n");
    rewinddir(dir);
    count(dir);
    SEE(unlink("/data/many/new"));
    SEE(rmdir("/data/many"));
    rewinddir(dir);
    printf("%d\n", readdir(dir) != NULL);
    SEE(closedir(dir));

    dir = opendir("/data/dir");
    long start = telldir(dir);
    readdir(dir);
    count(dir);
    seekdir(dir, start);
    count(dir);
    SEE(closedir(dir));
    return 0;
}

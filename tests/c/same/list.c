/* Listing directories of all sizes. */
#include "observe.h"

int main(void) {
    char path[64];
    see_list("/data");
    see_list("/data/void");
    see_list("/data/to-dir");
    see_list("/data/hello");
    see_list("/data/missing");
    see_list("/data/dangling");
    see_list("/data/odd");
    see_list("/data/dir/");
    see_list("/data/dir/inner/..");
    see_list("/ro");
    /* More than one buffer of wasi-libc, and long names. */
    mkdir("/data/many", 0755);
    for (int i = 0; i < 1000; i++) {
        snprintf(path, sizeof path, "/data/many/%d-%0*d", i, 1 + i % 40, i);
        close(open(path, O_WRONLY | O_CREAT, 0644));
    }
    see_list("/data/many");
    int dir = open("/data/dir", O_RDONLY | O_DIRECTORY);
    DIR *stream = fdopendir(dir);
    printf("%d\n", stream != NULL);
    SEE(closedir(stream));
    SEE(close(dir));
    int file = open("/data/hello", O_RDONLY);
    printf("%d\n", fdopendir(file) != NULL);
    return 0;
}

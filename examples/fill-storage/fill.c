/* Writes a log of LINES lines, a million without an argument. It does not know of quotas: fprintf
 * fails as on a full disk, and space that the program frees can be used again.
 *
 * component.wasm is this program, by clang 14 and wasi-libc of Debian 12; tests compare the two:
 *
 *     clang --target=wasm32-wasi -Oz -s -lc-printscan-no-floating-point -o component.wasm fill.c
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static long fill(const char *path, long lines) {
    FILE *log = fopen(path, "w");
    long line = 0;
    if (log == NULL) {
        printf("%s: %s\n", path, strerror(errno));
        return 0;
    }
    setvbuf(log, NULL, _IOLBF, BUFSIZ);
    while (line < lines && fprintf(log, "line %06ld: all is well\n", line) > 0)
        line++;
    printf("%s: %ld lines", path, line);
    printf(line < lines ? ", then: %s\n" : "\n", strerror(errno));
    fclose(log);
    return line;
}

int main(int argc, char **argv) {
    long lines = argc > 1 ? atol(argv[1]) : 1000000;
    if (fill("/data/log", lines) < lines && remove("/data/log") == 0) {
        puts("/data/log: removed");
        fill("/data/log", 100);
    }
    fill("/data/private", 1);
    return 0;
}

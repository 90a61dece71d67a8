/* Files through stdio: modes, buffers, positions. */
#include "observe.h"

static void see_mode(const char *path, const char *mode) {
    errno = 0;
    FILE *file = fopen(path, mode);
    printf("fopen %s %s: %s\n", path, mode, file ? "open" : error_name(errno));
    if (file == NULL)
        return;
    printf("  fputs %d, flush %d", fputs("ABC", file) < 0, fflush(file));
    printf(", error %d, %s\n", ferror(file) != 0, ferror(file) ? error_name(errno) : "well");
    printf("  at %ld, close %d\n", ftell(file), fclose(file));
    see_file(path);
}

int main(void) {
    static const char *modes[] = {"r", "r+", "w", "w+", "a", "a+", "wx", "rb", "x"};
    char line[64], buffer[16];
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        see_mode("/data/hello", modes[i]);
        see_mode("/data/missing", modes[i]);
        see_mode("/data/dir", modes[i]);
        see_mode("/ro/hello", modes[i]);
        unlink("/data/missing");
    }
    /* Nothing is in the file until the buffer is full or flushed. */
    FILE *file = fopen("/data/buffered", "w");
    setvbuf(file, NULL, _IOFBF, 512);
    for (int i = 0; i < 100; i++)
        fprintf(file, "line %d\n", i);
    see_stat("/data/buffered");
    SEE(fflush(file));
    see_stat("/data/buffered");
    fputs("last", file);
    SEE(fclose(file));
    see_stat("/data/buffered");
    file = fopen("/data/buffered", "r+");
    SEE(fseek(file, -4, SEEK_END));
    printf("%s\n", fgets(line, sizeof line, file));
    rewind(file);
    printf("%s", fgets(line, sizeof line, file));
    SEE(ftell(file));
    SEE(fputs("CHANGED", file));
    SEE(fseek(file, 0, SEEK_CUR));
    SEE(fread(buffer, 1, sizeof buffer, file));
    SEE(ungetc('!', file));
    SEE(getc(file));
    file = freopen("/data/other", "w", file);
    SEE(setvbuf(file, NULL, _IONBF, 0));
    SEE(fwrite("0123456789", 2, 5, file));
    see_stat("/data/other");
    SEE(fclose(file));
    see_file("/data/buffered");
    see_file("/data/other");
    SEE(remove("/data/other"));
    return 0;
}

/* Fills a file through stdio: the error comes with the flush. */
#include "observe.h"

int main(void) {
    static char bytes[100];
    FILE *file = fopen("/data/log", "w");
    if (file == NULL)
        return 2;
    while (fwrite(bytes, 1, sizeof bytes, file) == sizeof bytes && fflush(file) == 0)
        ;
    printf("%s, error %d\n", error_name(errno), ferror(file));
    see_stat("/data/log");
    clearerr(file);
    SEE(fputc('x', file));
    SEE(fflush(file));
    SEE(fclose(file));
    see_stat("/data/log");
    return 0;
}

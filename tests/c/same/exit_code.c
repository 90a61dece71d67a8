/* A program that ends with a code and a full buffer. */
#include "observe.h"

int main(void) {
    FILE *file = fopen("/data/unflushed", "w");
    fputs("written at exit\n", file);
    int fd = open("/data/hello", O_WRONLY | O_TRUNC);
    write(fd, "last words\n", 11);
    printf("ends with 7\n");
    fprintf(stderr, "to stderr\n");
    exit(7);
}

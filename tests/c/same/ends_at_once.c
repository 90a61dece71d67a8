/* A program that ends in the middle: nothing is flushed. */
#include "observe.h"

int main(void) {
    FILE *file = fopen("/data/unflushed", "w");
    fputs("never written\n", file);
    int fd = open("/data/hello", O_WRONLY | O_TRUNC);
    write(fd, "last words\n", 11);
    _Exit(3);
}

/* A name that is no text ends a component: its strings are UTF-8. */
#include "observe.h"

int main(void) {
    see_list("/data/odd");
    SEE_OPEN("/data/new", O_WRONLY | O_CREAT);
    fflush(stdout);
    SEE_OPEN("/data/odd/not-\xff-text", O_RDONLY);
    return 0;
}

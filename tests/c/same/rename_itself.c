/* Renaming a thing to itself, by the same and by another name. */
#include "observe.h"

int main(void) {
    SEE(rename("/data/hello", "/data/hello"));
    see_file("/data/hello");
    SEE(rename("/data/hello", "/data/dir/../hello"));
    see_file("/data/hello");
    SEE(rename("/data/dir", "/data/dir"));
    see_list("/data/dir");
    SEE(rename("/data/link", "/data/link"));
    see_stat("/data/link");
    SEE(link("/data/hello", "/data/alias"));
    SEE(rename("/data/hello", "/data/alias"));
    see_stat("/data/hello");
    see_stat("/data/alias");
    SEE(rename("/data/alias", "/data/hello"));
    see_stat("/data/hello");
    see_stat("/data/alias");
    SEE(rename("/data/hello", "/data/link"));
    see_stat("/data/link");
    see_stat("/data/alias");
    SEE(rename("/data/missing", "/data/missing"));
    SEE(rename("/data/hello", "/ro/hello"));
    SEE(rename("/ro/hello", "/data/hello"));
    SEE(rename("/ro/hello", "/ro/hello"));
    see_list("/data");
    return 0;
}

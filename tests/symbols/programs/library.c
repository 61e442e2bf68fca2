#include <fcntl.h>

static __attribute__((noinline)) int hidden(const char *path)
{
    int fd = open(path, O_RDONLY);
    __asm__ volatile("" ::: "memory");
    return fd;
}
__attribute__((visibility("default"))) int library_open(const char *path)
{
    int fd = hidden(path);
    __asm__ volatile("" ::: "memory");
    return fd;
}

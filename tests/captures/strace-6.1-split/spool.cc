// A server in small: every second job forgets its log. Built with -O2, so that half of it is inlined.
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

namespace spool {
template <typename Path> struct Log {
    Path path;
    int open_it() const { return open(path, O_WRONLY | O_CREAT | O_APPEND, 0600); }
};

static inline __attribute__((always_inline)) int open_log(const char *path)
{
    Log<const char *> log{path};
    return log.open_it();
}

__attribute__((noinline)) void rotate(int number)
{
    char path[64];
    snprintf(path, sizeof path, "/var/tmp/spool-%d.log", number);
    int fd = open_log(path);
    if (write(fd, "x", 1) != 1)
        close(fd);
}

__attribute__((noinline)) void serve(int number)
{
    int fd = open("/dev/null", O_RDONLY);
    char byte;
    if (read(fd, &byte, 1) >= 0)
        close(fd);
    if (number % 2)
        rotate(number);
}
} // namespace spool

int main()
{
    for (int number = 0; number < 24; number++) {
        spool::serve(number);
        usleep(60000);
    }
    return 0;
}

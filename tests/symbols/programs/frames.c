/* Calls from everywhere: inlined functions, recursion, a library, a callback of libc, signal handlers. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

int library_open(const char *path);

static inline __attribute__((always_inline)) int open_log(const char *path)
{
    return open(path, O_RDONLY);
}
static inline __attribute__((always_inline)) int open_pair(const char *path)
{
    int one = open_log(path);
    return one + open_log(path);
}
static __attribute__((noinline)) int leaky(const char *path)
{
    int sum = open_pair(path);
    __asm__ volatile("" ::: "memory");
    return sum;
}
static __attribute__((noinline)) int recurse(int depth, const char *path)
{
    int sum = depth ? recurse(depth - 1, path) : leaky(path);
    __asm__ volatile("" ::: "memory");
    return sum + 1;
}
static int compare(const void *a, const void *b)
{
    close(open("/dev/full", O_RDONLY));
    return *(const int *)a - *(const int *)b;
}
static void on_usr1(int number)
{
    (void)number;
    open_log("/dev/zero");
}
static void on_segv(int number)
{
    (void)number;
    open_log("/dev/null");
    _exit(0);
}
static __attribute__((noinline)) void fall(void)
{
    *(volatile int *)8 = 1;
}
int main(void)
{
    int values[3] = {3, 1, 2};
    signal(SIGUSR1, on_usr1);
    signal(SIGSEGV, on_segv);
    recurse(2, "/dev/null");
    library_open("/dev/null");
    qsort(values, 3, sizeof *values, compare);
    raise(SIGUSR1);
    fall();
    return 0;
}

/* leaky ROUNDS PAUSE_US LEAK THREADS [FORK]: every round opens a file and an eventfd; leaks half of these. */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

static int rounds, pause_us, leak;

__attribute__((noinline)) int open_config(void) { return open("/etc/passwd", O_RDONLY); }
__attribute__((noinline)) int make_wakeup(void) { return eventfd(0, 0); }

static void *work(void *nothing)
{
    char text[64];
    unsigned long long one = 1;
    for (int i = 0; i < rounds; i++) {
        int file = open_config();
        read(file, text, sizeof text);
        close(file);
        int wakeup = make_wakeup();
        write(wakeup, &one, sizeof one);
        if (!leak || i % 2)
            close(wakeup);
        usleep(pause_us);
    }
    return nothing;
}

int main(int count, char **words)
{
    pthread_t made[16];
    int threads = atoi(words[4]);
    rounds = atoi(words[1]), pause_us = atoi(words[2]), leak = atoi(words[3]);
    if (count > 5 && fork() == 0) {
        work(0);
        _exit(0);
    }
    for (int i = 0; i < threads; i++)
        pthread_create(&made[i], 0, work, 0);
    work(0);
    for (int i = 0; i < threads; i++)
        pthread_join(made[i], 0);
    if (count > 5)
        wait(0);
    return 7;
}

/* One process that moves, closes and flags numbers of its table. */
#include "live.h"

static void dup2_same(void) {
    int a = plain(PASSWD), b = cloexec(GROUP);
    dup2(a, a);
    dup2(b, b);
    dup3(a, a, 0);
}

static void dup2_over(void) {
    int a = plain(PASSWD), b = cloexec(GROUP);
    dup2(b, a);
    dup2(a, 40);
    dup2(b, 40);
    dup3(a, b, O_CLOEXEC);
    dup3(a, 41, O_CLOEXEC);
    dup3(a, 41, 0);
}

static void dup2_bad(void) {
    int a = plain(PASSWD);
    dup2(77, a);
    dup2(77, 78);
    dup2(a, -1);
    dup(77);
    plain(GROUP);
}

static void close_twice(void) {
    int a = plain(PASSWD);
    close(a);
    close(a);
    plain(GROUP);
    close(99);
}

static void dupfd_hole(void) {
    int a = plain(PASSWD);
    fcntl(a, F_DUPFD, 10);
    fcntl(a, F_DUPFD, 10);
    fcntl(a, F_DUPFD_CLOEXEC, 12);
    close(10);
    fcntl(a, F_DUPFD, 9);
    fcntl(a, F_DUPFD, 9);
    fcntl(a, F_DUPFD, 1 << 30);
}

static void flags(void) {
    int a = plain(PASSWD), b = cloexec(GROUP), c = plain(ZERO), d = cloexec(ZERO);
    fcntl(a, F_SETFD, FD_CLOEXEC);
    fcntl(b, F_SETFD, 0);
    ioctl(c, FIOCLEX);
    ioctl(d, FIONCLEX);
    fcntl(99, F_SETFD, FD_CLOEXEC);
    dup(a);
}

static void ten(void) {
    for (int i = 0; i < 10; i++) plain(PASSWD); /* 3 … 12 */
}

static void range_closes(void) {
    ten();
    range(5, 7, 0);
    range(9, 3, 0);
    range(3, 4, 64);
    range(50, 60, 0);
    plain(GROUP);
    range(11, ~0u, 0);
}

static void range_flags(void) {
    ten();
    range(6, 8, RANGE_CLOEXEC);
}

static void closes(void) {
    ten();
    for (int i = 3; i < 8; i++) close(i);
    plain(GROUP);
}

static void limit(void) {
    struct rlimit few = {12, 12};
    int pair[2];
    setrlimit(RLIMIT_NOFILE, &few);
    for (int i = 0; i < 12; i++) plain(PASSWD);
    close(7);
    pipe(pair);
    plain(GROUP);
    dup2(3, 13);
}

static void inherited(void) {
    char byte;
    plain(PASSWD); /* the numbers below were there before */
    read(3, &byte, 1);
    dup(4);
    close(3);
    close(9);
    plain(GROUP);
}

int main(int argc, char **argv) {
    static const struct scenario all[] = {
        {"dup2_same", dup2_same}, {"dup2_over", dup2_over}, {"dup2_bad", dup2_bad}, {"close_twice", close_twice},
        {"dupfd_hole", dupfd_hole}, {"flags", flags}, {"range_closes", range_closes}, {"range_flags", range_flags},
        {"closes", closes}, {"limit", limit}, {"inherited", inherited},
    };
    return CHOOSE(all, argv);
}

/* Descriptors that travel between processes. */
#include "live.h"

static int ends[2];

static void send_fds(const int *fds, int count) {
    char control[CMSG_SPACE(sizeof(int) * 8)] = {0};
    struct iovec text = {"x", 1};
    struct msghdr message = {.msg_iov = &text, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(sizeof(int) * count)};
    struct cmsghdr *part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof(int) * count);
    memcpy(CMSG_DATA(part), fds, sizeof(int) * count);
    sendmsg(ends[0], &message, 0);
}

static void receive(int room, int flags) {
    char control[256], byte;
    struct iovec text = {&byte, 1};
    struct msghdr message = {.msg_iov = &text, .msg_iovlen = 1, .msg_control = room ? control : NULL, .msg_controllen = room};
    recvmsg(ends[1], &message, flags);
}

/* A parent that sends twice and a child that receives in the given way. */
static void passes(void (*receives)(void)) {
    socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    int fds[] = {plain(PASSWD), cloexec(GROUP), plain(ZERO)};
    if (!fork()) {
        close(ends[0]);
        range(fds[0], fds[2], 0);
        receives();
        plain(NUL);
        rest();
    }
    close(ends[1]);
    send_fds(fds, 3);
    close(fds[0]);
    send_fds(fds + 1, 1);
}

static void takes_all(void) { receive(CMSG_SPACE(12), 0); receive(CMSG_SPACE(4), MSG_CMSG_CLOEXEC); }
static void takes_some(void) { receive(CMSG_LEN(8), 0); receive(CMSG_SPACE(4), 0); }
static void peeks(void) { receive(CMSG_SPACE(12), MSG_PEEK); receive(CMSG_SPACE(12), MSG_CMSG_CLOEXEC); }
static void takes_none(void) { receive(0, 0); receive(0, 0); }

static void rights(void) { passes(takes_all); }
static void rights_cut(void) { passes(takes_some); }
static void rights_peeked(void) { passes(peeks); }
static void rights_dropped(void) { passes(takes_none); }

static void taken_by_pidfd(void) {
    pid_t child = fork();
    if (!child) {
        plain(PASSWD);
        cloexec(GROUP);
        rest();
    }
    nap(40);
    int pidfd = syscall(434 /* pidfd_open */, child, 0);
    int taken = syscall(438 /* pidfd_getfd */, pidfd, 3, 0);
    syscall(438, pidfd, 99, 0);
    syscall(438, pidfd, 4, 0);
    fcntl(taken, F_SETFD, 0);
}

int main(int argc, char **argv) {
    static const struct scenario all[] = {
        {"rights", rights}, {"rights_cut", rights_cut}, {"rights_peeked", rights_peeked},
        {"rights_dropped", rights_dropped}, {"taken_by_pidfd", taken_by_pidfd},
    };
    return CHOOSE(all, argv);
}

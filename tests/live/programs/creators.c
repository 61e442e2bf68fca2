/* One process that makes a descriptor in every way it can; what this kernel refuses simply fails. */
#include "live.h"
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <mqueue.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

static void files(void) {
    uint64_t how[3] = {O_CLOEXEC, 0, 0};
    creat("made", 0600);
    open("/no/such/file", O_RDONLY);
    open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    open("/etc", O_PATH | O_DIRECTORY);
    syscall(437 /* openat2 */, AT_FDCWD, GROUP, how, sizeof how);
    shm_open("/fdtrace-live", O_CREAT | O_RDWR, 0600);
    shm_unlink("/fdtrace-live");
}

static void anonymous(void) {
    int pair[2];
    eventfd(3, 0);
    eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
    timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    timerfd_create(CLOCK_MONOTONIC, 0);
    int watches = inotify_init1(IN_CLOEXEC);
    inotify_add_watch(watches, "/tmp", IN_DELETE_SELF);
    inotify_init();
    int set = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {EPOLLIN};
    epoll_ctl(set, EPOLL_CTL_ADD, watches, &event);
    epoll_create(1);
    memfd_create("plain", 0);
    memfd_create("od<d> na\"me", MFD_CLOEXEC);
    pipe(pair);
    pipe2(pair, O_CLOEXEC | O_NONBLOCK);
    syscall(SYS_userfaultfd, O_CLOEXEC | 1);
    syscall(434 /* pidfd_open */, getpid(), 0);
}

static void signalfd_update(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    int a = signalfd(-1, &set, SFD_CLOEXEC), b = signalfd(-1, &set, 0);
    sigaddset(&set, SIGUSR2);
    signalfd(a, &set, 0);
    signalfd(b, &set, SFD_CLOEXEC);
    signalfd(99, &set, 0);
}

static void landlock(void) {
    uint64_t handled = 1;
    syscall(444 /* landlock_create_ruleset */, NULL, 0, 1 /* the version, no descriptor */);
    syscall(444, &handled, sizeof handled, 0);
}

static void fanotify(void) {
    char events[96];
    creat("watched", 0600);
    int watcher = fanotify_init(FAN_CLASS_NOTIF, O_RDONLY | O_CLOEXEC);
    if (watcher >= 0 && !fanotify_mark(watcher, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "watched")) {
        close(plain("watched"));
        read(watcher, events, sizeof events);
    }
    plain(PASSWD);
}

static void terminal(void) {
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    grantpt(master);
    unlockpt(master);
    ioctl(master, 0x5441 /* TIOCGPTPEER */, O_RDWR | O_NOCTTY);
    ioctl(master, 0x5441, O_RDWR | O_NOCTTY | O_CLOEXEC);
}

static void kernel_objects(void) {
    union bpf_attr map = {.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};
    struct perf_event_attr event = {.type = PERF_TYPE_SOFTWARE, .size = sizeof event, .config = PERF_COUNT_SW_TASK_CLOCK};
    syscall(SYS_bpf, BPF_MAP_CREATE, &map, sizeof map);
    syscall(SYS_perf_event_open, &event, 0, -1, -1, 8 /* PERF_FLAG_FD_CLOEXEC */);
    syscall(SYS_perf_event_open, &event, 0, -1, -1, 0);
    mq_open("/fdtrace-live", O_CREAT | O_RDWR, 0600, NULL);
    mq_unlink("/fdtrace-live");
    syscall(428 /* open_tree */, AT_FDCWD, "/etc", O_CLOEXEC);
    int filesystem = syscall(430 /* fsopen */, "tmpfs", 1);
    syscall(431 /* fsconfig */, filesystem, 6, NULL, NULL, 0);
    syscall(432 /* fsmount */, filesystem, 1, 0);
    int namespace = cloexec("/proc/self/ns/pid");
    ioctl(namespace, 0xb701 /* NS_GET_USERNS */);
}

static void sockets(void) {
    struct sockaddr_in any = {AF_INET};
    socklen_t size = sizeof any;
    int pair[2], server = socket(AF_INET, SOCK_STREAM, 0);
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(server, (struct sockaddr *)&any, sizeof any);
    listen(server, 5);
    getsockname(server, (struct sockaddr *)&any, &size);
    for (int i = 0; i < 4; i++) {
        int caller = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        connect(caller, (struct sockaddr *)&any, sizeof any);
        int answer = i & 1 ? accept4(server, NULL, NULL, SOCK_CLOEXEC) : accept(server, NULL, NULL);
        if (i == 2) shutdown(answer, SHUT_RDWR);
        if (i == 3) close(caller);
    }
    socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
    socket(99, SOCK_STREAM, 0);
    socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair);
    listener("od,d]>\"x");
    client("od,d]>\"x");
    fcntl(server, F_SETFL, O_NONBLOCK);
    accept(server, NULL, NULL);
}

int main(int argc, char **argv) {
    static const struct scenario all[] = {
        {"files", files}, {"anonymous", anonymous}, {"signalfd_update", signalfd_update}, {"landlock", landlock},
        {"fanotify", fanotify}, {"terminal", terminal}, {"kernel_objects", kernel_objects}, {"sockets", sockets},
    };
    return CHOOSE(all, argv);
}

/* A file whose close fails: a FUSE file system of one file, served by a child over /dev/fuse; argument: the errno. */
#include "live.h"
#include <linux/fuse.h>
#include <sys/mount.h>

static char buffer[1 << 17];
static int channel;

static void answer(uint64_t unique, int error, const void *data, int size) {
    struct fuse_out_header *out = (void *)(buffer + sizeof buffer / 2);
    *out = (struct fuse_out_header){sizeof *out + size, -error, unique};
    memcpy(out + 1, data, size);
    write(channel, out, out->len);
}

static struct fuse_attr attributes(uint64_t node) {
    return (struct fuse_attr){.ino = node, .mode = node == 1 ? S_IFDIR | 0755 : S_IFREG | 0644, .nlink = 1};
}

static void serve(int error) {
    for (;;) {
        if (read(channel, buffer, sizeof buffer / 2) <= 0) rest();
        struct fuse_in_header in = *(struct fuse_in_header *)buffer;
        struct fuse_init_out started = {.major = 7, .minor = 31, .max_write = 4096};
        struct fuse_attr_out attr = {.attr_valid = 10, .attr = attributes(in.nodeid)};
        struct fuse_entry_out entry = {.nodeid = 2, .entry_valid = 10, .attr_valid = 10, .attr = attributes(2)};
        struct fuse_open_out opened = {0};
        switch (in.opcode) {
        case FUSE_INIT: answer(in.unique, 0, &started, sizeof started); break;
        case FUSE_LOOKUP: answer(in.unique, 0, &entry, sizeof entry); break;
        case FUSE_GETATTR: answer(in.unique, 0, &attr, sizeof attr); break;
        case FUSE_OPEN: answer(in.unique, 0, &opened, sizeof opened); break;
        case FUSE_FLUSH: answer(in.unique, error, NULL, 0); break;
        case FUSE_RELEASE: answer(in.unique, 0, NULL, 0); break;
        case FUSE_FORGET: break;
        default: answer(in.unique, ENOSYS, NULL, 0);
        }
    }
}

int main(int argc, char **argv) {
    char options[100];
    mkdir("mnt", 0700);
    unshare(CLONE_NEWNS);
    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
    channel = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    sprintf(options, "fd=%d,rootmode=40000,user_id=0,group_id=0", channel);
    if (channel < 0 || mount("fdtrace", "mnt", "fuse", 0, options)) return 77;
    if (!fork()) serve(atoi(argv[1]));
    close(channel);
    int a = plain("mnt/file"), b = plain("mnt/file"), c = plain(PASSWD);
    close(a); /* fails, and frees the number all the same */
    close(a);
    dup2(c, b); /* replaces, and nobody hears of the failure */
    plain(GROUP);
    rest();
}

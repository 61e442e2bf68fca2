// Templates, namespaces, lambdas, virtual functions, constructors.
#include <fcntl.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace net::detail {
template <typename T, int N> struct Pool {
    std::vector<T> all;
    __attribute__((noinline)) T take(const std::string &path)
    {
        T fd = open(path.c_str(), O_RDONLY);
        all.push_back(fd);
        return fd;
    }
};
struct Session {
    explicit Session(const char *path) { fd = open(path, O_RDONLY); }
    virtual ~Session() { close(fd); }
    virtual int go() { return fd; }
    int fd;
};
struct Derived : Session {
    using Session::Session;
    int go() override { return open("/dev/zero", O_RDONLY); }
};
} // namespace net::detail

int main()
{
    net::detail::Pool<int, 7> pool;
    pool.take("/dev/null");
    std::function<int(int)> call = [&](int add) { return open("/dev/full", O_RDONLY) + add; };
    call(1);
    std::unique_ptr<net::detail::Session> session(new net::detail::Derived("/dev/null"));
    return session->go() < 0;
}

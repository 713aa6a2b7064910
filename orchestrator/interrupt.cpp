#include "orchestrator/interrupt.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>

#include "common/error.h"

namespace ballast::orchestrator {
namespace {

// All that a signal handler can reach: the number of the signal, and a pipe to wake the listener.
std::atomic<int> arrived{0};
std::atomic<int> pipe_end{-1};
int pipe_ends[2] = {-1, -1};

void handle(int signal) {
  const int before = errno;
  arrived = signal;
  const char byte = 1;
  [[maybe_unused]] const ssize_t written = write(pipe_end, &byte, 1);
  errno = before;
}

void set(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART | (handler == SIG_DFL ? 0 : static_cast<int>(SA_RESETHAND));
  for (const int signal : {SIGINT, SIGTERM}) sigaction(signal, &action, nullptr);
}

}  // namespace

Interrupts::Interrupts() {
  require(pipe2(pipe_ends, O_CLOEXEC) == 0, "cannot make a pipe for signals: too many open files");
  arrived = 0;
  pipe_end = pipe_ends[1];
  listener_ = std::thread([stop = stop_]() mutable {
    char byte = 0;
    while (read(pipe_ends[0], &byte, 1) < 0 && errno == EINTR) {
    }
    if (byte == 1) stop.request_stop();
  });
  set(handle);
}

Interrupts::~Interrupts() {
  set(SIG_DFL);
  const char byte = 0;  // wakes the listener without a stop
  [[maybe_unused]] const ssize_t written = write(pipe_ends[1], &byte, 1);
  listener_.join();
  for (int& end : pipe_ends) close(end);
}

int Interrupts::exit_code() const { return arrived == 0 ? 0 : 128 + arrived; }

}  // namespace ballast::orchestrator

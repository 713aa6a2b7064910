#include "corpus/process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <sstream>

#include "common/error.h"

namespace ballast::corpus {
namespace {

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    require(pipe2(ends.data(), O_CLOEXEC) == 0, "cannot make a pipe");
    read_end = ends[0];
    write_end = ends[1];
  }
  ~Pipe() {
    close(read_end);
    close_write();
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void close_write() {
    if (write_end >= 0) close(write_end);
    write_end = -1;
  }
  int read_end = -1, write_end = -1;
};

// The environment with LC_ALL=C, so that messages can be read.
std::vector<std::string> child_environment() {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string text = *variable;
    if (!text.starts_with("LC_") && !text.starts_with("LANG")) variables.push_back(text);
  }
  variables.emplace_back("LC_ALL=C");
  return variables;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> list;
  for (std::string& s : strings) list.push_back(s.data());
  list.push_back(nullptr);
  return list;
}

// Reads both pipes to their ends.
void drain(int out, int err, Finished& finished) {
  std::array<pollfd, 2> fds{pollfd{out, POLLIN, 0}, pollfd{err, POLLIN, 0}};
  std::string piece(1 << 16, '\0');
  for (int open_ends = 2; open_ends > 0;) {
    if (poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) break;
    for (size_t i = 0; i < fds.size(); ++i) {
      if (fds[i].fd < 0 || fds[i].revents == 0) continue;
      const ssize_t n = read(fds[i].fd, piece.data(), piece.size());
      if (n > 0) {
        (i == 0 ? finished.output : finished.errors).append(piece, 0, static_cast<size_t>(n));
      } else if (n == 0 || errno != EINTR) {
        fds[i].fd = -1;
        --open_ends;
      }
    }
  }
}

}  // namespace

std::string Finished::reason() const {
  std::istringstream lines(errors);
  std::string line, first_error, last;
  while (std::getline(lines, line)) {
    if (line.find("No space left") != std::string::npos) return "no space left on the disk";
    const bool telling = line.starts_with("E: ") || line.starts_with("W: Failed");
    if (first_error.empty() && telling) first_error = line.substr(3);
    if (!line.empty()) last = line;
  }
  if (!first_error.empty()) return first_error;
  return last.empty() ? "exit code " + std::to_string(status) : last;
}

Finished run_program(const std::vector<std::string>& arguments,
                     const std::filesystem::path& folder) {
  Pipe out, err;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out.write_end, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err.write_end, STDERR_FILENO);
  posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
  std::vector<std::string> argument_copies = arguments, variables = child_environment();
  pid_t pid = -1;
  const int error = posix_spawnp(&pid, arguments[0].c_str(), &actions, nullptr,
                                 pointers(argument_copies).data(), pointers(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  require(error == 0, "cannot start " + arguments[0] + " (" + std::strerror(error) +
                          "): the default corpus is made from Debian packages and needs apt-get, "
                          "apt-cache and dpkg-deb; use `ballast data build --synthetic` or "
                          "`--from DIR` on this system");
  out.close_write();
  err.close_write();
  Finished finished;
  drain(out.read_end, err.read_end, finished);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  finished.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return finished;
}

}  // namespace ballast::corpus

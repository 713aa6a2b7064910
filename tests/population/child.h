// Real child processes for tests: one that is killed, one that lives in a namespace of its own.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <exception>
#include <functional>
#include <string>

namespace ballast::population {

// Reads from `fd` until every writer has closed it.
inline std::string drain(int fd) {
  std::string all;
  char buffer[4096];
  ssize_t bytes = 0;
  while ((bytes = read(fd, buffer, sizeof buffer)) > 0)
    all.append(buffer, static_cast<size_t>(bytes));
  return all;
}

// Runs `body` in a child and gives what it returned: "" for success. What it throws, and a death by
// a signal, come back as text.
inline std::string in_child(const std::function<std::string()>& body) {
  int channel[2];
  if (pipe(channel) != 0) return "no pipe";
  const pid_t child = fork();
  if (child == 0) {
    std::string text;
    try {
      text = body();
    } catch (const std::exception& e) {
      text = std::string("threw: ") + e.what();
    }
    const bool told =
        write(channel[1], text.data(), text.size()) == static_cast<ssize_t>(text.size());
    _exit(told ? 0 : 1);
  }
  close(channel[1]);
  std::string text = drain(channel[0]);
  close(channel[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (status != 0) text += " (child ended with status " + std::to_string(status) + ")";
  return text;
}

}  // namespace ballast::population

// Ctrl-C and SIGTERM as a request to stop.
#pragma once

#include <stop_token>
#include <thread>

namespace ballast::orchestrator {

// While one of these lives, the first SIGINT or SIGTERM requests a stop; a second one ends the
// process at once (which an archive survives). At most one at a time.
class Interrupts {
 public:
  Interrupts();
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  std::stop_token token() const { return stop_.get_token(); }
  // 128 + the signal that arrived; 0 when none did.
  int exit_code() const;

 private:
  std::stop_source stop_;
  std::thread listener_;
};

}  // namespace ballast::orchestrator

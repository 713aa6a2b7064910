// Starts processes from one thread that lives as long as the Spawner.
#pragma once

#include <condition_variable>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <thread>

#include "evaluator/process.h"

namespace ballast::evaluator {

// A child asks the kernel to be killed when its parent dies, and to the kernel the parent is the
// thread that forked. Worker threads come and go; this one stays. Processes still running when the
// Spawner is destroyed are killed by its end. Thread-safe.
class Spawner {
 public:
  Spawner();
  ~Spawner();
  Spawner(const Spawner&) = delete;
  Spawner& operator=(const Spawner&) = delete;

  // As Process's constructor.
  std::unique_ptr<Process> start(const ProcessSpec& spec);

 private:
  void run();

  using Task = std::packaged_task<std::unique_ptr<Process>()>;
  std::mutex mutex_;
  // Guarded by mutex_:
  std::condition_variable more_;
  std::deque<Task> tasks_;
  bool ending_ = false;

  std::thread thread_;  // last: uses all of the above
};

}  // namespace ballast::evaluator

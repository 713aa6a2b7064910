#include "evaluator/spawner.h"

namespace ballast::evaluator {

Spawner::Spawner() : thread_([this] { run(); }) {}

Spawner::~Spawner() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  more_.notify_one();
  thread_.join();
}

std::unique_ptr<Process> Spawner::start(const ProcessSpec& spec) {
  Task task([&spec] { return std::make_unique<Process>(spec); });
  std::future<std::unique_ptr<Process>> process = task.get_future();
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  more_.notify_one();
  return process.get();
}

void Spawner::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    more_.wait(lock, [this] { return ending_ || !tasks_.empty(); });
    if (ending_) return;
    Task task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
    lock.lock();
  }
}

}  // namespace ballast::evaluator

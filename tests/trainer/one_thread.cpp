// Linked into every test that runs tensors: one thread, as in the trainer. Without it the threads
// of the tests that run side by side wait for each other.
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

namespace {

class OneThread : public testing::Environment {
 public:
  void SetUp() override { at::set_num_threads(1); }
};

const testing::Environment* const kOneThread =
    testing::AddGlobalTestEnvironment(new OneThread);  // GoogleTest owns it

}  // namespace

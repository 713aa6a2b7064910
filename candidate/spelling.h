// How PyTorch and Python spell the ops, for messages and printing.
#pragma once

#include <string_view>

#include "candidate/graph.h"

namespace ballast::candidate {

// "logsumexp", "+", "amax": the method, function or sign a reader of Python knows the op by.
std::string_view spelling(Op op);

}  // namespace ballast::candidate

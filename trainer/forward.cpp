#include "trainer/forward.h"

#include <array>

namespace ballast::trainer {

Forward forward_of(candidate::Op op) {
  static constexpr std::array kForwards = {
#define OP(name, operands, commutative) &forward::name,
#include "candidate/ops.def"
  };
  return kForwards[static_cast<size_t>(op)];
}

}  // namespace ballast::trainer

#include "trainer/record.h"

namespace ballast::trainer {

candidate::Bindings Record::bindings() const {
  using candidate::Symbol;
  candidate::Bindings b;
  const auto set = [&b](Symbol s, int64_t value) { b.values[static_cast<size_t>(s)] = value; };
  set(Symbol::kT, logits.size(0));
  set(Symbol::kS, num_sequences);
  set(Symbol::kE, logits.size(1));
  set(Symbol::kK, top_k);
  set(Symbol::kG, device.size(1));
  return b;
}

}  // namespace ballast::trainer

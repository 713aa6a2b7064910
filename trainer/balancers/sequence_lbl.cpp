// Sequence-wise load-balancing loss: DeepSeek-V3, arXiv 2412.19437, eq. 17-20, in shares:
//
//   loss = mean over sequences s of  E * sum_i load_{s,i} * P_{s,i}
//
// load_s, P_s: share of assignments and mean normalised score within sequence s.
#include "trainer/balancers/balancers.h"
#include "trainer/pch.h"

namespace ballast::trainer::balancers {

Balancer sequence_lbl() {
  return {[](const Record& r) {
            const int64_t E = r.probs.size(1);
            const auto per_sequence = [&](const at::Tensor& x) {  // (T,E) -> (S,E)
              return x.view({r.num_sequences, -1, E}).mean(1);
            };
            const at::Tensor load = per_sequence(r.chosen) / static_cast<double>(r.top_k);
            return (load * per_sequence(r.probs)).sum(1).mean() * static_cast<double>(E);
          },
          nullptr, false};
}

}  // namespace ballast::trainer::balancers

// Text without any download: eight seeded generators, six for the search and two that only the
// final table sees. Each has its own alphabet and its own rules, all of them learnable by a small
// model (copying, counting brackets, arithmetic, agreement, Markov chains), so that experts have
// something to specialise on. For a first run, for tests and for CI; not for conclusions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "corpus/document.h"

namespace ballast::corpus {

std::vector<std::string> synthetic_domains();  // sorted

// One whole domain: documents of about 2 KiB, at least `tokens` tokens in all. The same seed gives
// the same bytes on every machine. Throws Error on an unknown name.
DomainText synthetic_domain(const std::string& name, uint64_t seed, int64_t tokens);

}  // namespace ballast::corpus

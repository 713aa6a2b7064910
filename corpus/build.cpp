#include "corpus/build.h"

#include "corpus/synthetic.h"
#include "corpus/writer.h"

namespace ballast::corpus {
namespace {

constexpr int64_t kSyntheticTokens = 816 << 10;           // of a domain of the search
constexpr int64_t kSyntheticFinalOnlyTokens = 256 << 10;  // of a final-only domain

}  // namespace

Manifest build(const BuildOptions& options, const OnProgress& on_progress) {
  const OnProgress say = on_progress ? on_progress : [](const std::string&) {};
  CorpusWriter writer(options.output);
  for (const std::string& name : synthetic_domains()) {
    DomainText domain = synthetic_domain(name, options.seed, kSyntheticFinalOnlyTokens);
    if (!domain.final_only) domain = synthetic_domain(name, options.seed, kSyntheticTokens);
    const Domain& d = writer.add(std::move(domain));
    say(d.name + " " + std::to_string(d.overlap_ppm));
  }
  return writer.finish(options.name, "synthetic");
}

}  // namespace ballast::corpus

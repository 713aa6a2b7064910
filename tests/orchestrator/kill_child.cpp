// The process that kill_test kills: a whole search with fakes that tells on stdout, line by line,
// what it is about to do and what is stored. One worker, so that the archive it leaves is always
// the same.
//
//   kill_child ARCHIVE EVALUATIONS [models | URL REQUESTS]
//
// With "models" language models are fakes; with the address of a server on loopback they are asked
// there by the real client, at most so often.
//
//   P           a proposal is about to be made         p NUMBER IDENTITY   it is stored
//   T KEY       an evaluation is begun, training runs  C KEY               its result is about to
//   c KEY       it is stored                                               be stored
//   Q DRAFT     a model has been asked                a DRAFT              its answer is used
//   end DIGEST
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "orchestrator/ledger.h"
#include "orchestrator/llm/client.h"
#include "tests/fakes/fake_llm.h"
#include "tests/fakes/fast_clock.h"
#include "tests/orchestrator/small_search.h"

namespace ballast::orchestrator {
namespace {

// One write per line: what the reader gets is what had happened when the kill came.
void say(const std::string& text) {
  const std::string line = text + "\n";
  if (write(STDOUT_FILENO, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
    std::_Exit(3);
}

class Teller : public SearchObserver {
  std::vector<std::string> done_;  // and not stored yet

 public:
  void event(const SearchEvent& e) override {
    const std::string key = e.identity + "/" + std::to_string(e.rung) + "/" +
                            std::to_string(e.seed) + "/" +
                            evaluator::coefficient_text(e.coefficient);
    switch (e.kind) {
      case SearchEventKind::kProposing:
        say("P");
        break;
      case SearchEventKind::kProposed:
        done_.push_back("p " + std::to_string(e.number) + " " + e.identity);
        break;
      case SearchEventKind::kStarted:
        say("T " + key);
        break;
      case SearchEventKind::kFinishing:
        say("C " + key);
        break;
      case SearchEventKind::kFinished:
        done_.push_back("c " + key);
        break;
      case SearchEventKind::kAsked:
        say("Q " + std::to_string(e.number));
        break;
      case SearchEventKind::kAnswered:
        done_.push_back("a " + std::to_string(e.number));
        break;
      case SearchEventKind::kStored:
        for (const std::string& line : std::exchange(done_, {})) say(line);
        break;
      default:
        break;
    }
  }
};

std::unique_ptr<Llm> fake_models(population::Archive& archive) {
  auto llm = std::make_unique<fakes::FakeLlm>(
      archive, [](const auto& call) { return fakes::scripted_reply(call, 11); });
  llm->latest = 20;
  return llm;
}

// A USD for 1,000 tokens in, two for as many out.
ClientOptions client_options(const std::string& url, int64_t requests) {
  ClientOptions options;
  for (const char* name : {"small", "large", "vectors"}) {
    Model model;
    model.name = model.model = name;
    model.provider = Provider::kCompatible;
    model.base_url = url;
    model.sampling.max_output_tokens = 1000;
    model.price = Price{};
    model.price->rates = {.input = 1000, .output = 2000};
    if (model.name == "vectors") model.uses = {Use::kEmbed};
    options.models.push_back(model);
  }
  options.ceilings.requests = requests;
  options.in_flight = 4;
  options.double_truncated = false;
  options.limits.stall = 2000;  // on the hurried clock
  options.limits.total = 100'000;
  return options;
}

}  // namespace
}  // namespace ballast::orchestrator

int main(int argc, char** argv) {
  namespace orchestrator = ballast::orchestrator;
  if (argc < 3 || argc > 5) return 2;
  const bool models = argc > 3;
  const int64_t evaluations = std::atoll(argv[2]);
  try {
    orchestrator::SmallSearch search(models ? orchestrator::small_config_with_models(evaluations)
                                            : orchestrator::small_config(evaluations),
                                     argv[1], /*resume=*/true);
    const ballast::fakes::FastClock hurried(100);  // pauses between attempts cost nothing
    if (argc == 4) search.llm = orchestrator::fake_models;
    if (argc == 5)
      search.llm = [&](ballast::population::Archive& archive) {
        auto options = orchestrator::client_options(argv[3], std::atoll(argv[4]));
        options.notify = search.wake;
        return std::make_unique<orchestrator::Client>(options, archive, hurried);
      };
    search.sandbox.latency = 0.004;
    orchestrator::Teller teller;
    search.run({}, teller);
    orchestrator::say("end " + search.last_digest());
    return 0;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}

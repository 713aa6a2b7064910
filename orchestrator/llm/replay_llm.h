// An Llm that answers from what an archive recorded, without any network.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "orchestrator/llm/llm.h"
#include "population/archive.h"

namespace ballast::orchestrator {

class ReplayLlm final : public Llm {
 public:
  // `recorded`: the calls of the archive that is repeated; `archive`: where this run writes its own
  // rows, which may be any. Models are those of the record.
  ReplayLlm(std::vector<population::CallRow> recorded, population::Archive& archive);

  // The n-th call of one prompt to one model gets the n-th recorded answer. Throws Error when there
  // is none: the run is not the recorded one.
  int64_t submit(const LlmCall& call) override;
  // Answers come in the recorded order. With `seconds` 0 only the one that came next in the record,
  // if it was asked for by now; else the first of those asked for. Never really waits.
  std::optional<LlmAnswer> wait(double seconds) override;
  void cancel(int64_t ticket) override;
  int64_t pending() const override;

 private:
  struct Waiting {
    int64_t ticket = 0;
    int64_t row = 0;  // of `archive_`
    population::CallRow recorded;
  };
  LlmAnswer give(const Waiting& waiting, LlmReply reply);

  population::Archive& archive_;
  std::map<std::tuple<std::string, std::string, int64_t>, population::CallRow> recorded_;
  std::map<std::pair<std::string, std::string>, int64_t> asked_;  // so often
  std::map<int64_t, Waiting> waiting_;                            // by place in the recorded order
  std::vector<LlmAnswer> cancelled_;
  int64_t next_ = 1;  // place of the next answer
  int64_t last_ticket_ = 0;
};

}  // namespace ballast::orchestrator

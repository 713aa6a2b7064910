#include "orchestrator/llm/llm.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

namespace ballast::orchestrator {
namespace {

constexpr std::array<std::pair<Provider, std::string_view>, 8> kProviders{{
    {Provider::kOpenAiChat, "openai_chat"},
    {Provider::kOpenAiResponses, "openai_responses"},
    {Provider::kAnthropic, "anthropic"},
    {Provider::kGemini, "gemini"},
    {Provider::kDeepSeek, "deepseek"},
    {Provider::kOpenRouter, "openrouter"},
    {Provider::kCompatible, "compatible"},
    {Provider::kLocal, "local"},
}};

constexpr std::array<std::pair<Use, std::string_view>, 4> kUses{{
    {Use::kPropose, "propose"},
    {Use::kNotes, "notes"},
    {Use::kJudge, "judge"},
    {Use::kEmbed, "embed"},
}};

constexpr std::array<std::pair<LlmOutcome, std::string_view>, 18> kOutcomes{{
    {LlmOutcome::kOk, "OK"},
    {LlmOutcome::kTruncated, "TRUNCATED"},
    {LlmOutcome::kRefused, "REFUSED"},
    {LlmOutcome::kFiltered, "FILTERED"},
    {LlmOutcome::kEmpty, "EMPTY"},
    {LlmOutcome::kMalformed, "MALFORMED"},
    {LlmOutcome::kTooLarge, "TOO_LARGE"},
    {LlmOutcome::kRateLimited, "RATE_LIMITED"},
    {LlmOutcome::kOverloaded, "OVERLOADED"},
    {LlmOutcome::kNetwork, "NETWORK"},
    {LlmOutcome::kStalled, "STALLED"},
    {LlmOutcome::kTimeout, "TIMEOUT"},
    {LlmOutcome::kAuth, "AUTH"},
    {LlmOutcome::kQuota, "QUOTA"},
    {LlmOutcome::kBadRequest, "BAD_REQUEST"},
    {LlmOutcome::kUntrusted, "UNTRUSTED"},
    {LlmOutcome::kBudget, "BUDGET"},
    {LlmOutcome::kCancelled, "CANCELLED"},
}};

template <class Table, class Value>
std::string_view text_of(const Table& table, Value value) {
  for (const auto& [known, text] : table)
    if (known == value) return text;
  return "";
}

template <class Table>
auto value_of(const Table& table, std::string_view text)
    -> std::optional<typename Table::value_type::first_type> {
  for (const auto& [value, known] : table)
    if (known == text) return value;
  return std::nullopt;
}

}  // namespace

std::string_view to_string(Provider provider) { return text_of(kProviders, provider); }
std::optional<Provider> parse_provider(std::string_view text) { return value_of(kProviders, text); }
std::string_view to_string(Use use) { return text_of(kUses, use); }
std::optional<Use> parse_use(std::string_view text) { return value_of(kUses, text); }
bool Model::used_for(Use use) const {
  return std::find(uses.begin(), uses.end(), use) != uses.end();
}
std::string_view to_string(LlmOutcome outcome) { return text_of(kOutcomes, outcome); }
std::optional<LlmOutcome> parse_llm_outcome(std::string_view text) {
  return value_of(kOutcomes, text);
}

bool transient(LlmOutcome outcome) {
  switch (outcome) {
    case LlmOutcome::kRateLimited:
    case LlmOutcome::kOverloaded:
    case LlmOutcome::kNetwork:
    case LlmOutcome::kStalled:
    case LlmOutcome::kTimeout:
    case LlmOutcome::kMalformed:  // half JSON on a 200
    case LlmOutcome::kEmpty:
      return true;
    default:
      return false;
  }
}

LlmAnswer ask(Llm& llm, const LlmCall& call) {
  assert(llm.pending() == 0);
  [[maybe_unused]] const int64_t ticket = llm.submit(call);
  while (true) {
    if (auto answer = llm.wait(1)) {
      assert(answer->ticket == ticket);
      return *std::move(answer);
    }
  }
}

}  // namespace ballast::orchestrator

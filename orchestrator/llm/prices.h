// What calls cost: pure functions of prices and tokens.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "orchestrator/llm/llm.h"
#include "orchestrator/llm/model.h"

namespace ballast::orchestrator {

// From the table prices.def, by the provider's name of the model; a date or "latest" may follow it
// ("gpt-5-2025-08-07"). nullopt when it is not there: a longer name is another model.
std::optional<Price> known_price(Provider provider, std::string_view model);

// The user's, else zero for a server on this machine that needs no key, else the table's.
std::optional<Price> price_of(const Model& model);

// USD of what was used. Where the provider says what it charged, that.
double cost(const Price& price, const Usage& usage);

// The most that a prompt of at most so many tokens and a reply of at most so many can cost.
double worst_cost(const Price& price, int64_t prompt_tokens, int64_t output_tokens);

// More tokens than a prompt can have: no tokenizer in use makes more than one of a byte, and the
// frame around the texts is small.
int64_t most_tokens(const Prompt& prompt);

struct PricesOrigin {
  std::string_view date, source;  // "2026-11-25", "genai-prices 0.2.3"
};
PricesOrigin prices_origin();

}  // namespace ballast::orchestrator

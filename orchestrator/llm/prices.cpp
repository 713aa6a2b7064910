#include "orchestrator/llm/prices.h"

#include <algorithm>
#include <array>

#include "orchestrator/llm/transport.h"

namespace ballast::orchestrator {
namespace {

struct Row {
  Provider provider;
  std::string_view name;
  int64_t above;  // 0: the ordinary price
  Rates rates;
};

constexpr Row kRows[] = {
#define PRICE(provider, name, input, read, write, write_1h, output) \
  {Provider::provider, name, 0, {input, read, write, write_1h, output}},
#define LONG(provider, name, above, input, read, write, write_1h, output) \
  {Provider::provider, name, above, {input, read, write, write_1h, output}},
#include "orchestrator/llm/prices.def"
};

bool all_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// "-2025-08-07", "-20250514", "@20250514", "-latest", "-001".
bool is_version(std::string_view rest) {
  if (!rest.starts_with('-') && !rest.starts_with('@')) return false;
  rest.remove_prefix(1);
  if (rest == "latest") return true;
  if (rest.size() == 10 && rest[4] == '-' && rest[7] == '-')
    return all_digits(rest.substr(0, 4)) && all_digits(rest.substr(5, 2)) &&
           all_digits(rest.substr(8));
  return all_digits(rest) && (rest.size() == 8 || (rest.size() == 3 && rest.starts_with("00")));
}

double usd(const Rates& r, int64_t input, int64_t read, int64_t write, int64_t write_1h,
           int64_t output) {
  const auto part = [](double rate, int64_t tokens) { return rate * static_cast<double>(tokens); };
  return (part(r.input, input) + part(r.cache_read, read) + part(r.cache_write, write) +
          part(r.cache_write_1h, write_1h) + part(r.output, output)) /
         1e6;
}

}  // namespace

std::optional<Price> known_price(Provider provider, std::string_view model) {
  if (provider == Provider::kOpenAiResponses) provider = Provider::kOpenAiChat;
  std::string_view best;  // the longest name that fits
  for (const Row& row : kRows) {
    if (row.provider != provider || row.name.size() < best.size()) continue;
    if (model == row.name ||
        (model.starts_with(row.name) && is_version(model.substr(row.name.size()))))
      best = row.name;
  }
  if (best.empty()) return std::nullopt;
  Price price;
  for (const Row& row : kRows) {
    if (row.provider != provider || row.name != best) continue;
    (row.above > 0 ? price.long_rates : price.rates) = row.rates;
    price.long_above = std::max(price.long_above, row.above);
  }
  return price;
}

std::optional<Price> price_of(const Model& model) {
  if (model.price) return model.price;
  if (model.provider == Provider::kCompatible && model.key_env.empty() && model.key_file.empty() &&
      is_loopback(model.base_url))
    return Price();
  return known_price(model.provider, model.model);
}

double cost(const Price& price, const Usage& u) {
  if (u.cost) return *u.cost;
  const int64_t prompt = u.input + u.cache_read + u.cache_write + u.cache_write_1h;
  const bool is_long = price.long_above > 0 && prompt > price.long_above;
  return usd(is_long ? price.long_rates : price.rates, u.input, u.cache_read, u.cache_write,
             u.cache_write_1h, u.output);
}

double worst_cost(const Price& price, int64_t prompt_tokens, int64_t output_tokens) {
  const auto most = [&](const Rates& r) {
    Rates worst = r;
    worst.input = std::max({r.input, r.cache_read, r.cache_write, r.cache_write_1h});
    return usd(worst, prompt_tokens, 0, 0, 0, output_tokens);
  };
  const bool may_be_long = price.long_above > 0 && prompt_tokens > price.long_above;
  return may_be_long ? std::max(most(price.rates), most(price.long_rates)) : most(price.rates);
}

int64_t most_tokens(const Prompt& prompt) {
  constexpr size_t kFrame = 256;
  return static_cast<int64_t>(prompt.system.size() + prompt.user.size() + kFrame);
}

PricesOrigin prices_origin() {
#define PRICE(...)
#define LONG(...)
#define PRICES_DATE(date, source) return {date, source};
#include "orchestrator/llm/prices.def"
#undef PRICES_DATE
}

}  // namespace ballast::orchestrator

#include "orchestrator/costs.h"

#include <cstdio>

#include "common/json.h"

namespace ballast::orchestrator {
namespace {

using population::CostRow;

Json json_of(const CostRow& r) {
  return {{"model", r.model},
          {"operator", r.op},
          {"calls", r.calls},
          {"answers", r.answers},
          {"attempts", r.attempts},
          {"input_tokens", r.input_tokens},
          {"cache_read_tokens", r.cache_read_tokens},
          {"cache_write_tokens", r.cache_write_tokens},
          {"output_tokens", r.output_tokens},
          {"reasoning_tokens", r.reasoning_tokens},
          {"usd", r.usd},
          {"usd_uncertain", r.usd_uncertain},
          {"seconds", r.seconds},
          {"proposals", r.proposals},
          {"accepted", r.accepted},
          {"improvements", r.improvements},
          {"usd_per_improvement", r.usd_per_improvement ? Json(*r.usd_per_improvement) : Json()}};
}

void add_row(Table& table, const CostRow& r) {
  table.add({r.model, r.op, count(r.calls), count(r.answers), count(r.attempts),
             count(r.input_tokens), count(r.cache_read_tokens), count(r.output_tokens),
             dollars(r.usd), count(r.proposals), count(r.accepted), count(r.improvements),
             r.usd_per_improvement ? dollars(*r.usd_per_improvement) : "-"});
}

}  // namespace

std::string dollars(double usd) {
  char text[48];
  if (usd >= 1 || usd == 0)
    std::snprintf(text, sizeof text, "$%.2f", usd);
  else if (usd >= 1e-4)
    std::snprintf(text, sizeof text, "$%.3g", usd);
  else
    std::snprintf(text, sizeof text, "$%.7f", usd);
  return text;
}

CostRow total_of(const std::vector<CostRow>& rows) {
  CostRow sum;
  sum.model = "total";
  for (const CostRow& r : rows) {
    sum.calls += r.calls;
    sum.answers += r.answers;
    sum.attempts += r.attempts;
    sum.input_tokens += r.input_tokens;
    sum.cache_read_tokens += r.cache_read_tokens;
    sum.cache_write_tokens += r.cache_write_tokens;
    sum.output_tokens += r.output_tokens;
    sum.reasoning_tokens += r.reasoning_tokens;
    sum.usd += r.usd;
    sum.usd_uncertain += r.usd_uncertain;
    sum.seconds += r.seconds;
    sum.proposals += r.proposals;
    sum.accepted += r.accepted;
    sum.improvements += r.improvements;
  }
  if (sum.improvements > 0)
    sum.usd_per_improvement = sum.usd / static_cast<double>(sum.improvements);
  return sum;
}

std::string costs_text(const std::vector<CostRow>& rows, const Terminal& terminal) {
  if (rows.empty()) return "No language model was asked.\n";
  constexpr auto kRight = Table::Align::kRight;
  Table table({{"model"},
               {"operator"},
               {"calls", kRight},
               {"usable", kRight},
               {"requests", kRight},
               {"input", kRight},
               {"cached", kRight},
               {"output", kRight},
               {"cost", kRight},
               {"proposals", kRight},
               {"accepted", kRight},
               {"better", kRight},
               {"each", kRight}});
  for (const CostRow& row : rows) add_row(table, row);
  const CostRow sum = total_of(rows);
  add_row(table, sum);
  std::string text = table.to_string(terminal);
  text +=
      "input, cached, output: tokens. better: candidates better than their main parent; each: "
      "cost of one.\n";
  if (sum.usd_uncertain > 0)
    text +=
        dollars(sum.usd_uncertain) +
        " of the cost is not known (broken connections, a killed search) and counts at its worst "
        "case.\n";
  return text;
}

std::string costs_json(const std::vector<CostRow>& rows) {
  Json list = Json::array();
  for (const CostRow& row : rows) list.push_back(json_of(row));
  return Json{{"rows", std::move(list)}, {"total", json_of(total_of(rows))}}.dump(2) + "\n";
}

}  // namespace ballast::orchestrator

#include "orchestrator/conversation.h"

#include "common/json.h"
#include "orchestrator/costs.h"

namespace ballast::orchestrator {
namespace {

using OrderedJson = nlohmann::ordered_json;
using population::AttemptRow;
using population::CallRow;

// What all attempts of a call have come to.
struct Bill {
  population::TokenCounts tokens;
  double uncertain = 0;  // USD of attempts that nobody knows the cost of, at their worst
};

Bill bill_of(const Conversation& conversation, const CallRow& call) {
  Bill bill;
  for (const AttemptRow& attempt : conversation.attempts) {
    if (attempt.call != call.id) continue;
    const population::TokenCounts& t = attempt.end.tokens;
    bill.tokens.input += t.input;
    bill.tokens.cache_read += t.cache_read;
    bill.tokens.cache_write += t.cache_write;
    bill.tokens.cache_write_1h += t.cache_write_1h;
    bill.tokens.output += t.output;
    bill.tokens.reasoning += t.reasoning;
    if (!attempt.end.usd) bill.uncertain += attempt.worst_usd;
  }
  return bill;
}

// "OK, 2 attempts, 3.2 s, $0.0012, 60 tokens in (20 from the cache), 50 out (5 of them reasoning)"
std::string figures(const CallRow& call, const Bill& bill) {
  const population::TokenCounts& t = bill.tokens;
  std::string out = call.outcome.empty() ? "under way" : call.outcome;
  if (call.attempts > 1) out += ", " + count(call.attempts) + " attempts";
  out += ", " + duration(call.seconds) + ", " + dollars(call.usd);
  if (bill.uncertain > 0) out += " (of which " + dollars(bill.uncertain) + " at most, not known)";
  out += ", " + count(t.all() - t.output) + " tokens in";
  if (t.cache_read > 0) out += " (" + count(t.cache_read) + " from the cache)";
  out += ", " + count(t.output) + " out";
  if (t.reasoning > 0) out += " (" + count(t.reasoning) + " of them reasoning)";
  return out;
}

void add_text(std::string& out, const Terminal& terminal, std::string_view title,
              std::string_view text) {
  out += "\n" + styled(terminal, Style::kBold, "--- " + std::string(title)) + "\n";
  out += text.empty() ? "(empty)" : harmless(text);
  if (out.back() != '\n') out += '\n';
}

// The first call before `place` that has the same system prompt; `place` when there is none.
size_t first_with_system(const std::vector<CallRow>& calls, size_t place) {
  for (size_t i = 0; i < place; ++i)
    if (calls[i].system == calls[place].system) return i;
  return place;
}

void add_call(std::string& out, const Conversation& c, size_t place, const Terminal& terminal) {
  const CallRow& call = c.calls[place];
  const std::string number = std::to_string(place + 1);
  out += "\n" +
         styled(terminal, Style::kBold,
                "=== call " + number + " of " + std::to_string(c.calls.size())) +
         ": " + harmless(call.op) + " by " + harmless(call.model) + " (" + harmless(call.provider) +
         " " + harmless(call.remote) + "), prompt variant " + harmless(call.variant) + "\n" +
         figures(call, bill_of(c, call)) + "\n";
  if (!call.message.empty()) out += harmless(call.message) + "\n";
  const size_t first = first_with_system(c.calls, place);
  if (first != place)
    out += "\n--- system prompt of call " + number + ": that of call " + std::to_string(first + 1) +
           "\n";
  else if (!call.system.empty())
    add_text(out, terminal, "system prompt of call " + number, call.system);
  add_text(out, terminal, "user prompt of call " + number, call.user);
  if (call.op == "embed" && !call.reply.empty())
    out += "\n--- reply to call " + number + ": a vector (--json prints it)\n";
  else
    add_text(out, terminal, "reply to call " + number, call.reply);
}

OrderedJson call_json(const Conversation& conversation, const CallRow& call) {
  const Bill bill = bill_of(conversation, call);
  const population::TokenCounts& t = bill.tokens;
  return {{"call", call.id},
          {"draft", call.draft ? Json(*call.draft) : Json()},
          {"operator", call.op},
          {"model", call.model},
          {"provider", call.provider},
          {"remote", call.remote},
          {"variant", call.variant},
          {"sampling", parse_json(call.sampling, "the sampling of a call")},
          {"outcome", call.outcome.empty() ? Json() : Json(call.outcome)},
          {"message", call.message},
          {"attempts", call.attempts},
          {"seconds", call.seconds},
          {"usd", call.usd},
          {"usd_uncertain", bill.uncertain},
          {"tokens",
           {{"input", t.input},
            {"cache_read", t.cache_read},
            {"cache_write", t.cache_write},
            {"cache_write_1h", t.cache_write_1h},
            {"output", t.output},
            {"reasoning", t.reasoning}}},
          {"request_id", call.request_id},
          {"system", call.system},
          {"user", call.user},
          {"reply", call.reply}};
}

}  // namespace

std::optional<Conversation> conversation_of(const population::Reader& archive, int64_t proposal) {
  const population::Table found = archive.sql(
      "SELECT operator, ifnull(identity, ''), outcome, reason, detail FROM proposal "
      "WHERE id = " +
          std::to_string(proposal),
      1);
  if (found.rows.empty()) return std::nullopt;
  const auto text = [&](size_t column) { return std::get<std::string>(found.rows[0][column]); };
  return Conversation{.proposal = proposal,
                      .op = text(0),
                      .identity = text(1),
                      .outcome = text(2),
                      .reason = text(3),
                      .detail = text(4),
                      .calls = archive.calls_of_proposal(proposal),
                      .attempts = archive.attempts_of_proposal(proposal)};
}

std::optional<int64_t> birth_of(const population::Reader& archive, std::string_view identity) {
  // An identity is hexadecimal digits or a built-in's name: nothing to escape.
  const population::Table found =
      archive.sql("SELECT id FROM proposal WHERE reason = 'accepted' AND identity = '" +
                      std::string(identity) + "' ORDER BY id LIMIT 1",
                  1);
  if (found.rows.empty()) return std::nullopt;
  return std::get<int64_t>(found.rows[0][0]);
}

std::string conversation_text(const Conversation& c, const Terminal& terminal) {
  std::string out = "proposal " + std::to_string(c.proposal) + " by " + harmless(c.op);
  if (c.calls.empty()) return out + " was made without a model: nothing was sent\n";
  out += ": " + harmless(c.reason);
  if (!c.detail.empty()) out += ": " + harmless(c.detail);
  out += '\n';
  for (size_t i = 0; i < c.calls.size(); ++i) add_call(out, c, i, terminal);
  return out;
}

std::string conversation_json(const Conversation& c) {
  OrderedJson calls = OrderedJson::array();
  for (const CallRow& call : c.calls) calls.push_back(call_json(c, call));
  const OrderedJson proposal = {{"id", c.proposal},
                                {"operator", c.op},
                                {"identity", c.identity.empty() ? Json() : Json(c.identity)},
                                {"outcome", c.outcome},
                                {"reason", c.reason},
                                {"detail", c.detail}};
  return OrderedJson{{"proposal", proposal}, {"calls", calls}}.dump(2);
}

}  // namespace ballast::orchestrator

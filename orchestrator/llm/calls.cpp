#include "orchestrator/llm/calls.h"

#include "common/error.h"
#include "common/json.h"

namespace ballast::orchestrator {
namespace {

std::string sampling_json(const Sampling& s) {
  Json json = {{"max_output_tokens", s.max_output_tokens}};
  if (s.temperature) json["temperature"] = *s.temperature;
  if (s.seed) json["seed"] = *s.seed;
  if (!s.reasoning_effort.empty()) json["reasoning_effort"] = s.reasoning_effort;
  return json.dump();
}

}  // namespace

population::CallRow row_of(const Model& model, const LlmCall& call, const Sampling& sampling) {
  population::CallRow row;
  row.model = model.name;
  row.provider = to_string(model.provider);
  row.remote = model.model;
  row.op = call.op;
  row.variant = call.variant;
  row.system = call.prompt.system;
  row.user = call.prompt.user;
  row.sampling = model.embeds() ? "{}" : sampling_json(sampling);
  row.draft = call.draft;
  return row;
}

void require_same_embedder(const population::Archive& archive, const Model& model) {
  const std::string now = std::string(to_string(model.provider)) + " " + model.model;
  for (const std::string& before : archive.models_of("embed"))
    if (before != now)
      throw Error("this archive's texts were embedded by " + before + ", the configuration has " +
                      now +
                      ": their vectors cannot be compared; give the search another archive, "
                      "or its old embedding model",
                  ExitCode::kUsage);
}

population::CallEnd call_end(const LlmReply& reply, double seconds) {
  population::CallEnd end;
  end.outcome = to_string(reply.outcome);
  end.message = reply.message;
  end.reply = reply.text;
  end.request_id = reply.request_id;
  end.attempts = reply.attempts;
  end.seconds = seconds;
  return end;
}

population::AttemptEnd attempt_end(const Exchange& exchange, const LlmReply& reply,
                                   const std::optional<Amount>& paid) {
  population::AttemptEnd end;
  end.outcome = to_string(reply.outcome);
  end.message = reply.message;
  end.request_id = reply.request_id;
  end.status = exchange.response.status;
  const Usage& u = reply.usage;
  end.tokens = {.input = u.input,
                .cache_read = u.cache_read,
                .cache_write = u.cache_write,
                .cache_write_1h = u.cache_write_1h,
                .output = u.output,
                .reasoning = u.reasoning};
  if (paid) end.usd = paid->usd;
  end.seconds = exchange.seconds;
  return end;
}

LlmReply recorded_reply(const population::CallRow& row) {
  const auto outcome = parse_llm_outcome(row.outcome);
  require(outcome.has_value(), "call " + std::to_string(row.id) +
                                   " of the archive has the outcome \"" + row.outcome +
                                   "\", which this build does not know");
  LlmReply reply;
  reply.outcome = *outcome;
  reply.text = row.reply;
  reply.message = row.message;
  reply.request_id = row.request_id;
  reply.attempts = static_cast<int>(row.attempts);
  reply.seconds = row.seconds;
  return reply;
}

}  // namespace ballast::orchestrator

#include "orchestrator/llm/client.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "common/error.h"
#include "orchestrator/llm/calls.h"
#include "orchestrator/llm/client_state.h"
#include "orchestrator/llm/outcome_rules.h"
#include "orchestrator/llm/prices.h"
#include "orchestrator/llm/wire.h"

namespace ballast::orchestrator {
namespace {

constexpr double kLook = 0.02;  // real seconds between two looks at the clock while something waits

std::shared_ptr<const Secret> key_of(const Model& model) {
  if (!model.key_env.empty()) return Secret::from_environment(model.key_env);
  if (!model.key_file.empty()) return Secret::from_file(model.key_file);
  return nullptr;
}

Price needed_price(const Model& model) {
  if (const auto price = price_of(model)) return *price;
  const PricesOrigin origin = prices_origin();
  throw Error(
      "model \"" + model.name + "\": the price of " + std::string(to_string(model.provider)) + " " +
          model.model + " is not in the table (" + std::string(origin.source) + ", " +
          std::string(origin.date) +
          "), and nothing is asked whose cost is unknown: add price = { input = USD, output "
          "= USD } per million tokens to it in the models file",
      ExitCode::kUsage);
}

// A key goes over https, or stays on this machine.
void check_address(const Model& model, bool has_key) {
  const std::string url = build_request(model, {}).url;  // throws without an address
  if (has_key && !url.starts_with("https://") && !is_loopback(url))
    throw Error(
        "model \"" + model.name + "\": its key would travel in the clear to " + url + ": use https",
        ExitCode::kUsage);
}

Amount spent_before(const population::Spending& s) {
  return {.usd = s.usd, .tokens = s.tokens, .requests = s.requests};
}

}  // namespace

Client::Client(ClientOptions options, population::Archive& archive, const Clock& clock)
    : options_(std::move(options)),
      archive_(archive),
      clock_(clock),
      rng_(options_.seed, "llm.retry"),
      budget_(options_.ceilings, {}),
      transport_(options_.limits, clock, options_.notify) {
  for (const Model& model : options_.models) {
    auto peer = std::make_unique<Peer>();
    peer->model = model;
    peer->price = needed_price(model);
    peer->key = key_of(model);
    check_address(model, peer->key != nullptr);
    if (model.embeds()) require_same_embedder(archive, model);
    peers_.push_back(std::move(peer));
  }
  archive_.lose_open_calls();
  budget_ = Budget(options_.ceilings, spent_before(archive_.llm_spending()));
}

Client::~Client() = default;

int64_t Client::pending() const { return static_cast<int64_t>(asked_.size() + answers_.size()); }

std::vector<ModelStatus> Client::models() const {
  std::vector<ModelStatus> out;
  const double now = clock_.monotonic();
  for (const auto& peer : peers_) {
    ModelStatus status{.name = peer->model.name, .reason = peer->reason};
    status.closed = peer->closed.has_value();
    status.wait = std::max({peer->breaker.wait(now), peer->not_before - now, 0.0});
    status.in_flight = peer->in_flight;
    if (!status.closed && status.wait == 0) status.reason.clear();
    out.push_back(std::move(status));
  }
  return out;
}

int64_t Client::submit(const LlmCall& call) {
  const auto peer = std::find_if(peers_.begin(), peers_.end(),
                                 [&](const auto& p) { return p->model.name == call.model; });
  require(peer != peers_.end(), "asking the model \"" + call.model + "\", which is not configured");
  auto asked = std::make_unique<Asked>();
  asked->ticket = ++last_ticket_;
  asked->peer = static_cast<size_t>(peer - peers_.begin());
  asked->prompt = call.prompt;
  asked->sampling = call.sampling.value_or((*peer)->model.sampling);
  if ((*peer)->model.embeds()) asked->sampling.max_output_tokens = 0;
  asked->started = asked->due = clock_.monotonic();
  asked->row = archive_.begin_call(row_of((*peer)->model, call, asked->sampling));
  const int64_t ticket = asked->ticket;
  asked_[ticket] = std::move(asked);
  return ticket;
}

std::optional<LlmAnswer> Client::wait(double seconds) {
  const double end = clock_.monotonic() + seconds;
  while (true) {
    archive_.together([&] {
      while (const auto exchange = transport_.wait(0)) take(*exchange);
      start_due();
    });
    if (!answers_.empty()) {
      LlmAnswer answer = std::move(answers_.front());
      answers_.pop_front();
      return answer;
    }
    const double left = end - clock_.monotonic();
    if (left <= 0 || asked_.empty()) return std::nullopt;
    if (const auto exchange = transport_.wait(std::min(left, kLook))) take(*exchange);
  }
}

void Client::cancel(int64_t ticket) {
  const auto it = asked_.find(ticket);
  if (it == asked_.end()) return;
  Asked& asked = *it->second;
  asked.cancelled = true;
  if (asked.exchange != 0)
    transport_.cancel(asked.exchange);
  else if (!asked.in_flight)
    refuse(asked, LlmOutcome::kCancelled, "cancelled");
}

void Client::start_due() {
  const double now = clock_.monotonic();
  std::vector<int64_t> due;
  for (const auto& [ticket, asked] : asked_)
    if (!asked->in_flight && asked->due <= now) due.push_back(ticket);
  for (const int64_t ticket : due) {
    if (in_flight_ >= options_.in_flight) return;
    start(*asked_.at(ticket), now);
  }
}

// Whether it cannot be asked now: then it waits, or is answered.
bool Client::hold_back(Asked& asked, Peer& peer, double now) {
  if (peer.closed) {
    refuse(asked, *peer.closed,
           "model " + peer.model.name + " is not asked any more: " + peer.reason);
    return true;
  }
  double wait = std::max(peer.breaker.wait(now), peer.not_before - now);
  if (wait <= 0) {
    const int64_t tokens =
        most_tokens(asked.prompt) / kBytesPerToken + asked.sampling.max_output_tokens;
    wait = peer.gate.acquire(now, tokens);
    if (wait <= 0) return false;
  }
  if (wait > options_.retry.hint_cap || now + wait - asked.started > options_.retry.deadline) {
    refuse(asked, asked.last.value_or(LlmOutcome::kOverloaded),
           "model " + peer.model.name + " rests for " + std::to_string(static_cast<int64_t>(wait)) +
               " s: " + peer.reason);
  } else {
    asked.due = now + wait;
  }
  return true;
}

void Client::start(Asked& asked, double now) {
  Peer& peer = *peers_[asked.peer];
  const int64_t prompt = most_tokens(asked.prompt), output = asked.sampling.max_output_tokens;
  const Amount worst{.usd = worst_cost(peer.price, prompt, output), .tokens = prompt + output};
  const Budget::Room room = budget_.room(worst);
  if (room != Budget::Room::kYes && asked.truncated) {
    finish(asked, *std::exchange(asked.truncated, std::nullopt));
  } else if (room == Budget::Room::kNo) {
    exhausted_ = true;
    refuse(asked, LlmOutcome::kBudget,
           "the ceiling leaves no room for a call that may cost " + std::to_string(worst.usd) +
               " USD and " + std::to_string(worst.tokens) + " tokens");
  } else if (room == Budget::Room::kLater) {
    asked.due = now;  // looked at again whenever something ends
  } else if (!hold_back(asked, peer, now)) {
    if (peer.breaker.allow(now)) {
      asked.trial = !peer.breaker.closed();
      send(asked, peer, worst);
    } else {
      asked.due = now + 1;  // another call tries whether the model is back
    }
  }
}

void Client::send(Asked& asked, Peer& peer, const Amount& worst) {
  asked.attempt_row =
      archive_.begin_attempt(asked.row, asked.attempts + 1, worst.usd, worst.tokens);
  ++asked.attempts;
  budget_.reserve(worst);
  asked.worst = worst;
  asked.in_flight = true;
  ++in_flight_;
  ++peer.in_flight;
  Model model = peer.model;
  model.sampling = asked.sampling;
  // No request leaves before the archive knows that it may have.
  archive_.when_stored([this, ticket = asked.ticket, key = peer.key,
                        header = key_header(model.provider),
                        request = build_request(model, asked.prompt)]() mutable {
    Asked& sent = *asked_.at(ticket);
    sent.exchange = transport_.submit(std::move(request), header, key);
    exchanges_[sent.exchange] = ticket;
    if (sent.cancelled) transport_.cancel(sent.exchange);
  });
}

// All vectors of a model have one length, or they could not be compared.
void Client::check_length(Peer& peer, LlmReply& reply) {
  if (peer.vector_text == 0) peer.vector_text = reply.text.size();
  if (reply.text.size() == peer.vector_text) return;
  reply.outcome = LlmOutcome::kMalformed;
  reply.message = "a vector of another length than this model's vectors before";
  reply.text.clear();
}

void Client::take(const Exchange& exchange) {
  const auto flight = exchanges_.find(exchange.ticket);
  assert(flight != exchanges_.end());
  Asked& asked = *asked_.at(flight->second);
  exchanges_.erase(flight);
  Peer& peer = *peers_[asked.peer];
  --peer.in_flight;
  --in_flight_;
  asked.in_flight = false;
  asked.exchange = 0;
  LlmReply reply = reply_of(peer.model, exchange);
  if (peer.model.embeds() && reply.outcome == LlmOutcome::kOk) check_length(peer, reply);
  if (peer.key)
    for (std::string* text : {&reply.text, &reply.message, &reply.request_id})
      peer.key->redact(*text);
  reply.attempts = asked.attempts;
  const std::optional<Amount> paid = charged(peer.model, peer.price, exchange, reply);
  asked.usd += paid.value_or(asked.worst).usd;
  archive_.together([&] {
    archive_.finish_attempt(asked.attempt_row, attempt_end(exchange, reply, paid));
    budget_.settle(asked.worst, paid);
    judge(peer, asked, reply, exchange, clock_.monotonic());
    if (!go_on(asked, peer, reply, exchange)) finish(asked, std::move(reply));
  });
}

// What the exchange says about the model, for all calls to it.
void Client::judge(Peer& peer, const Asked& asked, const LlmReply& reply, const Exchange& exchange,
                   double now) {
  if (exchange.response.status != 0) peer.gate.update(exchange.response, now, now_unix());
  switch (health_of(reply.outcome)) {
    case Health::kWell:
      peer.breaker.success();
      break;
    case Health::kIll:
      if (peer.breaker.closed() || asked.trial) peer.breaker.failure(now);
      peer.reason = reply.message;
      break;
    case Health::kUnknown:
      if (asked.trial) peer.breaker.forget();
  }
  if (reply.outcome != LlmOutcome::kBadRequest)
    peer.bad_requests = 0;
  else if (!asked.truncated)  // else it may be our doubled limit that it does not take
    ++peer.bad_requests;
  const bool for_good = closes_model(reply.outcome) || peer.bad_requests >= kBadRequests;
  if (for_good) {
    peer.closed = reply.outcome;
    peer.reason = reply.message;
  }
}

// Whether the call is not over: it then waits for its next attempt.
bool Client::go_on(Asked& asked, Peer& peer, const LlmReply& reply, const Exchange& exchange) {
  const double now = clock_.monotonic();
  asked.last = reply.outcome;
  if (asked.cancelled) return false;
  if (reply.outcome == LlmOutcome::kTruncated && options_.double_truncated && !asked.doubled) {
    asked.doubled = true;
    asked.truncated = reply;
    asked.sampling.max_output_tokens *= 2;
    asked.due = now;
    return true;
  }
  if (!transient(reply.outcome)) return false;
  const auto hint = retry_hint(exchange.response, now_unix());
  RetryDecision next =
      decide_retry(options_.retry, reply.outcome, asked.attempts, now - asked.started, hint, rng_);
  // An empty reply that was paid for is asked for once more, not five times.
  if (reply.outcome == LlmOutcome::kEmpty && reply.usage.reported && asked.attempts >= 2)
    next.again = false;
  if (next.park > 0) peer.breaker.park(now, next.park);
  if (reply.outcome == LlmOutcome::kRateLimited) {
    peer.not_before = std::max(peer.not_before, now + next.wait);
    peer.reason = reply.message;
  }
  if (!next.again) return false;
  asked.due = now + next.wait;
  return true;
}

void Client::finish(Asked& asked, LlmReply reply) {
  const bool worse = reply.outcome != LlmOutcome::kOk && reply.outcome != LlmOutcome::kTruncated;
  if (asked.truncated && worse && reply.outcome != LlmOutcome::kCancelled) {
    reply = *std::move(asked.truncated);  // better than what the second try brought
  } else if (asked.cancelled && worse) {
    reply.outcome = LlmOutcome::kCancelled;
  }
  reply.attempts = asked.attempts;
  archive_.finish_call(asked.row, call_end(reply, clock_.monotonic() - asked.started));
  answers_.push_back({asked.ticket, asked.row, std::move(reply), asked.usd});
  asked_.erase(asked.ticket);  // `asked` ends here
}

void Client::refuse(Asked& asked, LlmOutcome outcome, const std::string& message) {
  LlmReply reply;
  reply.outcome = outcome;
  reply.message = message;
  finish(asked, std::move(reply));
}

}  // namespace ballast::orchestrator

#include "tests/bench/loopback_models.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cmath>
#include <string_view>
#include <vector>

#include "common/error.h"
#include "common/json.h"
#include "common/rng.h"
#include "orchestrator/llm/vector_text.h"
#include "tests/fakes/http_server.h"

namespace ballast::bench {
namespace {

std::string number(Rng& rng) { return std::to_string(rng.uniform(0.1, 2.0)); }

// A vector of one number an expert.
std::string vector_expression(Rng& rng, int depth) {
  if (depth == 0) {
    constexpr std::array<const char*, 5> kLeaves = {
        "r.probs.mean(0)", "r.load_global", "(r.probs.mean(0) - r.load_global)",
        "torch.log(r.probs.mean(0) + 0.01)", "(r.probs ** 2).mean(0)"};
    return kLeaves[static_cast<size_t>(rng.below(kLeaves.size()))];
  }
  const std::string first = vector_expression(rng, depth - 1);
  switch (rng.below(7)) {
    case 0:
      return "(" + first + " + " + number(rng) + " * " + vector_expression(rng, depth - 1) + ")";
    case 1:
      return "(" + first + " - " + vector_expression(rng, depth - 1) + ")";
    case 2:
      return "(" + first + " * " + vector_expression(rng, depth - 1) + ")";
    case 3:
      return "torch.relu(" + first + " - " + number(rng) + ")";
    case 4:
      return "(" + first + " ** 2)";
    case 5:
      return "torch.tanh(" + number(rng) + " * " + first + ")";
    default:
      return "(" + number(rng) + " * " + first + ")";
  }
}

std::string chat_text(Rng& rng) {
  return "Idea: terms drawn at random.\n```python\ndef balance_loss(r):\n    return " +
         number(rng) + " * (r.probs.mean(0) * " + vector_expression(rng, 3) + ").sum()\n```\n";
}

std::string chat_body(Rng& rng, const Json& request) {
  const bool notes = request.dump().find("Write the notes anew") != std::string::npos;
  const Json message = {{"role", "assistant"},
                        {"content", notes ? "## Works\nHinges.\n## Try next\n1. square the hinge\n"
                                          : chat_text(rng)}};
  return Json({{"id", "bench"},
               {"object", "chat.completion"},
               {"model", request.at("model")},
               {"choices", {{{"index", 0}, {"message", message}, {"finish_reason", "stop"}}}},
               {"usage",
                {{"prompt_tokens", 2000}, {"completion_tokens", 200}, {"total_tokens", 2200}}}})
      .dump();
}

// What all texts have in common, and what this one is.
std::string embedding_body(const Json& request) {
  Rng common(1, "common"), own(2, request.at("input").dump());
  require(request.at("encoding_format") == "base64", "embedding for a benchmark: as base64 alone");
  std::vector<float> vector;
  for (int i = 0; i < LoopbackModels::kEmbeddingLength; ++i)
    vector.push_back(static_cast<float>(0.05 * (common.normal() + 0.7 * own.normal())));
  return Json({{"object", "list"},
               {"model", request.at("model")},
               {"data",
                {{{"object", "embedding"},
                  {"index", 0},
                  {"embedding", orchestrator::vector_text(vector)}}}},
               {"usage", {{"prompt_tokens", 150}, {"total_tokens", 150}}}})
      .dump();
}

[[noreturn]] void serve(int out, Latency latency, uint64_t seed) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  std::atomic<uint64_t> served{0};
  const fakes::HttpServer server([&](const fakes::ServedRequest& request,
                                     fakes::Connection& connection) {
    Rng rng(seed, "loopback models", ++served);
    if (latency.mean > 0)
      connection.pause(latency.mean * std::exp(latency.sigma * (rng.normal() - latency.sigma / 2)));
    const Json json = Json::parse(request.body);
    const bool chat = request.path.find("/chat/") != std::string::npos;
    connection.respond(200, chat ? chat_body(rng, json) : embedding_body(json));
  });
  const std::string url = server.url();
  if (write(out, url.data(), url.size()) != static_cast<ssize_t>(url.size())) _exit(1);
  close(out);
  while (true) pause();
}

}  // namespace

LoopbackModels::LoopbackModels(Latency latency, uint64_t seed) {
  std::array<int, 2> ends{};
  require(pipe(ends.data()) == 0, "making a pipe to a server");
  child_ = fork();
  require(child_ >= 0, "starting a server's process");
  if (child_ == 0) {
    close(ends[0]);
    serve(ends[1], latency, seed);
  }
  close(ends[1]);
  std::array<char, 64> buffer{};
  ssize_t size = 0;
  while ((size = read(ends[0], buffer.data(), buffer.size())) > 0)
    url_.append(buffer.data(), static_cast<size_t>(size));
  close(ends[0]);
  require(!url_.empty(), "waiting for a server's address");
}

LoopbackModels::~LoopbackModels() {
  kill(child_, SIGKILL);
  waitpid(child_, nullptr, 0);
}

}  // namespace ballast::bench

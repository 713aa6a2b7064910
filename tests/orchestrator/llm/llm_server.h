// What the tests of the client share: an OpenAI-compatible server on loopback, a model that points
// to it, a clock that hurries.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "orchestrator/llm/client.h"
#include "population/archive.h"
#include "tests/fakes/fast_clock.h"
#include "tests/fakes/http_server.h"
#include "tests/fakes/temporary_folder.h"

namespace ballast::orchestrator {

using fakes::Connection;
using fakes::HttpServer;
using fakes::ServedRequest;

// A finished chat completion of 100 prompt tokens and 50 others.
inline std::string chat(const std::string& text, const std::string& finish = "stop") {
  return R"({"choices":[{"finish_reason":")" + finish + R"(","message":{"content":")" + text +
         R"("}}],"usage":{"prompt_tokens":100,"completion_tokens":50}})";
}
constexpr double kChatUsd = (100 * 10 + 50 * 20) / 1e6;  // at the price below

inline Model model_at(const std::string& url, const std::string& name = "m") {
  Model model;
  model.name = name;
  model.provider = Provider::kCompatible;
  model.base_url = url + "/v1";
  model.model = "tiny";
  model.sampling.max_output_tokens = 1000;
  model.price = Price{.rates = {.input = 10,
                                .cache_read = 1,
                                .cache_write = 10,
                                .cache_write_1h = 10,
                                .output = 20},
                      .long_above = 0,
                      .long_rates = {}};
  return model;
}

inline LlmCall call_of(const std::string& user, const std::string& model = "m") {
  return {.model = model,
          .prompt = {.system = "You improve losses.", .user = user},
          .op = "edit",
          .variant = "v1",
          .sampling = {}};
}

class ClientTest : public testing::Test {
 protected:
  ClientTest() {
    folder_ = fakes::make_temporary_folder();
    archive_ = std::make_unique<population::Archive>(path(), clock_);
  }
  ~ClientTest() override {
    client_.reset();
    archive_.reset();
    std::filesystem::remove_all(folder_);
  }
  std::filesystem::path path() const { return folder_ / "a.db"; }

  Client& client(std::vector<Model> models, Ceilings ceilings = {}) {
    options_.models = std::move(models);
    options_.ceilings = ceilings;
    client_ = std::make_unique<Client>(options_, *archive_, clock_);
    return *client_;
  }
  LlmReply reply_to(const std::string& user, const std::string& model = "m") {
    return ask(*client_, call_of(user, model)).reply;
  }

  std::filesystem::path folder_;
  fakes::FastClock clock_{200};  // a pause of a minute takes 0.3 s
  std::unique_ptr<population::Archive> archive_;
  ClientOptions options_ = [] {
    ClientOptions o;
    o.limits.stall = 2000;  // on the hurried clock: 10 real seconds
    o.limits.total = 100'000;
    o.retry.deadline = 1e6;
    return o;
  }();
  std::unique_ptr<Client> client_;
};

}  // namespace ballast::orchestrator

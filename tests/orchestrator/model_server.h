// A language model behind a real HTTP server on loopback, as the program sees one: OpenAI's form,
// answered by a script. What came over the wire is kept.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "tests/fakes/http_server.h"

namespace ballast::orchestrator {

// A request, read.
struct Asked {
  std::string model, system, user;  // an embedding's input is `user`
  std::string op;  // "embed", "repair", "judge", "notes"; "" for all that write a text anew
  int number = 0;  // of the requests so far, from 1
  int same = 0;    // with this very body, this one included
};

inline std::string op_of(const std::string& user) {
  const std::pair<const char*, const char*> marks[] = {
      {"This candidate was refused:", "repair"},
      {"This answer held no candidate:", "repair"},
      {"Your last answer to this held no candidate.", "repair"},
      {"Answer with one line that starts with `NOVEL:`", "judge"},
      {"Write the notes anew", "notes"}};
  for (const auto& [mark, op] : marks)
    if (user.find(mark) != std::string::npos) return op;
  return "";
}

inline Asked read_request(const fakes::ServedRequest& request) {
  const auto body = nlohmann::json::parse(request.body);
  Asked out;
  out.model = body.at("model");
  if (request.path.ends_with("/embeddings")) {
    out.op = "embed";
    out.user = body.at("input").at(0);
    return out;
  }
  for (const auto& message : body.at("messages"))
    (message.at("role") == "system" ? out.system : out.user) = message.at("content");
  out.op = op_of(out.user);
  return out;
}

// 1,000 prompt tokens and 100 others.
inline std::string completion(const std::string& text, const std::string& finish = "stop") {
  return nlohmann::json(
             {{"choices", {{{"finish_reason", finish}, {"message", {{"content", text}}}}}},
              {"usage", {{"prompt_tokens", 1000}, {"completion_tokens", 100}}}})
      .dump();
}

inline std::string code(const std::string& source) {
  return "Idea: as the script says.\n```python\n" + source + "```\n";
}

class ModelServer {
 public:
  // Runs on the connections' threads.
  using Script = std::function<void(const Asked&, fakes::Connection&)>;

  explicit ModelServer(Script script)
      : script_(std::move(script)),
        server_([this](const fakes::ServedRequest& request, fakes::Connection& connection) {
          Asked asked = read_request(request);
          {
            const std::lock_guard lock(mutex_);
            requests_.push_back(request);
            asked.number = static_cast<int>(requests_.size());
            asked.same = ++bodies_[request.body];
          }
          script_(asked, connection);
        }) {}

  std::string url() const { return server_.url() + "/v1"; }
  std::vector<fakes::ServedRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  Script script_;
  mutable std::mutex mutex_;
  std::vector<fakes::ServedRequest> requests_;
  std::map<std::string, int> bodies_;  // how often each came
  fakes::HttpServer server_;           // last: its threads use all the others
};

}  // namespace ballast::orchestrator

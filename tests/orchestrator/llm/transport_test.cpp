// The transport against a real server on loopback: what a network does, one by one.
#include "orchestrator/llm/transport.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <set>

#include "common/error.h"
#include "tests/fakes/http_server.h"

namespace ballast::orchestrator {
namespace {

using fakes::Connection;
using fakes::HttpServer;
using fakes::ServedRequest;

constexpr KeyHeader kBearer{"authorization", "Bearer "};

TransportLimits patient() {
  return {.connect = 30, .stall = 60, .total = 120, .body_bytes = 8 << 20, .ca_file = ""};
}
TransportLimits hasty() {
  return {.connect = 0.3, .stall = 0.3, .total = 30, .body_bytes = 100'000, .ca_file = ""};
}

HttpRequest to(const std::string& url, std::string body = "{}") {
  return {.url = url + "/v1/chat", .headers = {{"x-a", "b"}}, .body = std::move(body)};
}

class TransportTest : public testing::Test {
 protected:
  Exchange exchange(TransportLimits limits, const std::string& url, std::string body = "{}",
                    std::shared_ptr<const Secret> key = nullptr) {
    Transport transport(std::move(limits), clock_);
    transport.submit(to(url, std::move(body)), kBearer, std::move(key));
    auto done = transport.wait(60);
    EXPECT_TRUE(done.has_value());
    return done.value_or(Exchange());
  }
  Exchange exchange(TransportLimits limits, HttpServer::Handler handler) {
    const HttpServer server(std::move(handler));
    return exchange(std::move(limits), server.url());
  }
  // Puts a key into the environment and takes it from there.
  static std::shared_ptr<const Secret> key(const char* text) {
    setenv("BALLAST_TEST_KEY", text, 1);
    auto secret = Secret::from_environment("BALLAST_TEST_KEY");
    unsetenv("BALLAST_TEST_KEY");
    return secret;
  }
  SystemClock clock_;
};

TEST_F(TransportTest, SendsBodyAndHeadersWithTheKeyAsTheLastOne) {
  ServedRequest seen;
  const HttpServer server([&](const ServedRequest& request, Connection& connection) {
    seen = request;
    connection.respond(200, R"({"a":1})", {{"X-Request-Id", " r1 "}});
  });
  const Exchange done = exchange(patient(), server.url(), "{\"prompt\":1}", key(" sk-canary-1 \n"));
  EXPECT_EQ(done.end, ExchangeEnd::kComplete) << done.message;
  EXPECT_TRUE(done.sent);
  EXPECT_EQ(done.response.status, 200);
  EXPECT_EQ(done.response.body, R"({"a":1})");
  EXPECT_EQ(done.response.header("x-request-id"), "r1");
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.path, "/v1/chat");
  EXPECT_EQ(seen.body, "{\"prompt\":1}");
  EXPECT_EQ(seen.headers["x-a"], "b");
  EXPECT_EQ(seen.headers["authorization"], "Bearer sk-canary-1");
  EXPECT_EQ(seen.headers["accept-encoding"], "gzip");
}

TEST_F(TransportTest, UsesAConnectionAgain) {
  const HttpServer server([](const ServedRequest&, Connection& c) { c.respond(200, "{}"); });
  Transport transport(patient(), clock_);
  for (int i = 0; i < 5; ++i) {
    transport.submit(to(server.url()), kBearer, nullptr);
    ASSERT_EQ(transport.wait(60)->end, ExchangeEnd::kComplete);
  }
  EXPECT_EQ(server.connections(), 1);
  EXPECT_EQ(server.requests(), 5);
}

TEST_F(TransportTest, KeepsManyInFlightOnOneThread) {
  std::atomic<int> now{0}, most{0};
  const HttpServer server([&](const ServedRequest& request, Connection& c) {
    most = std::max(most.load(), ++now);
    while (now < 32 && most < 32) c.pause(0.001);  // nobody is answered before all are here
    c.respond(200, request.body);
  });
  std::atomic<int> notified = 0;
  auto transport = std::make_unique<Transport>(patient(), clock_, [&] { ++notified; });
  std::set<int64_t> waiting;
  for (int i = 0; i < 32; ++i)
    waiting.insert(transport->submit(to(server.url(), std::to_string(i)), kBearer, nullptr));
  for (int i = 0; i < 32; ++i) {
    const auto done = transport->wait(60);
    ASSERT_TRUE(done);
    EXPECT_EQ(done->end, ExchangeEnd::kComplete);
    EXPECT_EQ(waiting.erase(done->ticket), 1u);
  }
  transport.reset();
  EXPECT_EQ(most, 32);
  EXPECT_EQ(notified, 32);
}

TEST_F(TransportTest, ConnectionRefusedAndUnknownHostAreNotSent) {
  const std::string nobody = "http://127.0.0.1:" + std::to_string(fakes::unused_port());
  for (const std::string& url : {nobody, std::string("http://nowhere.invalid")}) {
    const Exchange done = exchange(patient(), url);
    EXPECT_EQ(done.end, ExchangeEnd::kNetwork) << url;
    EXPECT_FALSE(done.sent) << url;
    EXPECT_NE(done.message, "");
  }
}

TEST_F(TransportTest, AResetAfterTheRequestMayHaveCost) {
  const Exchange done = exchange(patient(), [](const ServedRequest&, Connection& c) { c.reset(); });
  EXPECT_EQ(done.end, ExchangeEnd::kNetwork);
  EXPECT_TRUE(done.sent);
}

TEST_F(TransportTest, NeverRepeatsARequestOnItsOwn) {
  const HttpServer server([](const ServedRequest& request, Connection& c) {
    if (request.body == "second") return c.reset();  // on a connection that worked before
    c.respond(200, "{}");
  });
  Transport transport(patient(), clock_);
  transport.submit(to(server.url(), "first"), kBearer, nullptr);
  ASSERT_EQ(transport.wait(60)->end, ExchangeEnd::kComplete);
  transport.submit(to(server.url(), "second"), kBearer, nullptr);
  EXPECT_EQ(transport.wait(60)->end, ExchangeEnd::kNetwork);
  EXPECT_EQ(server.requests(), 2);
}

TEST_F(TransportTest, SilenceBeforeAndInsideTheHeadersIsAStall) {
  EXPECT_EQ(exchange(hasty(), [](const ServedRequest&, Connection& c) { c.pause(60); }).end,
            ExchangeEnd::kStalled);
  const Exchange slow = exchange(hasty(), [](const ServedRequest&, Connection& c) {
    c.send("HTTP/1.1 200 OK\r\nx-slow: ");
    for (int i = 0; i < 100; ++i) {  // a byte now and then completes no line
      c.send("a");
      c.pause(0.1);
    }
  });
  EXPECT_EQ(slow.end, ExchangeEnd::kStalled);
}

TEST_F(TransportTest, SilenceInsideTheBodyIsAStallAndKeepsWhatCame) {
  const Exchange done = exchange(hasty(), [](const ServedRequest&, Connection& c) {
    c.send("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf");
    c.pause(60);
  });
  EXPECT_EQ(done.end, ExchangeEnd::kStalled);
  EXPECT_EQ(done.response.status, 200);
  EXPECT_EQ(done.response.body, "half");
}

TEST_F(TransportTest, KeepAliveBytesHoldOffTheStallButNotTheTotal) {
  const auto drip = [](const ServedRequest&, Connection& c) {
    c.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
    for (int i = 0; i < 200; ++i) {
      c.chunk(": keep-alive\n\n");
      c.pause(0.02);
    }
  };
  TransportLimits limits = hasty();
  limits.stall = 20;
  limits.total = 0.5;
  const Exchange done = exchange(limits, drip);
  EXPECT_EQ(done.end, ExchangeEnd::kTimeout);
  EXPECT_NE(done.response.body.find("keep-alive"), std::string::npos);
}

TEST_F(TransportTest, ABodyCutOffIsANetworkErrorWhateverItsFraming) {
  for (const bool chunked : {false, true}) {
    const Exchange done = exchange(patient(), [&](const ServedRequest&, Connection& c) {
      if (chunked) {
        c.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        c.chunk("{\"half\":");
      } else {
        c.send("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"half\":");
      }
      c.close();
    });
    EXPECT_EQ(done.end, ExchangeEnd::kNetwork) << chunked;
    EXPECT_EQ(done.response.body, "{\"half\":");
  }
}

TEST_F(TransportTest, BodiesAndHeadersAreCapped) {
  EXPECT_EQ(exchange(hasty(),
                     [](const ServedRequest&, Connection& c) {
                       c.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
                       for (int i = 0; i < 200; ++i) c.chunk(std::string(1000, 'x'));
                       c.chunk("");
                     })
                .end,
            ExchangeEnd::kTooLarge);
  const std::string bomb = fakes::gzip(std::string(1 << 20, ' '));
  ASSERT_LT(bomb.size(), 50'000u);
  EXPECT_EQ(exchange(hasty(),
                     [&](const ServedRequest&, Connection& c) {
                       c.respond(200, bomb, {{"content-encoding", "gzip"}});
                     })
                .end,
            ExchangeEnd::kTooLarge)
      << "the cap counts what comes out of the gzip";
  EXPECT_EQ(exchange(patient(),
                     [](const ServedRequest&, Connection& c) {
                       c.send("HTTP/1.1 200 OK\r\n");
                       for (int i = 0; i < 90; ++i)
                         c.send("x-h: " + std::string(1000, 'x') + "\r\n");
                       c.send("content-length: 2\r\n\r\n{}");
                     })
                .end,
            ExchangeEnd::kTooLarge);
}

TEST_F(TransportTest, GzipIsUndoneAndBadGzipIsMalformed) {
  const Exchange good = exchange(patient(), [](const ServedRequest&, Connection& c) {
    c.respond(200, fakes::gzip(R"({"a":1})"), {{"content-encoding", "gzip"}});
  });
  EXPECT_EQ(good.end, ExchangeEnd::kComplete);
  EXPECT_EQ(good.response.body, R"({"a":1})");
  const Exchange bad = exchange(patient(), [](const ServedRequest&, Connection& c) {
    c.respond(200, "this is no gzip", {{"content-encoding", "gzip"}});
  });
  EXPECT_EQ(bad.end, ExchangeEnd::kMalformed);
}

TEST_F(TransportTest, AnAnswerThatIsNoHttpIsMalformed) {
  const Exchange done = exchange(patient(), [](const ServedRequest&, Connection& c) {
    c.send("220 smtp.example.org ESMTP\r\n");
    c.close();
  });
  EXPECT_EQ(done.end, ExchangeEnd::kMalformed);
}

TEST_F(TransportTest, RedirectsAreNotFollowed) {
  const HttpServer elsewhere([](const ServedRequest&, Connection& c) { c.respond(200, "{}"); });
  const HttpServer server([&](const ServedRequest&, Connection& c) {
    c.respond(307, "", {{"location", elsewhere.url() + "/v1/chat"}});
  });
  const Exchange done = exchange(patient(), server.url(), "{}", key("sk-canary-2"));
  EXPECT_EQ(done.end, ExchangeEnd::kComplete);
  EXPECT_EQ(done.response.status, 307);
  EXPECT_EQ(elsewhere.requests(), 0);
}

TEST_F(TransportTest, ABadCertificateIsRefusedBeforeTheKeyIsSent) {
  const HttpServer server([](const ServedRequest&, Connection& c) { c.respond(200, "{}"); },
                          HttpServer::Tls::kSelfSigned);
  const Exchange done = exchange(patient(), server.url(), "{}", key("sk-canary-3"));
  EXPECT_EQ(done.end, ExchangeEnd::kUntrusted) << done.message;
  EXPECT_FALSE(done.sent);
  EXPECT_EQ(server.requests(), 0);
}

TEST_F(TransportTest, ATrustedCertificateIsTaken) {
  const HttpServer server([](const ServedRequest&, Connection& c) { c.respond(200, "{}"); },
                          HttpServer::Tls::kSelfSigned);
  const std::string file = testing::TempDir() + "ballast_transport_test.pem";
  std::ofstream(file) << server.certificate();
  TransportLimits limits = patient();
  limits.ca_file = file;
  EXPECT_EQ(exchange(limits, server.url()).end, ExchangeEnd::kComplete);
  std::filesystem::remove(file);
}

TEST_F(TransportTest, OtherProtocolsAndKeysInTheClearAreRefused) {
  for (const char* url : {"file:///etc/passwd?", "ftp://127.0.0.1", "gopher://127.0.0.1", ":"}) {
    const Exchange done = exchange(patient(), url);
    EXPECT_EQ(done.end, ExchangeEnd::kBadAddress) << url << " " << done.message;
    EXPECT_FALSE(done.sent);
  }
  const Exchange clear = exchange(patient(), "http://192.0.2.1", "{}", key("sk-canary-4"));
  EXPECT_EQ(clear.end, ExchangeEnd::kBadAddress);
  EXPECT_NE(clear.message.find("https"), std::string::npos);
  EXPECT_EQ(clear.message.find("canary"), std::string::npos);
}

TEST_F(TransportTest, CancelEndsWhatWaitsAndNothingElse) {
  const HttpServer server([](const ServedRequest& request, Connection& c) {
    if (request.body == "slow") return c.pause(60);
    c.respond(200, "{}");
  });
  Transport transport(patient(), clock_);
  const int64_t slow = transport.submit(to(server.url(), "slow"), kBearer, nullptr);
  const int64_t fast = transport.submit(to(server.url(), "fast"), kBearer, nullptr);
  EXPECT_EQ(transport.wait(60)->ticket, fast);
  transport.cancel(slow);
  transport.cancel(fast);  // has ended: nothing happens
  transport.cancel(99);    // was never there
  const auto done = transport.wait(60);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->ticket, slow);
  EXPECT_EQ(done->end, ExchangeEnd::kCancelled);
  EXPECT_FALSE(transport.wait(0.02));
}

TEST_F(TransportTest, EndsWithExchangesUnderWay) {
  const HttpServer server([](const ServedRequest&, Connection& c) { c.pause(60); });
  Transport transport(patient(), clock_);
  for (int i = 0; i < 8; ++i) transport.submit(to(server.url()), kBearer, nullptr);
}

class SecretTest : public testing::Test {
 protected:
  std::string file(const std::string& text, mode_t mode) {
    const std::string name = testing::TempDir() + "ballast_secret_test";
    std::filesystem::remove(name);
    std::ofstream(name) << text;
    chmod(name.c_str(), mode);
    return name;
  }
  static std::string error_of(const std::function<void()>& action) {
    try {
      action();
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }
};

TEST_F(SecretTest, ComesFromAFileThatOnlyWeMayRead) {
  EXPECT_FALSE(Secret::from_file(file("sk-canary\n", 0600))->empty());
  EXPECT_FALSE(Secret::from_file(file("sk-canary", 0400))->empty());
  for (const mode_t mode : {0640, 0604, 0666}) {
    const std::string error = error_of([&] { Secret::from_file(file("sk-canary", mode)); });
    EXPECT_NE(error.find("chmod 600"), std::string::npos) << mode;
    EXPECT_EQ(error.find("canary"), std::string::npos);
  }
  EXPECT_NE(error_of([] { Secret::from_file("/dev/null"); }).find("regular"), std::string::npos);
  EXPECT_NE(error_of([] { Secret::from_file("/nowhere/key"); }).find("/nowhere/key"),
            std::string::npos);
}

TEST_F(SecretTest, RefusesWhatNoHeaderMayHoldWithoutSayingIt) {
  for (const std::string& text :
       {std::string("sk canary"), std::string("sk-canary\r\nx-evil: 1"),
        std::string("canary\xc3\xa9"), std::string(5000, 'c'), std::string(" \n"), std::string()}) {
    const std::string error = error_of([&] { Secret::from_file(file(text, 0600)); });
    EXPECT_NE(error, "") << text;
    EXPECT_EQ(error.find("canary"), std::string::npos);
  }
  unsetenv("BALLAST_NO_SUCH_KEY");
  EXPECT_NE(
      error_of([] { Secret::from_environment("BALLAST_NO_SUCH_KEY"); }).find("BALLAST_NO_SUCH_KEY"),
      std::string::npos);
}

static_assert(!std::is_copy_constructible_v<Secret> && !std::is_copy_assignable_v<Secret>);
template <class T>
concept Printable = requires(std::ostream& out, const T& x) {
  out << x;
};
static_assert(!Printable<Secret> && Printable<int>);

}  // namespace
}  // namespace ballast::orchestrator

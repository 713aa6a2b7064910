// HTTP requests to providers: libcurl behind one type, one thread, any number at a time.
//
// HTTP/1.1, only http and https, certificates verified, redirects not followed, bodies and headers
// capped, gzip undone, connections used again. A request is sent once: it is never repeated here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/clock.h"
#include "orchestrator/llm/http.h"
#include "orchestrator/llm/secret.h"
#include "orchestrator/llm/wire.h"

namespace ballast::orchestrator {

struct TransportLimits {
  double connect = 10;  // seconds until a connection stands, TLS included
  double stall = 120;   // seconds without a byte in either direction
  double total = 1200;  // seconds for the whole exchange
  size_t body_bytes = 8 << 20;
  size_t header_bytes = 64 << 10;
  std::string ca_file;  // certificates to trust instead of the system's; PEM
};

// How an exchange ended.
enum class ExchangeEnd : uint8_t {
  kComplete,    // a whole response, of whatever status
  kNetwork,     // refused, reset, name not found, closed in the middle
  kUntrusted,   // the certificate is not valid for that host
  kStalled,     // no byte for too long
  kTimeout,     // the exchange as a whole took too long
  kTooLarge,    // more bytes than we take
  kMalformed,   // no HTTP, or an encoding that cannot be undone
  kBadAddress,  // not a URL that we speak, or a key would travel in the clear
  kCancelled,
};

struct Exchange {
  int64_t ticket = 0;
  ExchangeEnd end = ExchangeEnd::kNetwork;
  HttpResponse response;  // whole when kComplete, else what had arrived
  std::string message;    // one line for people; empty when kComplete
  double seconds = 0;
  // Whether any of the request may have reached the server. If not, nothing was asked for.
  bool sent = false;
};

class Transport {
 public:
  // `notify` may be empty; it is called on the transport's thread whenever an exchange has ended.
  Transport(TransportLimits limits, const Clock& clock, std::function<void()> notify = {});
  ~Transport();  // drops what is under way
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  // Thread-safe, all of them. Asynchronous: every submitted request comes out of wait(), once.
  // The key becomes the last header; it is never sent over plain http but to this machine.
  int64_t submit(HttpRequest request, KeyHeader header, std::shared_ptr<const Secret> key);
  void cancel(int64_t ticket);  // comes back as kCancelled, unless it has ended already
  std::optional<Exchange> wait(double seconds);  // real seconds, whatever the clock says

 private:
  struct Flight;
  struct State;
  std::unique_ptr<State> state_;
};

// "127.0.0.1", "localhost", "[::1]": requests there stay on this machine.
bool is_loopback(const std::string& url);

}  // namespace ballast::orchestrator

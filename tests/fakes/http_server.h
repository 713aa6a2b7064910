// A real HTTP server on loopback that does what a test tells it to, misbehaviour included.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace ballast::fakes {

struct ServedRequest {
  std::string method, path;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  int connection = 0;  // number of the connection it came on, from 1
};

// The server's end of one connection, used by the handler's thread. What the other side has closed
// takes no more bytes, silently.
class Connection {
 public:
  virtual ~Connection() = default;
  virtual void send(std::string_view bytes) = 0;
  virtual void reset() = 0;                // RST: the other side sees "connection reset"
  virtual void close() = 0;                // an orderly end
  virtual void pause(double seconds) = 0;  // ends early when the server does

  // A whole response, with its length. The connection stays open.
  void respond(int status, std::string_view body,
               const std::vector<std::pair<std::string, std::string>>& headers = {},
               std::string_view type = "application/json");
  void chunk(std::string_view bytes);  // one of a chunked body; "" is the last
};

// Answers on a thread per connection. The handler runs on those threads.
class HttpServer {
 public:
  using Handler = std::function<void(const ServedRequest&, Connection&)>;
  enum class Tls { kNone, kSelfSigned };

  explicit HttpServer(Handler handler, Tls tls = Tls::kNone);
  ~HttpServer();  // ends pauses, closes connections, waits for the threads
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::string url() const;  // "http://127.0.0.1:PORT"
  int requests() const { return requests_; }
  int connections() const { return connections_; }
  // The certificate that kSelfSigned uses, for "127.0.0.1"; PEM. "" without TLS.
  const std::string& certificate() const { return certificate_; }

 private:
  class Socket;
  class Encryption;
  void accept_all();
  void serve(int fd, int number);

  Handler handler_;
  std::unique_ptr<Encryption> encryption_;
  std::string certificate_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<int> requests_{0}, connections_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<int> open_;  // descriptors of connections; guarded by mutex_
  int threads_ = 0;     // likewise
  bool stopping_ = false;
  std::thread acceptor_;
};

// A port on which nobody listens.
int unused_port();
std::string gzip(std::string_view bytes);

}  // namespace ballast::fakes

#include "tests/fakes/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include <cctype>
#include <chrono>
#include <stdexcept>

namespace ballast::fakes {
namespace {

void must(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(std::string("fake server: ") + what);
}

int listen_on_loopback(int& port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  must(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "bind");
  must(listen(fd, 512) == 0, "listen");
  socklen_t size = sizeof address;
  must(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0, "getsockname");
  port = ntohs(address.sin_port);
  return fd;
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

// The head of a request, without its last blank line.
ServedRequest parse_head(const std::string& head) {
  ServedRequest request;
  size_t at = head.find("\r\n");
  const std::string first = head.substr(0, at);
  const size_t space = first.find(' ');
  request.method = first.substr(0, space);
  request.path = first.substr(space + 1, first.rfind(' ') - space - 1);
  while (at != std::string::npos) {
    const size_t start = at + 2;
    at = head.find("\r\n", start);
    const std::string line = head.substr(start, at == std::string::npos ? at : at - start);
    if (const size_t colon = line.find(": "); colon != std::string::npos)
      request.headers[lower(line.substr(0, colon))] = line.substr(colon + 2);
  }
  return request;
}

}  // namespace

// A key and a certificate of the server's own, made anew for each server.
class HttpServer::Encryption {
 public:
  Encryption()
      : key_(EVP_RSA_gen(2048)),
        certificate_(X509_new()),
        context_(SSL_CTX_new(TLS_server_method())) {
    must(key_ && certificate_ && context_, "TLS");
    X509_set_version(certificate_, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate_), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate_), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate_), 3600);
    X509_set_pubkey(certificate_, key_);
    X509_NAME* name = X509_get_subject_name(certificate_);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("127.0.0.1"), -1, -1, 0);
    X509_set_issuer_name(certificate_, name);
    X509_EXTENSION* names =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "IP:127.0.0.1");
    X509_add_ext(certificate_, names, -1);
    X509_EXTENSION_free(names);
    must(X509_sign(certificate_, key_, EVP_sha256()) > 0, "signing");
    must(SSL_CTX_use_certificate(context_, certificate_) == 1 &&
             SSL_CTX_use_PrivateKey(context_, key_) == 1,
         "certificate");
  }
  ~Encryption() {
    SSL_CTX_free(context_);
    X509_free(certificate_);
    EVP_PKEY_free(key_);
  }
  Encryption(const Encryption&) = delete;
  Encryption& operator=(const Encryption&) = delete;

  std::string pem() const {
    BIO* bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, certificate_);
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    std::string text(data, static_cast<size_t>(size));
    BIO_free(bio);
    return text;
  }
  SSL* accept(int fd) const {
    SSL* ssl = SSL_new(context_);
    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) == 1) return ssl;
    SSL_free(ssl);
    return nullptr;
  }

 private:
  EVP_PKEY* key_;
  X509* certificate_;
  SSL_CTX* context_;
};

class HttpServer::Socket final : public Connection {
 public:
  Socket(HttpServer& server, int fd, SSL* ssl) : server_(server), fd_(fd), ssl_(ssl) {}
  ~Socket() override { SSL_free(ssl_); }

  void send(std::string_view bytes) override {
    while (!bytes.empty() && open_) {
      const ssize_t sent = ssl_ ? SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                                : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) {
        open_ = false;
        return;
      }
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
  }
  void reset() override {
    const linger now{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    open_ = false;
  }
  void close() override {
    if (open_) shutdown(fd_, SHUT_WR);
    open_ = false;
  }
  void pause(double seconds) override {
    std::unique_lock lock(server_.mutex_);
    server_.changed_.wait_for(lock, std::chrono::duration<double>(seconds),
                              [&] { return server_.stopping_; });
  }

  // More bytes into `buffer`; false at the end.
  bool receive(std::string& buffer) {
    char bytes[16384];
    const ssize_t got =
        ssl_ ? SSL_read(ssl_, bytes, sizeof bytes) : recv(fd_, bytes, sizeof bytes, 0);
    if (got <= 0) return false;
    buffer.append(bytes, static_cast<size_t>(got));
    return true;
  }
  bool is_open() const { return open_; }

 private:
  HttpServer& server_;
  int fd_;
  SSL* ssl_;
  bool open_ = true;
};

void Connection::respond(int status, std::string_view body,
                         const std::vector<std::pair<std::string, std::string>>& headers,
                         std::string_view type) {
  std::string text = "HTTP/1.1 " + std::to_string(status) +
                     " Whatever\r\ncontent-type: " + std::string(type) +
                     "\r\ncontent-length: " + std::to_string(body.size());
  for (const auto& [name, value] : headers) text += "\r\n" + name + ": " + value;
  text += "\r\n\r\n";
  text += body;
  send(text);
}

void Connection::chunk(std::string_view bytes) {
  char size[32];
  std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
  send(size + std::string(bytes) + "\r\n");
}

HttpServer::HttpServer(Handler handler, Tls tls) : handler_(std::move(handler)) {
  if (tls == Tls::kSelfSigned) {
    encryption_ = std::make_unique<Encryption>();
    certificate_ = encryption_->pem();
  }
  listener_ = listen_on_loopback(port_);
  acceptor_ = std::thread([this] { accept_all(); });
}

HttpServer::~HttpServer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const int fd : open_) shutdown(fd, SHUT_RDWR);
  }
  changed_.notify_all();
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  ::close(listener_);
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return threads_ == 0; });
}

std::string HttpServer::url() const {
  return (encryption_ ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port_);
}

void HttpServer::accept_all() {
  while (true) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    const std::lock_guard lock(mutex_);
    if (stopping_ || fd < 0) {
      if (fd >= 0) ::close(fd);
      if (stopping_) return;
      continue;
    }
    const int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    open_.insert(fd);
    ++threads_;
    const int number = ++connections_;
    std::thread([this, fd, number] {
      serve(fd, number);
      const std::lock_guard done(mutex_);
      open_.erase(fd);
      ::close(fd);
      --threads_;
      changed_.notify_all();
    }).detach();
  }
}

void HttpServer::serve(int fd, int number) {
  SSL* ssl = encryption_ ? encryption_->accept(fd) : nullptr;
  if (encryption_ && !ssl) return;  // the other side does not trust us
  Socket socket(*this, fd, ssl);
  std::string buffer;
  while (socket.is_open()) {
    size_t end = 0;
    while ((end = buffer.find("\r\n\r\n")) == std::string::npos)
      if (!socket.receive(buffer)) return;
    ServedRequest request = parse_head(buffer.substr(0, end));
    request.connection = number;
    buffer.erase(0, end + 4);
    const auto length = request.headers.find("content-length");
    const size_t bytes = length == request.headers.end() ? 0 : std::stoul(length->second);
    while (buffer.size() < bytes)
      if (!socket.receive(buffer)) return;
    request.body = buffer.substr(0, bytes);
    buffer.erase(0, bytes);
    ++requests_;
    handler_(request, socket);
  }
}

int unused_port() {
  int port = 0;
  ::close(listen_on_loopback(port));
  return port;
}

std::string gzip(std::string_view bytes) {
  z_stream stream{};
  must(deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK,
       "gzip");
  std::string out(deflateBound(&stream, static_cast<uLong>(bytes.size())) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  must(deflate(&stream, Z_FINISH) == Z_STREAM_END, "gzip");
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

}  // namespace ballast::fakes

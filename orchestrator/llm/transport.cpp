#include "orchestrator/llm/transport.h"

#include <curl/curl.h>
#include <string.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "common/build_info.h"
#include "common/error.h"

namespace ballast::orchestrator {
namespace {

struct FreeEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct FreeMulti {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
struct FreeList {  // a header may hold a key
  void operator()(curl_slist* list) const {
    for (curl_slist* node = list; node != nullptr; node = node->next)
      explicit_bzero(node->data, strlen(node->data));
    curl_slist_free_all(list);
  }
};
struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using HeaderList = std::unique_ptr<curl_slist, FreeList>;

void add_header(HeaderList& list, const std::string& line) {
  curl_slist* longer = curl_slist_append(list.get(), line.c_str());
  require(longer != nullptr, "out of memory for the headers of a request");
  if (!list) list.reset(longer);  // else its head is still the same
}

// "" where the URL cannot be read.
std::string url_part(const std::string& url, CURLUPart part) {
  const std::unique_ptr<CURLU, FreeUrl> parsed(curl_url());
  char* text = nullptr;
  if (!parsed || curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK ||
      curl_url_get(parsed.get(), part, &text, 0) != CURLUE_OK)
    return "";
  std::string out(text);
  curl_free(text);
  return out;
}

void initialise_curl() {
  static std::once_flag once;
  std::call_once(once, [] {
    require(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK, "libcurl could not be initialised");
  });
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

std::string trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1));
}

}  // namespace

bool is_loopback(const std::string& url) {
  const std::string host = lower(url_part(url, CURLUPART_HOST));
  return host == "localhost" || host == "[::1]" ||
         (host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string::npos);
}

// One exchange under way. Its address does not change: curl holds it.
struct Transport::Flight {
  HttpRequest request;
  HeaderList headers;
  std::unique_ptr<CURL, FreeEasy> easy;
  Exchange exchange;
  size_t body_sent = 0, header_bytes = 0;
  double started = 0, last_byte = 0;  // on the clock
  bool too_large = false;
  bool under_way = false;  // the multi handle has it
  char error[CURL_ERROR_SIZE] = {};
  const TransportLimits* limits = nullptr;
  const Clock* clock = nullptr;

  static size_t read_body(char* to, size_t size, size_t count, void* self);
  static int seek_body(void*, curl_off_t, int) { return CURL_SEEKFUNC_FAIL; }
  static size_t write_body(char* from, size_t size, size_t count, void* self);
  static size_t write_header(char* from, size_t size, size_t count, void* self);
  void set_up();
  void finish(CURLcode code);
};

size_t Transport::Flight::read_body(char* to, size_t size, size_t count, void* self) {
  Flight& f = *static_cast<Flight*>(self);
  const size_t bytes = std::min(size * count, f.request.body.size() - f.body_sent);
  std::copy_n(f.request.body.data() + f.body_sent, bytes, to);
  f.body_sent += bytes;
  f.last_byte = f.clock->monotonic();
  f.exchange.sent = true;
  return bytes;
}

size_t Transport::Flight::write_body(char* from, size_t size, size_t count, void* self) {
  Flight& f = *static_cast<Flight*>(self);
  const size_t bytes = size * count;
  f.last_byte = f.clock->monotonic();
  if (f.exchange.response.body.size() + bytes > f.limits->body_bytes) {
    f.too_large = true;
    return 0;
  }
  f.exchange.response.body.append(from, bytes);
  return bytes;
}

size_t Transport::Flight::write_header(char* from, size_t size, size_t count, void* self) {
  Flight& f = *static_cast<Flight*>(self);
  const size_t bytes = size * count;
  const std::string_view line(from, bytes);
  f.last_byte = f.clock->monotonic();
  f.header_bytes += bytes;
  if (f.header_bytes > f.limits->header_bytes) {
    f.too_large = true;
    return 0;
  }
  if (line.starts_with("HTTP/")) {  // a 100 may come before the response proper
    f.exchange.response.headers.clear();
  } else if (const size_t colon = line.find(':'); colon != std::string_view::npos) {
    f.exchange.response.headers.emplace_back(lower(trimmed(line.substr(0, colon))),
                                             trimmed(line.substr(colon + 1)));
  }
  return bytes;
}

void Transport::Flight::set_up() {
  CURL* e = easy.get();
  const auto set = [e](CURLoption option, auto value) {
    require(curl_easy_setopt(e, option, value) == CURLE_OK,
            "this libcurl lacks an option that requests need (7.85 or newer is needed)");
  };
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_FOLLOWLOCATION, 0L);  // a redirect would carry the key elsewhere
  set(CURLOPT_SSL_VERIFYPEER, 1L);
  set(CURLOPT_SSL_VERIFYHOST, 2L);
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!limits->ca_file.empty()) set(CURLOPT_CAINFO, limits->ca_file.c_str());
  if (is_loopback(request.url)) set(CURLOPT_PROXY, "");  // whatever http_proxy says
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(limits->connect * 1000));
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_ACCEPT_ENCODING, "gzip");
  set(CURLOPT_URL, request.url.c_str());
  set(CURLOPT_HTTPHEADER, headers.get());
  // The body is read through a function that cannot rewind: that keeps libcurl from silently
  // sending a request again when a connection it used again turns out dead. Only the client repeats
  // requests, since each costs money.
  set(CURLOPT_POST, 1L);
  set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  set(CURLOPT_READFUNCTION, &read_body);
  set(CURLOPT_READDATA, static_cast<void*>(this));
  set(CURLOPT_SEEKFUNCTION, &seek_body);
  set(CURLOPT_WRITEFUNCTION, &write_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(this));
  set(CURLOPT_HEADERFUNCTION, &write_header);
  set(CURLOPT_HEADERDATA, static_cast<void*>(this));
  set(CURLOPT_ERRORBUFFER, static_cast<char*>(error));
  set(CURLOPT_PRIVATE, static_cast<void*>(this));
}

namespace {

ExchangeEnd end_of(CURLcode code, bool sent) {
  switch (code) {
    case CURLE_OK:
      return ExchangeEnd::kComplete;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_CACERT_BADFILE:
      return ExchangeEnd::kUntrusted;
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_WEIRD_SERVER_REPLY:
      return ExchangeEnd::kMalformed;
    case CURLE_UNSUPPORTED_PROTOCOL:  // also: an answer that is no HTTP
      return sent ? ExchangeEnd::kMalformed : ExchangeEnd::kBadAddress;
    case CURLE_URL_MALFORMAT:
      return ExchangeEnd::kBadAddress;
    default:
      return ExchangeEnd::kNetwork;
  }
}

}  // namespace

void Transport::Flight::finish(CURLcode code) {
  long status = 0;
  curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
  exchange.response.status = static_cast<int>(status);
  exchange.end = too_large ? ExchangeEnd::kTooLarge : end_of(code, exchange.sent);
  if (too_large) {
    exchange.message = "the response is larger than " + std::to_string(limits->body_bytes) +
                       " bytes, or its headers than " + std::to_string(limits->header_bytes);
  } else if (code != CURLE_OK) {
    exchange.message = error[0] != '\0' ? error : curl_easy_strerror(code);
  }
}

struct Transport::State {
  TransportLimits limits;
  const Clock& clock;
  std::function<void()> notify;
  std::unique_ptr<CURLM, FreeMulti> multi;

  std::mutex mutex;
  std::condition_variable arrived;
  // Below: guarded by the mutex.
  int64_t last_ticket = 0;
  std::vector<std::unique_ptr<Flight>> queued;
  std::vector<int64_t> cancelled;
  std::deque<Exchange> ended;
  bool stopping = false;

  std::map<int64_t, std::unique_ptr<Flight>> flights;  // the transport's thread only
  std::thread thread;

  State(TransportLimits l, const Clock& c, std::function<void()> n)
      : limits(std::move(l)), clock(c), notify(std::move(n)) {}

  void run();
  bool take_orders();
  void start(std::unique_ptr<Flight> flight);
  void collect();
  void enforce_limits();
  int poll_ms() const;
  void end(Flight& flight, ExchangeEnd how, const std::string& message);
  void hand_over(Flight& flight);
};

// False: stop.
bool Transport::State::take_orders() {
  std::vector<std::unique_ptr<Flight>> fresh;
  std::vector<int64_t> unwanted;
  {
    const std::lock_guard lock(mutex);
    if (stopping) return false;
    fresh.swap(queued);
    unwanted.swap(cancelled);
  }
  for (auto& flight : fresh) start(std::move(flight));
  for (const int64_t ticket : unwanted)
    if (const auto it = flights.find(ticket); it != flights.end())
      end(*it->second, ExchangeEnd::kCancelled, "cancelled");
  return true;
}

void Transport::State::start(std::unique_ptr<Flight> flight) {
  Flight& f = *flight;
  flights[f.exchange.ticket] = std::move(flight);
  f.started = f.last_byte = clock.monotonic();
  f.easy.reset(curl_easy_init());
  if (!f.easy) return end(f, ExchangeEnd::kNetwork, "out of memory for a request");
  f.set_up();
  if (curl_multi_add_handle(multi.get(), f.easy.get()) != CURLM_OK)
    return end(f, ExchangeEnd::kNetwork, "libcurl did not take the request");
  f.under_way = true;
}

void Transport::State::hand_over(Flight& flight) {
  if (flight.under_way) curl_multi_remove_handle(multi.get(), flight.easy.get());
  flight.exchange.seconds = clock.monotonic() - flight.started;
  const int64_t ticket = flight.exchange.ticket;
  {
    const std::lock_guard lock(mutex);
    ended.push_back(std::move(flight.exchange));
  }
  arrived.notify_all();
  if (notify) notify();
  flights.erase(ticket);  // `flight` ends here
}

void Transport::State::end(Flight& flight, ExchangeEnd how, const std::string& message) {
  if (flight.easy) {
    long status = 0;
    curl_easy_getinfo(flight.easy.get(), CURLINFO_RESPONSE_CODE, &status);
    flight.exchange.response.status = static_cast<int>(status);
  }
  flight.exchange.end = how;
  flight.exchange.message = message;
  hand_over(flight);
}

void Transport::State::collect() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;
    void* self = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &self);
    Flight& flight = *static_cast<Flight*>(self);
    flight.finish(code);
    hand_over(flight);
  }
}

void Transport::State::enforce_limits() {
  const double now = clock.monotonic();
  std::vector<std::pair<Flight*, ExchangeEnd>> late;
  for (const auto& [ticket, flight] : flights) {
    if (now - flight->started > limits.total)
      late.emplace_back(flight.get(), ExchangeEnd::kTimeout);
    else if (now - flight->last_byte > limits.stall)
      late.emplace_back(flight.get(), ExchangeEnd::kStalled);
  }
  for (const auto& [flight, how] : late)
    end(*flight, how,
        how == ExchangeEnd::kTimeout
            ? "no whole response within " + std::to_string(limits.total) + " s"
            : "no byte for " + std::to_string(limits.stall) + " s");
}

// Until the next limit, but not so long that another clock's haste goes unnoticed.
int Transport::State::poll_ms() const {
  if (flights.empty()) return 60'000;  // woken by curl_multi_wakeup
  double next = 0.05;
  const double now = clock.monotonic();
  for (const auto& [ticket, flight] : flights)
    next = std::min(
        {next, flight->started + limits.total - now, flight->last_byte + limits.stall - now});
  return std::max(1, static_cast<int>(next * 1000));
}

void Transport::State::run() {
  while (take_orders()) {
    int running = 0;
    curl_multi_perform(multi.get(), &running);
    collect();
    enforce_limits();
    curl_multi_poll(multi.get(), nullptr, 0, poll_ms(), nullptr);
  }
  for (const auto& [ticket, flight] : flights)
    if (flight->under_way) curl_multi_remove_handle(multi.get(), flight->easy.get());
  flights.clear();
}

Transport::Transport(TransportLimits limits, const Clock& clock, std::function<void()> notify) {
  initialise_curl();
  state_ = std::make_unique<State>(std::move(limits), clock, std::move(notify));
  state_->multi.reset(curl_multi_init());
  require(state_->multi != nullptr, "libcurl could not be started");
  state_->thread = std::thread([state = state_.get()] { state->run(); });
}

Transport::~Transport() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  curl_multi_wakeup(state_->multi.get());
  state_->thread.join();
}

int64_t Transport::submit(HttpRequest request, KeyHeader header,
                          std::shared_ptr<const Secret> key) {
  auto flight = std::make_unique<Flight>();
  flight->limits = &state_->limits;
  flight->clock = &state_->clock;
  for (const auto& [name, value] : request.headers)
    add_header(flight->headers, name + ": " + value);
  add_header(flight->headers, "user-agent: ballast/" + ballast_version());
  add_header(flight->headers, "expect:");  // no 100-continue: it costs a round trip
  const bool has_key = key && !key->empty();
  const bool in_the_clear = !lower(request.url).starts_with("https:") && !is_loopback(request.url);
  if (has_key && !in_the_clear) {
    std::string line = std::string(header.name) + ": " + std::string(header.prefix);
    line.reserve(line.size() + key->reveal().size());
    line += key->reveal();
    add_header(flight->headers, line);
    explicit_bzero(line.data(), line.size());
  }
  flight->request = std::move(request);
  int64_t ticket = 0;
  {
    const std::lock_guard lock(state_->mutex);
    ticket = flight->exchange.ticket = ++state_->last_ticket;
    if (has_key && in_the_clear) {
      flight->exchange.end = ExchangeEnd::kBadAddress;
      flight->exchange.message =
          "the key would travel in the clear: use https, or a server on this machine";
      state_->ended.push_back(std::move(flight->exchange));
    } else {
      state_->queued.push_back(std::move(flight));
    }
  }
  curl_multi_wakeup(state_->multi.get());
  return ticket;
}

void Transport::cancel(int64_t ticket) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->cancelled.push_back(ticket);
  }
  curl_multi_wakeup(state_->multi.get());
}

std::optional<Exchange> Transport::wait(double seconds) {
  std::unique_lock lock(state_->mutex);
  state_->arrived.wait_for(lock, std::chrono::duration<double>(seconds),
                           [&] { return !state_->ended.empty(); });
  if (state_->ended.empty()) return std::nullopt;
  Exchange exchange = std::move(state_->ended.front());
  state_->ended.pop_front();
  return exchange;
}

}  // namespace ballast::orchestrator

// One HTTP/1.x connection without its socket: bytes in, bytes out, limits and protocol errors in between.
// llhttp does the parsing. Knows nothing about event loops, time-outs or what the paths mean; so it is tested
// and fuzzed without a network.
#pragma once

#include <llhttp.h>

#include <string>
#include <string_view>

#include "app.hpp"
#include "http.hpp"

namespace promfake {

struct Limits {
  size_t target = 8 * 1024;    // 414
  size_t headers = 16 * 1024;  // 431
  size_t body = 4 * 1024;      // 413
  size_t output = 64 * 1024;   // parsing pauses while this much waits to be sent
};

// Told about every answered request when the access log is on.
struct RequestObserver {
  virtual ~RequestObserver() = default;
  virtual void answered(std::string_view method, std::string_view target, const Reply& reply) = 0;
};

class HttpConnection {
 public:
  // What a connection shares with all others; outlives it.
  struct Shared {
    App& app;
    Limits limits;
    RequestObserver* observer = nullptr;  // null: no access log
    std::string date;                     // the Date header's value, kept fresh by the server
  };

  explicit HttpConnection(Shared& shared);
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  // Parses and answers into output(). Bytes that follow a pause are kept; resume() goes on with them.
  void feed(std::string_view bytes);
  void resume() { feed({}); }

  // Answers with this refusal whatever was sent, and closes.
  void refuse(int code, std::string why);

  std::string& output() { return output_; }
  bool output_empty() const { return output_.empty(); }
  bool closing() const { return closing_; }        // nothing more is read; close once the output is sent
  bool failed() const { return failed_; }          // closing because of the client: it may still be sending
  bool in_request() const { return in_request_; }  // a request has begun and is not complete
  unsigned requests_begun() const { return requests_begun_; }  // tells one slow request from many quick ones
  bool paused() const { return !kept_input_.empty(); }         // resume() has something to do

 private:
  struct Callbacks;
  int message_begin();
  int method_complete();
  int target(const char* at, size_t size);
  int header_field(const char* at, size_t size);
  int header_value(const char* at, size_t size);
  int headers_complete();
  int body(const char* at, size_t size);
  int message_complete();
  // End the conversation; the result makes llhttp stop.
  int answer_and_close(const Reply& reply);
  int fail(int code, std::string why);
  std::string* kept_header(std::string_view name);
  void write(const Reply& reply, bool keep_alive);
  void parser_error(llhttp_errno_t error);

  Shared& shared_;
  llhttp_t parser_;
  Request request_;
  std::string output_, kept_input_;

  // The header line that is being parsed, and what the request's headers said so far.
  std::string field_, expect_, transfer_encoding_;
  std::string* kept_ = nullptr;                 // where the value goes, if anybody wants it
  std::string_view chunk_;                      // what llhttp works on right now
  char last_byte_ = '\n';                       // the byte before it
  bool in_value_ = false, value_open_ = false;  // a value has begun; it may go on in the next chunk
  bool headers_done_ = false;
  int hosts_ = 0;
  size_t header_bytes_ = 0, request_bytes_ = 0;

  unsigned requests_begun_ = 0;
  bool in_request_ = false, closing_ = false, failed_ = false;
};

}  // namespace promfake

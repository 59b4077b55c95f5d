#include "http_connection.hpp"

#include "http_writer.hpp"
#include "text.hpp"

namespace promfake {

struct HttpConnection::Callbacks {
  static HttpConnection& of(llhttp_t* parser) { return *static_cast<HttpConnection*>(parser->data); }

  static const llhttp_settings_t* settings() {
    static const llhttp_settings_t all = [] {
      llhttp_settings_t s;
      llhttp_settings_init(&s);
      s.on_message_begin = [](llhttp_t* p) { return of(p).message_begin(); };
      s.on_method_complete = [](llhttp_t* p) { return of(p).method_complete(); };
      s.on_url = [](llhttp_t* p, const char* at, size_t size) { return of(p).target(at, size); };
      s.on_header_field = [](llhttp_t* p, const char* at, size_t size) {
        return of(p).header_field(at, size);
      };
      s.on_header_value = [](llhttp_t* p, const char* at, size_t size) {
        return of(p).header_value(at, size);
      };
      s.on_headers_complete = [](llhttp_t* p) { return of(p).headers_complete(); };
      s.on_body = [](llhttp_t* p, const char* at, size_t size) { return of(p).body(at, size); };
      s.on_message_complete = [](llhttp_t* p) { return of(p).message_complete(); };
      return s;
    }();
    return &all;
  }
};

HttpConnection::HttpConnection(Shared& shared) : shared_(shared) {
  llhttp_init(&parser_, HTTP_REQUEST, Callbacks::settings());
  parser_.data = this;
}

void HttpConnection::feed(std::string_view bytes) {
  if (closing_) return;
  std::string kept;
  if (!kept_input_.empty()) {
    kept.swap(kept_input_);
    kept += bytes;
    bytes = kept;
  }
  while (!bytes.empty() && !closing_) {
    if (output_.size() >= shared_.limits.output) {
      kept_input_ = bytes;
      return;
    }
    chunk_ = bytes;
    llhttp_errno_t error = llhttp_execute(&parser_, bytes.data(), bytes.size());
    if (closing_) return;
    size_t used = bytes.size();
    if (error == HPE_PAUSED) {
      used = static_cast<size_t>(llhttp_get_error_pos(&parser_) - bytes.data());
      llhttp_resume(&parser_);
    } else if (error != HPE_OK) {
      return parser_error(error);
    }
    if (used > 0) last_byte_ = bytes[used - 1];
    bytes.remove_prefix(used);
    // Bytes that no callback sees, like blanks before a value or chunk extensions, are limited as well.
    const Limits& limits = shared_.limits;
    if (in_request_ && (request_bytes_ += used) > limits.target + limits.headers + 16 * limits.body)
      fail(headers_done_ ? 413 : 431, "the request is too large");
  }
}

int HttpConnection::message_begin() {
  request_.method = Method::other;
  request_.method_name = "-";
  for (std::string* text : {&request_.target, &request_.accept, &request_.accept_encoding,
                            &request_.content_encoding, &request_.body, &request_.host, &request_.origin,
                            &request_.fetch_site, &field_, &expect_, &transfer_encoding_})
    text->clear();
  in_request_ = true;
  ++requests_begun_;
  headers_done_ = in_value_ = value_open_ = false;
  hosts_ = 0;
  header_bytes_ = request_bytes_ = 0;
  return 0;
}

int HttpConnection::method_complete() {
  auto method = static_cast<llhttp_method_t>(parser_.method);
  request_.method_name = llhttp_method_name(method);
  request_.method = method == HTTP_GET       ? Method::get
                    : method == HTTP_HEAD    ? Method::head
                    : method == HTTP_POST    ? Method::post
                    : method == HTTP_PUT     ? Method::put
                    : method == HTTP_OPTIONS ? Method::options
                                             : Method::other;
  return 0;
}

int HttpConnection::target(const char* at, size_t size) {
  if (request_.target.size() + size > shared_.limits.target)
    return fail(414, "the request's target is too long");
  request_.target.append(at, size);
  return 0;
}

int HttpConnection::header_field(const char* at, size_t size) {
  if (headers_done_) return 0;  // trailers after a chunked body say nothing that matters here
  if (in_value_) field_.clear(), in_value_ = false;
  // A line that begins after a lone CR is how requests are smuggled past proxies that see it otherwise.
  char before = at == chunk_.data() ? last_byte_ : at[-1];
  if (field_.empty() && before != '\n') return fail(400, "a header line starts without a preceding line end");
  if ((header_bytes_ += size) > shared_.limits.headers)
    return fail(431, "the request's headers are too large");
  field_.append(at, size);
  return 0;
}

std::string* HttpConnection::kept_header(std::string_view name) {
  if (equal_ignoring_case(name, "host")) return ++hosts_, &request_.host;
  if (equal_ignoring_case(name, "accept")) return &request_.accept;
  if (equal_ignoring_case(name, "accept-encoding")) return &request_.accept_encoding;
  if (equal_ignoring_case(name, "content-encoding")) return &request_.content_encoding;
  if (equal_ignoring_case(name, "expect")) return &expect_;
  if (equal_ignoring_case(name, "transfer-encoding")) return &transfer_encoding_;
  if (request_.method != Method::post && request_.method != Method::put) return nullptr;
  if (equal_ignoring_case(name, "origin")) return &request_.origin;
  if (equal_ignoring_case(name, "sec-fetch-site")) return &request_.fetch_site;
  return nullptr;
}

int HttpConnection::header_value(const char* at, size_t size) {
  if (headers_done_) return 0;
  if (!in_value_) {
    in_value_ = true;
    kept_ = kept_header(field_);
    header_bytes_ += 4;
    if (kept_ && !kept_->empty()) *kept_ += ", ";
  } else if (!(value_open_ && at == chunk_.data())) {
    return fail(400, "a header value continues on the next line, which HTTP no longer allows");
  }
  value_open_ = at + size == chunk_.data() + chunk_.size();
  if ((header_bytes_ += size) > shared_.limits.headers)
    return fail(431, "the request's headers are too large");
  if (kept_) kept_->append(at, size);
  return 0;
}

int HttpConnection::headers_complete() {
  headers_done_ = true;
  parser_.upgrade = 0;  // no other protocol is spoken here: the offer is ignored, as HTTP allows
  bool http_1_1 = parser_.http_major == 1 && parser_.http_minor == 1;
  if (!http_1_1 && !(parser_.http_major == 1 && parser_.http_minor == 0))
    return fail(505, "only HTTP/1.1 and HTTP/1.0 are supported");
  if (hosts_ > 1 || (http_1_1 && hosts_ == 0)) return fail(400, "exactly one Host header is required");
  if (!transfer_encoding_.empty()) {
    if (!http_1_1) return fail(400, "HTTP/1.0 does not support Transfer-Encoding");
    if (!equal_ignoring_case(trimmed(transfer_encoding_), "chunked"))
      return fail(501, "the only supported Transfer-Encoding is chunked");
  }
  bool chunked = (parser_.flags & F_CHUNKED) != 0;
  bool has_body = chunked || parser_.content_length > 0;
  if (!chunked && parser_.content_length > shared_.limits.body)
    return fail(413, "the body is too large for a value");
  if (expect_.empty() || !http_1_1) return 0;
  if (!equal_ignoring_case(trimmed(expect_), "100-continue"))
    return fail(417, "the only supported expectation is 100-continue");
  if (!has_body) return 0;
  Reply reply = foresee(request_);
  if (reply.code != 200) return answer_and_close(reply);
  output_ += "HTTP/1.1 100 Continue\r\n\r\n";
  return 0;
}

int HttpConnection::body(const char* at, size_t size) {
  if (request_.body.size() + size > shared_.limits.body)
    return fail(413, "the body is too large for a value");
  request_.body.append(at, size);
  return 0;
}

int HttpConnection::message_complete() {
  in_request_ = false;
  request_bytes_ = 0;
  bool keep_alive = llhttp_should_keep_alive(&parser_) && !shared_.app.draining;
  write(handle(shared_.app, request_), keep_alive);
  if (!keep_alive) closing_ = true;
  return closing_ || output_.size() >= shared_.limits.output ? HPE_PAUSED : 0;
}

void HttpConnection::write(const Reply& reply, bool keep_alive) {
  WriteOptions options;
  options.head_only = request_.method == Method::head;
  options.keep_alive = keep_alive;
  options.http_1_0 = parser_.http_major == 1 && parser_.http_minor == 0;
  append_reply(output_, reply, shared_.date, options);
  shared_.app.self.count(reply.route, reply.code);
  if (shared_.observer) shared_.observer->answered(request_.method_name, request_.target, reply);
}

int HttpConnection::answer_and_close(const Reply& reply) {
  write(reply, false);
  in_request_ = false;
  closing_ = failed_ = true;
  return HPE_USER;
}

int HttpConnection::fail(int code, std::string why) {
  return answer_and_close(refusal(code, Route::other, std::move(why)));
}

void HttpConnection::refuse(int code, std::string why) {
  if (!closing_) fail(code, std::move(why));
}

void HttpConnection::parser_error(llhttp_errno_t error) {
  if (!in_request_) message_begin();  // what came is not even the beginning of a request
  bool version = error == HPE_INVALID_VERSION || error == HPE_PAUSED_H2_UPGRADE;
  std::string why = error == HPE_PAUSED_H2_UPGRADE ? "HTTP/2" : llhttp_get_error_reason(&parser_);
  if (version)
    fail(505, "only HTTP/1.1 and HTTP/1.0 are supported: " + why);
  else
    fail(400, "not a valid HTTP request: " + why);
}

}  // namespace promfake

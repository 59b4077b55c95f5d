#include "http_writer.hpp"

#include <charconv>

namespace promfake {

std::string_view reason_phrase(int code) {
  switch (code) {
    case 200: return "OK";
    case 204: return "No Content";
    case 400: return "Bad Request";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 431: return "Request Header Fields Too Large";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    default: return "Unknown";
  }
}

static void append_number(std::string& out, size_t number) {
  char digits[20];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

void append_reply(std::string& out, const Reply& reply, std::string_view date, WriteOptions options) {
  std::string_view body = reply.body();
  out.reserve(out.size() + body.size() + reply.headers.size() + 256);
  out += "HTTP/1.1 ";
  append_number(out, static_cast<size_t>(reply.code));
  out += ' ';
  out += reason_phrase(reply.code);
  out += "\r\nDate: ";
  out += date;
  if (reply.code != 204) {
    out += "\r\nContent-Type: ";
    out += reply.content_type;
    out += "\r\nContent-Length: ";
    append_number(out, body.size());
  }
  out += "\r\n";
  out += reply.headers;
  if (!options.keep_alive)
    out += "Connection: close\r\n";
  else if (options.http_1_0)
    out += "Connection: keep-alive\r\n";
  out += "\r\n";
  if (!options.head_only && reply.code != 204) out += body;
}

}  // namespace promfake

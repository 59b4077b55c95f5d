// The reply that every candidate of the library measurement gives, byte for byte the size that prom-fake's
// own GET /metrics has, so that the candidates differ only in their event loop and their parser.
#pragma once
#include <string>

inline const std::string body =
    "# HELP prom_fake_value The value that was set by hand.\n# TYPE prom_fake_value gauge\nprom_fake_value "
    "50\n";
inline const std::string reply =
    "HTTP/1.1 200 OK\r\nDate: Tue, 24 Nov 2026 02:00:54 GMT\r\nContent-Type: text/plain; version=0.0.4; "
    "charset=utf-8\r\nContent-Length: " +
    std::to_string(body.size()) + "\r\n\r\n" + body;

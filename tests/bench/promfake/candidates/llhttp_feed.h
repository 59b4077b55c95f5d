// The smallest useful wrapper of llhttp: counts finished requests in what was read.
#pragma once
#include <llhttp.h>

#include <cstddef>

struct Feed {
  llhttp_t parser;
  int finished = 0;
};

inline const llhttp_settings_t* feed_settings() {
  static const llhttp_settings_t settings = [] {
    llhttp_settings_t s;
    llhttp_settings_init(&s);
    s.on_url = [](llhttp_t*, const char*, size_t) { return 0; };
    s.on_header_field = [](llhttp_t*, const char*, size_t) { return 0; };
    s.on_header_value = [](llhttp_t*, const char*, size_t) { return 0; };
    s.on_message_complete = [](llhttp_t* p) {
      ++static_cast<Feed*>(p->data)->finished;
      return 0;
    };
    return s;
  }();
  return &settings;
}

inline void feed_init(Feed& feed) {
  llhttp_init(&feed.parser, HTTP_REQUEST, feed_settings());
  feed.parser.data = &feed;
}

// How many requests were finished by these bytes; -1 for an error.
inline int feed_bytes(Feed& feed, const char* data, size_t size) {
  feed.finished = 0;
  return llhttp_execute(&feed.parser, data, size) == HPE_OK ? feed.finished : -1;
}

// What JavaScript calls: room for a question, the answer to it, and where the answer's text is. UTF-8 both.
#include <cstddef>
#include <string>

#include "playground/answer.hpp"

static std::string asked, said;

extern "C" {

__attribute__((export_name("question"))) char* question(std::size_t size) {
  asked.assign(size, ' ');
  return asked.data();
}

__attribute__((export_name("answer"))) std::size_t answer() {
  said = hpawalk::playground::answer(asked);
  return said.size();
}

__attribute__((export_name("answer_text"))) const char* answer_text() {
  return said.data();
}
}

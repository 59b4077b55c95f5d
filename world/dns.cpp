#include "world/dns.hpp"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netinet/in.h>
#include <resolv.h>
#include <array>

namespace hpawalk::world {

Result<std::string> resolve_at(const std::string& name, const std::string& server_ipv4) {
  auto fail = [&](const char* reason) {
    return failure(ErrorClass::check_failed, "dns", "Cannot resolve " + name + " at " + server_ipv4, reason);
  };
  struct __res_state state {};
  if (res_ninit(&state) != 0) return fail("the resolver cannot be set up");
  state.retrans = 1;
  state.retry = 1;
  state.nscount = 1;
  state.nsaddr_list[0].sin_family = AF_INET;
  state.nsaddr_list[0].sin_port = htons(53);
  inet_pton(AF_INET, server_ipv4.c_str(), &state.nsaddr_list[0].sin_addr);
  std::array<unsigned char, 4096> answer;
  int size = res_nquery(&state, name.c_str(), ns_c_in, ns_t_a, answer.data(), answer.size());
  res_nclose(&state);
  ns_msg message;
  if (size < 0 || ns_initparse(answer.data(), size, &message) != 0) return fail("no response yet");
  for (int i = 0; i < ns_msg_count(message, ns_s_an); ++i) {
    ns_rr record;
    if (ns_parserr(&message, ns_s_an, i, &record) != 0 || ns_rr_type(record) != ns_t_a) continue;
    std::array<char, INET_ADDRSTRLEN> text;
    return std::string(inet_ntop(AF_INET, ns_rr_rdata(record), text.data(), text.size()));
  }
  return fail("the response has no address");
}

}  // namespace hpawalk::world

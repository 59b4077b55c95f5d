// What the user sees. Results go to out, progress and errors to err.
#pragma once

#include <string>
#include <string_view>

namespace hpawalk {

class Terminal {
 public:
  virtual ~Terminal() = default;
  virtual void out(std::string_view text) = 0;
  virtual void err(std::string_view text) = 0;
  virtual bool out_is_terminal() const = 0;
  virtual bool err_is_terminal() const = 0;
  virtual int columns() const = 0;  // of the terminal; 80 where there is none
  virtual int rows() const = 0;     // 24 where there is none
};

class StandardTerminal final : public Terminal {
 public:
  void out(std::string_view text) override;
  void err(std::string_view text) override;
  bool out_is_terminal() const override;
  bool err_is_terminal() const override;
  int columns() const override;
  int rows() const override;
};

}  // namespace hpawalk

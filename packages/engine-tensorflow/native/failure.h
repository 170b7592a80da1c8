// What went wrong, on its way to JavaScript: thrown anywhere below, turned into an Error where a call came in (binding.cc).
#ifndef KD_FAILURE_H_
#define KD_FAILURE_H_
#include <string>
#include <utility>

namespace kd {

struct Failure {
  std::string message;
  std::string code;  // The `code` of the Error; empty for none.
};

// JavaScript itself threw while its values were read; its exception is pending and stays as it is.
struct JavaScriptThrew {};

[[noreturn]] inline void fail(std::string message, std::string code = "") {
  throw Failure{std::move(message), std::move(code)};
}

}  // namespace kd
#endif

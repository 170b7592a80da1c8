#include "functions.h"

#include "execute.h"

namespace kd {

Functions::Added Functions::add(Trace &trace, const std::vector<int64_t> &inputs, const std::vector<int64_t> &outputs) {
  const int64_t fn = next_++;
  const std::string name = "kd_function_" + std::to_string(fn);
  Trace::Finished finished = trace.finish(name, inputs, outputs);
  const Status status;
  TFE_ContextAddFunction(context_.get(), finished.function.get(), status);
  status.check("the traced function");
  entries_.emplace(fn, Entry{name, inputs.size() + finished.captured.size(), std::move(finished.outputs), trace.stats()});
  return {fn, std::move(finished.captured)};
}

std::vector<TensorMetadata> Functions::call(int64_t fn, const std::vector<int64_t> &inputs) {
  const Entry &entry = at(fn);
  if (inputs.size() != entry.inputs) {
    fail("function " + std::to_string(fn) + " takes " + std::to_string(entry.inputs) + " tensors, not " +
         std::to_string(inputs.size()));
  }
  Attributes attributes{{"config_proto", context_.functionConfig()}, {"executor_type", std::string()}};
  if (context_.compilesWithXla()) attributes.push_back({"_XlaMustCompile", true});
  return execute(context_, tensors_, {entry.name, attributes, inputs, static_cast<int>(entry.outputs.size())});
}

void Functions::remove(int64_t fn) {
  const Status status;
  TFE_ContextRemoveFunction(context_.get(), at(fn).name.c_str(), status);
  entries_.erase(fn);
  status.check("a function that is removed");
}

}  // namespace kd

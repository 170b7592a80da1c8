#include "functions.h"

namespace kd {

Functions::Added Functions::add(Trace &trace, const std::vector<int64_t> &inputs, const std::vector<int64_t> &outputs,
                                bool timed) {
  const int64_t fn = next_++;
  const std::string name = "kd_function_" + std::to_string(fn);
  Trace::Finished finished = trace.finish(name, inputs, outputs);
  const Status status;
  TFE_ContextAddFunction(context_.get(), finished.function.get(), status);
  status.check("the traced function");
  std::unique_ptr<TimedGraph> graph;
  if (timed) graph = std::make_unique<TimedGraph>(context_, trace.takeGraph(), std::move(finished.ends));
  const size_t count = inputs.size() + finished.captured.size();
  entries_.emplace(fn, Entry{name, count, std::move(finished.outputs), trace.stats(), std::move(graph)});
  return {fn, std::move(finished.captured)};
}

OpCall Functions::callOf(int64_t fn, const std::vector<int64_t> &inputs) const {
  const Entry &entry = at(fn);
  if (inputs.size() != entry.inputs) {
    fail("function " + std::to_string(fn) + " takes " + std::to_string(entry.inputs) + " tensors, not " +
         std::to_string(inputs.size()));
  }
  Attributes attributes{{"config_proto", context_.functionConfig()}, {"executor_type", std::string()}};
  if (context_.compilesWithXla()) attributes.push_back({"_XlaMustCompile", true});
  return {entry.name, attributes, inputs, static_cast<int>(entry.outputs.size())};
}

TimedGraph::Ran Functions::time(int64_t fn, const std::vector<int64_t> &inputs) {
  const Entry &entry = at(fn);
  if (!entry.timed) fail("function " + std::to_string(fn) + " was not made to be timed");
  return entry.timed->run(tensors_, inputs);
}

void Functions::remove(int64_t fn) {
  const Status status;
  TFE_ContextRemoveFunction(context_.get(), at(fn).name.c_str(), status);
  entries_.erase(fn);
  status.check("a function that is removed");
}

}  // namespace kd

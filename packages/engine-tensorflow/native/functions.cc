#include "functions.h"

#include <algorithm>

#include "cells.h"
#include "execute.h"

namespace kd {
namespace {

Handle handleOf(const Tensor &tensor) {
  const Status status;
  Handle handle(TFE_NewTensorHandle(tensor.get(), status));
  status.check("a tensor of a function");
  return handle;
}

Handle handleOf(int64_t number) {
  const Tensor tensor(TF_AllocateTensor(TF_INT64, nullptr, 0, sizeof number));
  *static_cast<int64_t *>(TF_TensorData(tensor.get())) = number;
  return handleOf(tensor);
}

}  // namespace

Functions::Added Functions::add(Trace &trace, const std::vector<int64_t> &inputs, const std::vector<int64_t> &outputs,
                                const std::vector<Update> &updates, bool timed) {
  if (timed && !updates.empty()) fail("a function that updates variables cannot be timed");
  const int64_t fn = next_++;
  const std::string name = "kd_function_" + std::to_string(fn);
  Trace::Finished finished = trace.finish(name, inputs, outputs, updates);
  const Status status;
  TFE_ContextAddFunction(context_.get(), finished.function.get(), status);
  status.check("the traced function");
  std::unique_ptr<TimedGraph> graph;
  if (timed) graph = std::make_unique<TimedGraph>(context_, trace.takeGraph(), std::move(finished.ends));
  const size_t count = inputs.size() + finished.captured.size();
  entries_.emplace(fn, Entry{name, count, std::move(finished.outputs), std::move(finished.cells), trace.stats(), std::move(graph)});
  return {fn, std::move(finished.captured)};
}

OpCall Functions::callOf(int64_t fn, const std::vector<int64_t> &inputs) const { return checkedCall(fn, inputs, {}); }

OpCall Functions::checkedCall(int64_t fn, const std::vector<int64_t> &inputs, const std::vector<int64_t> &variables) const {
  const Entry &entry = at(fn);
  if (variables.size() != entry.cells.size()) {
    fail("function " + std::to_string(fn) + " updates " + std::to_string(entry.cells.size()) + " variables, not " +
         std::to_string(variables.size()));
  }
  if (inputs.size() != entry.inputs) {
    fail("function " + std::to_string(fn) + " takes " + std::to_string(entry.inputs) + " tensors, not " +
         std::to_string(inputs.size()));
  }
  Attributes attributes{{"config_proto", context_.functionConfig()}, {"executor_type", std::string()}};
  if (context_.compilesWithXla()) attributes.push_back({"_XlaMustCompile", true});
  return {entry.name, attributes, inputs, static_cast<int>(entry.outputs.size())};
}

std::vector<TensorMetadata> Functions::update(int64_t fn, const std::vector<int64_t> &inputs,
                                              const std::vector<int64_t> &variables) {
  const OpCall call = checkedCall(fn, inputs, variables);
  const std::vector<size_t> &places = at(fn).cells;
  // An input may be a variable as well: it is held, and the new value gets memory of its own.
  std::vector<Handle> given;
  const Status status;
  for (const int64_t id : inputs) {
    given.emplace_back(TFE_TensorHandleCopySharingTensor(tensors_.at(id), status));
    status.check("an input of a function");
  }
  std::vector<Tensor> values;
  for (size_t i = 0; i < places.size(); ++i) {
    values.resize(std::max(values.size(), places[i] + 1));
    values[places[i]] = resolve(tensors_.at(variables[i]));
  }
  Cells cells(std::move(values));
  given.push_back(handleOf(cells.number()));
  std::vector<TFE_TensorHandle *> handles;
  for (const Handle &handle : given) handles.push_back(handle.get());
  for (const int64_t id : variables) tensors_.empty(id);
  const auto giveBack = [&] {
    for (size_t i = 0; i < places.size(); ++i) tensors_.fill(variables[i], handleOf(cells.take(places[i])));
  };
  try {
    std::vector<TensorMetadata> outputs = adopt(tensors_, execute(context_, call, handles));
    giveBack();
    return outputs;
  } catch (const Failure &) {
    if (!cells.touched()) giveBack();
    throw;
  }
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

#include "timed_graph.h"

namespace kd {
namespace {

// RunOptions with trace_level SOFTWARE_TRACE: field 1, value 1.
constexpr char kTraced[] = {'\x08', '\x01'};

}  // namespace

void TimedGraph::close(TF_Session *session) {
  const Status status;
  TF_DeleteSession(session, status);
}

TimedGraph::TimedGraph(const Context &context, Graph graph, GraphEnds ends) : graph_(std::move(graph)), ends_(std::move(ends)) {
  const Owned<TF_SessionOptions, TF_DeleteSessionOptions> options(TF_NewSessionOptions());
  const std::string &config = context.functionConfig();
  const Status status;
  TF_SetConfig(options.get(), config.data(), config.size(), status);
  status.check("the options of a session");
  session_.reset(TF_NewSession(graph_.get(), options.get(), status));
  status.check("a session");
  for (const TF_Output &output : ends_.outputs)
    if (inputOf(output) < 0) fetched_.push_back(output);
}

int TimedGraph::inputOf(const TF_Output &output) const {
  for (size_t i = 0; i < ends_.inputs.size(); ++i)
    if (ends_.inputs[i].oper == output.oper) return static_cast<int>(i);
  return -1;
}

TimedGraph::Ran TimedGraph::run(Tensors &tensors, const std::vector<int64_t> &inputs) const {
  if (inputs.size() != ends_.inputs.size()) fail("the graph takes " + std::to_string(ends_.inputs.size()) + " tensors");
  std::vector<Tensor> given;
  for (const int64_t id : inputs) given.push_back(resolve(tensors.at(id)));
  std::vector<TF_Tensor *> in, out(fetched_.size(), nullptr);
  for (const Tensor &tensor : given) in.push_back(tensor.get());
  const Buffer options(TF_NewBufferFromString(kTraced, sizeof(kTraced))), metadata(TF_NewBuffer());
  const Status status;
  TF_SessionRun(session_.get(), options.get(), ends_.inputs.data(), in.data(), static_cast<int>(in.size()),
                fetched_.data(), out.data(), static_cast<int>(out.size()), ends_.last.data(),
                static_cast<int>(ends_.last.size()), metadata.get(), status);
  const std::vector<Tensor> made(out.begin(), out.end());
  status.check("a timed run of a graph");
  Ran ran;
  for (size_t i = 0, next = 0; i < ends_.outputs.size(); ++i) {
    const int input = inputOf(ends_.outputs[i]);
    Handle handle(TFE_NewTensorHandle(input < 0 ? made[next++].get() : in[input], status));
    status.check("an output of a timed run");
    const TF_DataType dtype = TFE_TensorHandleDataType(handle.get());
    Shape shape = shapeOf(handle.get());
    ran.outputs.push_back({tensors.add(std::move(handle)), dtype, std::move(shape)});
  }
  ran.metadata.assign(static_cast<const char *>(metadata->data), metadata->length);
  return ran;
}

}  // namespace kd

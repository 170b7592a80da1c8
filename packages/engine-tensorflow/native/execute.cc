#include "execute.h"

namespace kd {

std::vector<Handle> execute(const Context &context, const OpCall &call, const std::vector<TFE_TensorHandle *> &inputs) {
  const Status status;
  const auto check = [&] {
    if (status.ok()) return;
    std::vector<std::string> described;
    for (TFE_TensorHandle *input : inputs) described.push_back(describe(input));
    failCall(call, status.message(), described);
  };
  const Op op(TFE_NewOp(context.get(), call.op.c_str(), status));
  check();
  for (TFE_TensorHandle *input : inputs) {
    TFE_OpAddInput(op.get(), input, status);
    check();
  }
  for (const Attribute &attribute : call.attributes) setAttribute(op.get(), attribute);
  std::vector<TFE_TensorHandle *> results(call.outputs, nullptr);
  int count = call.outputs;
  TFE_Execute(op.get(), results.data(), &count, status);
  check();
  return {results.begin(), results.begin() + count};
}

std::vector<TensorMetadata> adopt(Tensors &tensors, std::vector<Handle> handles) {
  std::vector<TensorMetadata> adopted;
  for (Handle &handle : handles) {
    const TF_DataType dtype = TFE_TensorHandleDataType(handle.get());
    Shape shape = shapeOf(handle.get());
    adopted.push_back({tensors.add(std::move(handle)), dtype, std::move(shape)});
  }
  return adopted;
}

std::vector<TensorMetadata> execute(const Context &context, Tensors &tensors, const OpCall &call) {
  std::vector<TFE_TensorHandle *> inputs;
  for (const int64_t id : call.inputs) inputs.push_back(tensors.at(id));
  return adopt(tensors, execute(context, call, inputs));
}

std::string describe(TFE_TensorHandle *handle) { return describe(TFE_TensorHandleDataType(handle), shapeOf(handle)); }

}  // namespace kd

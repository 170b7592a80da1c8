#include "execute.h"

namespace kd {

std::vector<TensorMetadata> execute(const Context &context, Tensors &tensors, const OpCall &call) {
  const Status status;
  const auto check = [&] {
    if (status.ok()) return;
    std::vector<std::string> inputs;
    for (const int64_t id : call.inputs) inputs.push_back(describe(tensors.at(id)));
    failCall(call, status.message(), inputs);
  };
  const Op op(TFE_NewOp(context.get(), call.op.c_str(), status));
  check();
  for (const int64_t id : call.inputs) {
    TFE_OpAddInput(op.get(), tensors.at(id), status);
    check();
  }
  for (const Attribute &attribute : call.attributes) setAttribute(op.get(), attribute);
  std::vector<TFE_TensorHandle *> results(call.outputs, nullptr);
  int count = call.outputs;
  TFE_Execute(op.get(), results.data(), &count, status);
  check();
  std::vector<TensorMetadata> outputs;
  for (int i = 0; i < count; ++i) {
    Handle handle(results[i]);
    const TF_DataType dtype = TFE_TensorHandleDataType(handle.get());
    Shape shape = shapeOf(handle.get());
    outputs.push_back({tensors.add(std::move(handle)), dtype, std::move(shape)});
  }
  return outputs;
}

std::string describe(TFE_TensorHandle *handle) { return describe(TFE_TensorHandleDataType(handle), shapeOf(handle)); }

}  // namespace kd

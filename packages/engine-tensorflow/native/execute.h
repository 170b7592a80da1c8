// Runs ops one by one, as they come.
#ifndef KD_EXECUTE_H_
#define KD_EXECUTE_H_
#include "context.h"
#include "op_call.h"
#include "tensors.h"

namespace kd {

// Runs an op or a function at once, on any thread; `inputs` are those of the call.
std::vector<Handle> execute(const Context &context, const OpCall &call, const std::vector<TFE_TensorHandle *> &inputs);

// The tensors of an op join those that JavaScript holds.
std::vector<TensorMetadata> adopt(Tensors &tensors, std::vector<Handle> handles);

// Runs an op or a function at once; its outputs join the tensors.
std::vector<TensorMetadata> execute(const Context &context, Tensors &tensors, const OpCall &call);

// The type and shape of a tensor, for errors.
std::string describe(TFE_TensorHandle *handle);

}  // namespace kd
#endif

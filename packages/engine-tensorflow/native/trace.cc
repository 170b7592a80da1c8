#include "trace.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "execute.h"

namespace kd {
namespace {

constexpr int64_t kLargeConstant = 1024;  // elements

// Whether all elements are the same bytes: what ones and zeros of a gradient are.
bool isUniform(TF_Tensor *tensor) {
  const size_t width = TF_DataTypeSize(TF_TensorType(tensor)), bytes = TF_TensorByteSize(tensor);
  const auto *data = static_cast<const char *>(TF_TensorData(tensor));
  return width > 0 && bytes > width && std::memcmp(data, data + width, bytes - width) == 0;
}

// Type, shape and bytes of a small tensor of numbers; empty for any other.
std::string keyOf(TF_Tensor *tensor) {
  const TF_DataType dtype = TF_TensorType(tensor);
  if (TF_DataTypeSize(dtype) == 0 || TF_TensorElementCount(tensor) >= kLargeConstant) return "";
  std::string key = std::to_string(dtype);
  for (int i = 0; i < TF_NumDims(tensor); ++i) key += ',' + std::to_string(TF_Dim(tensor, i));
  return key.append(":").append(static_cast<const char *>(TF_TensorData(tensor)), TF_TensorByteSize(tensor));
}

std::string keyOf(const std::string &op, const std::vector<TF_Output> &inputs, TF_DataType floats) {
  std::string key = op + ':' + std::to_string(floats) + ':';
  for (const auto &[node, index] : inputs)
    key.append(reinterpret_cast<const char *>(&node), sizeof node).append(reinterpret_cast<const char *>(&index), sizeof index);
  return key;
}

const std::set<std::string> kConvolutions{"Conv2D", "Conv2DBackpropInput", "Conv2DBackpropFilter"};
// What goes on where its first input is in fewer bits, and what does where all of them are.
const std::set<std::string> kOfOne{"BiasAdd", "GatherV2", "MaxPool", "PadV2", "Relu", "Relu6", "ResizeNearestNeighbor"};
const std::set<std::string> kOfAll{"Add", "AddN", "AddV2", "Maximum", "Relu6Grad", "ReluGrad"};

// An attribute by its name; without a value where there is none, or one of another kind.
template <typename Value>
Value attributeOf(const OpCall &call, const char *name) {
  for (const Attribute &attribute : call.attributes)
    if (const auto *value = std::get_if<Value>(&attribute.value); value != nullptr && attribute.name == name) return *value;
  return {};
}

bool isExplicit(const OpCall &call) { return attributeOf<std::string>(call, "padding") == "EXPLICIT"; }
bool isTransposed(const OpCall &call) { return attributeOf<bool>(call, "adj_x"); }

// Attributes that say float32 say the other type.
Attribute inHalf(Attribute attribute, TF_DataType half) {
  if (auto *type = std::get_if<TF_DataType>(&attribute.value); type != nullptr && *type == TF_FLOAT) *type = half;
  return attribute;
}

}  // namespace

TensorMetadata Trace::input(TF_DataType dtype, const Shape &shape) {
  const int64_t id = nextSymbol_++;
  const Symbol &symbol = symbols_.emplace(id, placeholder(dtype, shape)).first->second;
  inputs_.emplace(id, symbol.output);
  return {id, dtype, shape};
}

TensorMetadata Trace::variable(TF_DataType dtype, const Shape &shape) {
  if (cells_.oper == nullptr) cells_ = placeholder(TF_INT64, {}).output;
  TF_OperationDescription *node = TF_NewOperation(graph_.get(), "KdTake", nodeName("variable").c_str());
  TF_AddInput(node, cells_);
  TF_SetAttrInt(node, "cell", static_cast<int64_t>(variables_.size()));
  TF_SetAttrType(node, "T", dtype);
  const Status status;
  const TF_Output value{TF_FinishOperation(node, status), 0};
  status.check("a variable of a trace");
  TF_GraphSetTensorShape(graph_.get(), value, shape.data(), static_cast<int>(shape.size()), status);
  status.check("a variable of a trace");
  const int64_t id = nextSymbol_++;
  symbols_.emplace(id, Symbol{value, dtype, shape, "a variable"});
  inputs_.emplace(id, value);
  variables_.push_back(id);
  return {id, dtype, shape};
}

std::vector<TensorMetadata> Trace::add(const OpCall &call) {
  const OpDefinition &definition = definitionOf(call.op);
  std::vector<TF_Output> inputs, resources;
  const bool half = floats_ != TF_FLOAT && goesOnInHalf(call);
  for (const int64_t id : call.inputs) {
    Symbol &symbol = symbolOf(id);
    inputs.push_back(half && symbol.dtype == TF_FLOAT ? halfOf(symbol) : outputOf(symbol));
    if (symbol.dtype == TF_RESOURCE) resources.push_back(symbol.output);
  }
  const bool ordered = definition.stateful || !resources.empty();
  // Nodes of ops without effects that say the same of the same inputs.
  std::vector<Made> alone, &alike = ordered ? alone : made_[keyOf(scope_ + call.op, inputs, half ? floats_ : TF_FLOAT)];
  for (const Made &one : alike)
    if (one.attributes == call.attributes) return outputsOf(one.node, call, half);
  TF_OperationDescription *node = TF_NewOperation(graph_.get(), call.op.c_str(), nodeName(call.op).c_str());
  if (ordered) order_.waitFor(node, call.op, resources);
  std::string refused;
  try {
    addInputs(node, call, definition, inputs);
    // Eager ops pass over attributes that they do not have, and so do some kernels of TensorFlow.js.
    for (const Attribute &attribute : call.attributes)
      if (definition.attributes.count(attribute.name) > 0) setAttribute(node, half ? inHalf(attribute, floats_) : attribute);
  } catch (const Failure &failure) {
    refused = failure.message;
  }
  const Status status;
  // Also where inputs were refused: nothing else frees the description.
  TF_Operation *done = TF_FinishOperation(node, status);
  if (!refused.empty() || !status.ok()) refuse(call, refused.empty() ? status.message() : refused);
  if (ordered) order_.ran(done, call.op, resources);
  alike.push_back({call.attributes, done});
  ++stats_.ops;
  if (call.op == "ReadVariableOp") inferVariable(done, call);
  return outputsOf(done, call, half);
}

// A convolution begins it; ops between convolutions whose result is as exact in fewer bits as what they are given go on.
// Gradients with explicit padding oneDNN does not get: they stay as they are.
bool Trace::goesOnInHalf(const OpCall &call) {
  if (kConvolutions.count(call.op) > 0) return call.op == "Conv2D" || context_.usesGpu() || !isExplicit(call);
  if (call.op == "BatchMatMulV2") return isOfWeights(call);
  const auto isHalf = [&](int64_t id) { return symbolOf(id).madeInHalf; };
  if (kOfOne.count(call.op) > 0) return isHalf(call.inputs[0]);
  return kOfAll.count(call.op) > 0 && std::all_of(call.inputs.begin(), call.inputs.end(), isHalf);
}

// A map times weights, which are inputs, and both gradients of that; what losses multiply with each other stays as it is.
bool Trace::isOfWeights(const OpCall &call) {
  Symbol &map = symbolOf(call.inputs[0]);
  if (inputs_.count(call.inputs[1]) == 0) return map.timesWeights && isTransposed(call);
  map.timesWeights = true;
  return true;
}

TF_Output Trace::outputOf(Symbol &symbol) {
  if (symbol.output.oper == nullptr) symbol.output = cast(symbol.half, TF_FLOAT);
  return symbol.output;
}

TF_Output Trace::halfOf(Symbol &symbol) {
  if (symbol.half.oper == nullptr) symbol.half = cast(symbol.output, floats_);
  return symbol.half;
}

TF_Output Trace::cast(TF_Output from, TF_DataType to) {
  TF_OperationDescription *node = TF_NewOperation(graph_.get(), "Cast", nodeName("Cast").c_str());
  TF_AddInput(node, from);
  TF_SetAttrType(node, "DstT", to);
  const Status status;
  TF_Operation *done = TF_FinishOperation(node, status);
  status.check("a cast of a trace");
  return {done, 0};
}

void Trace::addInputs(TF_OperationDescription *node, const OpCall &call, const OpDefinition &definition,
                      const std::vector<TF_Output> &inputs) {
  size_t at = 0;
  for (size_t i = 0; i < definition.inputs.size(); ++i) {
    const OpInput &input = definition.inputs[i];
    if (!input.isList()) {
      if (at >= inputs.size()) fail("its input \"" + input.name + "\" is missing");
      TF_AddInput(node, inputs[at++]);
      continue;
    }
    // As long as its attribute says; without one, all that the inputs after it leave.
    size_t left = inputs.size() - at, length = left < definition.inputs.size() - i - 1 ? 0 : left - (definition.inputs.size() - i - 1);
    for (const auto &[name, value] : call.attributes) {
      if (const auto *number = std::get_if<int64_t>(&value); number != nullptr && name == input.numberAttribute) length = *number;
      if (const auto *types = std::get_if<std::vector<TF_DataType>>(&value); types != nullptr && name == input.typeListAttribute)
        length = types->size();
    }
    if (length > left) fail("its list \"" + input.name + "\" should have " + std::to_string(length) + " tensors");
    TF_AddInputList(node, inputs.data() + at, static_cast<int>(length));
    at += length;
  }
  if (at < inputs.size()) fail(std::to_string(inputs.size() - at) + " inputs are too many");
}

void Trace::refuse(const OpCall &call, const std::string &message, std::string code) const {
  std::vector<std::string> inputs;
  for (const int64_t id : call.inputs) inputs.push_back(describe(id));
  failCall(call, message, inputs, std::move(code));
}

std::vector<TensorMetadata> Trace::outputsOf(TF_Operation *node, const OpCall &call, bool half) {
  const int count = TF_OperationNumOutputs(node);
  if (count > call.outputs) refuse(call, "has " + std::to_string(count) + " outputs, not " + std::to_string(call.outputs));
  std::vector<TensorMetadata> outputs;
  const Status status;
  for (int i = 0; i < count; ++i) {
    const TF_Output output{node, i};
    const int rank = TF_GraphGetTensorNumDims(graph_.get(), output, status);
    status.check(call.op);
    Shape shape(rank < 0 ? 0 : rank);
    if (rank > 0) TF_GraphGetTensorShape(graph_.get(), output, shape.data(), rank, status);
    status.check(call.op);
    bool known = rank >= 0;
    for (const int64_t dimension : shape) known = known && dimension >= 0;
    // What it keeps for its gradient op alone, in a form of its own, has no shape in a graph; nobody reads it.
    if (!known && call.op == "FusedBatchNormV3" && i == 5) {
      shape = {0};
      known = true;
    }
    if (!known) {
      refuse(call,
             "the shape of its output " + std::to_string(i) + " depends on data (" + (rank < 0 ? "?" : kd::describe(shape)) +
                 "), and a trace has fixed shapes",
             "TRACE_SHAPE");
    }
    const int64_t id = nextSymbol_++;
    const TF_DataType dtype = half ? TF_FLOAT : TF_OperationOutputType(output);
    symbols_.emplace(id, half ? Symbol{{nullptr, 0}, dtype, shape, call.op, output, true} : Symbol{output, dtype, shape, call.op});
    outputs.push_back({id, dtype, shape});
  }
  return outputs;
}

// A handle of a variable comes as an input, and an input says nothing of the shape behind it: the variable itself does.
void Trace::inferVariable(TF_Operation *node, const OpCall &call) {
  if (call.inputs.size() != 1 || !tensors_.has(call.inputs[0])) return;
  const Attributes type{{"out_type", TF_INT64}};
  const std::vector<TensorMetadata> read = execute(context_, tensors_, {"VariableShape", type, call.inputs, 1});
  const Tensor values = resolve(tensors_.at(read[0].id));
  tensors_.remove(read[0].id);
  const Status status;
  TF_GraphSetTensorShape(graph_.get(), {node, 0}, static_cast<const int64_t *>(TF_TensorData(values.get())),
                         static_cast<int>(TF_TensorElementCount(values.get())), status);
  status.check(call.op);
}

Trace::Symbol &Trace::symbolOf(int64_t id) {
  if (id >= kFirstSymbol) {
    const auto found = symbols_.find(id);
    if (found == symbols_.end()) fail("tensor " + std::to_string(id) + " belongs to a trace that has ended, or was disposed of", "TRACE_ENDED");
    return found->second;
  }
  TFE_TensorHandle *handle = tensors_.at(id);
  const auto found = met_.find(id);
  if (found != met_.end()) return found->second;
  if (id >= firstTensor_) return met_.emplace(id, constant(handle)).first->second;
  captured_.push_back(id);
  return met_.emplace(id, placeholder(TFE_TensorHandleDataType(handle), shapeOf(handle))).first->second;
}

Trace::Symbol Trace::placeholder(TF_DataType dtype, const Shape &shape) {
  TF_OperationDescription *node = TF_NewOperation(graph_.get(), "Placeholder", nodeName("input").c_str());
  TF_SetAttrType(node, "dtype", dtype);
  TF_SetAttrShape(node, "shape", shape.data(), static_cast<int>(shape.size()));
  const Status status;
  TF_Operation *done = TF_FinishOperation(node, status);
  status.check("an input of a trace");
  return {{done, 0}, dtype, shape, "an input"};
}

// The values lie in the graph, but for large tensors of one value, which an op fills.
Trace::Symbol Trace::constant(TFE_TensorHandle *handle) {
  const Tensor tensor = resolve(handle);
  Shape shape = shapeOf(handle);
  const TF_DataType dtype = TF_TensorType(tensor.get());
  if (TF_TensorElementCount(tensor.get()) < kLargeConstant || !isUniform(tensor.get()))
    return {constant(tensor.get()), dtype, shape, "Const"};
  const int64_t rank = static_cast<int64_t>(shape.size());
  const Tensor dims(TF_AllocateTensor(TF_INT64, &rank, 1, shape.size() * sizeof(int64_t)));
  std::memcpy(TF_TensorData(dims.get()), shape.data(), shape.size() * sizeof(int64_t));
  const Tensor value(TF_AllocateTensor(dtype, nullptr, 0, TF_DataTypeSize(dtype)));
  std::memcpy(TF_TensorData(value.get()), TF_TensorData(tensor.get()), TF_DataTypeSize(dtype));
  const TF_Output inputs[] = {constant(dims.get()), constant(value.get())};
  TF_OperationDescription *node = TF_NewOperation(graph_.get(), "Fill", nodeName("Fill").c_str());
  for (const TF_Output &input : inputs) TF_AddInput(node, input);
  const Status status;
  TF_Operation *done = TF_FinishOperation(node, status);
  status.check("a constant of a trace");
  return {{done, 0}, dtype, shape, "Fill"};
}

TF_Output Trace::constant(TF_Tensor *tensor) {
  const std::string key = keyOf(tensor);
  if (const auto found = constants_.find(key); found != constants_.end()) return found->second;
  TF_OperationDescription *node = TF_NewOperation(graph_.get(), "Const", nodeName("Const").c_str());
  const Status status, finished;
  TF_SetAttrTensor(node, "value", tensor, status);
  TF_SetAttrType(node, "dtype", TF_TensorType(tensor));
  TF_Operation *done = TF_FinishOperation(node, finished);
  status.check("a constant of a trace");
  finished.check("a constant of a trace");
  ++stats_.constants;
  stats_.bytes += static_cast<int64_t>(TF_TensorByteSize(tensor));
  if (!key.empty()) constants_.emplace(key, TF_Output{done, 0});
  return {done, 0};
}

bool Trace::isUsed(int64_t id) const {
  const auto found = inputs_.find(id);
  return found != inputs_.end() && TF_OperationOutputNumConsumers(found->second) > 0;
}

std::string Trace::describe(int64_t id) const {
  if (const auto found = symbols_.find(id); found != symbols_.end())
    return kd::describe(found->second.dtype, found->second.shape);
  return tensors_.has(id) ? kd::describe(tensors_.at(id)) : "a tensor that is not there";
}

const OpDefinition &Trace::definitionOf(const std::string &op) {
  const auto found = definitions_.find(op);
  return found != definitions_.end() ? found->second : definitions_.emplace(op, opDefinition(graph_.get(), op)).first->second;
}

// Names of nodes start with a letter or a digit; those of TensorFlow's inner ops with an underscore.
std::string Trace::nodeName(const std::string &op) {
  const std::string plain = op[0] == '_' ? op.substr(1) : op;
  return scope_ + plain + "_" + std::to_string(nodes_++);
}

std::vector<size_t> Trace::cellsOf(const std::vector<Update> &updates) const {
  std::vector<size_t> cells;
  for (const auto &[id, value] : updates) {
    const size_t cell = std::find(variables_.begin(), variables_.end(), id) - variables_.begin();
    if (cell == variables_.size()) fail("tensor " + std::to_string(id) + " is no variable of this trace");
    if (std::find(cells.begin(), cells.end(), cell) != cells.end()) fail("variable " + std::to_string(id) + " is updated twice");
    cells.push_back(cell);
  }
  return cells;
}

TF_Operation *Trace::put(const Update &update, size_t cell) {
  Symbol &value = symbolOf(update.value);
  TF_OperationDescription *node = TF_NewOperation(graph_.get(), "KdPut", nodeName("update").c_str());
  TF_AddInput(node, cells_);
  TF_AddInput(node, outputOf(value));
  TF_AddControlInput(node, inputs_.at(update.variable).oper);
  TF_SetAttrInt(node, "cell", static_cast<int64_t>(cell));
  TF_SetAttrType(node, "T", value.dtype);
  const Status status;
  TF_Operation *done = TF_FinishOperation(node, status);
  status.check("an update of a variable of a trace");
  return done;
}

// All but inputs, used or not; what takes variables that are lent is none.
std::vector<TF_Operation *> Trace::body(const std::vector<TF_Output> &inputs, const std::vector<size_t> &cells) const {
  std::set<TF_Operation *> outside{cells_.oper};
  for (const auto &[id, input] : inputs_) outside.insert(input.oper);
  for (const size_t cell : cells) outside.erase(inputs_.at(variables_[cell]).oper);
  for (const TF_Output &input : inputs) outside.insert(input.oper);
  std::vector<TF_Operation *> nodes;
  size_t at = 0;
  while (TF_Operation *node = TF_GraphNextOperation(graph_.get(), &at))
    if (outside.count(node) == 0) nodes.push_back(node);
  return nodes;
}

Trace::Finished Trace::finish(const std::string &name, const std::vector<int64_t> &inputs, const std::vector<int64_t> &outputs,
                              const std::vector<Update> &updates) {
  Finished finished;
  auto &[in, out, last] = finished.ends;
  finished.cells = cellsOf(updates);
  std::set<int64_t> given(inputs.begin(), inputs.end());
  for (const int64_t id : inputs) {
    const auto found = inputs_.find(id);
    if (found == inputs_.end()) fail("tensor " + std::to_string(id) + " is no input of this trace");
    in.push_back(found->second);
  }
  for (const Update &update : updates)
    if (!given.insert(update.variable).second) fail("variable " + std::to_string(update.variable) + " is an input and updated");
  for (const auto &[id, input] : inputs_) {
    if (isUsed(id) && given.count(id) == 0)
      fail("input " + std::to_string(id) + " is used by the trace and is not among the inputs of the function");
  }
  for (const int64_t id : outputs) {
    Symbol &symbol = symbolOf(id);
    out.push_back(outputOf(symbol));
    finished.outputs.push_back({0, symbol.dtype, symbol.shape});
  }
  for (const Update &update : updates) symbolOf(update.value);  // It may be a tensor from before.
  for (const int64_t id : captured_) {
    if (!tensors_.has(id)) fail("tensor " + std::to_string(id) + " is used by the trace and was disposed of within it");
    in.push_back(met_.at(id).output);
  }
  last = order_.last();
  for (size_t i = 0; i < updates.size(); ++i) last.push_back(put(updates[i], finished.cells[i]));
  if (!updates.empty()) in.push_back(cells_);
  const std::vector<TF_Operation *> nodes = body(in, finished.cells);
  const Status status;
  finished.function.reset(TF_GraphToFunctionWithControlOutputs(
      graph_.get(), name.c_str(), 0, static_cast<int>(nodes.size()), nodes.data(), static_cast<int>(in.size()), in.data(),
      static_cast<int>(out.size()), out.data(), nullptr, static_cast<int>(last.size()), last.data(), nullptr, nullptr,
      nullptr, status));
  status.check("the traced function");
  finished.captured = captured_;
  return finished;
}

}  // namespace kd

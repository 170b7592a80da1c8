// What JavaScript calls: TensorFlow.js' kernels for Node run on the first group, traces and functions are ours.
#include <node_api.h>

#include <memory>
#include <optional>

#include "async_read.h"
#include "context.h"
#include "execute.h"
#include "functions.h"
#include "js.h"
#include "later.h"
#include "memory.h"
#include "parallel.h"
#include "signal_stack.h"
#include "tensor_data.h"
#include "trace.h"
#include "winograd.h"

namespace kd {
namespace {

// Everything of one environment of Node. The context is made at its first use, so that its options can be set before.
class Binding {
 public:
  ContextOptions options;
  std::optional<Context> context_;
  Tensors tensors;
  std::optional<Functions> functions_;
  std::unique_ptr<Trace> trace;
  int64_t nextSymbol = kFirstSymbol;
  std::optional<Later> later_;  // The last, to end first: its thread uses what stands above.

  const Context &context() {
    if (!context_) context_.emplace(options);
    return *context_;
  }
  Functions &functions() {
    if (!functions_) functions_.emplace(context(), tensors);
    return *functions_;
  }
  Later &later(napi_env env) {
    if (!later_) later_.emplace(env, context(), tensors);
    return *later_;
  }
  Trace &tracing() {
    if (!trace) fail("there is no trace");
    return *trace;
  }
  void endTrace() {
    if (!trace) return;
    nextSymbol = trace->nextSymbol();
    trace.reset();
  }
  TFE_TensorHandle *readable(int64_t id) const {
    if (id < kFirstSymbol) return tensors.at(id);
    if (trace && trace->has(id))
      fail("the values of a tensor cannot be read while tracing: " + trace->describe(id) + " of " + trace->opOf(id), "TRACE_READ");
    fail("tensor " + std::to_string(id) + " belongs to a trace that has ended", "TRACE_ENDED");
  }
};

using Arguments = napi_value[4];
using Call = napi_value (*)(napi_env, Binding &, Arguments);

napi_value createTensor(napi_env env, Binding &binding, Arguments given) {
  const Shape shape = js::toIntegers(env, given[0], "the shape of a tensor");
  const auto dtype = static_cast<TF_DataType>(js::toInteger(env, given[1], "the type of a tensor"));
  return js::from(env, binding.tensors.add(handleFrom(env, binding.context(), shape, dtype, given[2])));
}

napi_value deleteTensor(napi_env env, Binding &binding, Arguments given) {
  const int64_t id = js::toInteger(env, given[0], "a tensor");
  // Symbolic tensors end with their trace, tidied up or not.
  if (id < kFirstSymbol) {
    binding.tensors.remove(id);
  } else if (binding.trace) {
    binding.trace->remove(id);
  }
  return nullptr;
}

napi_value tensorDataSync(napi_env env, Binding &binding, Arguments given) {
  const Tensor tensor = resolve(binding.readable(js::toInteger(env, given[0], "a tensor")));
  return valuesFrom(env, tensor.get());
}

napi_value tensorData(napi_env env, Binding &binding, Arguments given) {
  return readLater(env, binding.readable(js::toInteger(env, given[0], "a tensor")));
}

napi_value tensorAddress(napi_env env, Binding &binding, Arguments given) {
  const Tensor tensor = resolve(binding.readable(js::toInteger(env, given[0], "a tensor")));
  return js::from(env, static_cast<int64_t>(reinterpret_cast<intptr_t>(TF_TensorData(tensor.get()))));
}

napi_value executeOp(napi_env env, Binding &binding, Arguments given) {
  const OpCall call{js::toString(env, given[0], "the name of an op"), attributesFrom(env, given[1]),
                    js::toIntegers(env, given[2], "the inputs of an op"),
                    static_cast<int>(js::toInteger(env, given[3], "the number of outputs of an op"))};
  if (binding.trace) return toJs(env, binding.trace->add(call));
  for (const int64_t id : call.inputs) binding.readable(id);
  return toJs(env, execute(binding.context(), binding.tensors, call));
}

napi_value isUsingGpuDevice(napi_env env, Binding &binding, Arguments) {
  return js::from(env, binding.context().usesGpu());
}

// What takes and puts variables runs on processors, and not in what XLA compiles.
napi_value canUpdateByFunction(napi_env env, Binding &binding, Arguments) {
  return js::from(env, !binding.context().usesGpu() && !binding.context().compilesWithXla());
}

napi_value compilesWithXla(napi_env env, Binding &binding, Arguments) {
  return js::from(env, binding.context().compilesWithXla());
}

napi_value hasOwnConvolutions(napi_env env, Binding &binding, Arguments) {
  const Context &context = binding.context();
  return js::from(env, binding.options.ownConvolutions && winogradSteps() != nullptr && !context.usesGpu() &&
                           !context.compilesWithXla());
}

napi_value getNumOfTensors(napi_env env, Binding &binding, Arguments) {
  return js::from(env, static_cast<int64_t>(binding.tensors.size() + (binding.trace ? binding.trace->size() : 0)));
}

napi_value configure(napi_env env, Binding &binding, Arguments given) {
  ContextOptions options = binding.options;
  const auto read = [&](const char *name, auto &option, auto convert) {
    napi_value value = js::property(env, given[0], name);
    if (!js::isNull(env, value)) option = static_cast<std::decay_t<decltype(option)>>(convert(env, value, name));
  };
  read("intraOpThreads", options.intraOpThreads, js::toInteger);
  read("interOpThreads", options.interOpThreads, js::toInteger);
  read("grappler", options.grappler, js::toBool);
  read("xla", options.xla, js::toBool);
  read("ownConvolutions", options.ownConvolutions, js::toBool);
  // Two copies of the engine in one process share the binding: the second may ask for the same.
  if (binding.context_ && !(options == binding.options))
    fail("the options of TensorFlow's context can be set before its first use only");
  askedThreads = options.intraOpThreads;
  binding.options = options;
  return nullptr;
}

napi_value memory(napi_env env, Binding &binding, Arguments) {
  const MemoryStats stats = memoryStats(binding.tensors);
  napi_value result = js::object(env);
  js::set(env, result, "tensors", js::from(env, stats.tensors));
  js::set(env, result, "bytes", js::from(env, stats.bytes));
  js::set(env, result, "allocated", js::from(env, stats.allocated));
  js::set(env, result, "peakResident", js::from(env, stats.peakResident));
  return result;
}

napi_value trimMemory(napi_env, Binding &, Arguments) {
  kd::trimMemory();
  return nullptr;
}

napi_value beginTrace(napi_env, Binding &binding, Arguments) {
  if (binding.trace) fail("a trace within a trace");
  binding.trace = std::make_unique<Trace>(binding.context(), binding.tensors, binding.nextSymbol);
  return nullptr;
}

napi_value traceScope(napi_env env, Binding &binding, Arguments given) {
  binding.tracing().enter(js::toString(env, given[0], "a scope"));
  return nullptr;
}

napi_value traceFloats(napi_env env, Binding &binding, Arguments given) {
  binding.tracing().computeIn(static_cast<TF_DataType>(js::toInteger(env, given[0], "the type that a trace goes on in")));
  return nullptr;
}

napi_value isTraceInHalf(napi_env env, Binding &binding, Arguments) {
  return js::from(env, binding.trace != nullptr && binding.trace->computesInHalf());
}

napi_value traceInput(napi_env env, Binding &binding, Arguments given) {
  const auto dtype = static_cast<TF_DataType>(js::toInteger(env, given[0], "the type of an input"));
  const Shape shape = js::toIntegers(env, given[1], "the shape of an input");
  return js::from(env, binding.tracing().input(dtype, shape).id);
}

napi_value traceVariable(napi_env env, Binding &binding, Arguments given) {
  const auto dtype = static_cast<TF_DataType>(js::toInteger(env, given[0], "the type of a variable"));
  const Shape shape = js::toIntegers(env, given[1], "the shape of a variable");
  return js::from(env, binding.tracing().variable(dtype, shape).id);
}

napi_value isTraceInputUsed(napi_env env, Binding &binding, Arguments given) {
  return js::from(env, binding.tracing().isUsed(js::toInteger(env, given[0], "an input")));
}

napi_value finishTrace(napi_env env, Binding &binding, Arguments given) {
  Trace &trace = binding.tracing();
  const std::vector<int64_t> inputs = js::toIntegers(env, given[0], "the inputs of a trace");
  const std::vector<int64_t> outputs = js::toIntegers(env, given[1], "the outputs of a trace");
  const bool timed = !js::isNull(env, given[2]) && js::toBool(env, given[2], "whether a function is timed");
  std::vector<Update> updates;
  if (!js::isNull(env, given[3])) {
    for (napi_value update : js::toItems(env, given[3], "the updates of a trace")) {
      updates.push_back({js::toInteger(env, js::property(env, update, "variable"), "a variable"),
                         js::toInteger(env, js::property(env, update, "value"), "the value of a variable")});
    }
  }
  const Functions::Added added = binding.functions().add(trace, inputs, outputs, updates, timed);
  binding.endTrace();
  napi_value result = js::object(env);
  js::set(env, result, "fn", js::from(env, added.fn));
  js::set(env, result, "captured", js::from(env, added.captured));
  return result;
}

napi_value abortTrace(napi_env, Binding &binding, Arguments) {
  binding.endTrace();
  return nullptr;
}

OpCall functionCall(napi_env env, Binding &binding, Arguments given) {
  if (binding.trace) fail("a function that was traced cannot be called within a trace");
  const int64_t fn = js::toInteger(env, given[0], "a function");
  const std::vector<int64_t> inputs = js::toIntegers(env, given[1], "the inputs of a function");
  for (const int64_t id : inputs) binding.readable(id);
  return binding.functions().callOf(fn, inputs);
}

napi_value callFunction(napi_env env, Binding &binding, Arguments given) {
  return toJs(env, execute(binding.context(), binding.tensors, functionCall(env, binding, given)));
}

napi_value updateByFunction(napi_env env, Binding &binding, Arguments given) {
  if (binding.trace) fail("a function that was traced cannot be called within a trace");
  const int64_t fn = js::toInteger(env, given[0], "a function");
  const std::vector<int64_t> inputs = js::toIntegers(env, given[1], "the inputs of a function");
  const std::vector<int64_t> variables = js::toIntegers(env, given[2], "the variables of a function");
  for (const int64_t id : inputs) binding.readable(id);
  for (const int64_t id : variables) binding.readable(id);
  return toJs(env, binding.functions().update(fn, inputs, variables));
}

napi_value callFunctionLater(napi_env env, Binding &binding, Arguments given) {
  return binding.later(env).run(env, functionCall(env, binding, given));
}

napi_value endLater(napi_env, Binding &binding, Arguments) {
  if (binding.later_) binding.later_->stop();
  return nullptr;
}

napi_value timeFunction(napi_env env, Binding &binding, Arguments given) {
  if (binding.trace) fail("a function that was traced cannot be called within a trace");
  const int64_t fn = js::toInteger(env, given[0], "a function");
  const std::vector<int64_t> inputs = js::toIntegers(env, given[1], "the inputs of a function");
  for (const int64_t id : inputs) binding.readable(id);
  const TimedGraph::Ran ran = binding.functions().time(fn, inputs);
  napi_value result = js::object(env);
  js::set(env, result, "outputs", toJs(env, ran.outputs));
  js::set(env, result, "metadata", bytesFrom(env, ran.metadata));
  return result;
}

napi_value removeFunction(napi_env env, Binding &binding, Arguments given) {
  binding.functions().remove(js::toInteger(env, given[0], "a function"));
  return nullptr;
}

napi_value traceStats(napi_env env, Binding &binding, Arguments given) {
  const TraceStats stats = binding.functions().stats(js::toInteger(env, given[0], "a function"));
  napi_value result = js::object(env);
  js::set(env, result, "ops", js::from(env, stats.ops));
  js::set(env, result, "constants", js::from(env, stats.constants));
  js::set(env, result, "bytes", js::from(env, stats.bytes));
  return result;
}

napi_value isSymbolic(napi_env env, Binding &, Arguments given) {
  return js::from(env, js::toInteger(env, given[0], "a tensor") >= kFirstSymbol);
}

// Where calls come in and failures go out.
template <Call call, size_t expected>
napi_value enter(napi_env env, napi_callback_info info) {
  Arguments given{};
  size_t count = 4;
  void *data = nullptr;
  try {
    js::check(env, napi_get_cb_info(env, info, &count, given, nullptr, nullptr), "a call");
    if (count < expected) fail("a call with " + std::to_string(count) + " arguments instead of " + std::to_string(expected));
    js::check(env, napi_get_instance_data(env, &data), "the binding");
    return call(env, *static_cast<Binding *>(data), given);
  } catch (const Failure &failure) {
    napi_throw_error(env, failure.code.empty() ? nullptr : failure.code.c_str(), failure.message.c_str());
  } catch (const JavaScriptThrew &) {
    // Its exception is pending already.
  } catch (const std::exception &error) {
    napi_throw_error(env, nullptr, error.what());
  }
  return nullptr;
}

template <Call call, size_t arguments>
void define(napi_env env, napi_value exports, const char *name) {
  napi_value function;
  js::check(env, napi_create_function(env, name, NAPI_AUTO_LENGTH, enter<call, arguments>, nullptr, &function), name);
  js::set(env, exports, name, function);
}

void defineAll(napi_env env, napi_value exports) {
  define<createTensor, 3>(env, exports, "createTensor");
  define<deleteTensor, 1>(env, exports, "deleteTensor");
  define<tensorDataSync, 1>(env, exports, "tensorDataSync");
  define<executeOp, 4>(env, exports, "executeOp");
  define<isUsingGpuDevice, 0>(env, exports, "isUsingGpuDevice");
  define<hasOwnConvolutions, 0>(env, exports, "hasOwnConvolutions");
  define<getNumOfTensors, 0>(env, exports, "getNumOfTensors");

  define<tensorData, 1>(env, exports, "tensorData");
  define<tensorAddress, 1>(env, exports, "tensorAddress");
  define<configure, 1>(env, exports, "configure");
  define<memory, 0>(env, exports, "memory");
  define<trimMemory, 0>(env, exports, "trimMemory");
  define<beginTrace, 0>(env, exports, "beginTrace");
  define<traceScope, 1>(env, exports, "traceScope");
  define<traceFloats, 1>(env, exports, "traceFloats");
  define<isTraceInHalf, 0>(env, exports, "isTraceInHalf");
  define<traceInput, 2>(env, exports, "traceInput");
  define<traceVariable, 2>(env, exports, "traceVariable");
  define<isTraceInputUsed, 1>(env, exports, "isTraceInputUsed");
  define<finishTrace, 2>(env, exports, "finishTrace");
  define<abortTrace, 0>(env, exports, "abortTrace");
  define<callFunction, 2>(env, exports, "callFunction");
  define<canUpdateByFunction, 0>(env, exports, "canUpdateByFunction");
  define<compilesWithXla, 0>(env, exports, "compilesWithXla");
  define<updateByFunction, 3>(env, exports, "updateByFunction");
  define<callFunctionLater, 2>(env, exports, "callFunctionLater");
  define<endLater, 0>(env, exports, "endLater");
  define<timeFunction, 2>(env, exports, "timeFunction");
  define<removeFunction, 1>(env, exports, "removeFunction");
  define<traceStats, 1>(env, exports, "traceStats");
  define<isSymbolic, 1>(env, exports, "isSymbolic");

  js::set(env, exports, "TF_Version", js::from(env, std::string(TF_Version())));
  const std::pair<const char *, int64_t> constants[] = {
      {"TF_FLOAT", TF_FLOAT},          {"TF_INT32", TF_INT32},         {"TF_INT64", TF_INT64},
      {"TF_BOOL", TF_BOOL},            {"TF_COMPLEX64", TF_COMPLEX64}, {"TF_STRING", TF_STRING},
      {"TF_RESOURCE", TF_RESOURCE},    {"TF_UINT8", TF_UINT8},         {"TF_HALF", TF_HALF},
      {"TF_BFLOAT16", TF_BFLOAT16},    {"TF_ATTR_STRING", TF_ATTR_STRING}, {"TF_ATTR_INT", TF_ATTR_INT},
      {"TF_ATTR_FLOAT", TF_ATTR_FLOAT}, {"TF_ATTR_BOOL", TF_ATTR_BOOL}, {"TF_ATTR_TYPE", TF_ATTR_TYPE},
      {"TF_ATTR_SHAPE", TF_ATTR_SHAPE},
  };
  for (const auto &[name, value] : constants) js::set(env, exports, name, js::from(env, value));
}

void end(napi_env, void *data, void *) { delete static_cast<Binding *>(data); }

napi_value start(napi_env env, napi_value exports) {
  giveSignalsAStack();
  auto binding = std::make_unique<Binding>();
  if (napi_set_instance_data(env, binding.get(), end, nullptr) != napi_ok) return nullptr;
  binding.release();  // Node frees it with the environment.
  try {
    defineAll(env, exports);
  } catch (const Failure &failure) {
    napi_throw_error(env, nullptr, failure.message.c_str());
  } catch (const JavaScriptThrew &) {
  }
  return exports;
}

}  // namespace
}  // namespace kd

NAPI_MODULE_INIT() { return kd::start(env, exports); }

// What kernels of our own share: inputs and outputs of one call, and their registration with TensorFlow.
#ifndef KD_KERNEL_H_
#define KD_KERNEL_H_
#include <cstdint>
#include <initializer_list>
#include <vector>

#include "dtype.h"
#include "owned.h"
#include "tensorflow/c/ops.h"

// Of tensorflow/c/kernels.h, which includes headers that neither the wheel nor the C archive brings along whole.
extern "C" {
struct TF_KernelBuilder;
struct TF_OpKernelConstruction;
struct TF_OpKernelContext;
TF_KernelBuilder *TF_NewKernelBuilder(const char *op, const char *device, void *(*create)(TF_OpKernelConstruction *),
                                      void (*compute)(void *, TF_OpKernelContext *), void (*destroy)(void *));
void TF_RegisterKernelBuilder(const char *name, TF_KernelBuilder *builder, TF_Status *status);
void TF_GetInput(TF_OpKernelContext *context, int i, TF_Tensor **tensor, TF_Status *status);
TF_Tensor *TF_AllocateOutput(TF_OpKernelContext *context, int index, TF_DataType dtype, const int64_t *dims, int count,
                             size_t bytes, TF_Status *status);
TF_Tensor *TF_AllocateTemp(TF_OpKernelContext *context, TF_DataType dtype, const int64_t *dims, int count,
                           TF_AllocatorAttributes *attributes, TF_Status *status);
TF_Tensor *TF_ForwardInputOrAllocateOutput(TF_OpKernelContext *context, const int *candidates, int candidateCount,
                                           int index, const int64_t *dims, int count, int *forwarded, TF_Status *status);
void TF_SetOutput(TF_OpKernelContext *context, int i, const TF_Tensor *tensor, TF_Status *status);
void TF_OpKernelContext_Failure(TF_OpKernelContext *context, TF_Status *status);
void TF_OpKernelConstruction_Failure(TF_OpKernelConstruction *construction, TF_Status *status);
void TF_OpKernelConstruction_GetAttrInt64(TF_OpKernelConstruction *construction, const char *name, int64_t *value,
                                          TF_Status *status);
void TF_OpKernelConstruction_GetAttrFloat(TF_OpKernelConstruction *construction, const char *name, float *value,
                                          TF_Status *status);
}

// Loops over channels for the vectors that the processor has, where compiler and system can choose when the file is
// loaded.
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__)
#define KD_CHOOSES_VECTORS
#define KD_VECTORS __attribute__((optimize("O3"), target_clones("avx512f", "avx2", "default")))
#else
#define KD_VECTORS
#endif

namespace kd {

// One call of a kernel; failures end it through TensorFlow's context.
class KernelCall {
 public:
  explicit KernelCall(TF_OpKernelContext *context) : context_(context) {}

  bool ok() const { return status_.ok(); }
  void fail(const char *why) { TF_SetStatus(status_, TF_INVALID_ARGUMENT, why); }
  ~KernelCall() {
    if (!ok()) TF_OpKernelContext_Failure(context_, status_);
  }

  // Null where something failed.
  Tensor input(int i) {
    TF_Tensor *tensor = nullptr;
    if (ok()) TF_GetInput(context_, i, &tensor, status_);
    return Tensor(tensor);
  }
  void give(int output, const Tensor &tensor) {
    if (ok()) TF_SetOutput(context_, output, tensor.get(), status_);
  }
  // Does not hold the input, which over() could not write over then.
  Shape shape(int of) {
    Shape dims;
    if (const Tensor tensor = input(of))
      for (int i = 0; i < TF_NumDims(tensor.get()); i++) dims.push_back(TF_Dim(tensor.get(), i));
    return dims;
  }
  const float *in(int i) { return keep(input(i).release()); }
  float *out(int output, const Shape &dims) {
    return keep(TF_AllocateOutput(context_, output, TF_FLOAT, dims.data(), static_cast<int>(dims.size()),
                                  static_cast<size_t>(elementsOf(dims)) * sizeof(float), status_));
  }
  // For as long as the call lasts.
  float *temporary(int64_t count) {
    TF_AllocatorAttributes attributes{sizeof(TF_AllocatorAttributes), 0};
    return ok() ? keep(TF_AllocateTemp(context_, TF_FLOAT, &count, 1, &attributes, status_)) : nullptr;
  }
  // Has the memory of an input where nobody else holds that: then in(input) tells the same place. Before the first in().
  float *over(int output, int input, const Shape &dims) {
    return keep(TF_ForwardInputOrAllocateOutput(context_, &input, 1, output, dims.data(), static_cast<int>(dims.size()),
                                                nullptr, status_));
  }

 private:
  float *keep(TF_Tensor *tensor) {
    if (tensor == nullptr) return nullptr;
    held_.emplace_back(tensor);
    return static_cast<float *>(TF_TensorData(tensor));
  }

  TF_OpKernelContext *context_;
  Status status_;
  std::vector<Tensor> held_;
};

// Makes output i of an op have the shape of its input `inputs[i]`.
template <int... inputs>
void shapesOfInputs(TF_ShapeInferenceContext *context, TF_Status *status) {
  TF_ShapeHandle *shape = TF_NewShapeHandle();
  int output = 0;
  for (const int input : {inputs...}) {
    TF_ShapeInferenceContextGetInput(context, input, shape, status);
    if (TF_GetCode(status) == TF_OK) TF_ShapeInferenceContextSetOutput(context, output++, shape, status);
  }
  TF_DeleteShapeHandle(shape);
}

// Dimensions [from, to) of an input.
struct Part {
  int input;
  int64_t from, to;
};

// Makes an output of an op have so many dimensions of three, then those of its inputs.
inline void joinShapes(TF_ShapeInferenceContext *context, int output, int threes, std::initializer_list<Part> parts,
                       TF_Status *status) {
  TF_ShapeHandle *all = TF_ShapeInferenceContextScalar(context), *three = TF_ShapeInferenceContextVectorFromSize(context, 3);
  TF_ShapeHandle *input = TF_NewShapeHandle(), *part = TF_NewShapeHandle();
  const auto ok = [&] { return TF_GetCode(status) == TF_OK; };
  for (int i = 0; i < threes && ok(); i++) TF_ShapeInferenceContextConcatenateShapes(context, all, three, all, status);
  for (const Part &one : parts) {
    if (ok()) TF_ShapeInferenceContextGetInput(context, one.input, input, status);
    if (ok()) TF_ShapeInferenceContextSubshape(context, input, one.from, one.to, part, status);
    if (ok()) TF_ShapeInferenceContextConcatenateShapes(context, all, part, all, status);
  }
  if (ok()) TF_ShapeInferenceContextSetOutput(context, output, all, status);
  for (TF_ShapeHandle *handle : {all, three, input, part}) TF_DeleteShapeHandle(handle);
}

struct OpText {
  const char *name;
  std::initializer_list<const char *> inputs;
  std::initializer_list<const char *> outputs;
  std::initializer_list<const char *> attributes;
  void (*shapes)(TF_ShapeInferenceContext *, TF_Status *);
  bool stateful = false;
};

// Makes an op and its kernel for the processor known to TensorFlow; one that is known already stays.
inline bool registerKernel(const OpText &op, void *(*create)(TF_OpKernelConstruction *),
                           void (*compute)(void *, TF_OpKernelContext *), void (*destroy)(void *)) {
  Status status;
  TF_OpDefinitionBuilder *definition = TF_NewOpDefinitionBuilder(op.name);
  for (const char *input : op.inputs) TF_OpDefinitionBuilderAddInput(definition, input);
  for (const char *output : op.outputs) TF_OpDefinitionBuilderAddOutput(definition, output);
  for (const char *attribute : op.attributes) TF_OpDefinitionBuilderAddAttr(definition, attribute);
  TF_OpDefinitionBuilderSetShapeInferenceFunction(definition, op.shapes);
  // Its argument is not read.
  if (op.stateful) TF_OpDefinitionBuilderSetIsStateful(definition, true);
  TF_RegisterOpDefinition(definition, status);
  if (!status.ok()) return false;
  TF_RegisterKernelBuilder(op.name, TF_NewKernelBuilder(op.name, "CPU", create, compute, destroy), status);
  return status.ok();
}

}  // namespace kd
#endif

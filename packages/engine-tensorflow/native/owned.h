// TensorFlow's objects with an owner, and its status as an exception.
#ifndef KD_OWNED_H_
#define KD_OWNED_H_
#include <memory>
#include <string>

#include "failure.h"
#include "tensorflow/c/c_api.h"
#include "tensorflow/c/eager/c_api.h"

namespace kd {

template <typename T, void (*Free)(T *)>
struct Freed {
  void operator()(T *object) const { Free(object); }
};
template <typename T, void (*Free)(T *)>
using Owned = std::unique_ptr<T, Freed<T, Free>>;

using Buffer = Owned<TF_Buffer, TF_DeleteBuffer>;
using Function = Owned<TF_Function, TF_DeleteFunction>;
using Graph = Owned<TF_Graph, TF_DeleteGraph>;
using Handle = Owned<TFE_TensorHandle, TFE_DeleteTensorHandle>;
using Op = Owned<TFE_Op, TFE_DeleteOp>;
using Tensor = Owned<TF_Tensor, TF_DeleteTensor>;

class Status {
 public:
  operator TF_Status *() const { return status_.get(); }
  bool ok() const { return TF_GetCode(status_.get()) == TF_OK; }
  // Without "{{function_node __wrapped__Op_device_/job:…}} ", which says how eager ops are run and not what is wrong.
  std::string message() const {
    std::string text = TF_Message(status_.get());
    if (text.rfind("{{function_node __wrapped__", 0) != 0) return text;
    const size_t end = text.find("}} ");
    return end == std::string::npos ? text : text.substr(end + 3);
  }
  void check(const std::string &what) const {
    if (!ok()) fail(what + ": " + message());
  }

 private:
  Owned<TF_Status, TF_DeleteStatus> status_{TF_NewStatus()};
};

}  // namespace kd
#endif

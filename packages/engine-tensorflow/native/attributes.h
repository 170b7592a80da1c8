// Attributes of an op: read once from JavaScript, set on an eager op or on a node of a graph, written in errors.
#ifndef KD_ATTRIBUTES_H_
#define KD_ATTRIBUTES_H_
#include <node_api.h>

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "dtype.h"
#include "owned.h"

namespace kd {

// No shape is one of unknown rank.
using PartialShape = std::optional<Shape>;
using AttributeValue =
    std::variant<int64_t, float, bool, std::string, TF_DataType, PartialShape, std::vector<int64_t>, std::vector<float>,
                 std::vector<unsigned char>, std::vector<std::string>, std::vector<TF_DataType>, std::vector<PartialShape>>;

struct Attribute {
  std::string name;
  AttributeValue value;

  bool operator==(const Attribute &other) const { return name == other.name && value == other.value; }
};
using Attributes = std::vector<Attribute>;

// Of `[{ name, type, value }]`, where `type` is a number of TF_AttrType and an array as value stands for a list of it.
Attributes attributesFrom(napi_env env, napi_value list);

void setAttribute(TFE_Op *op, const Attribute &attribute);
void setAttribute(TF_OperationDescription *node, const Attribute &attribute);

// "T=float32, strides=[1,2,2,1]"
std::string describe(const Attributes &attributes);

}  // namespace kd
#endif

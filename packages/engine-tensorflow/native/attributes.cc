#include "attributes.h"

#include <algorithm>
#include <cctype>
#include <cstdio>

#include "js.h"

namespace kd {
namespace {

// What an error of a value starts with; attributesFrom() puts the name before it.
constexpr const char *kValue = "";

template <typename Read>
auto listOf(napi_env env, napi_value list, Read read) {
  std::vector<decltype(read(list))> values;
  for (napi_value item : js::toItems(env, list, kValue)) values.push_back(read(item));
  return values;
}

template <typename Read>
AttributeValue oneOrList(napi_env env, napi_value value, Read read) {
  if (js::isArray(env, value)) return listOf(env, value, read);
  return read(value);
}

PartialShape shapeFrom(napi_env env, napi_value value) {
  if (js::isNull(env, value)) return std::nullopt;
  return js::toIntegers(env, value, kValue);
}

AttributeValue shapesFrom(napi_env env, napi_value value) {
  if (js::isArray(env, value)) {
    const std::vector<napi_value> items = js::toItems(env, value, kValue);
    const bool list = !items.empty() && (js::isArray(env, items[0]) || js::isNull(env, items[0]));
    if (list) return listOf(env, value, [&](napi_value item) { return shapeFrom(env, item); });
  }
  return shapeFrom(env, value);
}

AttributeValue valueFrom(napi_env env, int64_t type, napi_value value) {
  switch (type) {
    case TF_ATTR_STRING: return oneOrList(env, value, [&](napi_value item) { return js::toString(env, item, kValue); });
    case TF_ATTR_INT: return oneOrList(env, value, [&](napi_value item) { return js::toInteger(env, item, kValue); });
    case TF_ATTR_FLOAT:
      return oneOrList(env, value, [&](napi_value item) { return static_cast<float>(js::toNumber(env, item, kValue)); });
    case TF_ATTR_BOOL:
      if (!js::isArray(env, value)) return js::toBool(env, value, kValue);
      return listOf(env, value, [&](napi_value item) -> unsigned char { return js::toBool(env, item, kValue); });
    case TF_ATTR_TYPE:
      return oneOrList(env, value,
                       [&](napi_value item) { return static_cast<TF_DataType>(js::toInteger(env, item, kValue)); });
    case TF_ATTR_SHAPE: return shapesFrom(env, value);
    default: fail(": attributes of the kind " + std::to_string(type) + " are not known");
  }
}

template <typename T>
int count(const std::vector<T> &list) {
  return static_cast<int>(list.size());
}
const int64_t *dimensionsOf(const PartialShape &shape) { return shape ? shape->data() : nullptr; }
int rankOf(const PartialShape &shape) { return shape ? count(*shape) : -1; }

// Pointers and lengths of a list of strings or shapes, as the C API wants them.
struct Pieces {
  std::vector<const void *> data;
  std::vector<size_t> lengths;
  explicit Pieces(const std::vector<std::string> &strings) {
    for (const std::string &text : strings) {
      data.push_back(text.data());
      lengths.push_back(text.size());
    }
  }
};
struct Dimensions {
  std::vector<const int64_t *> data;
  std::vector<int> ranks;
  explicit Dimensions(const std::vector<PartialShape> &shapes) {
    for (const PartialShape &shape : shapes) {
      data.push_back(dimensionsOf(shape));
      ranks.push_back(rankOf(shape));
    }
  }
};

struct SetOnOp {
  TFE_Op *op;
  const char *name;
  void operator()(int64_t value) const { TFE_OpSetAttrInt(op, name, value); }
  void operator()(float value) const { TFE_OpSetAttrFloat(op, name, value); }
  void operator()(bool value) const { TFE_OpSetAttrBool(op, name, value); }
  void operator()(const std::string &value) const { TFE_OpSetAttrString(op, name, value.data(), value.size()); }
  void operator()(TF_DataType value) const { TFE_OpSetAttrType(op, name, value); }
  void operator()(const PartialShape &value) const {
    Status status;
    TFE_OpSetAttrShape(op, name, dimensionsOf(value), rankOf(value), status);
    status.check(name);
  }
  void operator()(const std::vector<int64_t> &list) const { TFE_OpSetAttrIntList(op, name, list.data(), count(list)); }
  void operator()(const std::vector<float> &list) const { TFE_OpSetAttrFloatList(op, name, list.data(), count(list)); }
  void operator()(const std::vector<unsigned char> &list) const { TFE_OpSetAttrBoolList(op, name, list.data(), count(list)); }
  void operator()(const std::vector<TF_DataType> &list) const { TFE_OpSetAttrTypeList(op, name, list.data(), count(list)); }
  void operator()(const std::vector<std::string> &list) const {
    const Pieces pieces(list);
    TFE_OpSetAttrStringList(op, name, pieces.data.data(), pieces.lengths.data(), count(list));
  }
  void operator()(const std::vector<PartialShape> &list) const {
    Dimensions shapes(list);
    Status status;
    TFE_OpSetAttrShapeList(op, name, shapes.data.data(), shapes.ranks.data(), count(list), status);
    status.check(name);
  }
};

struct SetOnNode {
  TF_OperationDescription *node;
  const char *name;
  void operator()(int64_t value) const { TF_SetAttrInt(node, name, value); }
  void operator()(float value) const { TF_SetAttrFloat(node, name, value); }
  void operator()(bool value) const { TF_SetAttrBool(node, name, value); }
  void operator()(const std::string &value) const { TF_SetAttrString(node, name, value.data(), value.size()); }
  void operator()(TF_DataType value) const { TF_SetAttrType(node, name, value); }
  void operator()(const PartialShape &value) const {
    TF_SetAttrShape(node, name, dimensionsOf(value), rankOf(value));
  }
  void operator()(const std::vector<int64_t> &list) const { TF_SetAttrIntList(node, name, list.data(), count(list)); }
  void operator()(const std::vector<float> &list) const { TF_SetAttrFloatList(node, name, list.data(), count(list)); }
  void operator()(const std::vector<unsigned char> &list) const { TF_SetAttrBoolList(node, name, list.data(), count(list)); }
  void operator()(const std::vector<TF_DataType> &list) const { TF_SetAttrTypeList(node, name, list.data(), count(list)); }
  void operator()(const std::vector<std::string> &list) const {
    const Pieces pieces(list);
    TF_SetAttrStringList(node, name, pieces.data.data(), pieces.lengths.data(), count(list));
  }
  void operator()(const std::vector<PartialShape> &list) const {
    const Dimensions shapes(list);
    TF_SetAttrShapeList(node, name, shapes.data.data(), shapes.ranks.data(), count(list));
  }
};

struct Describe {
  std::string operator()(int64_t value) const { return std::to_string(value); }
  std::string operator()(float value) const {
    char text[32];
    std::snprintf(text, sizeof text, "%g", static_cast<double>(value));
    return text;
  }
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(unsigned char value) const { return value ? "true" : "false"; }
  // What is no text, a message of protobuf say, by its length.
  std::string operator()(const std::string &value) const {
    const bool text = std::none_of(value.begin(), value.end(), [](unsigned char c) { return std::iscntrl(c); });
    return text ? '"' + value + '"' : std::to_string(value.size()) + " bytes";
  }
  std::string operator()(TF_DataType value) const { return nameOf(value); }
  std::string operator()(const PartialShape &value) const { return value ? describe(*value) : "?"; }
  template <typename T>
  std::string operator()(const std::vector<T> &list) const {
    std::string text = "[";
    for (size_t i = 0; i < list.size(); ++i) text += (i == 0 ? "" : ",") + (*this)(list[i]);
    return text + "]";
  }
};

}  // namespace

Attributes attributesFrom(napi_env env, napi_value list) {
  Attributes attributes;
  for (napi_value item : js::toItems(env, list, "the attributes of an op")) {
    std::string name = js::toString(env, js::property(env, item, "name"), "the name of an attribute");
    AttributeValue value;
    try {
      const int64_t type = js::toInteger(env, js::property(env, item, "type"), ", its type");
      value = valueFrom(env, type, js::property(env, item, "value"));
    } catch (Failure &failure) {
      failure.message = "attribute \"" + name + "\"" + failure.message;
      throw;
    }
    attributes.push_back({std::move(name), std::move(value)});
  }
  return attributes;
}

void setAttribute(TFE_Op *op, const Attribute &attribute) {
  std::visit(SetOnOp{op, attribute.name.c_str()}, attribute.value);
}

void setAttribute(TF_OperationDescription *node, const Attribute &attribute) {
  std::visit(SetOnNode{node, attribute.name.c_str()}, attribute.value);
}

std::string describe(const Attributes &attributes) {
  std::string text;
  for (const auto &[name, value] : attributes)
    text += (text.empty() ? "" : ", ") + name + "=" + std::visit(Describe{}, value);
  return text;
}

}  // namespace kd

#include "op_definition.h"

#include <cstdint>
#include <string_view>

namespace kd {
namespace {

// Reads the fields of a protocol buffer one after the other. The message is TensorFlow's own (op_def.proto), so that the
// numbers of its fields are all that has to be known here.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : rest_(bytes) {}

  bool next() {
    if (rest_.empty()) return false;
    const uint64_t key = varint();
    number = static_cast<int>(key >> 3);
    value = 0;
    bytes = {};
    switch (key & 7) {
      case 0: value = varint(); return true;
      case 1: take(8); return true;
      case 2: bytes = take(varint()); return true;
      case 5: take(4); return true;
      default: fail("the definition of an op could not be read");
    }
  }

  int number = 0;
  uint64_t value = 0;
  std::string_view bytes;

 private:
  uint64_t varint() {
    uint64_t result = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      result |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return result;
    }
    fail("the definition of an op could not be read");
  }
  std::string_view take(uint64_t length) {
    if (length > rest_.size()) fail("the definition of an op could not be read");
    const std::string_view taken = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return taken;
  }

  std::string_view rest_;
};

OpInput inputFrom(std::string_view bytes) {
  OpInput input;
  for (Fields field(bytes); field.next();) {
    if (field.number == 1) input.name = field.bytes;
    if (field.number == 5) input.numberAttribute = field.bytes;
    if (field.number == 6) input.typeListAttribute = field.bytes;
  }
  return input;
}

std::string nameFrom(std::string_view bytes) {
  for (Fields field(bytes); field.next();)
    if (field.number == 1) return std::string(field.bytes);
  return "";
}

}  // namespace

OpDefinition opDefinition(TF_Graph *graph, const std::string &op) {
  const Buffer buffer(TF_NewBuffer());
  const Status status;
  TF_GraphGetOpDef(graph, op.c_str(), buffer.get(), status);
  status.check(op);
  OpDefinition definition;
  for (Fields field({static_cast<const char *>(buffer->data), buffer->length}); field.next();) {
    if (field.number == 2) definition.inputs.push_back(inputFrom(field.bytes));
    if (field.number == 4) definition.attributes.insert(nameFrom(field.bytes));
    if (field.number == 17) definition.stateful = field.value != 0;
  }
  return definition;
}

}  // namespace kd

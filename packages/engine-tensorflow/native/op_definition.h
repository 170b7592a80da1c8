// What TensorFlow says of an op, as far as building a node of a graph needs it.
#ifndef KD_OP_DEFINITION_H_
#define KD_OP_DEFINITION_H_
#include <set>
#include <string>
#include <vector>

#include "owned.h"

namespace kd {

struct OpInput {
  std::string name;
  std::string numberAttribute;    // A list of tensors of one type, as long as this attribute says; empty for none.
  std::string typeListAttribute;  // A list of tensors whose types are this attribute; empty for none.
  bool isList() const { return !numberAttribute.empty() || !typeListAttribute.empty(); }
};

struct OpDefinition {
  std::vector<OpInput> inputs;
  std::set<std::string> attributes;
  bool stateful = false;
};

OpDefinition opDefinition(TF_Graph *graph, const std::string &op);

}  // namespace kd
#endif

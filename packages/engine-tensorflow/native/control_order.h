// In which order ops with effects run: as they were traced, where they touch the same resource.
#ifndef KD_CONTROL_ORDER_H_
#define KD_CONTROL_ORDER_H_
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "owned.h"

namespace kd {

class ControlOrder {
 public:
  // Before the node is finished: makes it wait for those that it must not overtake. `resources` are its inputs of that
  // type; an op with effects and without any shares the one nameless resource.
  void waitFor(TF_OperationDescription *node, const std::string &op, const std::vector<TF_Output> &resources) {
    std::set<TF_Operation *> before;
    for (const Key &key : keysOf(resources)) {
      const Past &past = pasts_[key];
      if (past.write != nullptr) before.insert(past.write);
      if (!readsOnly(op)) before.insert(past.reads.begin(), past.reads.end());
    }
    for (TF_Operation *earlier : before) TF_AddControlInput(node, earlier);
  }
  // Once it is finished.
  void ran(TF_Operation *node, const std::string &op, const std::vector<TF_Output> &resources) {
    for (const Key &key : keysOf(resources)) {
      Past &past = pasts_[key];
      if (readsOnly(op)) {
        past.reads.push_back(node);
      } else {
        past = {node, {}};
      }
    }
  }
  // What must have run when the graph has.
  std::vector<TF_Operation *> last() const {
    std::set<TF_Operation *> nodes;
    for (const auto &[key, past] : pasts_)
      if (past.write != nullptr) nodes.insert(past.write);
    return {nodes.begin(), nodes.end()};
  }

 private:
  using Key = std::pair<TF_Operation *, int>;
  struct Past {
    TF_Operation *write = nullptr;
    std::vector<TF_Operation *> reads;  // Since that write.
  };

  static std::vector<Key> keysOf(const std::vector<TF_Output> &resources) {
    if (resources.empty()) return {{nullptr, 0}};
    std::vector<Key> keys;
    for (const TF_Output &output : resources) keys.emplace_back(output.oper, output.index);
    return keys;
  }
  static bool readsOnly(const std::string &op) {
    return op == "ReadVariableOp" || op == "VariableShape" || op == "ResourceGather" || op == "ResourceGatherNd";
  }

  std::map<Key, Past> pasts_;
};

}  // namespace kd
#endif
